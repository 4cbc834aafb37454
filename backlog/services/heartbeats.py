"""Signs of life of dispatchers and workers, which `/readyz` reads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from backlog.models import Heartbeat
from mlscrum.lib.processes import process_name

logger = logging.getLogger(__name__)
BEAT_EVERY_S = 5.0
FORGET_AFTER = timedelta(hours=1)


def beat(kind: str) -> None:
    """Say that this process is alive."""
    Heartbeat.objects.update_or_create(
        name=f"{kind} {process_name()}", defaults={"kind": kind, "beat_at": timezone.now()}
    )


def fall_silent(kind: str) -> None:
    """Say that this process ends in good order."""
    Heartbeat.objects.filter(name=f"{kind} {process_name()}").delete()


def forget_the_dead() -> None:
    """Drop the rows of processes that have been silent for an hour."""
    Heartbeat.objects.filter(beat_at__lt=timezone.now() - FORGET_AFTER).delete()


class Heart:
    """A thread that beats for a process whose main thread is busy."""

    def __init__(self) -> None:
        self._kinds: Sequence[str] = ()
        self._stopped = threading.Event()

    def start(self, *kinds: str) -> None:
        self._kinds = kinds
        threading.Thread(target=self._live, name="heart", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _live(self) -> None:
        while True:
            self._write(beat)
            if self._stopped.wait(BEAT_EVERY_S):
                self._write(fall_silent)
                return

    def _write(self, sign: Callable[[str], None]) -> None:
        try:
            for kind in self._kinds:
                sign(kind)
        except (DatabaseError, InterfaceError):
            logger.warning("The %s could not write its heartbeat", self._kinds[0])
        finally:
            connection.close()  # kept open, it would be handed to every process that is forked


worker_heart = Heart()
