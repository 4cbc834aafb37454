"""The clock by which deeds happen. A story that is told afterwards, such as that of a demo, sets it
back, and all that services write down meanwhile happened then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.utils import timezone

_told: ContextVar[datetime | None] = ContextVar("told", default=None)


def now() -> datetime:
    """The moment of what is being told, else the present one; aware."""
    return _told.get() or timezone.now()


@contextmanager
def set_to(moment: datetime) -> Iterator[datetime]:
    """Let everything within happen at an aware moment."""
    mark = _told.set(moment)
    try:
        yield moment
    finally:
        _told.reset(mark)
