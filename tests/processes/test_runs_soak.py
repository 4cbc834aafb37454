"""The long trials of runs: workers killed at random moments, and one worker that runs for long."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from backlog.models import Actor, Finding, Item, Job
from dataquality.models import Dataset, Run
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.files import ServerPath
from dataquality.services.runs import request_run
from dataquality.services.suites import save_suite
from tests.bench import people
from tests.processes.conftest import House, until

ROWS = 1_000_000
KILLS = 10
RUNS = 200
GROWTH_MB = 100
WARM_UP = 10  # runs after which a process has all that it keeps


@pytest.fixture
def dataset_of(
    product: Any, cast: Any, house: House, settings: Any
) -> Callable[[int], tuple[Dataset, Actor]]:
    """People in so many rows, with the twenty checks of the bench, where the house finds them."""
    data = house.folder / "data"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(data / "files"), "base_url": None},
        },
    }
    settings.DATA_DIR, settings.SOURCES_DIR = data, house.folder / "sources"
    settings.FILE_UPLOAD_TEMP_DIR = data / "tmp"
    house.env |= {"WORKER_PROCESSES": "1", "PRELOAD": "1"}

    def register(rows: int) -> tuple[Dataset, Actor]:
        people.write(house.folder / "sources" / product.key / "people.parquet", rows)
        actor = Actor.person(cast.max)
        draft = DatasetDraft(name="People", sample_policy="values", key_columns=["id"])
        dataset = register_dataset(
            product, draft, ServerPath("people.parquet"), actor=actor, profile=False
        )
        save_suite(dataset, people.checks(), actor=actor)
        return dataset, actor

    return register


def finished(run: Run) -> bool:
    run.refresh_from_db()
    return run.is_finished


def said(run: Run) -> list[tuple[Any, ...]]:
    """What a run found, to be compared with another."""
    fields = ("position", "outcome", "element_count", "unexpected_count", "sample")
    return list(run.results.order_by("position").values_list(*fields))


@contextmanager
def told(capsys: Any) -> Iterator[None]:
    """Within, what is written is seen by whoever runs the trial."""
    with capsys.disabled():
        yield


@pytest.mark.soak
def test_runs_whose_worker_is_killed_at_random_moments_end_once_and_file_nothing_twice(
    house: House, dataset_of: Any, capsys: Any
) -> None:
    seed = int(os.environ.get("SOAK_SEED", time.time_ns() % 1_000_000))
    chance = random.Random(seed)
    dataset, actor = dataset_of(ROWS)
    house.start_broker()
    house.start("dispatch")
    worker = house.start("worker")
    first = request_run(dataset, actor=actor)
    until(lambda: finished(first), "the first run has finished", timeout_s=180)
    began = time.monotonic()
    second = request_run(dataset, actor=actor)
    until(lambda: finished(second), "the second run has finished", timeout_s=180)
    takes_s = time.monotonic() - began
    right = said(first)
    assert [row[1] for row in right].count("failed") == 4
    filed, items = Finding.objects.count(), Item.objects.count()
    lines = [f"\nseed {seed}, {ROWS:,} rows, a run takes {takes_s:.1f} s"]
    for number in range(KILLS):
        run = request_run(dataset, actor=actor)
        moment = chance.uniform(0, takes_s)
        time.sleep(moment)
        job = Job.objects.get(run=run)
        at = f"{job.state} at {job.progress:.0%}"
        house.kill(worker)
        assert Run.objects.filter(pk=run.pk, finished_at=None).exists() == (not finished(run))
        worker = house.start("worker")
        until(lambda run=run: finished(run), "the run has finished", timeout_s=180)  # type: ignore[misc]
        job.refresh_from_db()
        lines.append(f"{number + 1:2}: killed after {moment:4.1f} s, {at}; {job.attempts} attempts")
        assert (run.state, job.state) == ("failed", "done"), run.error_detail
        assert said(run) == right
        assert (Finding.objects.count(), Item.objects.count()) == (filed, items)
        counts = set(Finding.objects.values_list("occurrence_count", flat=True))
        assert counts == {number + 3}, "each finding is seen once by each run"
    with told(capsys):
        sys.stdout.write("\n".join(lines) + "\n")


@pytest.mark.soak
def test_two_hundred_runs_in_one_worker_hardly_grow_it(
    house: House, dataset_of: Any, capsys: Any
) -> None:
    dataset, actor = dataset_of(20_000)
    house.env["TASKS_PER_CHILD"] = str(10 * RUNS)  # else a new process would hide what grows
    house.start_broker()
    house.start("dispatch")
    worker = house.start("worker")
    (pool,) = until(lambda: children(worker.pid), "the worker has its process", timeout_s=120)
    sizes: dict[int, float] = {}
    for number in range(1, RUNS + 1):
        run = request_run(dataset, actor=actor)
        until(lambda run=run: finished(run), "the run has finished", timeout_s=120)  # type: ignore[misc]
        assert run.state == "failed"
        if number in {1, WARM_UP} or number % 50 == 0:
            sizes[number] = resident_mb(worker.pid) + resident_mb(pool)
    assert children(worker.pid) == [pool], "it was one process all along"
    with told(capsys):
        figures = ", ".join(f"{size:.0f} MB after {number}" for number, size in sizes.items())
        sys.stdout.write(f"\nworker and its process: {figures} runs\n")
    assert sizes[RUNS] - sizes[1] < GROWTH_MB
    assert sizes[RUNS] - sizes[WARM_UP] < GROWTH_MB / 2


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
