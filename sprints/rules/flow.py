"""Flow: how many items were where as each day ended, and how long items took.

Drawn from stays and transitions alone. The caller passes only items of the middle level.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from math import ceil

from sprints.rules.days import ONE_DAY, end_of_day
from sprints.rules.figures import ZERO, StayFact, TransitionFact


@dataclass(frozen=True)
class Step:
    """From a moment on an item was in this state, a category or a status, with these points."""

    item: int
    at: datetime
    state: str
    points: Decimal | None


@dataclass(frozen=True)
class Still:
    """So many items, of so many points in sum, that are in a state all the time."""

    state: str
    items: int
    points: Decimal


# What happens to an item at a moment, in this order: it goes from one backlog to the next at once.
LEAVES, ENTERS, STEPS = range(3)
_Event = tuple[datetime, int, Step | None]


@dataclass(frozen=True)
class FlowDay:
    """How many items, and how many points, were in each state as the day ended; states that
    nothing was in are left out."""

    day: date
    items: Mapping[str, int]
    points: Mapping[str, Decimal]


@dataclass(frozen=True)
class CycleTime:
    """An item from the first moment in progress to the moment that it was done for good."""

    item: int
    started_at: datetime
    done_at: datetime

    @property
    def days(self) -> float:
        """Elapsed days of 24 hours, weekends among them."""
        # UTC, for Python subtracts two moments of one zone by their wall clocks.
        return (self.done_at.astimezone(UTC) - self.started_at.astimezone(UTC)) / ONE_DAY


@dataclass(frozen=True)
class CycleTimes:
    """Those that are done, in the order of their ends; `unstarted` were never in progress."""

    times: tuple[CycleTime, ...]
    unstarted: tuple[int, ...]


def cumulative_flow(
    stays: Iterable[StayFact],
    steps: Iterable[Step],
    *,
    days: Sequence[date],
    zone: str,
    still: Iterable[Still] = (),
) -> list[FlowDay]:
    """What was in each state as each of these days, in order, ended in the zone.

    An item counts from its first stay on; it ends with a stay that ends, unless another begins at
    that moment. A stay without an end lasts until the next begins. `still` are further items that
    were there before the first day and did not change since. In O(n log n) of the rows.
    """
    changes = sorted(_changes(stays, steps), key=lambda change: change[0])
    items: Counter[str] = Counter()
    points: dict[str, Decimal] = defaultdict(Decimal)
    for each in still:
        items[each.state] += each.items
        points[each.state] += each.points
    place, drawn = 0, []
    for day in days:
        end = end_of_day(day, zone)
        while place < len(changes) and changes[place][0] < end:
            _, state, count, amount = changes[place]
            items[state] += count
            points[state] += amount
            place += 1
        present = [state for state, count in items.items() if count]
        drawn.append(FlowDay(day, {s: items[s] for s in present}, {s: points[s] for s in present}))
    return drawn


def cycle_times(transitions: Iterable[TransitionFact]) -> CycleTimes:
    """How long each item took that is done: the last time it became so counts, and a change of
    points while it is done does not make it done anew."""
    rows: dict[int, list[TransitionFact]] = defaultdict(list)
    for row in transitions:
        rows[row.item].append(row)
    times, unstarted = [], []
    for item, of_item in rows.items():
        of_item.sort(key=lambda row: row.at)
        done_at = _done_at(of_item)
        if done_at is None:
            continue
        begun = next((row.at for row in of_item if row.category == "doing"), None)
        if begun is None or begun >= done_at:
            unstarted.append(item)
        else:
            times.append(CycleTime(item, begun, done_at))
    times.sort(key=lambda time: (time.done_at, time.item))
    return CycleTimes(tuple(times), tuple(sorted(unstarted)))


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest of the values that such a share (0 to 1) of all does not exceed, one that came
    (nearest rank); None of none."""
    if not values:
        return None
    return sorted(values)[max(ceil(share * len(values)), 1) - 1]


def _done_at(rows: Sequence[TransitionFact]) -> datetime | None:
    """When the last run of done rows began; None where the last row is not done."""
    found = None
    for row in reversed(rows):
        if row.category != "done":
            break
        found = row.at
    return found


def _changes(
    stays: Iterable[StayFact], steps: Iterable[Step]
) -> Iterable[tuple[datetime, str, int, Decimal]]:
    """Moments at which a state gains or loses items and points."""
    events: dict[int, list[_Event]] = defaultdict(list)
    for stay in stays:
        if stay.left_at == stay.entered_at:
            continue
        events[stay.item].append((stay.entered_at, ENTERS, None))
        if stay.left_at is not None:
            events[stay.item].append((stay.left_at, LEAVES, None))
    for step in steps:
        if step.item in events:
            events[step.item].append((step.at, STEPS, step))
    for of_item in events.values():
        of_item.sort(key=lambda event: event[:2])
        yield from _of_item(of_item)


def _of_item(events: Sequence[_Event]) -> Iterable[tuple[datetime, str, int, Decimal]]:
    shown: tuple[str, Decimal] | None = None
    now: Step | None = None
    is_in = False
    for place, (at, what, step) in enumerate(events):
        if what == STEPS:
            now = step
        else:
            is_in = what == ENTERS
        if place + 1 < len(events) and events[place + 1][0] == at:
            continue  # what counts is how the moment ends
        wanted = (now.state, now.points or ZERO) if is_in and now is not None else None
        if wanted == shown:
            continue
        if shown is not None:
            yield at, shown[0], -1, -shown[1]
        if wanted is not None:
            yield at, wanted[0], 1, wanted[1]
        shown = wanted
