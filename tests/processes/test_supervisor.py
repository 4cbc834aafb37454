"""The supervisor keeps programs running, gives up on hopeless ones and leaves nobody behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlscrum.lib.processes import kill_group
from tests.processes.conftest import ROOT, until

NEVER_ENDS = "import time; print('at work', flush=True); time.sleep(600)"
# A program with a child of its own, in the same process group, that would outlive it.
WITH_CHILD = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("at work", flush=True)
time.sleep(600)
"""
FALLS_OVER = "print('no such thing'); raise SystemExit(3)"
ENDS_SLOWLY = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print(NAME, "stops", flush=True)))
print("at work", flush=True)
time.sleep(600)
"""


class Supervised:
    """A supervisor in a process of its own; a mark in the environment finds its offspring."""

    def __init__(self, folder: Path, **programs: str) -> None:
        self._mark = f"TRIAL={folder}"
        self._log = folder / "log"
        script = textwrap.dedent(
            """
            import json, os, sys
            from mlscrum.lib.supervisor import Program, Supervisor, say
            programs = [
                Program(name, [sys.executable, "-c", code], dict(os.environ))
                for name, code in json.loads(sys.argv[1]).items()
            ]
            sys.exit(Supervisor(programs, say=say).run())
            """
        )
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", script, json.dumps(programs)],
                cwd=ROOT,
                env={**os.environ, "TRIAL": str(folder), "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def offspring(self) -> list[int]:
        """Process ids of everything that it started and that still runs."""
        return [pid for pid in marked(self._mark) if pid != self.process.pid]


def marked(mark: str) -> list[int]:
    """Processes that have this NAME=value in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue  # it has ended, or is another user's
    return found


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(**programs: str) -> Supervised:
        started.append(Supervised(tmp_path, **programs))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()
        for pid in each.offspring():
            kill_group(pid)


def test_a_dead_program_is_started_again_and_its_children_are_cleared_away(supervise):
    house = supervise(web=WITH_CHILD)
    until(lambda: house.log.count("at work") == 1, "it runs")
    first = until(lambda: len(found := house.offspring()) == 2 and found, "it has a child")
    os.kill(min(first), signal.SIGKILL)
    until(lambda: house.log.count("at work") == 2, "it runs again")
    assert "web ended (signal 9); starting it again." in house.log
    assert not set(first) & set(house.offspring())


def test_a_program_that_keeps_dying_is_given_up_with_its_last_words(supervise):
    house = supervise(broker=NEVER_ENDS, web=FALLS_OVER)
    assert house.process.wait(timeout=30) == 1
    assert house.log.count("web    | no such thing") == 5
    assert "web ended 5 times within a minute; giving up." in house.log
    assert house.offspring() == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_programs_stop_in_the_reverse_order(supervise, sign):
    programs = {
        name: ENDS_SLOWLY.replace("NAME", repr(name)) for name in ("broker", "worker", "web")
    }
    house = supervise(**programs)
    until(lambda: house.log.count("at work") == 3, "all run")
    house.process.send_signal(sign)
    assert house.process.wait(timeout=20) == 0
    order = [line.split()[-2] for line in house.log.splitlines() if line.endswith("stops")]
    assert order == ["web", "worker", "broker"]
    assert house.offspring() == []


def test_a_supervisor_that_is_killed_takes_its_programs_along(supervise):
    house = supervise(broker=NEVER_ENDS, web=NEVER_ENDS)
    until(lambda: house.log.count("at work") == 2, "all run")
    house.process.kill()
    house.process.wait()
    until(lambda: house.offspring() == [], "nobody is left")
