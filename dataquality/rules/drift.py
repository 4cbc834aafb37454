"""How far a column has moved from a reference: PSI, Kolmogorov-Smirnov and chi-square, of counts.

A spread is what is kept of a column's values. Of numbers `{"edges": [e1, …], "counts": [n0, …]}`:
n0 values are at most e1, n1 above e1 and at most e2, the last above the last edge; with `"exact":
true` every value that stands there is an edge. Of categories `{"values": [[value, n], …], "other":
n}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

PSI_LOOK, PSI_ITEM = 0.10, 0.25  # EVIDENCE 3: below is fine, between is worth a look
LARGEST_DISTANCE = 0.10
LARGEST_EFFECT = 0.10  # Cohen's small effect
ALPHA = 0.05
GROUPS = 10
SMALLEST_SAMPLE = 30
SMALLEST_EXPECTED = 5.0  # rows of a cell, as Cochran has it
Counts = Sequence[int]
Spread = Mapping[str, Any]


@dataclass(frozen=True)
class Moved:
    """A statistic of two samples with its p, or why it can't be told: `untold` in words."""

    value: float | None
    p: float | None = None
    untold: str = ""


def psi(expected: Counts, actual: Counts) -> float:
    """The population stability index of counts in the same bins: sum (a - e) ln(a / e).

    Where a bin is empty on one side half a row is added to every bin, for no share may be nothing.
    """
    cells = [(e, a) for e, a in zip(expected, actual, strict=True) if e or a]
    more = 0.5 if any(not e or not a for e, a in cells) else 0.0
    n, m = (sum(side) + more * len(cells) for side in (expected, actual))
    shares = [((e + more) / n, (a + more) / m) for e, a in cells]
    return sum((a - e) * math.log(a / e) for e, a in shares)


def psi_noise(expected: Counts, actual: Counts) -> float:
    """The PSI that two samples of these sizes easily have though nothing has moved: 1/n + 1/m times
    a chi-square of one degree of freedom less than bins (Yurdakul 2018, Statistical Properties of
    the Population Stability Index), its mean and one standard deviation."""
    freedom = sum(bool(e or a) for e, a in zip(expected, actual, strict=True)) - 1
    return (freedom + math.sqrt(2 * freedom)) * (1 / sum(expected) + 1 / sum(actual))


def distance(expected: Counts, actual: Counts) -> float:
    """The largest distance of the two cumulative shares at the edges of the bins (the D of
    Kolmogorov and Smirnov, but for what moved within one bin)."""
    n, m = sum(expected), sum(actual)
    pairs = zip(accumulate(expected), accumulate(actual), strict=True)
    return max(abs(e / n - a / m) for e, a in pairs)


def distance_p(d: float, n: int, m: int) -> float:
    """The chance of at least this distance between samples of one distribution (two-sided, by the
    limit that `scipy.stats.ks_2samp` takes for large samples)."""
    from scipy.stats import kstwo  # noqa: PLC0415  a second, and pages do without

    return float(kstwo.sf(d, max(1, round(n * m / (n + m)))))


def effect(expected: Counts, actual: Counts) -> float:
    """Cramér's V of two samples of categories: 0 where their shares are the same, 1 where they
    have nothing in common. Categories with fewer than five expected rows are counted together."""
    statistic, _ = _chi_square(expected, actual)
    return math.sqrt(statistic / (sum(expected) + sum(actual)))


def effect_p(expected: Counts, actual: Counts) -> float:
    """The chance of at least this difference between samples of one distribution (Pearson's
    chi-square of homogeneity)."""
    from scipy.stats import chi2  # noqa: PLC0415  a second, and pages do without

    statistic, freedom = _chi_square(expected, actual)
    return float(chi2.sf(statistic, freedom)) if freedom else 1.0


def same_bins(
    reference: Spread, present: Spread, groups: int | None = None
) -> tuple[Counts, Counts]:
    """Counts of both in the bins of the reference, taken together to about `groups` bins; of
    categories, and of numbers so few that they are codes, so that none is rare.

    Of numbers the present counts are read off its own edges, in between by a straight line,
    unless they are exact.
    """
    if "edges" not in reference:
        counts = _categories(reference, present)
        return counts if groups is None else _without_rare(*counts)
    edges = list(reference["edges"])
    if list(present["edges"]) == edges:
        moved = [float(count) for count in present["counts"]]
    else:
        moved = _rebinned(present, edges)
    kept = list(reference["counts"])
    if groups is None:
        return kept, [round(one) for one in moved]
    if reference.get("exact") and len(edges) <= groups:
        return _without_rare(kept, [round(one) for one in moved])
    return _grouped(kept, moved, groups)


def told_psi(expected: Counts, actual: Counts, threshold: float) -> Moved:
    """PSI, unless it is beyond the threshold only by what samples of these sizes have by chance."""
    if small := _too_small(expected, actual):
        return Moved(None, untold=small)
    found, noise = psi(expected, actual), psi_noise(expected, actual)
    if found - noise <= threshold < found:
        return Moved(
            None,
            untold=f"Too few rows to tell: the PSI is {found:.2f}, and samples of "
            f"{_sizes(expected, actual)} alone easily have one of {noise:.2f}.",
        )
    return Moved(found)


def told_distance(expected: Counts, actual: Counts) -> Moved:
    """The distance of Kolmogorov and Smirnov, unless there are too few rows."""
    if small := _too_small(expected, actual):
        return Moved(None, untold=small)
    found = distance(expected, actual)
    return Moved(found, distance_p(found, sum(expected), sum(actual)))


def told_effect(expected: Counts, actual: Counts) -> Moved:
    """Cramér's V with the p of chi-square, unless there are too few rows."""
    if small := _too_small(expected, actual):
        return Moved(None, untold=small)
    return Moved(effect(expected, actual), effect_p(expected, actual))


def _too_small(expected: Counts, actual: Counts) -> str:
    if min(sum(expected), sum(actual)) >= SMALLEST_SAMPLE:
        return ""
    return (
        f"Too few rows to tell: {_sizes(expected, actual)} have a value, and it takes "
        f"{SMALLEST_SAMPLE} on either side."
    )


def _sizes(expected: Counts, actual: Counts) -> str:
    return f"{sum(actual):,} rows against {sum(expected):,}"


def _chi_square(expected: Counts, actual: Counts) -> tuple[float, int]:
    cells = _pooled(expected, actual)
    n, m = sum(expected), sum(actual)
    statistic = 0.0
    for e, a in cells:
        for seen, size in ((e, n), (a, m)):
            should = size * (e + a) / (n + m)
            statistic += (seen - should) ** 2 / should
    return statistic, max(0, len(cells) - 1)


def _pooled(expected: Counts, actual: Counts) -> list[tuple[int, int]]:
    """Counts of categories, the rare ones together: of which the smaller sample should have fewer
    than five rows, and has."""
    n, m = sum(expected), sum(actual)
    share, smaller = min(n, m) / (n + m), 0 if n < m else 1

    def is_large(cell: tuple[int, int]) -> bool:
        return max(sum(cell) * share, cell[smaller]) >= SMALLEST_EXPECTED

    cells = list(zip(expected, actual, strict=True))
    large = [cell for cell in cells if is_large(cell)]
    rest = [cell for cell in cells if not is_large(cell)]
    pooled = (sum(e for e, _ in rest), sum(a for _, a in rest))
    if is_large(pooled) or not large:
        return [*large, pooled] if sum(pooled) else large
    smallest = min(large, key=sum)
    large.remove(smallest)
    return [*large, (smallest[0] + pooled[0], smallest[1] + pooled[1])]


def _without_rare(expected: Counts, actual: Counts) -> tuple[Counts, Counts]:
    """Counts with those of rare categories together, unless all are rare."""
    cells = _pooled(expected, actual) if sum(expected) and sum(actual) else []
    if len(cells) > 1:
        return [e for e, _ in cells], [a for _, a in cells]
    return expected, actual


def _categories(reference: Spread, present: Spread) -> tuple[Counts, Counts]:
    """Counts by value of the reference, and all others together at the end."""
    known = {str(value): int(count) for value, count in reference["values"]}
    seen = {str(value): int(count) for value, count in present["values"]}
    other = int(present["other"]) + sum(n for value, n in seen.items() if value not in known)
    expected = [*known.values(), int(reference["other"])]
    actual = [*(seen.get(value, 0) for value in known), other]
    return expected, actual


def _rebinned(spread: Spread, edges: Sequence[float]) -> list[float]:
    """Counts of a spread within other edges."""
    own: list[float] = list(spread["edges"])
    totals: list[int] = list(accumulate(spread["counts"]))
    whole = totals[-1]
    is_exact = bool(spread.get("exact"))

    def up_to(edge: float) -> float:
        place = sum(one <= edge for one in own)
        if place == 0:
            return 0.0
        if is_exact:
            return float(totals[place - 1])
        if place == len(own):
            return float(totals[-2] if edge == own[-1] else whole)
        low, high = own[place - 1], own[place]
        part = float((edge - low) / (high - low))
        return totals[place - 1] + part * (totals[place] - totals[place - 1])

    cumulative = [0.0, *(up_to(edge) for edge in edges), float(whole)]
    return [after - before for before, after in zip(cumulative, cumulative[1:], strict=False)]


def _grouped(
    expected: Sequence[int], actual: Sequence[float], groups: int
) -> tuple[list[int], list[int]]:
    """Neighbouring bins taken together, so that each has about one part of the reference."""
    whole, kept, moved = sum(expected), [0], [0.0]
    for e, a in zip(expected, actual, strict=True):
        if kept[-1] >= whole / groups - 0.5:
            kept.append(0)
            moved.append(0.0)
        kept[-1] += e
        moved[-1] += a
    if len(kept) > 1 and kept[-1] < whole / groups / 2:
        last_e, last_a = kept.pop(), moved.pop()
        kept[-1] += last_e
        moved[-1] += last_a
    return kept, [round(one) for one in moved]
