"""Thresholds that the past of a check suggests, each with its interval."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from backlog.rules.evidence import Outcome
from dataquality.engine import catalogue
from dataquality.engine.redact import COUNTING
from dataquality.models import Dataset, Result, Run
from dataquality.queries.suites import fingerprint_of
from dataquality.rules import thresholds
from dataquality.rules.thresholds import Interval

LOOKED_AT = 200  # results, of which several may be of the same data
COUNTED = "expect_table_row_count_to_be_between"
Key = tuple[str, str]  # fingerprint and type of a check


@dataclass(frozen=True)
class Past:
    """What a check that passed said in a run."""

    run: int
    unexpected_percent: float | None
    observed_value: Any


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
    past = _passed(dataset, suite)
    found = (
        _suggestion(check, position, past[_key(dataset, check)], with_values=with_values)
        for position, check in enumerate(suite)
    )
    return [one for one in found if one is not None]


def suggested_threshold(
    dataset: Dataset, check: Mapping[str, Any], position: int, *, with_values: bool
) -> Suggested | None:
    """What the batches on which a check has passed suggest for the next ones. None for fewer than
    five, where it has no threshold, and where it is of values that this reader may not see."""
    past = _passed(dataset, [check])
    return _suggestion(check, position, past[_key(dataset, check)], with_values=with_values)


def _suggestion(
    check: Mapping[str, Any], position: int, results: Sequence[Past], *, with_values: bool
) -> Suggested | None:
    entry = catalogue.find(check["type"])
    if entry is None:
        return None
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


def _key(dataset: Dataset, check: Mapping[str, Any]) -> Key:
    return fingerprint_of(dataset, check), str(check["type"])


def _passed(dataset: Dataset, checks: Sequence[Mapping[str, Any]]) -> dict[Key, list[Past]]:
    """Of each check the newest result of each batch on which it has passed, newest batch first."""
    keys = {_key(dataset, check) for check in checks}
    place = Window(
        RowNumber(), partition_by=[F("fingerprint"), F("type")], order_by=F("run_id").desc()
    )
    results = (
        Result.objects.filter(
            fingerprint__in={fingerprint for fingerprint, _ in keys},
            run__dataset=dataset,
            run__tracked=True,
            run__version__isnull=False,
            outcome=Outcome.PASSED,
        )
        .annotate(place=place)
        .filter(place__lte=LOOKED_AT)
        .order_by("-run_id", "position")
        .values_list("fingerprint", "type", "run_id", "unexpected_percent", "observed_value")
    )
    found = [
        ((fingerprint, kind), Past(run, percent, observed))
        for fingerprint, kind, run, percent, observed in results
    ]
    data = _data_keys(dataset, {past.run for _, past in found})
    newest: dict[Key, dict[str, Past]] = {key: {} for key in keys}
    for key, past in found:
        if key in newest:
            newest[key].setdefault(data[past.run], past)
    return {key: list(by_data.values())[: thresholds.MOST] for key, by_data in newest.items()}


def _data_keys(dataset: Dataset, runs: Collection[int]) -> dict[int, str]:
    """By run what data it looked at."""
    if not runs:
        return {}
    found = (
        Run.objects.filter(dataset=dataset, pk__range=(min(runs), max(runs)))
        .select_related("version")
        .only("batch", "batch_key", "version__sha256", "version__as_of", "version__seen_at")
    )
    keys = {}
    for run in found:
        run.dataset = dataset
        if run.version is not None:
            run.version.dataset = dataset
        keys[run.pk] = run.data_key
    return keys


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None
