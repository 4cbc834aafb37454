"""Titles of items: what failed, as people say it."""

from __future__ import annotations

from typing import Any

import pytest

from dataquality.engine import running
from tests.dataquality.conftest import Check, check
from tests.dataquality.test_engine import table_of

TABLE = table_of(
    age=[20.0, None, 130.0, 140.0, 50.0], name=["a", "b", "b", "c", "d"], id=[1, 2, 3, 4, 5]
)
BETWEEN: dict[str, Any] = {"column": "age", "min_value": 0, "max_value": 120}
SUGGESTED: Check = {
    **check("column_values_to_be_between", **BETWEEN),
    "meta": {"suggested": True},
}


@pytest.mark.parametrize(
    ("failing", "title"),
    [
        (
            check("column_values_to_not_be_null", column="age", mostly=0.98),
            "age is missing in 20 % of rows (limit 2 %)",
        ),
        (
            check("column_values_to_be_between", **BETWEEN),
            "2 values of age are outside 0 to 120",
        ),
        (
            check("column_values_to_be_between", **BETWEEN, mostly=0.9),
            "2 values of age are outside 0 to 120 (limit 10 %)",
        ),
        (SUGGESTED, "2 values of age are outside their bounds"),
        (
            check("column_values_to_be_between", column="id", max_value=4),
            "1 value of id is above 4",
        ),
        (check("column_values_to_be_unique", column="name"), "2 values of name are not unique"),
        (
            check("column_values_to_match_regex", column="name", regex="^[ab]$"),
            "2 values of name don't match the pattern",
        ),
        (
            check("column_mean_to_be_between", column="age", max_value=9),
            "mean of age is out of bounds",
        ),
        (
            check("column_stdev_to_be_between", column="age", max_value=1),
            "standard deviation of age is out of bounds",
        ),
        (
            check("table_columns_to_match_set", column_set=["age"]),
            "columns are not those of the schema",
        ),
        (check("table_row_count_to_be_between", min_value=1000), "5 rows, fewer than 1,000"),
        (check("table_row_count_to_be_between", max_value=3), "5 rows, more than 3"),
        (
            check("column_values_to_be_decreasing", column="id"),
            "id: values decrease (4 of 5 are not)",
        ),
    ],
)  # fmt: skip
def test_a_title_says_what_failed(failing: Check, title: str) -> None:
    found = running.run_suite(TABLE, [failing])
    assert (found[0].outcome, found[0].title) == ("failed", title)
