"""What is kept of runs for a while only."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from backlog.models import Actor
from dataquality.models import Dataset, Run
from dataquality.services.retention import forget_samples, forget_untracked_runs
from tests.conftest import Cast
from tests.dataquality.conftest import run_now
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
