"""When a digest is due, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

HOUR, DAY, WORKDAY = "hour", "day", "workday"
SATURDAY = 5
WATCHED, DIRECT = "watched", "direct"
ABOUT_ONESELF = frozenset({"mention", "assigned"})
MOST_LINES = 50


@dataclass(frozen=True)
class Line:
    """One piece of news: of which product, in words, and the page that it leads to."""

    product_key: str
    words: str
    url: str


def is_heard(kind: str, level: str) -> bool:
    """Whether news of this kind reach who chose this level of a product."""
    return level == WATCHED or (level == DIRECT and kind in ABOUT_ONESELF)


def next_digest(after: datetime, every: str, hour: int, zone: str) -> datetime:
    """The first moment after this one at which a digest is due; all moments are aware.

    One of every hour is due as the hour begins; others at `hour` of the zone, 0 to 23, those of
    workdays from Monday to Friday. An hour that a zone skips comes with the next there is.
    """
    if every == HOUR:
        return after.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    local = ZoneInfo(zone)
    day = after.astimezone(local).date()
    while True:
        due = datetime.combine(day, time(hour), local)
        if due > after and (every == DAY or day.weekday() < SATURDAY):
            return due
        day += timedelta(days=1)


def text_of(lines: Sequence[Line], *, total: int, choices_url: str) -> tuple[str, str]:
    """Subject and body of a digest of `total` news, of which these are the latest, by product."""
    subject = f"ML Scrum: {total} unread notification{'' if total == 1 else 's'}"
    parts: list[str] = []
    for key in sorted({line.product_key for line in lines}):
        told = [f"- {line.words}\n  {line.url}" for line in lines if line.product_key == key]
        parts.append("\n".join([key, *told]))
    if total > len(lines):
        parts.append(f"And {total - len(lines)} more.")
    parts.append(f"How often this comes, and of what, you choose here:\n{choices_url}")
    return subject, "\n\n".join(parts) + "\n"
