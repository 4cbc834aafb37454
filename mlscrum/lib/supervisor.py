"""A small supervisor: keeps a handful of programs running in one terminal.

One thread only: the kernel ends a child when the *thread* that forked it ends (prctl(2)), and
forking beside threads is a trap of its own.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import IO

from mlscrum.lib.processes import die_with_parent, kill_group

DEATHS_ALLOWED = 5
WITHIN_S = 60.0
RESTART_AFTER_S = 0.5
STOP_PATIENCE_S = 8.0
TURN_S = 0.1
Say = Callable[[str], object]


@dataclass(frozen=True)
class Program:
    """A command to keep running, with the whole environment that it gets."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]


@dataclass
class _Child:
    """A program and its present process, if it has one."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    unfinished: bytes = b""
    start_at: float = 0.0
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS_ALLOWED))


class Supervisor:
    """Starts programs in their order, restarts the dead, stops them in the reverse order.

    Each runs in a process group of its own, so that Ctrl-C reaches nobody but us and a dead
    program's children can be cleared away before its successor starts.
    """

    def __init__(self, programs: Sequence[Program], *, say: Say = print) -> None:
        self._children = [_Child(program) for program in programs]
        self._width = max(len(program.name) for program in programs)
        self._say = say
        self._selector = selectors.DefaultSelector()
        self._stops = 0

    def run(self, each_turn: Callable[[], None] = lambda: None) -> int:
        """Run until SIGINT or SIGTERM (0) or until a program can't be kept alive (1)."""
        kept = {s: signal.signal(s, self._on_signal) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            while not self._stops:
                for child in self._children:
                    if not self._keep_alive(child):
                        return 1
                self._pass_output_on(TURN_S)
                each_turn()
            return 0
        finally:
            self._stop_all()
            for number, handler in kept.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stops += 1

    def _keep_alive(self, child: _Child) -> bool:
        """Start what is not running; False when it has died too often to go on."""
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                self._start(child)
            return True
        code = child.process.poll()
        if code is None:
            return True
        self._clear_away(child)
        child.deaths.append(now)
        if len(child.deaths) == DEATHS_ALLOWED and now - child.deaths[0] < WITHIN_S:
            self._say(
                f"{child.program.name} ended {DEATHS_ALLOWED} times within a minute; giving up. "
                "Its last lines above say why."
            )
            return False
        self._say(f"{child.program.name} ended ({_ending(code)}); starting it again.")
        child.start_at = now + RESTART_AFTER_S
        return True

    def _start(self, child: _Child) -> None:
        child.process = subprocess.Popen(  # noqa: S603  the programs are our own
            child.program.command,
            env=dict(child.program.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _pass_output_on(self, wait_s: float) -> None:
        for key, _ in self._selector.select(wait_s):
            self._read(key.data)

    def _read(self, child: _Child) -> bool:
        """Pass on what a program has written; whether there was anything."""
        pipe = _pipe_of(child)
        try:
            chunk = os.read(pipe.fileno(), 65536)
        except BlockingIOError:
            return False
        if not chunk:
            with contextlib.suppress(KeyError):
                self._selector.unregister(pipe)
            return False
        *lines, child.unfinished = (child.unfinished + chunk).split(b"\n")
        self._print(child, lines)
        return True

    def _print(self, child: _Child, lines: Sequence[bytes]) -> None:
        for line in lines:
            text = line.decode(errors="replace").rstrip("\r")
            self._say(f"{child.program.name:<{self._width}} | {text}")

    def _clear_away(self, child: _Child) -> None:
        """End what is left of a process and its group, and pass on its last words."""
        process = child.process
        assert process is not None
        kill_group(process.pid)
        process.wait()
        while self._read(child):
            pass
        if child.unfinished:
            self._print(child, [child.unfinished])
        pipe = _pipe_of(child)
        with contextlib.suppress(KeyError):
            self._selector.unregister(pipe)
        pipe.close()
        child.process, child.unfinished = None, b""

    def _stop_all(self) -> None:
        """Ask each program to end, last started first, and end those that don't."""
        for child in reversed(self._children):
            if child.process is None:
                continue
            impatience, deadline = self._stops, time.monotonic() + STOP_PATIENCE_S
            child.process.send_signal(signal.SIGTERM)
            while child.process.poll() is None and time.monotonic() < deadline:
                self._pass_output_on(TURN_S)
                if self._stops > impatience:
                    break
            self._clear_away(child)


def say(line: str) -> None:
    """Print at once, whoever reads it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _pipe_of(child: _Child) -> IO[bytes]:
    assert child.process is not None
    assert child.process.stdout is not None
    return child.process.stdout


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
