"""What is kept of a column's values, so that other rows can be held against it (`rules.drift`)."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from dataquality.engine.answers import plain
from dataquality.engine.figures import NUMERIC, Figures
from dataquality.rules.drift import Spread

BINS = 100
DIGITS = 1e-12  # quantiles have so many
MOST_VALUES = 50
LEAST_COVERED = 0.5  # of the rows by those values; else they are no categories
OF_CATEGORIES = frozenset({"text", "boolean"})


def spread_of(figures: Figures, name: str) -> Spread | None:
    """The spread of a column of numbers, value by value where they are a hundred at most, else in
    about a hundred bins of as many rows each, or of the fifty most frequent categories; None where
    it has no values, or none that come back."""
    kind = figures.kinds[name]
    if kind in NUMERIC:
        return _of_numbers(figures, name)
    return categories_of(figures, name) if kind in OF_CATEGORIES else None


def categories_of(figures: Figures, name: str) -> Spread | None:
    """The most frequent values, and how many rows have another one."""
    values = figures.summary(name).values
    common = figures.most_common(name, MOST_VALUES)
    covered = sum(count for _, count in common)
    if not values or covered < LEAST_COVERED * values:
        return None
    return {"values": [[str(plain(v)), count] for v, count in common], "other": values - covered}


def spread_like(figures: Figures, name: str, reference: Spread) -> Spread:
    """The spread of a column in the bins, or by the values, of a reference."""
    values = figures.summary(name).values
    if "edges" in reference:
        totals = [*figures.up_to(name, reference["edges"]), values]
        counts = [total - before for before, total in zip([0, *totals], totals, strict=False)]
        return {"edges": reference["edges"], "counts": counts}
    known = {str(value) for value, _ in reference["values"]}
    # Those of the reference may have become rare here.
    seen: list[tuple[str, int]] = [
        (str(plain(v)), n) for v, n in figures.most_common(name, 20 * MOST_VALUES)
    ]
    found = [[value, n] for value, n in seen if value in known]
    held = sum(n for value, n in seen if value in known)
    return {"values": found, "other": values - held}


def _of_numbers(figures: Figures, name: str) -> Spread | None:
    summary = figures.summary(name)
    common = [(float(value), count) for value, count in figures.most_common(name, BINS)]
    if summary.distinct <= BINS:
        values = {value for value, _ in common if math.isfinite(value)}
        if not values:
            return None
        return _in_bins(figures, name, {_below(min(values)), *values}) | {"exact": True}
    shares = [place / BINS for place in range(1, BINS)]
    edges = {edge for edge in figures.quantiles(name, shares) if math.isfinite(edge)}
    if not edges:
        return None
    # What stands very often is a bin of its own: it must not be taken for values below it.
    for value, count in common:
        if math.isfinite(value) and count * BINS > summary.values:
            edges |= {_below(value), value}
    return _in_bins(figures, name, edges)


def _in_bins(figures: Figures, name: str, edges: Collection[float]) -> dict[str, Any]:
    return dict(spread_like(figures, name, {"edges": sorted(edges), "counts": []}))


def _below(value: float) -> float:
    """An edge below a value and above all others that are less."""
    return value - DIGITS * (abs(value) or 1.0)
