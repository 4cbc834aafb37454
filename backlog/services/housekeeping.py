"""What has to be seen to from time to time, above all that what is kept for a while goes when its
time is up; the dispatcher does it every hour."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from backlog.models import KeptAnswer
from backlog.services.findings import calm_down, end_mutes, forget_untracked, mark_stale
from backlog.services.leases import Lease
from backlog.services.trash import empty_trash

logger = logging.getLogger(__name__)
JOB_KIND = "prune"
Chore = Callable[[datetime], int]
ANSWERS_KEPT_FOR = timedelta(hours=24)


def forget_answers(now: datetime) -> int:
    """Delete answers to requests with an Idempotency-Key after 24 hours; how many went."""
    return KeptAnswer.objects.filter(created_at__lt=now - ANSWERS_KEPT_FOR).delete()[0]


def forget_sessions(now: datetime) -> int:
    """Delete sessions that have run out; how many went."""
    return Session.objects.filter(expire_date__lt=now).delete()[0]


_chores: list[Chore] = [
    forget_untracked, forget_answers, forget_sessions, empty_trash, end_mutes, mark_stale, calm_down
]  # fmt: skip

_frequent: list[Chore] = []


def register(chore: Chore) -> None:
    """Let an app see to something every hour: `chore(now)` does what is due by then, and says how
    many rows it deleted as their time was up. Several dispatchers may call it at once."""
    _chores.append(chore)


def register_often(chore: Chore) -> None:
    """As `register`, for what can't wait: every few seconds. What it costs while nothing is due is
    one cheap query."""
    _frequent.append(chore)


def tidy_up(now: datetime) -> None:
    """Do all chores; one that fails is logged and keeps none of the others from being done."""
    _do(_chores, now)


def prune(now: datetime) -> dict[str, int]:
    """Do all chores until nothing is left that is past its time; how many rows each deleted.

    One that fails is logged and left, as in `tidy_up`.
    """
    gone: dict[str, int] = {}
    left = list(_chores)
    while left:
        counts = _do(left, now)
        for name, count in counts.items():
            gone[name] = gone.get(name, 0) + count
        left = [chore for chore in left if counts.get(chore.__name__)]
    return gone


def carry_out(lease: Lease) -> None:
    """Carry out a job: prune at once, as somebody asked for it."""
    prune(timezone.now())


def look_at_the_time(now: datetime) -> None:
    """Do what is due every few seconds, as `tidy_up` does."""
    _do(_frequent, now)


def _do(chores: Sequence[Chore], now: datetime) -> dict[str, int]:
    """How many rows each deleted; those that failed are left out."""
    counts: dict[str, int] = {}
    for chore in chores:
        name = chore.__name__
        try:
            gone = chore(now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # the jobs must still be sent
            logger.exception("The chore %s failed", name)
        else:
            counts[name] = counts.get(name, 0) + gone  # apps have chores of one name
            if gone:
                logger.info("The chore %s saw to %d rows", name, gone)
    return counts
