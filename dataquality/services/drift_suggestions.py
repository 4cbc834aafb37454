"""Checks of drift among the suggestions of a profile, where there is a version to compare with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from dataquality.engine.catalogue import PSI
from dataquality.engine.profiling import Profiled
from dataquality.models import DatasetVersion
from dataquality.rules import drift
from dataquality.rules.drift import Spread
from dataquality.services.references import kept_spreads, version_before

KEY_SHARE = 0.999  # of different whole numbers: what counts rows moves with every version


def with_drift(found: Profiled, version: DatasetVersion) -> Profiled:
    """The profile of a version with a check for each column whose values can be held against those
    of the version before it."""
    reference = version_before(version)
    if reference is None:
        return found
    reference.dataset = version.dataset
    suggested = _suggestions(found.data, kept_spreads(reference), f"version {reference.number}")
    return replace(found, suggestions=[*found.suggestions, *suggested])


def _suggestions(
    data: Mapping[str, Any], reference: Mapping[str, Spread], name: str
) -> Iterator[dict[str, Any]]:
    for column in data["columns"]:
        before, now = reference.get(column["name"]), column.get("spread")
        if not before or not now or ("edges" in before) != ("edges" in now) or _counts_rows(column):
            continue
        moved = drift.told_psi(*drift.same_bins(before, now, drift.GROUPS), drift.PSI_ITEM)
        if moved.value is None:  # too few rows, or what chance alone does
            continue
        is_steady = moved.value <= drift.PSI_ITEM
        yield {
            "expectation": {
                "type": PSI,
                "kwargs": {"column": column["name"]},
                "severity": "warning",
                "meta": {"suggested": True},
            },
            "reason": f"Its PSI against {name} is {moved.value:.2f}; above {drift.PSI_ITEM:g} it "
            "has drifted.",
            "breaks_now": 0 if is_steady else None,
        }


def _counts_rows(column: Mapping[str, Any]) -> bool:
    """Whether it only numbers the rows, as keys do."""
    present = int(column["rows"]) - int(column["nulls"])
    is_whole = column["type"] == "integer"
    return is_whole and int(column.get("distinct") or 0) >= KEY_SHARE * present
