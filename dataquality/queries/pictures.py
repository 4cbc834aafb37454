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


@dataclass(frozen=True)
class Box:
    """A box plot lying in its box: places from the left, in the order of the values."""

    low: float
    quarter: float
    middle: float
    three_quarters: float
    high: float

    @property
    def width(self) -> float:
        """Of the box itself; a flat one is still to be seen."""
        return round(max(1.0, self.three_quarters - self.quarter), 2)


def box(places: Sequence[float], least: float, most: float, *, width: int = 160) -> Box:
    """A box plot of five numbers, from whisker to whisker, on the scale from `least` to `most`."""
    span = (most - least) or 1.0
    return Box(*(round(width * min(1.0, max(0.0, (one - least) / span)), 2) for one in places))


@dataclass(frozen=True)
class Overlay:
    """Two distributions in one picture, each bar as high as its share of the rows."""

    before: Sequence[Bar]
    after: Sequence[Bar]


@dataclass(frozen=True)
class Bins:
    """A histogram of numbers: `edges` has one more than `counts`."""

    edges: Sequence[float]
    counts: Sequence[int]

    @property
    def densities(self) -> list[float]:
        """Share of the rows per unit, by bin."""
        whole = sum(self.counts) or 1
        sides = zip(self.counts, self.edges, self.edges[1:], strict=False)
        return [count / whole / ((right - left) or 1.0) for count, left, right in sides]


def overlay_numbers(before: Bins, after: Bins, *, width: int = 160, height: int = 36) -> Overlay:
    """Two histograms on one scale, whatever their bins: areas are shares of the rows."""
    least = min(before.edges[0], after.edges[0])
    span = (max(before.edges[-1], after.edges[-1]) - least) or 1.0
    highest = max([*before.densities, *after.densities]) or 1.0

    def drawn(bins: Bins) -> list[Bar]:
        sides = zip(bins.edges, bins.edges[1:], bins.counts, bins.densities, strict=False)
        return [
            Bar(
                x=round(width * (left - least) / span, 2),
                y=round(height * (1 - density / highest), 2),
                width=round(max(1.0, width * (right - left) / span), 2),
                height=round(height * density / highest, 2),
                label=f"{left:.4g} to {right:.4g}",
                count=count,
            )
            for left, right, count, density in sides
        ]

    return Overlay(drawn(before), drawn(after))


def overlay_labels(
    before: Sequence[tuple[str, int]],
    after: Sequence[tuple[str, int]],
    *,
    whole: tuple[int, int],
    width: int = 160,
    height: int = 36,
) -> Overlay:
    """Two sets of labelled counts side by side, in the order of the first; `whole` is how many
    rows each has in all."""
    labels = list(dict.fromkeys([label for label, _ in [*before, *after]]))
    if not labels:
        return Overlay([], [])
    shares = [
        {label: (count, count / (rows or 1)) for label, count in counts}
        for counts, rows in zip((before, after), whole, strict=True)
    ]
    highest = max(share for side in shares for _, share in side.values()) or 1.0
    slot = width / len(labels)

    def drawn(side: int) -> list[Bar]:
        found = []
        for position, label in enumerate(labels):
            count, share = shares[side].get(label, (0, 0.0))
            tall = max(1.0, height * share / highest) if count else 0.0
            x = position * slot + slot * (0.08 + 0.42 * side)
            found.append(
                Bar(round(x, 2), round(height - tall, 2), round(slot * 0.42, 2), round(tall, 2),
                    label, count)
            )  # fmt: skip
        return found

    return Overlay(drawn(0), drawn(1))
