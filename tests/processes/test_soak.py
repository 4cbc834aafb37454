"""The long trial of FACTS: many jobs while everything dies again and again."""

from __future__ import annotations

import time

import pytest

from backlog.models import Activity, Job
from tests.processes.conftest import until
from tests.processes.trial.apps import KIND

JOBS = 120
WORKERS_KILLED = 5
BEGUN_FIRST = 5  # jobs, before its worker is killed


@pytest.mark.soak
def test_a_hundred_jobs_take_effect_once_each_while_workers_and_broker_are_killed(house, ask):
    for _ in range(JOBS):
        trial = ask(0.5)
    broker = house.start_broker()
    dispatcher = house.start("dispatch")
    house.start("dispatch")
    for round_number in range(WORKERS_KILLED):
        begun = len(trial.starts)
        worker = house.start("worker")
        until(lambda: len(trial.starts) > begun + BEGUN_FIRST, "the worker is at work", 120)  # noqa: B023
        house.kill(worker)
        if round_number == 1:
            house.kill(broker)
            time.sleep(3)
            house.start_broker()
        if round_number == 2:
            house.kill(dispatcher)
    house.start("worker")
    until(lambda: not Job.objects.exclude(state="done").exists(), "all jobs are done", 180)
    assert Activity.objects.filter(kind=KIND).count() == JOBS
    assert len(trial.starts) > JOBS, "no job was ever interrupted: the trial proved nothing"
