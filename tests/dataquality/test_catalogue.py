"""The catalogue of expectations: whatever can be saved says something."""

from __future__ import annotations

from typing import Any

import pytest

from dataquality.engine import catalogue, running, suites
from tests.dataquality.conftest import check
from tests.dataquality.test_engine import table_of

# One value for each kwarg that a check can't do without.
GIVEN: dict[str, Any] = {
    "column": "x",
    "column_A": "x",
    "column_B": "y",
    "column_list": ["x", "y"],
    "column_set": ["x"],
    "double_sided": True,
    "json_schema": {"type": "object"},
    "partition_object": {"values": [1, 2], "weights": [0.5, 0.5]},
    "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[500, 600]]},
    "regex": "^9$",
    "regex_list": ["^9$"],
    "strftime_format": "%Y",
    "sum_total": 99,
    "threshold": 0.1,
    "type_": "datetime64",
    "type_list": ["datetime64"],
    "value": 99,
    "value_pairs_set": [[7, 7]],
    "value_set": [1],
}
SCHEMA = [{"name": "x", "type": "integer"}, {"name": "y", "type": "integer"}]
# Where a check fails on none of these, it fails on nothing.
HOSTILE = [
    table_of(x=[1, 1, 2, 5, 1, 1, 1, 1, 1000, 3], y=[9, 1, 2, 8, 7, 1, 3, 1, 1000, 3]),
    table_of(x=[5.0, None, 2.0, 2.0], y=[1, 2, 3, 3]),
    table_of(x=["9", "a", "{", "9"], y=["1", "9", "9", "2"]),
    table_of(x=["1", "2"], y=["1", "9"]),
    table_of(w=[1]),
]


def test_without_what_it_can_do_without_a_check_is_refused_or_can_fail() -> None:
    refused, asked = set(), []
    for entry in catalogue.expectations():
        if not entry.on_files or entry.group == catalogue.OURS:  # see test_drift_checks
            continue
        kwargs = {field.name: GIVEN[field.name] for field in entry.fields if field.required}
        bare = check(entry.type.removeprefix("expect_"), **kwargs)
        if suites.problems([bare], SCHEMA):
            refused.add(entry.type)
        else:
            asked.append(bare)
    can_fail = {
        result.type
        for table in HOSTILE
        for result in running.run_suite(table, asked)
        if result.outcome == "failed"
    }
    assert {one["type"] for one in asked} - can_fail == set()
    assert {kind for kind in refused if not kind.endswith("_between")} == set()


@pytest.mark.parametrize(
    ("kind", "kwargs", "pointer"),
    [
        ("column_kl_divergence_to_be_less_than", {"threshold": 0.1}, "partition_object"),
        (
            "column_kl_divergence_to_be_less_than",
            {"partition_object": {"values": [1], "weights": [1]}},
            "threshold",
        ),
        ("column_values_to_match_regex", {}, "regex"),
        ("column_values_to_be_in_type_list", {}, "type_list"),
        ("column_values_to_be_unique", {"mostly": 0}, "mostly"),
        ("column_values_to_match_json_schema", {"json_schema": {}}, "json_schema"),
        (
            "column_quantile_values_to_be_between",
            {"quantile_ranges": {"quantiles": [0.5], "value_ranges": [[None, None]]}},
            "quantile_ranges",
        ),
        ("column_quantile_values_to_be_between", {"quantile_ranges": [1]}, "quantile_ranges"),
    ],
)
def test_a_check_that_would_pass_on_everything_is_refused(
    kind: str, kwargs: dict[str, Any], pointer: str
) -> None:
    found = suites.problems([check(kind, column="x", **kwargs)], SCHEMA)
    assert [problem.pointer for problem in found] == [f"/expectations/0/kwargs/{pointer}"]


@pytest.mark.parametrize(
    "kind",
    ["multicolumn_values_to_be_equal", "select_column_values_to_be_unique_within_record"],
)
def test_one_column_is_compared_with_nothing(kind: str) -> None:
    found = suites.problems([check(kind, column_list=["x"])], SCHEMA)
    assert [problem.code for problem in found] == ["one_column"]
