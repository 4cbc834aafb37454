"""A worker's hold on a job: kept by a heartbeat, fenced by its owner, given up with its effects."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from backlog.models import Job

logger = logging.getLogger(__name__)
PROGRESS_EVERY_S = 0.5
MESSAGE_LENGTH = 300


class LeaseLost(Exception):
    """Another worker holds the job now, or it is gone: write nothing more."""


class Cancelled(Exception):
    """Somebody asked for the job to be cancelled: stop, the rest is done for you."""


class Lease:
    """One worker's hold on one running job, given to the function that carries it out."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.owner = job.lease_owner
        self.is_finished = False
        self._lost = threading.Event()
        self._cancelled = threading.Event()
        self._released = threading.Event()
        self._told_at = 0.0

    def check(self) -> None:
        """Raise LeaseLost or Cancelled where the heartbeat has heard so; asks no database."""
        if self._lost.is_set():
            raise LeaseLost
        if self._cancelled.is_set():
            raise Cancelled

    def progress(self, fraction: float, message: str = "") -> None:
        """Tell people how far the job is, 0 to 1; call it as often as you like.

        Written at most twice a second. Raises LeaseLost or Cancelled.
        """
        self.check()
        if time.monotonic() - self._told_at < PROGRESS_EVERY_S:
            return
        self._told_at = time.monotonic()
        self._hold(progress=min(1.0, max(0.0, fraction)), message=message[:MESSAGE_LENGTH])
        self.check()

    def fence(self) -> None:
        """Within a transaction: what it writes is written by the job's one worker alone.

        For work that commits in pieces. Raises LeaseLost or Cancelled.
        """
        job = Job.objects.select_for_update(no_key=True).filter(pk=self.job.pk).first()
        if job is None or job.state != Job.State.RUNNING or job.lease_owner != self.owner:
            raise LeaseLost
        if job.cancel_requested:
            raise Cancelled

    @contextmanager
    def finish(self, within: AbstractContextManager[Any] | None = None) -> Iterator[Job]:
        """The transaction in which the effects are written and the job becomes done; `within` is
        the deed that they are, whose sequence number is then taken last of all.

        All or nothing: raises LeaseLost, or Cancelled, before the body runs where this worker may
        not write; an error in the body leaves neither effects nor a job that is done.
        """
        with within or nullcontext(), transaction.atomic():
            job = (
                Job.objects.select_for_update(no_key=True)
                .filter(pk=self.job.pk, state=Job.State.RUNNING, lease_owner=self.owner)
                .first()
            )
            if job is None:
                raise LeaseLost
            if job.cancel_requested:
                raise Cancelled
            self._released.set()  # nobody else gets past the lock on the row
            yield job
            job.state, job.progress, job.message = Job.State.DONE, 1, ""
            job.finished_at, job.lease_until, job.lease_owner = timezone.now(), None, ""
            job.save(
                update_fields=[
                    "state", "progress", "message", "finished_at", "lease_until", "lease_owner"
                ]
            )  # fmt: skip
        self.job = job
        self.is_finished = True

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Extend the lease from a thread of its own for as long as the body runs."""
        heart = threading.Thread(target=self._beat, name=f"lease-{self.job.pk}", daemon=True)
        heart.start()
        try:
            yield
        finally:
            self._released.set()
            heart.join(timeout=settings.JOB_LEASE_S)

    def _beat(self) -> None:
        while not self._released.wait(settings.JOB_LEASE_S / 3):
            try:
                self._hold()
            except (DatabaseError, InterfaceError):
                logger.warning("Job %s: its lease could not be extended", self.job.pk)
            finally:
                connection.close()  # it belongs to this thread, and nobody else would close it
            if self._lost.is_set():
                return

    def _hold(self, **also: object) -> None:
        """Extend the lease and write `also`, if the job is still ours; learn of a cancellation."""
        until = timezone.now() + timedelta(seconds=settings.JOB_LEASE_S)
        ours = Job.objects.filter(pk=self.job.pk, state=Job.State.RUNNING, lease_owner=self.owner)
        if ours.filter(cancel_requested=False).update(lease_until=until, **also):
            return
        if ours.update(lease_until=until):
            self._cancelled.set()
        elif not self._released.is_set():  # a beat that waited for our own last write finds no row
            self._lost.set()
