"""What a failed check says as the title of an item: names, counts and limits of the team, never a
value of the data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from dataquality.engine import catalogue, suites

FIGURE = re.compile(r"^expect_column_(.+)_to_be_between$")
FIGURES = {
    "stdev": "standard deviation",
    "min": "smallest value",
    "max": "largest value",
    "unique_value_count": "number of distinct values",
    "proportion_of_unique_values": "share of distinct values",
    "proportion_of_non_null_values": "share of values present",
    "quantile_values": "a quantile",
}
LONGEST = 200
MOVED = {catalogue.PSI: "PSI", catalogue.DISTANCE: "KS", catalogue.EFFECT: "Cramér's V"}


def of_failure(expectation: suites.Expectation, found: Mapping[str, Any]) -> str:
    """A failed check with what was counted: `unexpected_count`, `unexpected_percent`,
    `observed_value`."""
    kind, kwargs = str(expectation["type"]), expectation["kwargs"]
    count = found.get("unexpected_count")
    if kind in OF_VALUES and count is not None:
        text = OF_VALUES[kind](expectation, int(count))
        if kwargs.get("mostly", 1) < 1:
            text += f" (limit {_limit(kwargs)} %)"
    elif kind == "expect_column_values_to_not_be_null" and count is not None:
        text = _missing(kwargs, float(found.get("unexpected_percent") or 0))
    elif kind == "expect_table_row_count_to_be_between":
        text = _rows(kwargs, found.get("observed_value"))
    elif kind.startswith("expect_table_columns_to_match"):
        text = "columns are not those of the schema"
    elif (figure := FIGURE.match(kind)) and kind != "expect_column_values_to_be_between":
        name = FIGURES.get(figure[1], figure[1].replace("_", " "))
        text = f"{name} of {kwargs.get('column')} is out of bounds"
    elif kind in MOVED:
        text = f"{kwargs.get('column')} has moved from its reference ({MOVED[kind]}"
        text += f" {found.get('observed_value') or 0:.2f})"
    elif kind == catalogue.REPRESENTED:
        text = f"groups of {kwargs.get('column')} are not represented"
        text += f" (R {found.get('observed_value') or 0:.2f})"
    else:
        return of_check(expectation, found)
    if kwargs.get("row_condition"):
        text += ", where a condition holds"
    return text[:LONGEST]


def of_check(expectation: suites.Expectation, found: Mapping[str, Any]) -> str:
    """The check itself, whatever it said."""
    name = ", ".join(suites.columns_of(expectation["kwargs"]))
    text = suites.words(expectation, with_values=False)
    text = f"{name}: {text[:1].lower()}{text[1:]}" if name else text
    count, total = found.get("unexpected_count"), found.get("element_count")
    if count and total is not None:
        text += f" ({count:,} of {total:,} are not)"
    return text[:LONGEST]


def _missing(kwargs: Mapping[str, Any], percent: float) -> str:
    share = f"{percent:.1f}" if percent >= 0.1 else f"{percent:.2g}"  # noqa: PLR2004
    column = kwargs["column"]
    return f"{column} is missing in {share.removesuffix('.0')} % of rows (limit {_limit(kwargs)} %)"


def _rows(kwargs: Mapping[str, Any], rows: Any) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if not isinstance(rows, int):
        return "number of rows is out of bounds"
    counted = "1 row" if rows == 1 else f"{rows:,} rows"
    if low is not None and rows <= low:
        return f"{counted}, fewer than {low:,}" if rows < low else f"{counted}, not more"
    return f"{counted}, more than {high:,}" if high is not None and rows > high else counted


def _values(count: int, column: Any, *, one: str, many: str) -> str:
    return f"1 value of {column} {one}" if count == 1 else f"{count:,} values of {column} {many}"


def _are(what: str) -> Callable[[suites.Expectation, int], str]:
    """Values that are not as they should be; `{set}` and `{bounds}` stand for the team's."""

    def text(expectation: suites.Expectation, count: int) -> str:
        kwargs = expectation["kwargs"]
        said = what.replace("{bounds}", _bounds(expectation))
        size = len(kwargs.get("value_set") or [])
        said = said.replace("{set}", f"set of {size:,} value{'' if size == 1 else 's'}")
        return _values(count, kwargs.get("column"), one=f"is {said}", many=f"are {said}")

    return text


def _do(one: str, many: str) -> Callable[[suites.Expectation, int], str]:
    def text(expectation: suites.Expectation, count: int) -> str:
        return _values(count, expectation["kwargs"].get("column"), one=one, many=many)

    return text


def _bounds(expectation: suites.Expectation) -> str:
    """What values should be within; bounds that a profile suggested come from the data."""
    kwargs = expectation["kwargs"]
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if suites.is_suggested(expectation):
        return "outside their bounds"
    if low is None or high is None:
        return f"above {suites.value(high)}" if low is None else f"below {suites.value(low)}"
    return f"outside {suites.value(low)} to {suites.value(high)}"


def _limit(kwargs: Mapping[str, Any]) -> str:
    return f"{round(100 * (1 - kwargs.get('mostly', 1)), 6):g}"


OF_VALUES: Mapping[str, Callable[[suites.Expectation, int], str]] = {
    catalogue.OUTLIERS: _do("is an outlier of the reference", "are outliers of the reference"),
    "expect_column_values_to_be_null": _are("not null"),
    "expect_column_values_to_be_unique": _are("not unique"),
    "expect_column_values_to_be_in_set": _are("outside the {set}"),
    "expect_column_values_to_not_be_in_set": _are("within a {set} that must not occur"),
    "expect_column_values_to_be_between": _are("{bounds}"),
    "expect_column_values_to_match_regex": _do("does not match the pattern", "don't match the "
                                               "pattern"),
    "expect_column_values_to_not_match_regex": _do("matches a pattern that must not occur",
                                                   "match a pattern that must not occur"),
}  # fmt: skip
