"""Thresholds that the past of a check suggests, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backlog.rules.evidence import Outcome
from dataquality.engine import catalogue
from dataquality.engine.redact import COUNTING
from dataquality.models import Dataset, Result
from dataquality.queries.suites import fingerprint_of
from dataquality.rules import thresholds
from dataquality.rules.thresholds import Interval

LOOKED_AT = 200  # results, of which several may be of the same data
COUNTED = "expect_table_row_count_to_be_between"


@dataclass(frozen=True)
class Suggested:
    """Kwargs for the check at a position, and why. `batches` is how many passed it of late, each
    counted once."""

    position: int
    kwargs: Mapping[str, Any]
    reason: str
    batches: int
    low: float
    high: float


def suggested_thresholds(dataset: Dataset, *, with_values: bool) -> list[Suggested]:
    """Of each check of the suite in force that has passed on five batches or more."""
    suite = dataset.current_suite.expectations if dataset.current_suite else []
    found = (
        suggested_threshold(dataset, check, position, with_values=with_values)
        for position, check in enumerate(suite)
    )
    return [one for one in found if one is not None]


def suggested_threshold(
    dataset: Dataset, check: Mapping[str, Any], position: int, *, with_values: bool
) -> Suggested | None:
    """What the batches on which a check has passed suggest for the next ones. None for fewer than
    five, where it has no threshold, and where it is of values that this reader may not see."""
    entry = catalogue.find(check["type"])
    if entry is None:
        return None
    results = _passed(dataset, check)
    percents = [r.unexpected_percent for r in results if r.unexpected_percent is not None]
    if "mostly" in entry.names and percents:
        return _of_percents(position, percents)
    if not with_values and not COUNTING.search(entry.type):
        return None
    observed = [value for r in results if (value := _number(r.observed_value)) is not None]
    interval = thresholds.next_within(observed)
    if interval is None:
        return None
    if "threshold" in entry.names:
        return _of_threshold(position, interval)
    if entry.group == catalogue.OURS or not {"min_value", "max_value"} <= entry.names:
        return None
    is_whole = all(value.is_integer() for value in observed)
    low, high = thresholds.rounded(interval, whole=is_whole)
    if entry.type == COUNTED:
        low = max(low, 1)
    return _suggested(position, interval, {"min_value": low, "max_value": high}, low, high)


def _of_percents(position: int, percents: Sequence[float]) -> Suggested | None:
    interval = thresholds.next_within(percents)
    if interval is None:
        return None
    mostly = thresholds.mostly_of(interval)
    low, high = max(0.0, interval.low), min(100.0, max(0.0, interval.high))
    return _suggested(position, interval, {"mostly": mostly}, low, high, of="unexpected percent")


def _of_threshold(position: int, interval: Interval) -> Suggested | None:
    low, high = thresholds.rounded(interval, whole=False)
    if high <= 0:
        return None
    return _suggested(position, interval, {"threshold": high}, max(0.0, low), high)


def _suggested(
    position: int,
    interval: Interval,
    kwargs: Mapping[str, Any],
    low: float,
    high: float,
    *,
    of: str = "observed value",
) -> Suggested:
    reason = (
        f"On the last {interval.values} batches that passed, 19 of 20 next ones would have an "
        f"{of} from {low:,.6g} to {high:,.6g}."
    )
    return Suggested(position, kwargs, reason, interval.values, low, high)


def _passed(dataset: Dataset, check: Mapping[str, Any]) -> list[Result]:
    """The newest result of each batch on which the check has passed, newest batch first."""
    results = (
        Result.objects.filter(
            fingerprint=fingerprint_of(dataset, check),
            type=check["type"],
            run__dataset=dataset,
            run__tracked=True,
            run__version__isnull=False,
            outcome=Outcome.PASSED,
        )
        .select_related("run__version__dataset__subject", "run__dataset__subject")
        .order_by("-run_id")[:LOOKED_AT]
    )
    newest: dict[str, Result] = {}
    for result in results:
        newest.setdefault(result.run.data_key, result)
    return list(newest.values())[: thresholds.MOST]


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None
