"""Two versions of a dataset side by side: what their profiles say of each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dataquality.models import Dataset, DatasetVersion
from dataquality.queries.pictures import Bins, Overlay, overlay_labels, overlay_numbers
from dataquality.queries.profiles import contents_of, find_profile
from dataquality.rules import drift
from dataquality.rules.readings import read_alike
from mlscrum.lib.errors import DomainError

MOST_LABELS = 24
ORDER = ("removed", "retyped", "added", "same")
OTHERWISE_READ = (
    "The two profiles read this column by other types or words for missing; make the older one "
    "anew."
)
Column = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """A figure of a column in both versions; None where there is none, or it stays hidden."""

    before: Any
    after: Any

    @property
    def differs(self) -> bool:
        return bool(self.before != self.after)


@dataclass(frozen=True)
class ColumnPair:
    """A column in both versions. `change` is same, added, removed or retyped.

    `psi`, `distance` (of Kolmogorov and Smirnov, of numbers) and `effect` (Cramér's V, of
    categories) are of the values, None where they stay hidden, there are too few rows, or one
    profile read them otherwise than the other; `untold` says so. `noise` is the PSI that there is
    by chance alone. `verdict` is steady, look or moved by the PSI, or nothing.
    """

    name: str
    change: str
    type: Pair
    nulls: Pair
    null_percent: Pair
    distinct: Pair
    mean: Pair
    median: Pair
    quantiles: Pair
    overlay: Overlay | None = None
    psi: float | None = None
    noise: float = 0.0
    distance: float | None = None
    effect: float | None = None
    untold: str = ""
    is_hidden: bool = False

    @property
    def verdict(self) -> str:
        if self.psi is None:
            return ""
        if self.psi > drift.PSI_ITEM:
            return "moved"
        return "look" if self.psi >= max(drift.PSI_LOOK, self.noise) else "steady"


@dataclass(frozen=True)
class Comparison:
    """Two versions; `missing` are the numbers of those that have no profile, and then there are no
    columns."""

    before: DatasetVersion
    after: DatasetVersion
    rows: Pair
    columns: Sequence[ColumnPair] = ()
    missing: Sequence[int] = ()
    under_way: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def holds_values(self) -> bool:
        return any(column.overlay for column in self.columns)


def versions_to_compare(
    dataset: Dataset, before: int | None, after: int | None
) -> tuple[DatasetVersion, DatasetVersion]:
    """The two versions that are asked for: by default the current one, and the one before the
    later. Raises DomainError where there are not two."""
    versions = dataset.versions.filter(tracked=True)
    later = _numbered(dataset, after) if after is not None else dataset.current_version
    if later is None:
        raise DomainError("no_version", f"{dataset.name} has no content yet.")
    if before is not None:
        return _numbered(dataset, before), later
    earlier = versions.filter(number__lt=later.number).order_by("-number").first()
    if earlier is None:
        raise DomainError(
            "one_version", f"There is no version before version {later.number} to compare with."
        )
    return earlier, later


def comparison_of(
    dataset: Dataset, before: DatasetVersion, after: DatasetVersion, *, with_values: bool
) -> Comparison:
    """Both versions as this reader may see them, changed columns first."""
    profiles = [find_profile(dataset, version) for version in (before, after)]
    found = [contents_of(profile, with_values=with_values) for profile in profiles]
    rows = Pair(before.rows, after.rows)
    if found[0] is None or found[1] is None:
        missing = [
            version.number
            for version, content in zip((before, after), found, strict=True)
            if content is None
        ]
        under_way = any(
            content is None and profile is not None and profile.state in {"queued", "running"}
            for profile, content in zip(profiles, found, strict=True)
        )
        return Comparison(before, after, rows, missing=missing, under_way=under_way)
    sides = [{str(c["name"]): c for c in one.data["columns"]} for one in found if one]
    pairs = [
        _pair(name, sides[0].get(name), sides[1].get(name))
        for name in dict.fromkeys([*sides[0], *sides[1]])
    ]
    pairs.sort(key=lambda pair: ORDER.index(pair.change))
    counts = {change: sum(pair.change == change for pair in pairs) for change in ORDER}
    counts["moved"] = sum(pair.verdict == "moved" for pair in pairs)
    return Comparison(before, after, rows, pairs, counts=counts)


def _numbered(dataset: Dataset, number: int) -> DatasetVersion:
    version = dataset.versions.filter(number=number).first()
    if version is None:
        raise DomainError("no_version", f"{dataset.name} has no version {number}.")
    return version


def _pair(name: str, before: Column | None, after: Column | None) -> ColumnPair:
    def both(key: str) -> Pair:
        return Pair((before or {}).get(key), (after or {}).get(key))

    quantiles = both("quantiles")
    return ColumnPair(
        name=name,
        change=_change(before, after),
        type=both("type"),
        nulls=both("nulls"),
        null_percent=Pair(_null_percent(before), _null_percent(after)),
        distinct=both("distinct"),
        mean=both("mean"),
        median=Pair(*((one or {}).get("0.5") for one in (quantiles.before, quantiles.after))),
        quantiles=quantiles,
        is_hidden=any((one or {}).get("hidden") for one in (before, after)),
        **(_moved(before, after) if before and after else {}),
    )


def _change(before: Column | None, after: Column | None) -> str:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    return "same" if before["type"] == after["type"] else "retyped"


def _null_percent(column: Column | None) -> float | None:
    if column is None:
        return None
    return 100 * float(column["nulls"]) / column["rows"] if column["rows"] else 0.0


def _moved(before: Column, after: Column) -> dict[str, Any]:
    """Picture and statistics of the values of both."""
    found: dict[str, Any] = {"overlay": _overlay(before, after)}
    reference, present = before.get("spread"), after.get("spread")
    if not reference or not present:
        return found
    if not read_alike(before, after):
        return found | {"untold": OTHERWISE_READ}
    grouped = drift.same_bins(reference, present, drift.GROUPS)
    told = drift.told_psi(*grouped, drift.PSI_ITEM)
    if told.value is None:
        return found | {"untold": told.untold}
    found |= {"psi": told.value, "noise": drift.psi_noise(*grouped)}
    bins = drift.same_bins(reference, present)
    name = "distance" if "edges" in reference else "effect"
    return found | {name: getattr(drift, name)(*bins)}


def _overlay(before: Column, after: Column) -> Overlay | None:
    if "histogram_edges" in before and "histogram_edges" in after:
        return overlay_numbers(*(_bins(column) for column in (before, after)))
    pairs: list[Any] = [c.get("histogram") or c.get("top") or [] for c in (before, after)]
    if not pairs[0] or not pairs[1] or "histogram_edges" in before or "histogram_edges" in after:
        return None
    labelled = [[(str(label), int(count)) for label, count in one] for one in pairs]
    if "histogram" in before:  # months, of which the last ones are shown, in their order
        months = sorted({label for one in labelled for label, _ in one})[-MOST_LABELS:]
        labelled = [[(m, dict(one).get(m, 0)) for m in months] for one in labelled]
    whole = (before["rows"] - before["nulls"], after["rows"] - after["nulls"])
    return overlay_labels(labelled[0], labelled[1], whole=whole)


def _bins(column: Column) -> Bins:
    return Bins(column["histogram_edges"], [int(count) for _, count in column["histogram"]])
