"""A run of checks takes effect once, whatever dies while it is under way: with real processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backlog.models import Actor, Finding, Item, Job
from dataquality.models import Run
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.files import Upload
from dataquality.services.runs import request_run
from dataquality.services.suites import save_suite
from tests.processes.conftest import House, until

ROWS = 60_000
CHECKS = 160


@pytest.fixture
def ask_run(product: Any, cast: Any, house: House, settings: Any) -> Callable[[], Run]:
    """Ask for a run that takes some seconds, of data that the house's worker finds too."""
    folder = house.folder / "data" / "files"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(folder), "base_url": None},
        },
    }
    settings.DATA_DIR, settings.SOURCES_DIR = house.folder / "data", house.folder / "sources"
    actor = Actor.person(cast.max)
    rows = "\n".join(f"{number},{'?' if number < 16 else number % 10}" for number in range(ROWS))
    data = f"id,nuclei\n{rows}\n".encode()
    draft = DatasetDraft(name="Patients", sample_policy="values", key_columns=["id"])
    dataset = register_dataset(
        product, draft, Upload("patients.csv", [data], len(data)), actor=actor
    )
    Job.objects.all().delete()  # its profile is not on trial here
    digits = [str(digit) for digit in range(10)]
    suite = [
        {
            "type": "expect_column_values_to_be_in_set",
            # Sets that differ share nothing while they are computed, and one finding after.
            "kwargs": {"column": "nuclei", "value_set": [*digits, f"x{number}"]},
            "severity": "critical",
            "meta": {},
        }
        for number in range(CHECKS)
    ]
    save_suite(dataset, suite, actor=actor)
    return lambda: request_run(dataset, actor=actor)


def finished(run: Run) -> bool:
    run.refresh_from_db()
    return run.is_finished


def assert_took_effect_once(run: Run) -> None:
    assert run.state == "failed", run.error_detail
    assert run.results.count() == CHECKS + 1
    finding = Finding.objects.get()
    assert finding.occurrence_count == 1
    assert finding.evidence["unexpected_count"] == 16
    assert Item.objects.get() == finding.item


def test_a_run_whose_worker_is_killed_in_the_middle_finishes_with_its_effects_once(
    house: House, ask_run: Callable[[], Run]
) -> None:
    run = ask_run()
    house.start_broker()
    house.start("dispatch")
    worker = house.start("worker")
    until(lambda: Job.objects.get().progress > 0.15, "checks are under way")
    house.kill(worker)
    assert not finished(run)
    assert not Finding.objects.exists()
    house.start("worker")
    until(lambda: finished(run), "the run has finished", timeout_s=90)
    assert_took_effect_once(run)
    assert Job.objects.get().attempts == 2


def test_a_run_asked_for_while_the_broker_is_down_runs_once_when_it_is_back(
    house: House, ask_run: Callable[[], Run]
) -> None:
    house.start("dispatch")
    house.start("worker")
    run = ask_run()
    until(lambda: "broker is out of reach" in house.log("dispatch"), "the dispatcher has noticed")
    assert not finished(run)
    house.start_broker()
    until(lambda: finished(run), "the run has finished", timeout_s=90)
    assert_took_effect_once(run)
