"""A house of real processes: broker, dispatchers and workers of its own on the test's database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from django.conf import settings
from django.db import connection

from backlog.models import Activity, Job, Product
from backlog.tasks import run_job
from mlscrum.lib.broker import broker_answers, embedded_broker
from mlscrum.lib.processes import kill_group
from tests.processes.trial.apps import KIND

ROOT = Path(__file__).resolve().parent.parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.processes)


def until(holds: Callable[[], Any], what: str, timeout_s: float = 40) -> Any:
    """Wait until it holds and return what it said; fail with `what` if it never does."""
    deadline = time.monotonic() + timeout_s
    while not (answer := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout_s} s still not so: {what}")
        time.sleep(0.05)
    return answer


def database_url() -> str:
    """Where a subprocess finds the database of this test."""
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{facts['NAME']}"
    user, password = quote(facts["USER"] or ""), quote(facts["PASSWORD"] or "")
    secret = f":{password}" if password else ""
    return f"postgres://{user}{secret}@{facts['HOST']}:{facts['PORT'] or 5432}/{facts['NAME']}"


class House:
    """Starts and ends processes; whatever still runs at the end of the test is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.processes.settings",
            "DATABASE_URL": database_url(),
            "DATA_DIR": str(folder / "data"),
            "SOURCES_DIR": str(folder / "sources"),
            "SECRET_KEY": settings.SECRET_KEY,
            "JOB_LEASE_S": "3",
            "WORKER_PROCESSES": "2",
        }
        self._running: list[subprocess.Popen[bytes]] = []
        self._broker = embedded_broker(folder / "broker")
        self.env["CELERY_BROKER_URL"] = self._broker.url

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start `manage.py command`; its output goes to a file that `log` reads."""
        return self._start([sys.executable, str(ROOT / "manage.py"), *command], command[0])

    def start_broker(self) -> subprocess.Popen[bytes]:
        process = self._start(self._broker.command, "broker")
        until(self.broker_answers, "the broker answers")
        return process

    def broker_answers(self) -> bool:
        return broker_answers(self._broker.url, settings.CELERY_BROKER_TRANSPORT_OPTIONS)

    def messages(self) -> int:
        """How many messages wait in the broker."""
        with redis.Redis.from_url(self._broker.url) as client:
            return int(client.llen("default"))

    def send(self, job: Job) -> None:
        """Send a message for the job, as a dispatcher does."""
        with run_job.app.connection_for_write(url=self._broker.url) as broker:
            message: Any = {"connection": broker}  # celery's types know no connection
            run_job.apply_async((job.pk,), **message)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9, the process with all its children."""
        kill_group(process.pid)
        process.wait()

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=20)

    def kill_all(self) -> None:
        for process in reversed(self._running):
            self.kill(process)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def _start(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append(process)
        return process


@pytest.fixture
def house(transactional_db: None, tmp_path: Path) -> Iterator[House]:
    """A house without anything running in it."""
    opened = House(tmp_path)
    yield opened
    opened.kill_all()


class Trial:
    """A job that is watched: its row, how often it was begun and how often it took effect."""

    def __init__(
        self, product: Product, folder: Path, seconds: float, queue: str, starts: str
    ) -> None:
        self._starts = folder / starts
        self.product = product
        self.job = Job.objects.create(
            product=product,
            kind=KIND,
            queue=queue,
            args={"seconds": seconds, "starts": str(self._starts)},
            run_after=product.created_at,
        )

    @property
    def state(self) -> str:
        return Job.objects.values_list("state", flat=True).get(pk=self.job.pk)

    @property
    def starts(self) -> list[int]:
        """The process ids in which it was begun."""
        return [int(line) for line in self._starts.read_text().split()] if self.began else []

    @property
    def began(self) -> bool:
        return self._starts.exists()

    @property
    def effects(self) -> int:
        return Activity.objects.filter(product=self.product, kind=KIND).count()


@pytest.fixture
def ask(product: Product, house: House, tmp_path: Path) -> Callable[..., Trial]:
    """Ask for a job that takes so many seconds, in a queue; `starts` names the file of its starts,
    where others shall not be counted with it."""

    def trial(seconds: float, queue: str = "default", starts: str = "starts") -> Trial:
        return Trial(product, tmp_path, seconds, queue, starts)

    return trial
