"""What is kept of runs for a while only."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from backlog.models import Actor
from dataquality.models import Dataset, Run
from dataquality.services.retention import forget_samples, forget_untracked_runs
from tests.conftest import Cast
from tests.dataquality.conftest import run_now


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


def test_runs_that_count_for_nothing_go_after_their_time(
    with_suite: Dataset, max_acts: Actor, settings: Any
) -> None:
    counted = run_now(with_suite, max_acts)
    run_now(with_suite, max_acts, context={"pull_request": 7})
    later = timezone.now() + timedelta(days=31)
    assert forget_untracked_runs(later) == 0
    settings.UNTRACKED_RUNS_KEPT_DAYS = 30
    assert forget_untracked_runs(timezone.now()) == 0
    assert forget_untracked_runs(later) == 1
    assert list(Run.objects.all()) == [counted]
