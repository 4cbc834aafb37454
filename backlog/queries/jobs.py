"""Which jobs wait for a worker, and which processes are alive to do them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from backlog.models import Heartbeat, Job
from backlog.rules.jobs import LARGE, most_large

RESEND_AFTER = timedelta(seconds=10)
ALIVE_FOR = timedelta(seconds=20)
WAITING = [Job.State.QUEUED, Job.State.RUNNING]
# Kinds of heartbeats.
WORKER, TAKES_LARGE, TAKES_SMALL = "worker", "takes large jobs", "takes small jobs"


def claimable(now: datetime) -> Q:
    """A worker may take a queued job whose time has come, and one whose lease has run out."""
    return Q(state=Job.State.QUEUED, run_after__lte=now) | Q(
        state=Job.State.RUNNING, lease_until__lt=now
    )


def due(now: datetime) -> QuerySet[Job]:
    """Claimable jobs, oldest first, that no message has been sent for.

    A job whose lease ran out needs a message sent after that moment.
    """
    return Job.objects.filter(claimable(now), _unsent(), state__in=WAITING).order_by("id")


def room_for_large(now: datetime) -> int:
    """How many more large jobs may be sent to the workers that are alive."""
    beats = Heartbeat.objects.filter(
        kind__in=[TAKES_LARGE, TAKES_SMALL], beat_at__gte=now - ALIVE_FOR
    ).values_list("kind", "name")
    alive = {(kind, name.removeprefix(f"{kind} ")) for kind, name in beats}
    takers = {name for kind, name in alive if kind == TAKES_LARGE}
    others = {name for kind, name in alive if kind == TAKES_SMALL} - takers
    sent = Job.objects.filter(queue=LARGE, state__in=WAITING, published_at__isnull=False)
    under_way = sent.exclude(claimable(now) & _unsent()).count()
    return max(0, most_large(len(takers), len(others)) - under_way)


def do_large_wait(now: datetime) -> bool:
    """Whether a large job could be done now."""
    return Job.objects.filter(claimable(now), queue=LARGE, state__in=WAITING).exists()


def unanswered(now: datetime) -> QuerySet[Job]:
    """Claimable jobs, oldest first, whose message nobody has answered for a while."""
    return Job.objects.filter(
        claimable(now), state__in=WAITING, published_at__lt=now - RESEND_AFTER
    ).order_by("id")


def _unsent() -> Q:
    return Q(published_at__isnull=True) | Q(
        state=Job.State.RUNNING, published_at__lt=F("lease_until")
    )


def is_alive(kind: str, *, now: datetime | None = None) -> bool:
    """Whether some process of this kind gave a sign of life in the last 20 s."""
    since = (now or timezone.now()) - ALIVE_FOR
    return Heartbeat.objects.filter(kind=kind, beat_at__gte=since).exists()
