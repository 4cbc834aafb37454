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
def shared_files(house: House, settings: Any) -> None:
    """What is uploaded here is found by the house's worker too."""
    folder = house.folder / "data" / "files"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(folder), "base_url": None},
        },
    }
    settings.DATA_DIR, settings.SOURCES_DIR = house.folder / "data", house.folder / "sources"


@pytest.fixture
def ask_run(product: Any, cast: Any, shared_files: None) -> Callable[[], Run]:
    """Ask for a run that takes some seconds."""
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
    # A lease this short may run out once more where the machine is busy; that harms nothing.
    assert Job.objects.get().attempts >= 2


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


def test_after_a_run_beyond_its_memory_the_same_worker_carries_out_the_next(
    house: House, product: Any, cast: Any, shared_files: None
) -> None:
    actor = Actor.person(cast.max)

    def ask(name: str, rows: int) -> Run:
        lines = "".join(f'{{"id": {number}, "name": "{"x" * 40}"}}\n' for number in range(rows))
        data = lines.encode()
        dataset = register_dataset(
            product, DatasetDraft(name=name), Upload("names.jsonl", [data], len(data)),
            actor=actor, profile=False,
        )  # fmt: skip
        wanted = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}}
        save_suite(dataset, [{**wanted, "severity": "critical", "meta": {}}], actor=actor)
        return request_run(dataset, actor=actor)

    house.env |= {"WORKER_PROCESSES": "1", "DUCKDB_MEMORY_MB": "64", "RUN_MEMORY_MB": "200"}
    house.env["PRELOAD"] = "1"  # else the checks would be the smaller part of what a run takes
    house.start_broker()
    house.start("dispatch")
    worker = house.start("worker")
    large, small = ask("Many", 400_000), ask("Few", 10)
    until(lambda: finished(large) and finished(small), "both runs have finished", timeout_s=90)
    assert (large.state, large.error_code) == ("errored", "out_of_memory")
    assert "RUN_MEMORY_MB" in large.error_detail
    assert Job.objects.get(run=large).attempts == 1
    assert small.state == "passed"
    assert worker.poll() is None
