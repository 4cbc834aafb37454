"""What alerts say, to whom, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from backlog.rules.severity import WEIGHTS, Severity

MOST_LINES = 10
LONGEST_LINE = 250
# What turns texts into mentions and links of chats.
DEFUSED = str.maketrans({"<": "‹", ">": "›", "@": "@\u200b", "`": "'", "\n": " ", "\r": " "})
ORDER = ("new", "back", "worse")
WORDS = {
    "new": ("1 new finding", "{n} new findings"),
    "back": ("1 is back", "{n} are back"),
    "worse": ("1 got worse", "{n} got worse"),
}


@dataclass(frozen=True)
class News:
    """A finding that is worth telling: it is new, back, or more urgent than it was."""

    what: str
    title: str
    severity: str
    priority: str
    item: str = ""


def is_heard(news: News, *, severity: str, owner: int | None, subject_owner: int | None) -> bool:
    """Whether a rule lets a channel hear it: severe enough, and of the owner that it names."""
    if owner is not None and owner != subject_owner:
        return False
    return WEIGHTS[Severity(news.severity)] >= WEIGHTS[Severity(severity)]


def title_of(product_key: str, about: str, news: Sequence[News]) -> str:
    """What happened, in a line: `MED patients: 2 new findings, 1 is back, at worst P1`."""
    counts = [(what, sum(one.what == what for one in news)) for what in ORDER]
    told = [WORDS[what][n > 1].format(n=n) for what, n in counts if n]
    worst = min(one.priority for one in news)
    return defused(f"{product_key} {about}: {', '.join(told)}, at worst {worst}")[:200]


def lines_of(news: Sequence[News]) -> list[str]:
    """The findings, the most urgent first, up to ten of them."""
    worst_first = sorted(news, key=lambda one: (one.priority, ORDER.index(one.what)))
    lines = [
        defused(
            f"{one.priority} {one.severity}: {one.title}" + (f" ({one.item})" if one.item else "")
        )[:LONGEST_LINE]
        for one in worst_first[:MOST_LINES]
    ]
    more = len(news) - MOST_LINES
    return [*lines, f"and {more} more"] if more > 0 else lines


def defused(text: str) -> str:
    """A text that mentions nobody and formats nothing, whatever somebody named a test."""
    return text.translate(DEFUSED)


def next_loud(
    now: datetime, quiet_from: time | None, quiet_until: time | None, zone: str
) -> datetime:
    """When a message may go: now, or when the quiet hours end; they may span midnight."""
    if quiet_from is None or quiet_until is None or quiet_from == quiet_until:
        return now
    here = now.astimezone(ZoneInfo(zone))
    at = here.time()
    spans_midnight = quiet_from > quiet_until
    is_quiet = (
        (at >= quiet_from or at < quiet_until) if spans_midnight else quiet_from <= at < quiet_until
    )
    if not is_quiet:
        return now
    day = here.date() + timedelta(days=1 if spans_midnight and at >= quiet_from else 0)
    return datetime.combine(day, quiet_until, ZoneInfo(zone)).astimezone(now.tzinfo)
