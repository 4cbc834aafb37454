"""No job is lost and none takes effect twice, whatever dies: with real processes, killed."""

from __future__ import annotations

import os
import shutil
import signal

from backlog.models import Heartbeat, Job
from backlog.queries.jobs import TAKES_LARGE
from backlog.services import jobs
from tests.processes.conftest import until


def test_a_job_is_carried_out_by_a_worker(house, ask):
    trial = ask(0.5)
    house.start_broker()
    house.start("dispatch")
    house.start("worker")
    until(lambda: trial.state == "done", "the job is done")
    assert (len(trial.starts), trial.effects) == (1, 1)


def test_a_job_whose_worker_is_killed_in_the_middle_is_finished_by_another_once(house, ask):
    trial = ask(4)
    house.start_broker()
    house.start("dispatch")
    worker = house.start("worker")
    until(lambda: Job.objects.get().progress > 0.1, "the job is in the middle")
    house.kill(worker)
    assert trial.effects == 0
    house.start("worker")
    until(lambda: trial.state == "done", "the job is done")
    assert (len(trial.starts), trial.effects) == (2, 1)
    assert Job.objects.get().attempts == 2


def test_a_job_whose_pool_process_is_killed_is_finished_by_the_same_worker_once(house, ask):
    trial = ask(4)
    house.start_broker()
    house.start("dispatch")
    house.start("worker")
    until(lambda: Job.objects.get().progress > 0.1, "the job is in the middle")
    os.kill(trial.starts[0], signal.SIGKILL)
    until(lambda: trial.state == "done", "the job is done")
    assert (len(trial.starts), trial.effects) == (2, 1)


def test_a_job_asked_for_while_the_broker_is_down_runs_once_when_it_is_back(house, ask):
    house.start("dispatch")
    house.start("worker")
    trial = ask(0.5)
    until(lambda: "broker is out of reach" in house.log("dispatch"), "the dispatcher has noticed")
    assert trial.state == "queued"
    house.start_broker()
    until(lambda: trial.state == "done", "the job is done")
    assert (len(trial.starts), trial.effects) == (1, 1)


def test_a_broker_that_dies_with_its_messages_loses_no_job(house, ask):
    trial = ask(0.5)
    broker = house.start_broker()
    house.start("dispatch")
    until(house.messages, "the job was sent")
    house.kill(broker)
    shutil.rmtree(house.folder / "broker" / "appendonlydir")
    house.start_broker()
    assert house.messages() == 0
    house.start("worker")
    until(lambda: trial.state == "done", "the job is done")
    assert (len(trial.starts), trial.effects) == (1, 1)


def test_a_message_that_comes_ten_times_takes_effect_once(house, ask):
    trial = ask(1)
    house.start_broker()
    for _ in range(10):
        house.send(trial.job)
    house.start("dispatch")
    house.start("dispatch")
    house.start("worker")
    until(lambda: trial.state == "done", "the job is done")
    assert (len(trial.starts), trial.effects) == (1, 1)


def test_large_jobs_leave_one_of_two_workers_to_small_ones(house, ask):
    house.env["WORKER_PROCESSES"] = "1"
    house.start_broker()
    for _ in range(2):
        house.start("worker")
    until(lambda: Heartbeat.objects.filter(kind=TAKES_LARGE).count() == 2, "both workers live")
    large = [ask(60, queue="large", starts=f"large-{number}") for number in range(3)]
    house.start("dispatch")
    until(lambda: large[0].began, "the first large job runs")
    small = ask(0.2, queue="small")
    until(lambda: small.state == "done", "the small job is done")
    assert [trial.began for trial in large] == [True, False, False]


def test_a_worker_for_small_jobs_leaves_large_ones_to_others(house, ask):
    house.env |= {"WORKER_PROCESSES": "1", "WORKER_QUEUES": "default, small"}
    house.start_broker()
    house.start("worker")
    house.start("dispatch")
    large, small = ask(0.2, queue="large", starts="large"), ask(0.2, queue="small")
    until(lambda: small.state == "done", "the small job is done")
    assert not large.began
    del house.env["WORKER_QUEUES"]
    house.start("worker")
    until(lambda: large.state == "done", "the large job is done")


def test_a_running_job_that_is_cancelled_stops_without_effects(house, ask):
    trial = ask(30)
    house.start_broker()
    house.start("dispatch")
    house.start("worker")
    until(lambda: trial.began, "the job runs")
    jobs.request_cancel(trial.job)
    until(lambda: trial.state == "cancelled", "the job is cancelled", timeout_s=10)
    assert trial.effects == 0
