"""Where the next value of a series lies, if things go on as they did: thresholds from history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

LEAST, MOST = 5, 30
# Student's t, 97.5 %, of 4 to 29 degrees of freedom.
T_975 = (
    2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045,
)  # fmt: skip


@dataclass(frozen=True)
class Interval:
    """What 19 of 20 next values lie within, made of so many past ones."""

    low: float
    high: float
    values: int


def next_within(values: Sequence[float]) -> Interval | None:
    """The 95 % prediction interval of the next value, mean +- t s sqrt(1 + 1/n), of the first
    thirty; None for fewer than five, of which it would say nothing."""
    used = list(values[:MOST])
    if len(used) < LEAST:
        return None
    reach = T_975[len(used) - LEAST] * stdev(used) * math.sqrt(1 + 1 / len(used))
    return Interval(fmean(used) - reach, fmean(used) + reach, len(used))


def mostly_of(percents: Interval) -> float:
    """The share that must pass, so that the upper end of the unexpected percent still does."""
    allowed = min(100.0, max(0.0, percents.high))
    return max(0.001, math.floor(10 * (100 - allowed) + 1e-6) / 1000)


def rounded(interval: Interval, *, whole: bool) -> tuple[float, float]:
    """Both ends, outwards: to whole numbers, or to three digits of the reach."""
    if whole:
        return math.floor(interval.low), math.ceil(interval.high)
    reach = interval.high - interval.low
    digits = 2 - math.floor(math.log10(reach)) if reach > 0 else 6
    scale = 10.0**digits
    return math.floor(interval.low * scale) / scale, math.ceil(interval.high * scale) / scale
