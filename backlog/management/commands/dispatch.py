"""The dispatcher: looks for jobs that wait and sends their ids to the workers."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone
from kombu.exceptions import ChannelError, OperationalError

from backlog.management.schema import refuse_newer_schema
from backlog.models import Job
from backlog.services import dispatching
from backlog.services.heartbeats import BEAT_EVERY_S, beat, fall_silent, forget_the_dead
from backlog.services.housekeeping import look_at_the_time, tidy_up
from backlog.tasks import run_job

logger = logging.getLogger(__name__)
POLL_EVERY_S = 0.1
LOOK_BACK_EVERY_S = 5.0
TIDY_EVERY_S = 3600.0
LONGEST_PAUSE_S = 2.0  # between attempts while the database or the broker is away


class Command(BaseCommand):
    help = "Send waiting jobs to the workers until stopped. Several may run at once."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_newer_schema()
        stopped = threading.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: stopped.set())
        logger.info("Dispatcher started")
        Dispatcher().loop(stopped)
        logger.info("Dispatcher stopped")


class Dispatcher:
    """The loop. Outages of database and broker are waited out; the rows remember what is due."""

    def __init__(self) -> None:
        self._outage = ""
        self._beaten_at = self._looked_back_at = self._tidied_at = float("-inf")

    def loop(self, stopped: threading.Event) -> None:
        """Run until stopped; each turn costs one cheap query."""
        pause_s = POLL_EVERY_S
        while not stopped.wait(pause_s):
            try:
                self.turn()
            except (DatabaseError, InterfaceError) as error:
                connection.close()
                pause_s = self._wait_out("database", error, pause_s)
            except (OperationalError, ChannelError, OSError) as error:
                pause_s = self._wait_out("broker", error, pause_s)
            else:
                pause_s = self._all_well()
        self._say_goodbye()

    def turn(self) -> None:
        """Beat if it is time, send what is due, now and then what seems to be lost and what
        is due by the clock, and every hour tidy up."""
        now = time.monotonic()
        if now - self._beaten_at >= BEAT_EVERY_S:
            beat("dispatcher")
            forget_the_dead()
            self._beaten_at = now
        dispatching.send_due(send)
        if now - self._looked_back_at >= LOOK_BACK_EVERY_S:
            self._looked_back_at = now
            look_at_the_time(timezone.now())
            dispatching.resend_unanswered(send, queue_depth)
        if now - self._tidied_at >= TIDY_EVERY_S:
            self._tidied_at = now  # first, so that what fails is tried again in an hour
            tidy_up(timezone.now())

    def _wait_out(self, what: str, error: Exception, pause_s: float) -> float:
        if self._outage != what:
            logger.warning("The %s is out of reach, jobs wait: %s", what, error)
            self._outage = what
        return min(LONGEST_PAUSE_S, pause_s * 2)

    def _all_well(self) -> float:
        if self._outage:
            logger.info("The %s is back", self._outage)
            self._outage = ""
        return POLL_EVERY_S

    def _say_goodbye(self) -> None:
        try:
            fall_silent("dispatcher")
        except (DatabaseError, InterfaceError):
            logger.warning("The database is out of reach at the end")


def send(job: Job) -> None:
    """Hand the job's id to the broker."""
    run_job.apply_async((job.pk,), queue=job.queue)


def queue_depth(queue: str) -> int:
    """How many messages the broker holds for the workers of this queue."""
    with run_job.app.connection_for_write() as broker:
        channel: Any = broker.default_channel  # kombu's types know no queue_declare
        try:
            return int(channel.queue_declare(queue=queue, passive=True).message_count)
        except ChannelError:  # Redis has no empty queues
            return 0
