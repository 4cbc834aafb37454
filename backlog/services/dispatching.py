"""Sending waiting jobs to the workers; any number of dispatchers may do so at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db.models import Case, Q, When
from django.utils import timezone

from backlog.models import Job
from backlog.queries.jobs import due, room_for_large, unanswered
from backlog.rules.jobs import LARGE

Send = Callable[[Job], None]
Depth = Callable[[str], int]
AT_ONCE = 200
RESEND_ANYWAY = timedelta(minutes=15)


def send_due(send: Send) -> int:
    """Send a message for each job that has none yet; returns how many were sent.

    Large ones only as far as they leave workers to the small. Where `send` raises, the job stays
    due and the error goes on to the caller.
    """
    now = timezone.now()
    jobs = due(now).order_by(Case(When(queue=LARGE, then=1), default=0), "id")[:AT_ONCE]
    large = [job for job in jobs if job.queue == LARGE]
    left = large[room_for_large(now) :] if large else []
    return sum(_send(job, send) for job in jobs if job not in left)


def resend_unanswered(send: Send, depth: Depth) -> int:
    """Send again what the broker must have lost; returns how many were sent.

    A message that is merely waiting for a free worker stands in the broker's queue, so only an
    empty queue proves a loss; after a quarter of an hour the job is sent again in any case.
    """
    now = timezone.now()
    jobs = list(unanswered(now)[:AT_ONCE])
    empty = {queue for queue in {job.queue for job in jobs} if depth(queue) == 0}
    return sum(
        _send(job, send)
        for job in jobs
        if job.queue in empty or (job.published_at and job.published_at < now - RESEND_ANYWAY)
    )


def _send(job: Job, send: Send) -> bool:
    """Send unless another dispatcher was faster: the mark comes first, so only one sends."""
    now = timezone.now()
    unsent = Q(published_at=job.published_at) if job.published_at else Q(published_at=None)
    if not Job.objects.filter(unsent, pk=job.pk).update(published_at=now):
        return False
    try:
        send(job)
    except BaseException:
        Job.objects.filter(pk=job.pk, published_at=now).update(published_at=job.published_at)
        raise
    return True
