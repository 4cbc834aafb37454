"""Limits of time and memory: whatever a run is doing when it reaches one, it ends, and the worker
goes on.

A thread looks at the clock and at the memory of the process. At a limit it raises `Over` in the
thread that works, which no library takes for an error of its own, and interrupts the statements of
databases, which hear of no exception.
"""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from mlscrum.lib.errors import DomainError

LOOK_EVERY_S = 0.05
MEGABYTE = 1024 * 1024
MEMORY_OF_THIS_PROCESS = Path("/proc/self/statm")  # Linux alone; elsewhere memory has no limit
Interrupt = Callable[[], None]


@dataclass(frozen=True)
class Limits:
    """What a run may take; None leaves a limit to the settings. `memory_mb` is that of DuckDB."""

    time_s: float | None = None
    memory_mb: int | None = None
    pandas_rows: int | None = None


class Over(BaseException):
    """Raised in the thread that works once it has reached a limit."""


@contextmanager
def watched(limits: Limits | None = None) -> Iterator[None]:
    """Raises DomainError `timed_out` or `out_of_memory` where what is done within reaches a limit.
    Within another one it leaves the limits to that."""
    if _present.get() is not None:
        yield
        return
    time_s = limits.time_s if limits else None
    watch = _Watch(settings.RUN_TIME_LIMIT_S if time_s is None else time_s, settings.RUN_MEMORY_MB)
    token = _present.set(watch)
    trouble: DomainError | None = None
    try:
        try:
            yield
        finally:
            watch.end()  # which may be where it is told
    except (Over, MemoryError) as error:
        trouble = DomainError(
            "out_of_memory",
            "It needed more memory than there is; look at fewer rows by dividing them into "
            "batches.",
        )
        traceback.clear_frames(error.__traceback__)  # they hold the data
    except DomainError as error:
        trouble = error
    finally:
        watch.end()
        _present.reset(token)
    if reason := watch.reason or watch.look() or trouble:
        gc.collect()  # so do circles of Great Expectations
        raise reason


@contextmanager
def interruptible(interrupt: Interrupt) -> Iterator[None]:
    """Within, `interrupt` ends a statement that is under way; it is called by another thread."""
    watch = _present.get()
    if watch is None:
        yield
        return
    watch.interrupts.append(interrupt)
    try:
        yield
    finally:
        watch.interrupts.remove(interrupt)


def left_s() -> float:
    """The seconds that are left, for drivers whose statements can't be interrupted."""
    watch = _present.get()
    return float("inf") if watch is None else max(1.0, watch.until - time.monotonic())


def raise_if_over() -> None:
    """Raise Over where a limit was reached, and something has swallowed that."""
    watch = _present.get()
    if watch is not None and watch.reason is not None:
        raise Over


def undisturbed() -> AbstractContextManager[object]:
    """Within, nothing is ended: for what must be done whole or not at all."""
    watch = _present.get()
    return nullcontext() if watch is None else watch.lock


def timed_out(seconds: float) -> DomainError:
    return DomainError(
        "timed_out",
        f"It took longer than {seconds:,g} s, the limit of one run; look at fewer rows by dividing "
        "them into batches, or have RUN_TIME_LIMIT_S raised.",
    )


def out_of_memory() -> DomainError:
    return DomainError(
        "out_of_memory",
        f"It needed more than {settings.RUN_MEMORY_MB:,} MB of memory, the limit of one run; look "
        "at fewer rows by dividing them into batches, or have RUN_MEMORY_MB raised.",
    )


def resident_mb() -> float:
    """What this process holds in memory; 0 where that can't be told."""
    try:
        pages = int(MEMORY_OF_THIS_PROCESS.read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


class _Watch:
    """The limits of one piece of work in the thread that makes it."""

    def __init__(self, time_s: float, memory_mb: int) -> None:
        self.time_s = time_s
        self.until = time.monotonic() + time_s
        self.most_mb = resident_mb() + memory_mb if memory_mb else float("inf")
        self.interrupts: list[Interrupt] = []
        self.reason: DomainError | None = None
        self.lock = threading.Lock()
        self._worker = threading.get_ident()
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="limits", daemon=True).start()

    def look(self) -> DomainError | None:
        """The limit that is reached, in words."""
        if time.monotonic() >= self.until:
            return timed_out(self.time_s)
        return out_of_memory() if resident_mb() > self.most_mb else None

    def end(self) -> None:
        """Raise nothing any more but what is on its way, and that here.

        CPython can take it back, but would look for it for ever after: slowly, and in circles
        under a profiler.
        """
        with self.lock:
            self._ended.set()
        for _ in range(100):
            pass

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            if reason := self.look():
                self._stop(reason)
                return

    def _stop(self, reason: DomainError) -> None:
        with self.lock:
            if self._ended.is_set():
                return
            self.reason = reason
            _raise_over_in(self._worker)
        # Another statement may begin before the thread hears of it.
        while not self._ended.wait(LOOK_EVERY_S):
            for interrupt in list(self.interrupts):
                with suppress(Exception):  # whatever a driver says of a connection that is closed
                    interrupt()


def _raise_over_in(thread: int) -> None:
    """Let a thread raise Over as soon as it is at work in Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Over))


_present: ContextVar[_Watch | None] = ContextVar("limits", default=None)
