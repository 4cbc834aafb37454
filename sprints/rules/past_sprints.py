"""Sprints that another tool has closed: which of them can come along as history, when they began
and ended, and when each item came in and was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from backlog.importers.parsed import ImportedSprint
from sprints.rules.days import ONE_DAY, day_of, end_of_day

ONE_SECOND = timedelta(seconds=1)
LONGEST_DAYS = 60  # as of a sprint that is planned here
FIRST_DAY = date(2000, 1, 1)


class Fault(StrEnum):
    """Why a sprint of a file stays a word."""

    UNDATED = "sprints_undated"
    OPEN = "sprints_open"
    TURNED = "sprint_turned"
    TOO_OLD = "sprint_too_old"
    TOO_LONG = "sprint_too_long"
    AHEAD = "sprint_ahead"


class Span(NamedTuple):
    """From the first moment of a sprint to the last one."""

    started_at: datetime
    closed_at: datetime


class Days(NamedTuple):
    """A sprint that is known already, by its days."""

    name: str
    first: date
    last: date


@dataclass(frozen=True)
class Path:
    """An item in a sprint that is over. `planned_at` is a moment from which on it was to do,
    before all else; `done_at` is None where it was not done as the sprint ended."""

    entered_at: datetime
    planned_at: datetime
    done_at: datetime | None

    @property
    def is_done(self) -> bool:
        return self.done_at is not None


def fault_of(told: ImportedSprint, *, zone: str, now: datetime) -> Fault | None:
    """What keeps a sprint from coming along, whatever other sprints there are."""
    first, last = told.starts_on, told.ends_on
    if not told.is_closed and (first or last):
        return Fault.OPEN
    if first is None or last is None:
        return Fault.UNDATED
    if last < first:
        return Fault.TURNED
    if first < FIRST_DAY:
        return Fault.TOO_OLD
    if (last - first).days >= LONGEST_DAYS:
        return Fault.TOO_LONG
    if span_of(told, zone=zone).closed_at > now:
        return Fault.AHEAD
    return None


def span_of(told: ImportedSprint, *, zone: str) -> Span:
    """When a dated sprint began and ended: from the first moment of its first day to when it was
    closed or, where that is not known or can't be, to the last second of its last day."""
    first, last = told.starts_on, told.ends_on
    assert first is not None, "fault_of asks for both days"
    assert last is not None, "fault_of asks for both days"
    started_at = end_of_day(first - ONE_DAY, zone)
    closed_at = told.closed_at
    if closed_at is not None and closed_at > started_at:
        days = (day_of(closed_at, zone) - first).days
        if days < LONGEST_DAYS:
            return Span(started_at, closed_at)
    return Span(started_at, end_of_day(last, zone) - ONE_SECOND)


def overlapping(days: Days, others: Sequence[Days]) -> Days | None:
    """Another sprint at the same time. That one begins on the day on which another ends is usual
    elsewhere, and no overlap."""
    return next(
        (
            other
            for other in others
            if (days.first < other.last and other.first < days.last)
            or (days.first, days.last) == (other.first, other.last)
        ),
        None,
    )


def path_of(
    span: Span, *, zone: str, created_at: datetime | None, is_done: bool, done_at: datetime | None
) -> Path:
    """How an item went through a sprint: in from the start, unless it was made on a later day; and
    done when the source says so, as the sprint ended where it doesn't say when, and not done in
    this sprint where that was later."""
    entered_at = span.started_at
    if created_at is not None and day_of(created_at, zone) > day_of(span.started_at, zone):
        # What was written down afterwards was in, if only at the very end.
        entered_at = min(created_at, span.closed_at - ONE_SECOND)
    finished = (done_at or span.closed_at) if is_done else None
    if finished is None or finished > span.closed_at:
        return Path(entered_at, entered_at, None)
    return Path(entered_at, min(entered_at, finished - ONE_SECOND), finished)
