"""Checks that Great Expectations has not: drift and outliers against a reference version, and how
well groups are represented. They run with the others and are judged like them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backlog.rules.evidence import Outcome
from dataquality.engine import catalogue
from dataquality.engine.answers import Told
from dataquality.engine.figures import NUMERIC, Figures
from dataquality.engine.spreads import spread_like
from dataquality.rules import drift, groups
from dataquality.rules.drift import Moved, Spread
from mlscrum.lib.errors import DomainError

if TYPE_CHECKING:
    from dataquality.engine.rows import Check, Rows

PREVIOUS = "previous"
DRIFTS = frozenset({catalogue.PSI, catalogue.DISTANCE, catalogue.EFFECT})
AGAINST_A_REFERENCE = DRIFTS | {catalogue.OUTLIERS}
TYPES = AGAINST_A_REFERENCE | {catalogue.REPRESENTED}
STATISTICS = {catalogue.PSI: "PSI", catalogue.DISTANCE: "KS distance", catalogue.EFFECT: "Effect"}
LIMITS = {
    catalogue.PSI: drift.PSI_ITEM,
    catalogue.DISTANCE: drift.LARGEST_DISTANCE,
    catalogue.EFFECT: drift.LARGEST_EFFECT,
}
FENCE = 3.0
MOST_NAMED = 5


@dataclass(frozen=True)
class Reference:
    """What a version holds, by column. `trouble` says why it can't be held against anything, and
    `nothing` why there is nothing to compare with yet, in words."""

    name: str
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    trouble: str = ""
    nothing: str = ""


References = Mapping[str, Reference]


def is_ours(check: Mapping[str, Any]) -> bool:
    return check["type"] in TYPES


def reference_of(check: Mapping[str, Any]) -> str:
    """The version that a check is held against: its number as text, or `previous`."""
    return str(check["kwargs"].get("reference") or PREVIOUS)


def told(rows: Rows, check: Check, references: References) -> Told:
    """What one of our checks says of these rows. Raises DomainError `no_reference`."""
    figures = rows.figures
    if check["type"] == catalogue.REPRESENTED:
        return _representation(figures, check["kwargs"])
    reference = references.get(reference_of(check))
    if reference is None:
        raise DomainError("no_reference", "There is no reference version; choose another one.")
    if reference.trouble:
        raise DomainError("no_reference", reference.trouble)
    if reference.nothing:
        return Told(Outcome.VACUOUS, message=reference.nothing)
    name = str(check["kwargs"]["column"])
    spread = reference.spreads.get(name)
    if spread is None:
        raise DomainError(
            "no_reference",
            f"Nothing of {name} in {reference.name} can be compared with: it is missing there, has "
            "no values, or too many different ones.",
        )
    if ("edges" in spread) != (figures.kinds[name] in NUMERIC):
        raise DomainError(
            "no_reference", f"{name} is of another type than in {reference.name}; choose another."
        )
    if check["type"] == catalogue.OUTLIERS:
        return _outliers(figures, check["kwargs"], spread, reference.name)
    return _drift(figures, check, spread, reference.name)


def _drift(figures: Figures, check: Check, reference: Spread, of: str) -> Told:
    kind, name = str(check["type"]), str(check["kwargs"]["column"])
    if kind == catalogue.DISTANCE and "edges" not in reference:
        raise DomainError("not_numeric", f"{name} holds no numbers; choose chi-square or PSI.")
    limit = float(check["kwargs"].get("threshold", LIMITS[kind]))
    present = spread_like(figures, name, reference)
    if figures.summary(name).values == 0:
        return Told(Outcome.VACUOUS, element_count=0, message=f"{name} has no value.")
    bins = drift.same_bins(reference, present, None if kind == catalogue.DISTANCE else drift.GROUPS)
    found: Moved
    if kind == catalogue.PSI:
        found = drift.told_psi(*bins, limit)
    elif kind == catalogue.DISTANCE:
        found = drift.told_distance(*bins)
    else:
        found = drift.told_effect(*bins)
    rows = sum(bins[1])
    if found.value is None:
        return Told(Outcome.VACUOUS, element_count=rows, message=found.untold)
    said = f"{STATISTICS[kind]} {found.value:.3f} against {of}, {rows:,} rows against "
    said += f"{sum(bins[0]):,}."
    is_beyond = found.value > limit
    if is_beyond and found.p is not None and found.p >= drift.ALPHA:
        said += f" Samples of these sizes differ so by chance in {100 * found.p:.0f} % of cases."
        return Told(Outcome.VACUOUS, observed=found.value, element_count=rows, message=said)
    return Told(
        Outcome.FAILED if is_beyond else Outcome.PASSED,
        observed=round(found.value, 6),
        element_count=rows,
        message=said,
        bounds={"max_value": limit},
    )


def _outliers(figures: Figures, kwargs: Mapping[str, Any], reference: Spread, of: str) -> Told:
    name = str(kwargs["column"])
    if "edges" not in reference:
        raise DomainError("not_numeric", f"{name} holds no numbers.")
    if sum(reference["counts"]) < drift.SMALLEST_SAMPLE:
        return Told(Outcome.VACUOUS, message=f"Too few rows in {of} to tell what is an outlier.")
    values = figures.summary(name).values
    if not values:
        return Told(Outcome.VACUOUS, element_count=0, message=f"{name} has no value.")
    q1, q3 = (_quantile(reference, share) for share in (0.25, 0.75))
    if q1 == q3:
        said = f"Half of the values in {of} are the same, so nothing tells what is an outlier."
        return Told(Outcome.VACUOUS, element_count=values, message=said)
    low, high = q1 - FENCE * (q3 - q1), q3 + FENCE * (q3 - q1)
    beyond = sum(figures.beyond(name, low, high))
    mostly = float(kwargs.get("mostly", 1))
    return Told(
        Outcome.FAILED if beyond > (1 - mostly) * values + 1e-9 else Outcome.PASSED,
        element_count=values,
        unexpected_count=beyond,
        message=f"{beyond:,} of {values:,} values are beyond the fences of {of}.",
        bounds={"mostly": mostly},
    )


def _quantile(spread: Spread, share: float) -> float:
    """The edge up to which at least this share of the values is."""
    wanted, so_far = share * sum(spread["counts"]), 0
    for edge, count in zip(spread["edges"], spread["counts"], strict=False):
        so_far += count
        if so_far >= wanted:
            return float(edge)
    return float(spread["edges"][-1])


def _representation(figures: Figures, kwargs: Mapping[str, Any]) -> Told:
    name = str(kwargs["column"])
    low = float(kwargs.get("min_value", groups.LOWEST))
    high = float(kwargs.get("max_value", groups.HIGHEST))
    values = figures.summary(name).values
    if not values:
        return Told(Outcome.VACUOUS, element_count=0, message=f"{name} has no value.")
    counts = _counts(figures, name, list(kwargs["shares"]))
    found = [
        groups.represented(group, counts[group], values, share, low=low, high=high)
        for group, share in kwargs["shares"].items()
    ]
    out = [one for one in found if not one.is_within]
    failing = [one for one in out if one.is_told]
    worst = max(failing or out or found, key=lambda one: abs(math.log(max(one.ratio, 1e-9))))
    outcome = Outcome.FAILED if failing else Outcome.VACUOUS if out else Outcome.PASSED
    return Told(
        outcome,
        observed=round(worst.ratio, 4),
        element_count=values,
        message=_about_groups(found, failing, out, values),
        bounds={"min_value": low, "max_value": high},
    )


def _about_groups(
    found: list[groups.Represented],
    failing: list[groups.Represented],
    out: list[groups.Represented],
    values: int,
) -> str:
    shown = (failing or out)[:MOST_NAMED]
    said = "; ".join(
        f"{one.name}: {100 * one.share:.1f} % of rows against {100 * one.reference:.1f} %, "
        f"R {one.ratio:.2f}"
        for one in shown
    )
    if failing:
        return f"{len(failing)} of {len(found)} groups out of bounds. {said}."
    if out:
        return f"Too few rows to tell, {values:,}. {said}."
    return f"All {len(found)} groups are within bounds." if len(found) > 1 else "It is in bounds."


def _counts(figures: Figures, name: str, names: list[str]) -> dict[str, int]:
    """How many rows are of each group."""
    if figures.kinds[name] not in NUMERIC:
        found = figures.standing(name, names)
        return {group: found.get(group, 0) for group in names}
    counts = {}
    for group in names:
        within = groups.range_of(group)
        if within is None:
            raise DomainError("bad_group", f"{group} is no group of numbers.")
        edges = [math.nextafter(within.low, -math.inf), within.high]
        below = figures.up_to(name, edges[:1])[0] if math.isfinite(within.low) else 0
        upper = (
            figures.up_to(name, edges[1:])[0]
            if math.isfinite(within.high)
            else figures.summary(name).values
        )
        counts[group] = upper - below
    return counts
