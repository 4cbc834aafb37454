"""`make up`: one command, one clear line where it can't, and nobody left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlscrum.lib.processes import free_port
from tests.processes.conftest import ROOT, until
from tests.processes.test_supervisor import marked

SET_BY_TESTS = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE"}


class Up:
    """`manage.py up` on a port and a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.data = folder / "data"
        inherited = {k: v for k, v in os.environ.items() if k not in SET_BY_TESTS}
        self._env = inherited | {
            "PORT": str(self.port),
            "DATA_DIR": str(self.data),
            "SOURCES_DIR": str(folder / "sources"),
        }
        self._log = folder / "log"

    def start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command, cwd=ROOT, env=self._env, stdout=log, stderr=subprocess.STDOUT
            )

    def refused(self) -> list[str]:
        """The lines with which it refuses to start."""
        done = subprocess.run(
            self._command, cwd=ROOT, env=self._env, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 1
        return (done.stdout + done.stderr).splitlines()

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def alive(self) -> list[int]:
        return marked(f"DATA_DIR={self.data}")

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    @property
    def _command(self) -> list[str]:
        return [sys.executable, str(ROOT / "manage.py"), "up"]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    house = Up(tmp_path)
    yield house
    for pid in house.alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_port_in_use_is_one_clear_line(up):
    with socket.create_server(("127.0.0.1", up.port)):
        (line,) = up.refused()
    assert f"Port {up.port} is in use" in line and f"PORT={up.port + 1} make up" in line


def test_a_second_start_on_the_same_data_is_one_clear_line(up):
    up.data.mkdir()
    with (up.data / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (line,) = up.refused()
    assert f"already runs on the data in {up.data}" in line


def test_it_becomes_ready_survives_a_kill_stops_cleanly_and_leaves_no_orphans(up):
    first = up.start()
    until(lambda: first.poll() is not None or up.answers("/readyz"), "every part is ready", 120)
    assert first.poll() is None, up.log
    assert f"ML Scrum answers at http://127.0.0.1:{up.port}" in up.log
    assert "olga@" in up.log and "vera@demo.example" in up.log

    worker = next(pid for pid in up.alive if _runs(pid, "worker"))
    os.kill(worker, signal.SIGKILL)
    until(lambda: "worker ended (signal 9); starting it again." in up.log, "it is noticed")
    first.send_signal(signal.SIGINT)
    assert first.wait(timeout=40) == 0
    assert up.alive == []

    second = up.start()
    until(lambda: up.answers("/healthz"), "the page answers again", 60)
    second.kill()
    second.wait()
    until(lambda: up.alive == [], "nobody is left", 10)


def _runs(pid: int, command: str) -> bool:
    return command in Path(f"/proc/{pid}/cmdline").read_text().split("\0")
