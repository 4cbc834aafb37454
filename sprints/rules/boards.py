"""What a board says of its columns and cards: limits, ages, the small burndown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

WIDTH, HEIGHT = 120, 28  # of the small burndown, in units of its picture
HOUR_S, DAY_S = 3600, 86_400
OLD_DAYS = 5  # half of a usual sprint's working days in one column


def wip_state(count: int, limit: int | None) -> str:
    """`at` where a column holds as many items as it may, `over` where it holds more, else empty."""
    if limit is None or count < limit:
        return ""
    return "at" if count == limit else "over"


def entered_at(history: Iterable[tuple[datetime, int | None]]) -> datetime | None:
    """Since when the last status of a history, oldest first, has held without a break.

    A row where the points alone changed names the same status again.
    """
    since, held = None, object()
    for at, status in history:
        if since is None or status != held:
            since, held = at, status
    return since


def age_in_words(seconds: float) -> str:
    """How long, in one unit: under 1 h, 3 h, 2 d."""
    if seconds < HOUR_S:
        return "< 1 h"
    return f"{int(seconds // HOUR_S)} h" if seconds < DAY_S else f"{int(seconds // DAY_S)} d"


def is_old(seconds: float) -> bool:
    return seconds >= OLD_DAYS * DAY_S


@dataclass(frozen=True)
class Spark:
    """Points of two lines in a picture of `WIDTH` by `HEIGHT`: what should remain and what does."""

    ideal: str
    remaining: str
    end: tuple[float, float]


def spark(opening: Decimal, days: Sequence[tuple[Decimal, Decimal | None]]) -> Spark | None:
    """A small burndown of what remained at the opening and, for each day, its ideal and what
    remained as it ended, None for days to come; None where there is nothing to draw."""
    ideal = [(0, opening), *((n, ideal) for n, (ideal, _) in enumerate(days, 1))]
    left = [(0, opening), *((n, now) for n, (_, now) in enumerate(days, 1) if now is not None)]
    top = max(value for _, value in (*ideal, *left))
    if not days or not top:
        return None

    def line(values: Sequence[tuple[int, Decimal]]) -> list[tuple[float, float]]:
        step = WIDTH / len(days)
        return [
            (round(n * step, 1), round(HEIGHT * (1 - float(value / top)), 1)) for n, value in values
        ]

    drawn = line(left)
    return Spark(_points(line(ideal)), _points(drawn), drawn[-1])


def _points(line: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in line)
