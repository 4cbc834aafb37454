"""What stands between engine and storage: nothing of a row is kept beyond the sample policy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from backlog.rules.posted import SECRET_IN_URL
from dataquality.engine.answers import CheckResult
from dataquality.engine.profiling import Profiled
from dataquality.engine.suites import columns_of

MAX_ROWS = 20
MAX_TEXT = 1000
MAX_TOLD = 4096
LONGEST_VALUE = 200
# Observed values that are counts or made of counts, not values of the data.
COUNTING = re.compile(
    r"expect_table_(row|column)_count|unique_value_count|proportion_of|columns_to_match|to_exist|"
    r"_psi_to_be|_ks_distance_to_be|_chi_square_effect_to_be|_to_be_represented"
)
OF_VALUES = (
    "min", "max", "mean", "quantiles", "histogram", "histogram_edges", "top", "outliers", "spread",
)  # fmt: skip
# Suggestions whose kwargs hold nothing of the data.
WITHOUT_VALUES = frozenset({
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_unique",
    "expect_table_columns_to_match_set",
    "expect_table_row_count_to_be_between",
})  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """What may be kept: `sample` is none, keys or values; masked columns never are."""

    sample: str
    personal_data: bool
    key_columns: tuple[str, ...] = ()
    masked_columns: tuple[str, ...] = ()

    @property
    def keeps_values(self) -> bool:
        """Whether figures that are, or come from, single values may be kept."""
        return self.sample == "values" or not self.personal_data


def results(found: Sequence[CheckResult], policy: Policy) -> list[CheckResult]:
    """The results as they may be stored: counts always, the rest by the policy."""
    return [_result(result, policy) for result in found]


def profile(found: Profiled, policy: Policy) -> Profiled:
    """A profile as it may be stored; without values it holds counts and types alone."""
    hidden = set(policy.masked_columns)
    columns = [
        dict(column)
        if policy.keeps_values and column["name"] not in hidden
        else {name: value for name, value in column.items() if name not in OF_VALUES}
        | {"hidden": True}
        for column in found.data.get("columns", [])
    ]
    suggestions = [
        suggestion
        for suggestion in found.suggestions
        if suggestion["expectation"]["type"] in WITHOUT_VALUES
        or (policy.keeps_values and suggestion["expectation"]["kwargs"].get("column") not in hidden)
    ]
    return Profiled({**found.data, "columns": columns}, suggestions)


def text(message: str) -> str:
    """A message without passwords in addresses, cut to 1,000 characters."""
    return SECRET_IN_URL.sub("***", message)[:MAX_TEXT]


def told(message: str, policy: Policy) -> str:
    """What a tool elsewhere said of an error or failure, up to 4 kB without passwords in addresses;
    nothing where values may not be kept, for such texts quote them."""
    if not policy.keeps_values or policy.masked_columns:
        return ""
    return SECRET_IN_URL.sub("***", message)[-MAX_TOLD:]


def _result(result: CheckResult, policy: Policy) -> CheckResult:
    about_masked = bool(set(policy.masked_columns) & set(columns_of(result.kwargs)))
    keeps_observed = (policy.keeps_values and not about_masked) or COUNTING.search(result.type)
    return replace(
        result,
        observed_value=_cut(result.observed_value) if keeps_observed else None,
        sample=[_row(row, policy) for row in result.sample[:MAX_ROWS]]
        if policy.sample != "none"
        else [],
        message=text(result.message),
    )


def _row(row: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    def may_keep(name: str) -> bool:
        if name == "row":
            return True
        if name in policy.masked_columns:
            return False
        return policy.sample == "values" or name in policy.key_columns

    return {name: _cut(value) for name, value in row.items() if may_keep(name)}


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return f"{value[:LONGEST_VALUE]}…"
    if isinstance(value, list):
        return [_cut(inner) for inner in value[:MAX_ROWS]]
    return value
