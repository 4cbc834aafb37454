"""The core expectations as forms need them, made from their own JSON schemas.

The schemas are read from Great Expectations by another process, once per version of it, and kept
beside the data.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.conf import settings

HIDDEN = frozenset({
    "id", "meta", "notes", "result_format", "description", "catch_exceptions", "rendered_content",
    "severity", "windows", "batch_id", "metadata", "library_metadata", "condition_parser",
})  # fmt: skip
# They ask a database, which a file is not.
SQL_ONLY = frozenset({
    "expect_column_values_to_match_like_pattern",
    "expect_column_values_to_match_like_pattern_list",
    "expect_column_values_to_not_match_like_pattern",
    "expect_column_values_to_not_match_like_pattern_list",
    "expect_query_results_to_match_comparison",
    "expect_table_row_count_to_equal_other_table",
    "unexpected_rows_expectation",
})  # fmt: skip
COLUMN_FIELDS = frozenset({"column", "column_A", "column_B"})
COLUMNS_FIELDS = frozenset({"column_list", "column_set"})
LIST_FIELDS = frozenset({"value_set", "regex_list", "type_list", "like_pattern_list"})
NUMBER_FIELDS = frozenset({"mostly", "threshold", "value", "sum_total", "multiplier",
                           "tail_weight_holdout", "internal_weight_holdout"})  # fmt: skip
# What people call them, by group, the common ones first.
TITLES: Mapping[str, Mapping[str, str]] = {
    "Missing": {
        "expect_column_values_to_not_be_null": "Values are not null",
        "expect_column_values_to_be_null": "Values are null",
        "expect_column_proportion_of_non_null_values_to_be_between": "Share of values present",
    },
    "Values in a set or range": {
        "expect_column_values_to_be_in_set": "Values are in a set",
        "expect_column_values_to_be_between": "Values are within bounds",
        "expect_column_values_to_be_unique": "Values are unique",
        "expect_column_values_to_not_be_in_set": "Values are not in a set",
        "expect_column_distinct_values_to_be_in_set": "Distinct values are in a set",
        "expect_column_distinct_values_to_contain_set": "Distinct values hold a set",
        "expect_column_distinct_values_to_equal_set": "Distinct values are a set",
        "expect_column_most_common_value_to_be_in_set": "The most common value is in a set",
        "expect_column_values_to_not_be_outliers": "Values are no outliers",
        "expect_column_value_z_scores_to_be_less_than": "Values have z-scores below a bound",
        "expect_column_values_to_be_increasing": "Values increase",
        "expect_column_values_to_be_decreasing": "Values decrease",
    },
    "Text patterns": {
        "expect_column_values_to_match_regex": "Texts match a pattern",
        "expect_column_value_lengths_to_be_between": "Lengths of texts are within bounds",
        "expect_column_value_lengths_to_equal": "Texts have one length",
        "expect_column_values_to_not_match_regex": "Texts do not match a pattern",
        "expect_column_values_to_match_regex_list": "Texts match any or all of several patterns",
        "expect_column_values_to_not_match_regex_list": "Texts match none of several patterns",
        "expect_column_values_to_match_like_pattern": "Texts match an SQL pattern",
        "expect_column_values_to_match_like_pattern_list": "Texts match any or all SQL patterns",
        "expect_column_values_to_not_match_like_pattern": "Texts do not match an SQL pattern",
        "expect_column_values_to_not_match_like_pattern_list": "Texts match none of SQL patterns",
    },
    "Types": {
        "expect_column_values_to_be_of_type": "Values are of a type",
        "expect_column_values_to_be_in_type_list": "Values are of one of several types",
        "expect_column_type_to_be": "The column is of a type",
        "expect_column_values_to_be_dateutil_parseable": "Values can be parsed as dates",
        "expect_column_values_to_match_strftime_format": "Values are dates in a format",
        "expect_column_values_to_be_json_parseable": "Values can be parsed as JSON",
        "expect_column_values_to_match_json_schema": "Values match a JSON schema",
    },
    "Columns": {
        "expect_table_columns_to_match_set": "Columns are those of a set",
        "expect_column_to_exist": "A column is there",
        "expect_table_columns_to_match_ordered_list": "Columns stand in an order",
        "expect_table_column_count_to_equal": "Number of columns",
        "expect_table_column_count_to_be_between": "Number of columns is within bounds",
    },
    "Table": {
        "expect_table_row_count_to_be_between": "Number of rows is within bounds",
        "expect_table_row_count_to_equal": "Number of rows",
        "expect_table_row_count_to_equal_other_table": "As many rows as another table",
        "expect_query_results_to_match_comparison": "A query answers as another does",
        "unexpected_rows_expectation": "A query finds no rows",
    },
    "Statistics": {
        "expect_column_mean_to_be_between": "Mean is within bounds",
        "expect_column_median_to_be_between": "Median is within bounds",
        "expect_column_min_to_be_between": "Smallest value is within bounds",
        "expect_column_max_to_be_between": "Largest value is within bounds",
        "expect_column_sum_to_be_between": "Sum is within bounds",
        "expect_column_stdev_to_be_between": "Standard deviation is within bounds",
        "expect_column_quantile_values_to_be_between": "Quantiles are within bounds",
        "expect_column_unique_value_count_to_be_between": "Number of distinct values",
        "expect_column_proportion_of_unique_values_to_be_between": "Share of distinct values",
        "expect_column_kl_divergence_to_be_less_than": "Distribution is close to another (KL)",
    },
    "Several columns": {
        "expect_compound_columns_to_be_unique": "Columns are unique together",
        "expect_column_pair_values_to_be_equal": "Two columns are equal",
        "expect_column_pair_values_a_to_be_greater_than_b": "One column is greater than another",
        "expect_column_pair_values_to_be_in_set": "Pairs of values are in a set",
        "expect_multicolumn_sum_to_equal": "Columns add up to a number",
        "expect_multicolumn_values_to_be_equal": "Several columns are equal",
        "expect_select_column_values_to_be_unique_within_record": "Values of a row differ",
    },
}
OTHER = "Other"
OURS = "Drift and representation"
PSI = "expect_column_psi_to_be_less_than"
DISTANCE = "expect_column_ks_distance_to_be_less_than"
EFFECT = "expect_column_chi_square_effect_to_be_less_than"
OUTLIERS = "expect_column_outliers_to_be_few"
REPRESENTED = "expect_column_groups_to_be_represented"
LABELS = {
    "min_value": "At least",
    "max_value": "At most",
    "strict_min": "More than that",
    "strict_max": "Less than that",
    "column_A": "First column",
    "column_B": "Second column",
    "column_list": "Columns",
    "column_set": "Columns",
    "value_set": "Values",
    "regex": "Pattern",
    "regex_list": "Patterns",
    "type_": "Type",
    "type_list": "Types",
    "ignore_row_if": "Leave a row out",
    "exact_match": "No other columns",
    "or_equal": "Or equal",
    "ties_okay": "Several may be the most common",
}
# What GX does without, though the check then says nothing and passes on everything.
NEEDED = {
    "expect_column_kl_divergence_to_be_less_than": {"partition_object", "threshold"},
    "expect_column_values_to_be_in_type_list": {"type_list"},
    "expect_column_values_to_match_regex": {"regex"},
    "expect_table_columns_to_match_ordered_list": {"column_list"},
    "expect_table_columns_to_match_set": {"column_set"},
}


@dataclass(frozen=True)
class Field:
    """One kwarg. Its kind: text, number, integer, boolean, column, columns, list, choice, json;
    of checks of ours also reference and shares."""

    name: str
    label: str
    kind: str
    required: bool
    choices: tuple[str, ...] = ()
    help: str = ""
    default: Any = None


@dataclass(frozen=True)
class Entry:
    """One expectation; `on_files` is false where only a database can answer it."""

    type: str
    title: str
    help: str
    group: str
    fields: tuple[Field, ...]
    on_files: bool = True

    @property
    def names(self) -> frozenset[str]:
        return frozenset(field.name for field in self.fields)


def load(cache_dir: Path) -> Path:
    """The file of schemas for the installed version, made where it is missing (some 5 s)."""
    target = cache_dir / f"expectations-{version('great-expectations')}.json"
    if not target.exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        subprocess.run(  # noqa: S603  our own module, and a path of ours
            [sys.executable, "-m", "dataquality.engine.export", str(target)],
            check=True,
            cwd=settings.BASE_DIR,
        )
    return target


@cache
def expectations() -> list[Entry]:
    """All core expectations, by group, the common ones first, and those of ours."""
    schemas = json.loads(load(settings.DATA_DIR / "cache").read_text())
    named = [(group, name) for group, titles in TITLES.items() for name in titles]
    known = {name for _, name in named}
    others = [(OTHER, name) for name in schemas if name not in known]
    core = [
        _entry(name, schemas[name], group) for group, name in [*named, *others] if name in schemas
    ]
    return [*core, *ours()]


@cache
def ours() -> list[Entry]:
    """The checks that Great Expectations has not."""
    column = Field("column", "Column", "column", required=True)
    reference = Field(
        "reference", "Reference", "reference", required=False,
        help="The version that it is held against.",
    )  # fmt: skip
    # Each with the largest value that is fine.
    drifts = (
        (PSI, "Distribution is that of a reference (PSI)", 0.25,
         "The population stability index of the column against a reference version: below 0.10 "
         "is fine, up to 0.25 is worth a look, more is drift. Of numbers in ten bins, of "
         "categories by value."),
        (DISTANCE, "Distribution is that of a reference (KS)", 0.1,
         "The largest distance between the cumulative shares of the column and of a reference "
         "version (Kolmogorov-Smirnov). It fails where the distance is larger and no chance."),
        (EFFECT, "Categories are those of a reference (chi-square)", 0.1,
         "Chi-square of the column's shares against a reference version. It fails where the "
         "effect (Cramér's V) is larger and no chance."),
    )  # fmt: skip
    found = [
        Entry(
            kind, title, about, OURS,
            (column, Field("threshold", "At most", "number", required=False, default=most),
             reference),
        )
        for kind, title, most, about in drifts
    ]  # fmt: skip
    share = Field("mostly", "Mostly", "number", required=False, default=1.0)
    found.append(
        Entry(
            OUTLIERS,
            "Outliers of a reference are few",
            "Values beyond three spreads of the quartiles of a reference version, and how many of "
            "them may be (Tukey's far fences).",
            OURS,
            (column, share, reference),
        )  # fmt: skip
    )
    bounds = (
        Field("min_value", "Ratio at least", "number", required=False, default=0.8),
        Field("max_value", "Ratio at most", "number", required=False, default=1.25),
    )
    found.append(
        Entry(
            REPRESENTED,
            "Groups are represented",
            "Each group's share of the rows that have a value, as a ratio to its reference share. "
            "It fails where a ratio is out of bounds and no chance.",
            OURS,
            (
                column,
                Field("shares", "Reference shares", "shares", required=True),
                *bounds,
                Field("row_condition", "Only rows where", "json", required=False),
            ),
        )  # fmt: skip
    )
    return found


@cache
def _by_type() -> dict[str, Entry]:
    return {entry.type: entry for entry in expectations()}


def find(kind: str) -> Entry | None:
    """The expectation of this type, or None."""
    return _by_type().get(kind)


def _entry(name: str, schema: Mapping[str, Any], group: str) -> Entry:
    required = set(schema.get("required", ()))
    fields = [
        _field(name, key, shape, key in required)
        for key, shape in schema["properties"].items()
        if key not in HIDDEN
    ]
    fields.sort(key=lambda field: (not field.required, field.name == "row_condition"))
    return Entry(
        type=name,
        title=TITLES.get(group, {}).get(name) or _title(name),
        help=str(schema.get("description", "")).split("\n\n")[0],
        group=group,
        fields=tuple(fields),
        on_files=name not in SQL_ONLY,
    )


def _title(name: str) -> str:
    return name.removeprefix("expect_").replace("_", " ").capitalize()


def _field(name: str, key: str, shape: Mapping[str, Any], required: bool) -> Field:  # noqa: FBT001
    options = [shape, *shape.get("anyOf", ())]
    choices = next((tuple(o["enum"]) for o in options if "enum" in o), ())
    is_needed = key in NEEDED.get(name, ())
    default = None if is_needed else shape.get("default")
    return Field(
        name=key,
        label=LABELS.get(key) or key.strip("_").replace("_", " ").capitalize(),
        kind=_kind(key, options, bool(choices)),
        required=is_needed or (required and default is None),
        choices=choices,
        help=" ".join(str(shape.get("description", "")).split()),
        default=default,
    )


def _kind(key: str, options: list[Mapping[str, Any]], has_choices: bool) -> str:  # noqa: FBT001
    if key in COLUMN_FIELDS:
        return "column"
    if key in COLUMNS_FIELDS:
        return "columns"
    if key in LIST_FIELDS:
        return "list"
    if key in NUMBER_FIELDS:
        return "number"
    if key == "row_condition":
        return "json"
    if has_choices:
        return "choice"
    types = {option.get("type") for option in options}
    if key in {"min_value", "max_value"} or "string" in types and "boolean" not in types:
        return "text"
    return next((kind for kind in ("boolean", "integer", "number") if kind in types), "json")
