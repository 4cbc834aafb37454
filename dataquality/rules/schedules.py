"""When a dataset is checked by itself: cron as people write it, in a time zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
FIELDS = 5
LOOKED_AT = 50  # times from which the shortest gap is taken
MOST_MISSED = 1_000
FAULTS = {
    "minute": "minute (0 to 59)",
    "hour": "hour (0 to 23)",
    "day-of-month": "day of the month, or no such day in that month",
    "month": "month (1 to 12)",
    "day-of-week": "day of the week (0 to 7, or MON to SUN)",
}
HOW = "Write five fields, minute, hour, day, month and day of the week, such as 0 6 * * MON-FRI."


def plain(cron: str) -> str:
    """The five fields, with single blanks and shorthands such as @daily written out."""
    fields = " ".join(cron.split())
    return SHORTHANDS.get(fields.lower(), fields)


def cron_fault(cron: str) -> str:
    """What is wrong with a cron expression, in words; empty where it names times to come."""
    if len(cron.split()) != FIELDS:
        return HOW
    try:
        first = next(CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        wrong = str(error).removeprefix("Bad ")
        return f"There is no such {FAULTS[wrong]}. {HOW}" if wrong in FAULTS else HOW
    if first is None:
        return "No day is ever like this, so nothing would run; choose another day or month."
    return ""


def in_words(cron: str) -> str:
    """When that is, such as `At 06:00 on Monday through Friday`."""
    return str(CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC)).explain())


def times_after(cron: str, zone: str, moment: datetime) -> Iterator[datetime]:
    """The times to come after a moment, in UTC, as clocks of the zone show them. An hour that a
    change of clocks leaves out comes right after it, and one that comes twice counts once."""
    for at in CronSim(cron, moment.astimezone(ZoneInfo(zone))):
        yield at.astimezone(UTC)


def next_time(cron: str, zone: str, moment: datetime) -> datetime | None:
    """The first time after a moment; None where none comes for decades."""
    return next(times_after(cron, zone, moment), None)


def last_due(cron: str, zone: str, first: datetime, now: datetime) -> tuple[datetime, int]:
    """Of the times from `first`, itself one of them, to now the last, and how many came before it:
    what was missed while nobody looked. After a thousand the rest is let go."""
    due, missed = first, 0
    for at in times_after(cron, zone, first):
        if at > now:
            break
        due, missed = at, missed + 1
        if missed == MOST_MISSED:
            return _last_before(cron, zone, now + timedelta(seconds=1)), missed
    return due, missed


def _last_before(cron: str, zone: str, moment: datetime) -> datetime:
    back = CronSim(cron, moment.astimezone(ZoneInfo(zone)), reverse=True)
    return next(back).astimezone(UTC)


def shortest_gap(cron: str, zone: str, moment: datetime) -> timedelta | None:
    """The least time between two runs among the next fifty; None where only one is to come."""
    times = times_after(cron, zone, moment)
    found = [at for _, at in zip(range(LOOKED_AT), times, strict=False)]
    gaps = [later - earlier for earlier, later in zip(found, found[1:], strict=False)]
    return min(gaps, default=None)
