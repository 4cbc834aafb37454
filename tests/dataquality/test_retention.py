"""What is kept of runs for a while only."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from backlog.models import Actor, Backlog, Finding, Product
from dataquality.models import Dataset, Run
from dataquality.services import retention
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.retention import (
    forget_old_runs,
    forget_samples,
    forget_untracked_runs,
    let_files_go,
)
from dataquality.services.runs import request_run
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version, purge_version
from sprints.services.sprints import create_sprint, start_sprint
from tests.conftest import Cast
from tests.dataquality.conftest import PATIENTS, check, run_now, upload, with_checks, work
from tests.dataquality.posted import JUNIT


def test_failing_rows_go_after_their_time_and_figures_stay(
    with_suite: Dataset, max_acts: Actor, settings: Any, cast: Cast, as_person: Any
) -> None:
    run = run_now(with_suite, max_acts)
    later = timezone.now() + timedelta(days=31)
    assert forget_samples(later) == 0  # without the setting all is kept
    settings.SAMPLES_KEPT_DAYS = 30
    assert forget_samples(timezone.now()) == 0
    assert forget_samples(later) == 1
    assert forget_samples(later) == 0
    nuclei = run.results.get(column="nuclei")
    assert (nuclei.sample, nuclei.unexpected_count, nuclei.unexpected_percent) == ([], 2, 10.0)
    page = as_person(cast.max).get(f"/p/MED/runs/{run.pk}/").content.decode()
    assert "Its failing rows were removed" in page


def test_words_of_tools_elsewhere_go_with_the_rows_they_may_quote(
    patients: Dataset, settings: Any, cast: Cast, api: Any, as_person: Any
) -> None:
    Dataset.objects.update(personal_data=False)
    sent = {"format": "junit", "result": JUNIT.decode(), "dataset": "patients"}
    assert api(cast.max).post("/api/v1/products/MED/results/", sent).status_code == 200
    run = Run.objects.get()
    said = run.results.exclude(message="")
    assert said.exists()
    settings.SAMPLES_KEPT_DAYS = 30
    later = timezone.now() + timedelta(days=31)
    assert forget_samples(later) == 1
    assert not said.exists()
    assert forget_samples(later) == 0
    page = as_person(cast.max).get(f"/p/MED/runs/{run.pk}/").content.decode()
    assert "Its failing rows and what the tool said of them were removed" in page


def test_runs_that_count_for_nothing_go_after_their_time(
    with_suite: Dataset, max_acts: Actor, settings: Any
) -> None:
    counted = run_now(with_suite, max_acts)
    run_now(with_suite, max_acts, context={"pull_request": 7})
    usually, later = settings.UNTRACKED_RUNS_KEPT_DAYS, timezone.now() + timedelta(days=31)
    settings.UNTRACKED_RUNS_KEPT_DAYS = 0
    assert forget_untracked_runs(later) == 0
    settings.UNTRACKED_RUNS_KEPT_DAYS = usually
    assert forget_untracked_runs(later - timedelta(days=2)) == 0
    assert forget_untracked_runs(later) == 1
    assert list(Run.objects.all()) == [counted]


def test_the_newest_runs_stay_and_what_is_referred_to(
    with_suite: Dataset, product: Product, max_acts: Actor, cast: Cast, settings: Any
) -> None:
    red = run_now(with_suite, max_acts)
    sprint = create_sprint(product.teams.get(), actor=Actor.person(cast.sina))
    start_sprint(sprint, actor=Actor.person(cast.sina), goal="See")
    at_closing = run_now(with_suite, max_acts)
    Backlog.objects.filter(pk=sprint.pk).update(
        state=Backlog.State.CLOSED, closed_at=timezone.now()
    )
    of_finding = run_now(with_suite, max_acts)
    others = [run_now(with_suite, max_acts) for _ in range(3)]
    Finding.objects.update(state=Finding.State.OBSOLETE)
    Finding.objects.filter(pk=Finding.objects.earliest("pk").pk).update(
        state=Finding.State.MUTED, evidence={"run": of_finding.pk}
    )
    untracked = run_now(with_suite, max_acts, context={"pull_request": 7})
    settings.RUNS_KEPT = 0
    assert forget_old_runs(timezone.now()) == 0
    settings.RUNS_KEPT = 2
    assert forget_old_runs(timezone.now()) == 2
    assert forget_old_runs(timezone.now()) == 0
    kept = {at_closing, of_finding, *others[1:], untracked}
    assert set(Run.objects.all()) == kept
    assert not Run.objects.filter(pk__in=[red.pk, others[0].pk]).exists()


def test_what_the_gate_is_judged_by_stays_however_old(
    product: Product, max_acts: Actor, settings: Any
) -> None:
    rows = "id,seen\n1,2024-01-15\n2,2024-02-15\n"
    draft = DatasetDraft(name="Visits", batch={"by": "month", "column": "seen"})
    visits = register_dataset(product, draft, upload(rows), actor=max_acts)
    save_suite(visits, [check("column_values_to_be_unique", column="id")], actor=max_acts)
    newest_batch = run_now(visits, max_acts)
    later = [run_now(visits, max_acts, batch="2024-01") for _ in range(3)]
    settings.RUNS_KEPT = 1
    assert forget_old_runs(timezone.now()) == 2
    assert set(Run.objects.all()) == {newest_batch, later[-1]}


def bring(dataset: Dataset, actor: Actor, *ages: int) -> None:
    """A version for each age of the first patient."""
    for age in ages:
        add_version(dataset, upload(PATIENTS.replace("1,21,", f"1,{age},")), actor=actor)
        dataset.refresh_from_db()
    work()  # their profiles are made


def test_files_of_old_versions_go_and_their_results_stay(
    with_suite: Dataset,
    max_acts: Actor,
    settings: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    run = run_now(with_suite, max_acts)
    bring(with_suite, max_acts, 40, 41)
    now = timezone.now()
    assert let_files_go(now) == 0  # without the setting all is kept
    settings.VERSIONS_KEPT = 2
    [first] = with_suite.versions.order_by("number")[:1]
    key = first.file
    with django_capture_on_commit_callbacks(execute=True):
        assert let_files_go(now) == 1
    assert let_files_go(now) == 0
    first.refresh_from_db()
    assert (first.file, first.purged_at is None, default_storage.exists(key)) == ("", False, False)
    assert run.results.exists()
    assert all(default_storage.exists(v.file) for v in with_suite.versions.filter(number__gt=1))


def test_what_became_current_meanwhile_stays(
    with_suite: Dataset, max_acts: Actor, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chore has read its datasets before somebody brings an old content again."""
    bring(with_suite, max_acts, 40, 41)
    settings.VERSIONS_KEPT = 1
    real = retention._let_files_go

    def later(dataset: Dataset, most: int) -> int:
        add_version(with_suite, upload(PATIENTS), actor=max_acts)
        return real(dataset, most)

    monkeypatch.setattr(retention, "_let_files_go", later)
    assert let_files_go(timezone.now()) == 1
    with_suite.refresh_from_db()
    assert with_suite.current_version is not None
    assert (with_suite.current_version.number, bool(with_suite.current_version.file)) == (1, True)


def test_what_checks_of_drift_are_held_against_stays(
    with_suite: Dataset, max_acts: Actor, settings: Any
) -> None:
    bring(with_suite, max_acts, 40, 41, 42)
    shifted = check("column_psi_to_be_less_than", "warning", column="age", reference="1")
    with_checks(with_suite, [shifted])
    settings.VERSIONS_KEPT = 1
    assert let_files_go(timezone.now()) == 2
    kept = with_suite.versions.exclude(file="").values_list("number", flat=True)
    assert set(kept) == {1, 4}


def test_values_of_a_version_whose_file_is_gone_can_still_be_purged(
    with_suite: Dataset, max_acts: Actor, settings: Any, cast: Cast, as_person: Any
) -> None:
    run = run_now(with_suite, max_acts)
    bring(with_suite, max_acts, 40)
    settings.VERSIONS_KEPT = 1
    assert let_files_go(timezone.now()) == 1
    page = "/p/MED/data/patients/versions/"
    html = as_person(cast.max).get(page).content.decode()
    assert "file gone" in html
    assert f"{page}1/purge/" in html
    purge_version(with_suite.versions.get(number=1), actor=max_acts)
    assert not run.results.exclude(sample=[]).exists()
    html = as_person(cast.max).get(page).content.decode()
    assert "file gone" not in html
    assert f"{page}1/purge/" not in html


def test_what_is_current_or_about_to_be_read_stays(
    with_suite: Dataset, max_acts: Actor, settings: Any
) -> None:
    first = with_suite.versions.get()
    bring(with_suite, max_acts, 40, 41, 42)
    asked = request_run(with_suite, actor=max_acts, version=with_suite.versions.get(number=2))
    Dataset.objects.filter(pk=with_suite.pk).update(current_version=first)
    settings.VERSIONS_KEPT = 1
    assert let_files_go(timezone.now()) == 1
    kept = with_suite.versions.exclude(file="").values_list("number", flat=True)
    assert set(kept) == {1, 2, 4}
    Run.objects.filter(pk=asked.pk).update(state="passed", finished_at=timezone.now())
    assert let_files_go(timezone.now()) == 1
