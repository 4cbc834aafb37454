"""Small pictures as numbers: where the lines and bars of inline SVG stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sparkline:
    """A line in a box: `lines` are the points of unbroken stretches, `dot` is the last value."""

    width: int
    height: int
    lines: list[str]
    dot: tuple[float, float] | None
    title: str


@dataclass(frozen=True)
class Bar:
    """One bar of a distribution, standing on the bottom of its box."""

    x: float
    y: float
    width: float
    height: float
    label: str
    count: int


def sparkline(
    values: Sequence[float | None],
    title: str,
    *,
    low: float | None = None,
    high: float | None = None,
    width: int = 96,
    height: int = 20,
) -> Sparkline:
    """A line over the values, oldest first; None leaves a gap. Without bounds it fills the box."""
    known = [value for value in values if value is not None]
    if not known:
        return Sparkline(width, height, [], None, title)
    bottom = min(known) if low is None else low
    top = max(known) if high is None else high
    span, inner = (top - bottom) or 1.0, height - 4
    step = (width - 6) / max(1, len(values) - 1)

    def place(position: int, value: float) -> tuple[float, float]:
        # A flat line of unbounded values lies in the middle, where it reads as "no change".
        share = 0.5 if top == bottom else (value - bottom) / span
        return round(3 + position * step, 1), round(2 + inner * (1 - min(1.0, max(0.0, share))), 1)

    stretches: list[list[tuple[float, float]]] = [[]]
    for position, value in enumerate(values):
        if value is None:
            stretches.append([])
        else:
            stretches[-1].append(place(position, value))
    lines = [" ".join(f"{x},{y}" for x, y in stretch) for stretch in stretches if len(stretch) > 1]
    last = next(i for i in range(len(values) - 1, -1, -1) if values[i] is not None)
    return Sparkline(width, height, lines, place(last, known[-1]), title)


def bars(counts: Sequence[tuple[str, int]], *, width: int = 160, height: int = 36) -> list[Bar]:
    """A bar for each labelled count, the highest as high as the box; none is invisible."""
    if not counts:
        return []
    highest = max(count for _, count in counts) or 1
    slot = width / len(counts)
    gap = min(2.0, slot / 4)
    drawn = []
    for position, (label, count) in enumerate(counts):
        tall = max(1.0, height * count / highest) if count else 0.0
        drawn.append(
            Bar(
                x=round(position * slot + gap / 2, 2),
                y=round(height - tall, 2),
                width=round(slot - gap, 2),
                height=round(tall, 2),
                label=label,
                count=count,
            )
        )
    return drawn
