"""Which engine carries a check, said before any run.

`CARRIED` holds what the contract test has proved: there each database gives the outcome, counts and
percent that pandas gives. Everything else goes to pandas.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataquality.engine import ours, regexes, suites
from mlscrum.lib.errors import DomainError

PANDAS = "pandas"
DUCKDB = "duckdb"
SPARK = "spark"
NUMERIC = frozenset({"integer", "number"})
TIMES = frozenset({"date", "datetime"})
TEXT = frozenset({"text"})
ALL = NUMERIC | TIMES | TEXT | {"boolean"}
ORDERED = NUMERIC | TIMES
# The kinds of columns that each expectation is carried on, without its `expect_`.
CARRIED: Mapping[str, Collection[str]] = {
    **dict.fromkeys(
        (
            "column_values_to_not_be_null", "column_values_to_be_null",
            "column_proportion_of_non_null_values_to_be_between", "column_values_to_be_unique",
            "column_unique_value_count_to_be_between",
            "column_proportion_of_unique_values_to_be_between", "column_values_to_be_in_set",
            "column_values_to_not_be_in_set", "column_distinct_values_to_be_in_set",
            "column_distinct_values_to_contain_set", "column_distinct_values_to_equal_set",
            "column_most_common_value_to_be_in_set", "column_pair_values_to_be_equal",
            "column_pair_values_to_be_in_set", "compound_columns_to_be_unique",
            "select_column_values_to_be_unique_within_record",
            "multicolumn_values_to_be_equal", "column_to_exist", "table_row_count_to_equal",
            "table_row_count_to_be_between", "table_column_count_to_equal",
            "table_column_count_to_be_between", "table_columns_to_match_set",
            "table_columns_to_match_ordered_list",
        ),
        ALL,
    ),
    **dict.fromkeys(
        (
            "column_values_to_be_between", "column_min_to_be_between",
            "column_max_to_be_between", "column_pair_values_a_to_be_greater_than_b",
        ),
        ORDERED,
    ),
    **dict.fromkeys(
        (
            "column_mean_to_be_between", "column_median_to_be_between",
            "column_sum_to_be_between", "column_stdev_to_be_between",
            "column_value_z_scores_to_be_less_than",
        ),
        NUMERIC,
    ),
    **dict.fromkeys(
        (
            "column_values_to_match_regex", "column_values_to_not_match_regex",
            "column_values_to_match_regex_list", "column_values_to_not_match_regex_list",
            "column_value_lengths_to_be_between", "column_value_lengths_to_equal",
        ),
        TEXT,
    ),
    # Fractions add up differently in another order.
    **dict.fromkeys(
        ("multicolumn_sum_to_equal", "column_kl_divergence_to_be_less_than"), {"integer"}
    ),
}  # fmt: skip
# Only a database can answer these, and it needs no pandas to compare with.
OF_SQL = frozenset({
    "column_values_to_match_like_pattern", "column_values_to_not_match_like_pattern",
    "column_values_to_match_like_pattern_list", "column_values_to_not_match_like_pattern_list",
    "table_row_count_to_equal_other_table", "unexpected_rows_expectation",
})  # fmt: skip
# They ask for names of types, which are those of pandas in files and its own in a database.
OF_TYPES = frozenset({
    "column_values_to_be_of_type", "column_values_to_be_in_type_list", "column_type_to_be",
})  # fmt: skip
# They say of rows with missing values what pandas says only where those rows are left out.
LEAVING_OUT: dict[str, str] = {
    "column_pair_values_a_to_be_greater_than_b": "either_value_is_missing",
    "column_pair_values_to_be_in_set": "either_value_is_missing",
    "compound_columns_to_be_unique": "any_value_is_missing",
    "multicolumn_sum_to_equal": "any_value_is_missing",
}
LEAVING_OUT_OF_SPARK = LEAVING_OUT | {"column_pair_values_to_be_equal": "either_value_is_missing"}
# They compare rows with each other or with a set, never one column with another.
BESIDE_EACH_OTHER = frozenset({"compound_columns_to_be_unique", "column_pair_values_to_be_in_set"})
# Signs in names of columns that Great Expectations can't quote, by engine; else a double one.
UNQUOTED = {SPARK: ".`"}
NO_FORM = "it has no form in SQL, or none that says the same"
OTHER_KIND = "a database would compare its column in another way"
PATTERN = "a database would read its pattern in another way"
TIMES_AS_TEXTS = "SQLite keeps times as texts"
MISSING = "its columns miss values, which a database would compare in another way"
ODD = "its column holds nested or binary values"
NAME = "Great Expectations can't quote the name of its column in SQL"


@dataclass(frozen=True)
class Choice:
    """The engine of a check, and why it is not the one of the source; empty where it is.

    With `unless_missing` it is pandas all the same where its columns miss values.
    """

    engine: str
    reason: str = ""
    unless_missing: bool = False


def engine_for(
    check: Mapping[str, Any],
    kinds: Mapping[str, str],
    engine: str,
    *,
    odd: Collection[str] = (),
) -> Choice:
    """What carries a check on columns of these kinds, where the source is read by `engine`."""
    name = str(check["type"]).removeprefix("expect_")
    if engine == PANDAS:
        return Choice(PANDAS)
    if ours.is_ours(check):
        return Choice(engine)
    if engine != SPARK and (name in OF_SQL or (name in OF_TYPES and engine != DUCKDB)):
        return Choice(engine)
    reason = next(_reasons(name, check["kwargs"], kinds, engine, odd), "")
    if reason:
        return Choice(PANDAS, reason)
    left_out = (LEAVING_OUT_OF_SPARK if engine == SPARK else LEAVING_OUT).get(name)
    ignored = check["kwargs"].get("ignore_row_if")
    if left_out is not None and ignored != left_out:
        return Choice(engine, MISSING, unless_missing=True)
    return Choice(engine)


def too_many_rows(rows: int, limit: int) -> DomainError:
    """The refusal of a check that needs pandas on more rows than memory may take."""
    return DomainError(
        "needs_pandas",
        f"This check needs pandas; the data has {rows:,} rows and the limit is {limit:,}. Check a "
        "batch, or raise PANDAS_ROWS.",
    )


def _reasons(
    name: str,
    kwargs: Mapping[str, Any],
    kinds: Mapping[str, str],
    engine: str,
    odd: Collection[str],
) -> Iterator[str]:
    """Why a database does not carry the check."""
    columns = suites.columns_of(kwargs)
    found = {kinds[column] for column in columns if column in kinds}
    if name not in CARRIED:
        yield NO_FORM
        return
    if any(sign in column for column in columns for sign in UNQUOTED.get(engine, '"')):
        yield NAME
    is_of_values = (
        "null" not in name and not name.startswith("table_") and name != "column_to_exist"
    )
    if not is_of_values:
        return
    if any(column in odd for column in columns):
        yield ODD
    is_compared = name not in BESIDE_EACH_OTHER
    if not found <= set(CARRIED[name]) or (is_compared and not _is_of_one_kind(found)):
        yield OTHER_KIND
    if engine == "sqlite" and found & TIMES:
        yield TIMES_AS_TEXTS
    if not regexes.are_said(kwargs, engine):
        yield PATTERN
    if not all(_fits(kwargs, kind) for kind in found) or not _pairs_fit(kwargs, kinds):
        yield OTHER_KIND


def _is_of_one_kind(kinds: Collection[str]) -> bool:
    return any(set(kinds) <= group for group in (NUMERIC, TIMES, TEXT, {"boolean"}))


def _fits(kwargs: Mapping[str, Any], kind: str) -> bool:
    """Whether bounds and sets are of the kind of their column."""
    values: Sequence[Any] = kwargs.get("value_set") or []
    bounds = [kwargs[name] for name in ("min_value", "max_value") if kwargs.get(name) is not None]
    is_such = OF_KIND[kind]
    return all(map(is_such, values)) and (not bounds or _are_bounds(bounds, kind))


def _pairs_fit(kwargs: Mapping[str, Any], kinds: Mapping[str, str]) -> bool:
    pairs = kwargs.get("value_pairs_set") or []
    sides = [kinds.get(str(kwargs.get(name))) for name in ("column_A", "column_B")]
    return all(
        isinstance(pair, list | tuple)
        and len(pair) == len(sides)
        and all(kind is None or OF_KIND[kind](one) for kind, one in zip(sides, pair, strict=True))
        for pair in pairs
    )


def _are_bounds(bounds: Sequence[Any], kind: str) -> bool:
    """Bounds are of the column's kind, or, where figures of it are counted, numbers."""
    return all(_is_number(bound) or (kind in TIMES and isinstance(bound, str)) for bound in bounds)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


OF_KIND: Mapping[str, Callable[[Any], bool]] = {
    "text": _is_text,
    "date": _is_text,
    "datetime": _is_text,
    "integer": _is_number,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
}
