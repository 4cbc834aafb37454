"""Days of a team: which of them it works on, and when each ends where the team is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """When a team works: its IANA time zone, its weekdays from Monday, 0, and its days off."""

    zone: str
    weekdays: frozenset[int]
    holidays: frozenset[date] = frozenset()

    def is_working(self, day: date) -> bool:
        return day.weekday() in self.weekdays and day not in self.holidays


def all_days(first: date, last: date) -> list[date]:
    """Every day from the first to the last, both included; none where the last comes first."""
    return [first + n * ONE_DAY for n in range((last - first).days + 1)]


def working_days(first: date, last: date, calendar: Calendar) -> list[date]:
    """The days from the first to the last, both included, on which the team works."""
    return [day for day in all_days(first, last) if calendar.is_working(day)]


def day_of(moment: datetime, zone: str) -> date:
    """The day that it is in the zone at an aware moment."""
    return moment.astimezone(ZoneInfo(zone)).date()


def end_of_day(day: date, zone: str) -> datetime:
    """The first moment that is no more of the day in the zone, in UTC.

    A day is 23 or 25 hours long where the clocks change. Where they skip midnight itself, PEP 495
    reads the missing 00:00 by the offset from before, and that is the moment of the change.
    """
    # UTC, for Python compares two moments of one zone by their wall clocks, wrong at a change.
    return datetime.combine(day + ONE_DAY, time.min, ZoneInfo(zone)).astimezone(UTC)
