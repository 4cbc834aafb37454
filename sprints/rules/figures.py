"""What a sprint's figures are: drawn from stays and transitions alone, so that they never change.

The caller passes only items of the middle level: epics sum theirs, tasks have no points (DECISIONS
of the house, 7 and 8).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

from sprints.rules.days import Calendar, all_days, day_of, end_of_day, working_days

ZERO = Decimal(0)
CENT = Decimal("0.01")  # the ideal line is drawn, not counted
_by_time, _by_entry = attrgetter("at"), attrgetter("entered_at")


class StayFact(NamedTuple):
    """An item was in the sprint's backlog from one moment until before another, or is still."""

    item: int
    entered_at: datetime
    left_at: datetime | None = None


class TransitionFact(NamedTuple):
    """From a moment on an item had this category (todo, doing, done) and these points."""

    item: int
    at: datetime
    category: str
    points: Decimal | None


@dataclass(frozen=True)
class Span:
    """The time box: when people started and closed it, the days planned, and their calendar."""

    started_at: datetime
    closed_at: datetime | None
    starts_on: date
    ends_on: date
    calendar: Calendar


@dataclass(frozen=True)
class Amount:
    """Some items and the sum of their points; those without an estimate add none."""

    points: Decimal
    items: int
    unestimated: int


@dataclass(frozen=True)
class BurndownDay:
    """Points as the day ended in the team's zone; scope, done and remaining are None where that
    can't be said: the day is to come, or was over before the start or begins after the closing."""

    day: date
    is_working: bool
    scope: Decimal | None
    done: Decimal | None
    remaining: Decimal | None
    ideal: Decimal


@dataclass(frozen=True)
class Amounts:
    """What a sprint amounts to. Always, in points:

    committed + added - removed + reestimated == completed + remaining
    """

    committed: Amount
    added: Amount
    removed: Amount
    completed: Amount
    remaining: Amount
    reestimated: Decimal
    committed_items: tuple[int, ...]
    added_items: tuple[int, ...]
    removed_items: tuple[int, ...]
    done_items: tuple[int, ...]
    open_items: tuple[int, ...]


@dataclass(frozen=True)
class Figures(Amounts):
    """A sprint in figures: its amounts, its start, and each of its days."""

    opening: BurndownDay
    days: tuple[BurndownDay, ...]


@dataclass(frozen=True)
class _Limits:
    """From the start to the closing or, before it, to now; both included."""

    start: datetime
    end: datetime
    is_closed: bool

    def covers(self, stay: StayFact) -> bool:
        """Whether the item was in at some moment between them.

        What enters as the sprint closes came too late for it.
        """
        if stay.left_at is not None and stay.left_at <= max(self.start, stay.entered_at):
            return False
        if stay.entered_at <= self.start:
            return True
        return stay.entered_at < self.end if self.is_closed else stay.entered_at <= self.end

    def left_in_time(self, stay: StayFact) -> datetime | None:
        """When the item left, or None where it was in to the end.

        The closing itself carries items over at its own moment: they were in to the end.
        """
        left = stay.left_at
        if left is None or left > self.end or (self.is_closed and left == self.end):
            return None
        return left


class _Presence(NamedTuple):
    """One time without a gap that an item was in; `until` is None where it was in to the end."""

    since: datetime
    until: datetime | None


class _Story:
    """What happened to one item between the limits; its points and whether it is done are those
    of its first moment in the sprint, and of the end or of its last."""

    __slots__ = ("first", "is_done", "item", "last", "limits", "presences", "rows", "times")

    def __init__(
        self, item: int, stays: Sequence[StayFact], rows: Sequence[TransitionFact], limits: _Limits
    ) -> None:
        self.item = item
        self.rows = sorted(rows, key=_by_time)
        self.times = [row.at for row in self.rows]
        self.limits = limits
        self.presences = _presences(stays, limits)
        self.first = self._row(self.presences[0].since)
        self.last = self._row(self.presences[-1].until or limits.end)
        self.is_done = _is_done(self.last if self.is_in else self._row(limits.end))

    @property
    def was_committed(self) -> bool:
        return self.presences[0].since == self.limits.start

    @property
    def is_in(self) -> bool:
        return self.presences[-1].until is None

    @property
    def points_first(self) -> Decimal | None:
        """At the start, or as the item first came in."""
        return self.first.points if self.first else None

    @property
    def points_last(self) -> Decimal | None:
        """At the end, or as the item last left."""
        return self.last.points if self.last else None

    def steps(self) -> Iterable[tuple[datetime, Decimal, Decimal]]:
        """Moments at which scope or done points change by this item, and by how much each."""
        scope = done = ZERO
        for at, row in self._moments():
            points = (row.points or ZERO) if row else ZERO
            done_points = points if _is_done(row) else ZERO
            yield at, points - scope, done_points - done
            scope, done = points, done_points

    def _moments(self) -> Iterable[tuple[datetime, TransitionFact | None]]:
        """What holds from each moment on; nothing from where the item is away."""
        for presence in self.presences:
            first = bisect_right(self.times, presence.since)
            last = bisect_right(self.times, presence.until or self.limits.end)
            yield presence.since, self.rows[first - 1] if first else None
            yield from ((row.at, row) for row in self.rows[first:last])
            if presence.until:
                yield presence.until, None

    def _row(self, at: datetime) -> TransitionFact | None:
        place = bisect_right(self.times, at)
        return self.rows[place - 1] if place else None


def _is_done(row: TransitionFact | None) -> bool:
    return row is not None and row.category == "done"


def figures(
    span: Span,
    stays: Iterable[StayFact],
    transitions: Iterable[TransitionFact],
    *,
    now: datetime,
) -> Figures:
    """The figures of a started sprint at its closing or, while it is open, at `now`: `amounts`,
    and the points of each day. In O(n log n) of the rows."""
    limits = _limits(span, now)
    stories = _stories(stays, transitions, limits)
    counted = _counted(stories)
    opening, days = _burndown(span, limits, stories, counted["committed"].points)
    return Figures(**counted, opening=opening, days=days)


def amounts(
    span: Span,
    stays: Iterable[StayFact],
    transitions: Iterable[TransitionFact],
    *,
    now: datetime,
) -> Amounts:
    """The amounts of a started sprint at its closing or, while it is open, at `now`.

    All moments are aware. Committed is what was in at the start, with the points of that moment;
    added came in later and counts with the points that it came with; removed was in and is not at
    the end, with the points that it left with. What came and went counts in both; what left and
    came back in neither, though the days show its absence. Completed and remaining are in at the
    end, done or not. `reestimated` is the sum of all changes of points from an item's first moment
    in the sprint to its last; a change while it was away counts as it comes back.

    Once closed the amounts are the same whatever `now` is. In O(n log n) of the rows.
    """
    return Amounts(**_counted(_stories(stays, transitions, _limits(span, now))))


def _counted(stories: Sequence[_Story]) -> dict[str, Any]:
    committed = [story for story in stories if story.was_committed]
    added = [story for story in stories if not story.was_committed]
    removed = [story for story in stories if not story.is_in]
    done = [story for story in stories if story.is_in and story.is_done]
    still_open = [story for story in stories if story.is_in and not story.is_done]
    return {
        "committed": _amount(story.points_first for story in committed),
        "added": _amount(story.points_first for story in added),
        "removed": _amount(story.points_last for story in removed),
        "completed": _amount(story.points_last for story in done),
        "remaining": _amount(story.points_last for story in still_open),
        "reestimated": sum(
            ((story.points_last or ZERO) - (story.points_first or ZERO) for story in stories), ZERO
        ),
        "committed_items": _ids(committed),
        "added_items": _ids(added),
        "removed_items": _ids(removed),
        "done_items": _ids(done),
        "open_items": _ids(still_open),
    }


def _limits(span: Span, now: datetime) -> _Limits:
    closed_at = span.closed_at
    is_closed = closed_at is not None and closed_at <= now
    end = closed_at if closed_at is not None and is_closed else now
    return _Limits(span.started_at, max(span.started_at, end), is_closed)


def _stories(
    stays: Iterable[StayFact], transitions: Iterable[TransitionFact], limits: _Limits
) -> list[_Story]:
    of_item: dict[int, list[StayFact]] = defaultdict(list)
    for stay in stays:
        if limits.covers(stay):
            of_item[stay.item].append(stay)
    rows: dict[int, list[TransitionFact]] = defaultdict(list)
    for row in transitions:
        if row.item in of_item:
            rows[row.item].append(row)
    return [_Story(item, of_item[item], rows[item], limits) for item in sorted(of_item)]


def _presences(stays: Sequence[StayFact], limits: _Limits) -> list[_Presence]:
    """The item's stays between the limits, in order, those without a gap as one."""
    found: list[_Presence] = []
    for stay in sorted(stays, key=_by_entry):
        since = max(stay.entered_at, limits.start)
        until = limits.left_in_time(stay)
        if not found or (found[-1].until is not None and found[-1].until < since):
            found.append(_Presence(since, until))
            continue
        before = found.pop()
        if before.until is not None and (until is None or until > before.until):
            before = _Presence(before.since, until)
        found.append(before)
    return found


def _amount(points: Iterable[Decimal | None]) -> Amount:
    each = list(points)
    known = [value for value in each if value is not None]
    return Amount(sum(known, ZERO), len(each), len(each) - len(known))


def _ids(stories: Iterable[_Story]) -> tuple[int, ...]:
    return tuple(story.item for story in stories)


def _burndown(
    span: Span, limits: _Limits, stories: Sequence[_Story], committed: Decimal
) -> tuple[BurndownDay, tuple[BurndownDay, ...]]:
    """The point of the start, and one of each day from the first planned or, where that is
    earlier, the day of the start to the planned end or, where that is later, the day of closing or
    today."""
    zone = span.calendar.zone
    steps = sorted((step for story in stories for step in story.steps()), key=lambda step: step[0])
    first_day, last_day = day_of(limits.start, zone), day_of(limits.end, zone)
    days = all_days(min(span.starts_on, first_day), max(span.ends_on, last_day))
    ideal = _ideal(span, days, first_day, committed)
    scope = done = ZERO
    place = 0
    while place < len(steps) and steps[place][0] <= limits.start:
        scope, done = scope + steps[place][1], done + steps[place][2]
        place += 1
    works = span.calendar.is_working
    opening = BurndownDay(first_day, works(first_day), scope, done, scope - done, committed)
    drawn = []
    for day in days:
        if not first_day <= day <= last_day:
            drawn.append(BurndownDay(day, works(day), None, None, None, ideal[day]))
            continue
        end = end_of_day(day, zone)
        while place < len(steps) and steps[place][0] < end:
            scope, done = scope + steps[place][1], done + steps[place][2]
            place += 1
        drawn.append(BurndownDay(day, works(day), scope, done, scope - done, ideal[day]))
    return opening, tuple(drawn)


def _ideal(
    span: Span, days: Sequence[date], first_day: date, committed: Decimal
) -> dict[date, Decimal]:
    """What would remain as each day ends, were each working day to take an equal part of the
    committed points: those from the first planned day or, where that is later, the start to the
    planned end. Without a working day nothing is burned."""
    work = set(working_days(max(span.starts_on, first_day), span.ends_on, span.calendar))
    left, line = len(work), {}
    for day in days:
        left -= day in work
        line[day] = (committed * left / len(work)).quantize(CENT) if work else committed
    return line
