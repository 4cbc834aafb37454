"""What orchestrators are told: alive, and ready only when every part answers."""

from __future__ import annotations

import socket
import time

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from backlog.models import Job
from backlog.queries.jobs import TAKES_LARGE, WORKER
from backlog.rules.jobs import LARGE
from backlog.services.heartbeats import beat
from backlog.views import health


@pytest.fixture
def broker_is_there(monkeypatch):
    monkeypatch.setattr(health, "broker_answers", lambda url, options: True)


def test_a_process_that_answers_is_alive(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


def test_the_house_is_ready_when_every_part_answers(client, db, broker_is_there):
    beat("dispatcher")
    beat("worker")
    answer = client.get("/readyz")
    parts = {"database": "ok", "dispatcher": "ok", "worker": "ok", "broker": "ok"}
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "parts": parts})
    assert "no-store" in answer["Cache-Control"]


def test_a_silent_worker_is_named(client, db, broker_is_there):
    beat("dispatcher")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert (answer.json()["parts"]["worker"], answer.json()["parts"]["dispatcher"]) == (
        "silent",
        "ok",
    )


def test_large_jobs_that_no_worker_takes_are_named(client, product, broker_is_there):
    beat("dispatcher")
    beat(WORKER)
    job = Job.objects.create(product=product, kind="trial", queue=LARGE, run_after=timezone.now())
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["parts"]["large_jobs"]) == (200, "nobody")
    beat(TAKES_LARGE)
    assert client.get("/readyz").json()["parts"]["large_jobs"] == "ok"
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE)
    assert "large_jobs" not in client.get("/readyz").json()["parts"]


def test_a_database_out_of_reach_is_named(client, db, broker_is_there, monkeypatch):
    def refuse(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(health, "is_alive", refuse)
    monkeypatch.setattr(connection, "close", lambda: None)  # it is the test's own
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["parts"]["database"]) == (503, "out of reach")


def test_a_broker_that_never_answers_does_not_hold_the_probe_up(client, db, settings):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        began = time.monotonic()
        answer = client.get("/readyz")
        assert time.monotonic() - began < 20
    assert (answer.status_code, answer.json()["parts"]["broker"]) == (503, "out of reach")
