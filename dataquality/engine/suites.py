"""Suites as data: what is wrong with one, what a check is, and how it reads in words.

A suite is code unless we make it data: a string condition would be evaluated by pandas, shell
commands included, so only structured conditions pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from backlog.rules.evidence import canonical
from backlog.rules.severity import Severity
from dataquality.engine import catalogue, conditions, statements
from dataquality.engine.catalogue import Entry, Field
from dataquality.engine.reading import NOUNS
from dataquality.rules import groups
from mlscrum.lib.errors import DomainError, FieldError

MAX_CHECKS = 500
ACROSS_SOURCES = "expect_query_results_to_match_comparison"
KEYS = frozenset({"type", "kwargs", "severity", "meta"})
# What GX writes beside them into its own files; it says nothing about what is checked.
DROPPED_KEYS = frozenset({"id", "notes", "description", "rendered_content", "expectation_context"})
DROPPED_KWARGS = frozenset({"batch_id", "result_format", "catch_exceptions", "severity"})
THRESHOLDS = frozenset({
    "mostly", "min_value", "max_value", "strict_min", "strict_max", "value", "sum_total",
    "threshold", "value_set", "value_pairs_set", "partition_object", "severity", "windows",
    "reference", "shares",
})  # fmt: skip
SETS = frozenset({"column_set", "regex_list", "like_pattern_list", "type_list"})
BOUNDS = ("min_value", "max_value")
NEEDS_A_BOUND = re.compile(r"_to_be_between$")
# They compare the columns of a row with each other.
WITHIN_A_ROW = frozenset({
    "expect_multicolumn_values_to_be_equal",
    "expect_select_column_values_to_be_unique_within_record",
})  # fmt: skip
OPERATORS = (*conditions.COMPARISONS, "IN", "NOT_IN")
DEEPEST_CONDITION = 10
PARTS = {
    "and": {"conditions"},
    "or": {"conditions"},
    "comparison": {"column", "operator", "parameter"},
    "nullity": {"column", "is_null"},
}
# Figures that a column of texts has not.
OF_NUMBERS = re.compile(
    r"^expect_column_(mean|median|stdev|sum|value_z_scores|ks_distance|outliers)_"
)
# Which side of a comparison is a number, whatever the column holds.
COUNTS = re.compile(
    r"(row_count|column_count|unique_value_count|value_lengths|proportion_of|mean|stdev|sum_to|"
    r"z_scores|kl_divergence|multicolumn_sum|to_be_represented)"
)

Expectation = Mapping[str, Any]


def problems(
    expectations: Sequence[Expectation],
    schema: Sequence[Mapping[str, Any]],
    *,
    on_sql: bool = False,
) -> list[FieldError]:
    """Everything wrong with a suite for data of this schema, with JSON pointers.

    `on_sql` is for tables and queries of a database, which can be asked more than a file.
    """
    if not isinstance(expectations, list | tuple):
        return [FieldError("/expectations", "bad_suite", "Send a list of expectations.")]
    if not expectations:
        return [FieldError("/expectations", "empty_suite", "A suite needs at least one check.")]
    if len(expectations) > MAX_CHECKS:
        return [FieldError("/expectations", "too_many", f"A suite holds up to {MAX_CHECKS}.")]
    types = {str(column["name"]): str(column["type"]) for column in schema}
    found: list[FieldError] = []
    for position, expectation in enumerate(expectations):
        found += _Checked(f"/expectations/{position}", types, on_sql=on_sql).problems(expectation)
    return found


def tidy(expectations: Sequence[Expectation]) -> list[dict[str, Any]]:
    """The suite as it is stored: type, kwargs that say something, severity, meta."""
    return [
        {
            "type": _type_of(expectation),
            "kwargs": {
                name: value
                for name, value in dict(expectation.get("kwargs") or {}).items()
                if name not in DROPPED_KWARGS and value is not None
            },
            "severity": expectation.get("severity") or Severity.CRITICAL.value,
            "meta": dict(expectation.get("meta") or {}),
        }
        for expectation in expectations
    ]


def check_of(expectation: Expectation) -> tuple[str, dict[str, Any]]:
    """What is checked, without its thresholds: check and identity of a fingerprint.

    `meta.check_key` keeps apart what would else be one finding.
    """
    kind = _type_of(expectation)
    identity: dict[str, Any] = {}
    for name, value in dict(expectation.get("kwargs") or {}).items():
        if name in THRESHOLDS | DROPPED_KWARGS or value is None:
            continue
        if name == "quantile_ranges" and isinstance(value, Mapping):
            value = {"quantiles": value.get("quantiles")}
        elif isinstance(value, list) and (
            name in SETS or (name == "column_list" and "ordered" not in kind)
        ):
            value = sorted(value, key=canonical)
        identity[name] = value
    key = (expectation.get("meta") or {}).get("check_key")
    return kind, identity | ({"check_key": str(key)} if key else {})


def is_suggested(expectation: Expectation) -> bool:
    """Whether a profile has made it of the data."""
    return bool((expectation.get("meta") or {}).get("suggested"))


def given_name(expectation: Expectation) -> str:
    """The name that its author gave the trouble, in place of check and identity."""
    return str((expectation.get("meta") or {}).get("fingerprint") or "")[:64]


def twins(expectations: Sequence[Expectation]) -> list[list[int]]:
    """Positions of checks that share an identity, and so one finding."""
    groups: dict[str, list[int]] = {}
    for position, expectation in enumerate(expectations):
        groups.setdefault(canonical(check_of(expectation)), []).append(position)
    return [group for group in groups.values() if len(group) > 1]


def kept_apart(expectations: Sequence[Expectation], position: int) -> list[dict[str, Any]]:
    """The checks with one of them under a key of its own, so that its twins share no more finding
    with it: the key is its severity, with a number where another check is called so."""
    wanted = expectations[position]
    whole = _without_key(wanted)
    taken = {
        str((other.get("meta") or {}).get("check_key") or "")
        for other in expectations
        if check_of(_without_key(other)) == check_of(whole)
    }
    word = str(wanted["severity"])
    names = (word if number == 1 else f"{word} {number}" for number in count(1))
    key = next(name for name in names if name not in taken)
    meta = {**(wanted.get("meta") or {}), "check_key": key}
    present = [dict(expectation) for expectation in expectations]
    return [*present[:position], {**wanted, "meta": meta}, *present[position + 1 :]]


def _without_key(expectation: Expectation) -> dict[str, Any]:
    meta = {k: v for k, v in (expectation.get("meta") or {}).items() if k != "check_key"}
    return {**expectation, "meta": meta}


def with_types(expectation: Expectation, schema: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The expectation of a form, where everything was typed as text: bounds and sets become
    numbers where the column holds numbers, or where the check counts."""
    kwargs = dict(expectation["kwargs"])
    types = {str(column["name"]): column["type"] for column in schema}
    kind = types.get(str(kwargs.get("column", "")), "")
    if kind in {"integer", "number"} or COUNTS.search(str(expectation["type"])):
        for name in (*BOUNDS, "value"):
            if isinstance(kwargs.get(name), str):
                kwargs[name] = _number(kwargs[name])
    if kind in {"integer", "number"} and isinstance(kwargs.get("value_set"), list):
        kwargs["value_set"] = [_number(value) for value in kwargs["value_set"]]
    return {**expectation, "kwargs": kwargs}


def reread(
    expectations: Sequence[Expectation], types: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[FieldError]]:
    """The suite once columns are read as other types, and what stands in the way.

    Sets, bounds and conditions on these columns become of the new type; one that can't is a
    problem, for the check would then fail on every value.
    """
    suite = [_reread(expectation, types) for expectation in expectations]
    problems = [
        FieldError(
            f"/expectations/{position}/kwargs/value_set",
            "other_type",
            f"The column would hold {NOUNS[types[column]]}; change this set first.",
        )
        for position, expectation in enumerate(suite)
        if (column := str(expectation["kwargs"].get("column"))) in types
        and isinstance(values := expectation["kwargs"].get("value_set"), list)
        and not all(_is_of_kind(value, types[column]) for value in values)
    ]
    return suite, problems


def columns_of(kwargs: Mapping[str, Any]) -> list[str]:
    """The columns that a check speaks of, those of its condition left out."""
    named = [kwargs[name] for name in ("column", "column_A", "column_B") if kwargs.get(name)]
    listed = kwargs.get("column_list")
    return [str(name) for name in [*named, *(listed if isinstance(listed, list) else [])]]


def words(expectation: Expectation, *, with_values: bool = True) -> str:
    """The check in a few words, without its column: `Not null, at least 98 %`.

    Without values neither sets nor what a condition compares with are named: those may come from
    the data, and titles are read by everybody.
    """
    kind, kwargs = _type_of(expectation), dict(expectation.get("kwargs") or {})
    values = kwargs.get("value_set")
    text = _sentence(kind, kwargs, _set_words(values) if with_values else _size_words(values))
    mostly = kwargs.get("mostly")
    if isinstance(mostly, int | float) and mostly < 1:
        text += f", at least {100 * mostly:g} %"
    if kwargs.get("row_condition"):
        condition = kwargs["row_condition"]
        text += ", where " + (_condition_words(condition) if with_values else "a condition holds")
    return text


SENTENCES = {
    "expect_column_values_to_not_be_null": "Not null",
    "expect_column_values_to_be_null": "Null",
    "expect_column_values_to_be_unique": "Unique",
    "expect_column_values_to_be_in_set": "In {set}",
    "expect_column_values_to_not_be_in_set": "Not in {set}",
    "expect_column_values_to_be_between": "Values {between}",
    "expect_column_values_to_match_regex": "Matches {regex}",
    "expect_column_values_to_not_match_regex": "Does not match {regex}",
    "expect_column_value_lengths_to_be_between": "Length {between}",
    "expect_column_mean_to_be_between": "Mean {between}",
    "expect_column_median_to_be_between": "Median {between}",
    "expect_column_min_to_be_between": "Smallest value {between}",
    "expect_column_max_to_be_between": "Largest value {between}",
    "expect_column_sum_to_be_between": "Sum {between}",
    "expect_column_stdev_to_be_between": "Standard deviation {between}",
    "expect_column_unique_value_count_to_be_between": "Distinct values {between}",
    "expect_column_distinct_values_to_be_in_set": "Distinct values in {set}",
    "expect_column_to_exist": "Column is there",
    "expect_table_row_count_to_be_between": "Rows {between}",
    "expect_table_columns_to_match_set": "Columns are those of the schema",
    "expect_compound_columns_to_be_unique": "{columns} unique together",
    "expect_column_values_to_be_of_type": "Of type {type}",
    "expect_column_type_to_be": "Of type {type}",
    catalogue.PSI: "PSI at most {threshold} against {reference}",
    catalogue.DISTANCE: "KS distance at most {threshold} against {reference}",
    catalogue.EFFECT: "Chi-square effect at most {threshold} against {reference}",
    catalogue.OUTLIERS: "Within the outlier fences of {reference}",
    catalogue.REPRESENTED: "{shares} represented within {ratio} of the reference",
}


def _sentence(kind: str, kwargs: Mapping[str, Any], values: str) -> str:
    pattern = SENTENCES.get(kind)
    if pattern is None:
        entry = catalogue.find(kind)
        return entry.title if entry else kind.removeprefix("expect_").replace("_", " ").capitalize()
    return (
        pattern.replace("{set}", values)
        .replace("{between}", _between_words(kwargs))
        .replace("{columns}", ", ".join(map(str, kwargs.get("column_list") or [])))
        .replace("{regex}", str(kwargs.get("regex", "")))
        .replace("{type}", str(kwargs.get("type_", "")))
        .replace("{threshold}", value(kwargs.get("threshold", _usual(kind, "threshold"))))
        .replace("{reference}", _reference_words(kwargs.get("reference")))
        .replace("{shares}", _groups_words(kwargs.get("shares")))
        .replace("{ratio}", _ratio_words(kind, kwargs))
    )


def _usual(kind: str, name: str) -> Any:
    """The value that a check of ours has where none is given."""
    entry = catalogue.find(kind)
    return next((f.default for f in entry.fields if f.name == name), None) if entry else None


def _reference_words(reference: Any) -> str:
    is_number = isinstance(reference, int)
    return f"version {reference}" if is_number else "the version before"


def _groups_words(shares: Any) -> str:
    size = len(shares) if isinstance(shares, Mapping) else 0
    return "1 group" if size == 1 else f"{size} groups"


def _ratio_words(kind: str, kwargs: Mapping[str, Any]) -> str:
    low, high = (
        value(found if (found := kwargs.get(name)) is not None else _usual(kind, name))
        for name in BOUNDS
    )
    return f"{low} to {high}"


def _set_words(values: Any) -> str:
    shown = [str(value) for value in values or []]
    more = f", … {len(shown) - 6} more" if len(shown) > 7 else ""
    return "{" + ", ".join(shown[:6] if more else shown) + more + "}"


def _size_words(values: Any) -> str:
    size = len(values) if isinstance(values, list) else 0
    return "a set of 1 value" if size == 1 else f"a set of {size:,} values"


def _between_words(kwargs: Mapping[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is not None and high is not None:
        return f"between {value(low)} and {value(high)}"
    if low is not None:
        return f"{'above' if kwargs.get('strict_min') else 'at least'} {value(low)}"
    return f"{'below' if kwargs.get('strict_max') else 'at most'} {value(high)}"


def value(of: Any) -> str:
    """A bound as people write it."""
    if isinstance(of, bool) or not isinstance(of, int | float):
        return str(of)
    return f"{of:,}" if isinstance(of, int) else f"{of:,.6g}"


def _condition_words(condition: Any) -> str:
    if not isinstance(condition, Mapping):
        return "a condition holds"
    kind = condition.get("type")
    if kind in ("and", "or"):
        parts = condition.get("conditions")
        named = [_condition_words(part) for part in parts] if isinstance(parts, list) else []
        return f" {kind} ".join(named)
    column = condition.get("column")
    column = column.get("name") if isinstance(column, Mapping) else column
    if kind == "nullity":
        return f"{column} is {'null' if condition.get('is_null') else 'not null'}"
    return f"{column} {condition.get('operator')} {condition.get('parameter')}"


def _type_of(expectation: Expectation) -> str:
    return str(expectation.get("type") or expectation.get("expectation_type") or "")


def _number(text: Any) -> Any:
    """The number a text stands for, else the text, which is then refused where it matters."""
    if not isinstance(text, str):
        return text
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _reread(expectation: Expectation, types: Mapping[str, str]) -> dict[str, Any]:
    kwargs = dict(expectation["kwargs"])
    kind = types.get(str(kwargs.get("column")), "")
    of_values = ["value_set"] if COUNTS.search(_type_of(expectation)) else ["value_set", *BOUNDS]
    for name in of_values:
        if name in kwargs:
            kwargs[name] = _as_kind(kwargs[name], kind)
    if "row_condition" in kwargs:
        kwargs["row_condition"] = _condition_reread(kwargs["row_condition"], types)
    return {**expectation, "kwargs": kwargs}


def _condition_reread(condition: Any, types: Mapping[str, str]) -> Any:
    if not isinstance(condition, Mapping):
        return condition
    if isinstance(parts := condition.get("conditions"), list):
        return {**condition, "conditions": [_condition_reread(part, types) for part in parts]}
    column = condition.get("column")
    name = column.get("name") if isinstance(column, Mapping) else None
    if name not in types or "parameter" not in condition:
        return condition
    return {**condition, "parameter": _as_kind(condition["parameter"], types[str(name)])}


def _as_kind(value: Any, kind: str) -> Any:
    """A value as a column of this kind holds it, or as it is where that can't be."""
    if isinstance(value, list):
        return [_as_kind(inner, kind) for inner in value]
    if kind in {"integer", "number"}:
        return _number(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if kind == "text" and is_number else value


NO_TEXTS = pa.array([""])
LARGEST_JSON_SCHEMA = 64 * 1024
JSON_SCHEMAS = re.compile(r"https?://json-schema\.org/draft[-/0-9]+/schema#?")


class _Checked:
    """One expectation under the eye; every problem is yielded, none raised."""

    def __init__(self, pointer: str, types: Mapping[str, str], *, on_sql: bool) -> None:
        self.pointer, self.types, self.on_sql = pointer, types, on_sql
        self.type = ""

    def problems(self, expectation: Any) -> Iterator[FieldError]:
        if not isinstance(expectation, Mapping):
            yield FieldError(self.pointer, "bad_expectation", "Each check is an object.")
            return
        for key in sorted(set(expectation) - KEYS - DROPPED_KEYS - {"expectation_type"}):
            yield self._error(f"/{key}", "unknown_field", f"{key} is no part of a check.")
        yield from self._about_severity_and_meta(expectation)
        self.type = _type_of(expectation)
        entry = catalogue.find(self.type)
        kwargs = expectation.get("kwargs") or {}
        if entry is None:
            name = self.type or "nothing"
            yield self._error("/type", "unknown_type", f"There is no expectation {name}.")
        elif entry.type == ACROSS_SOURCES:
            yield self._error("/type", "two_sources", f"{entry.type} needs a second data source.")
        elif not entry.on_files and not self.on_sql:
            yield self._error("/type", "sql_only", f"{entry.type} works on SQL sources only.")
        elif not isinstance(kwargs, Mapping):
            yield self._error("/kwargs", "bad_kwargs", "kwargs is an object.")
        else:
            yield from self._about_kwargs(entry, kwargs)

    def _about_severity_and_meta(self, expectation: Expectation) -> Iterator[FieldError]:
        severity = expectation.get("severity")
        if severity is not None and severity not in list(Severity):
            yield self._error("/severity", "bad_severity", "Choose critical, warning or info.")
        if not isinstance(expectation.get("meta") or {}, Mapping):
            yield self._error("/meta", "bad_meta", "meta is an object.")

    def _about_kwargs(self, entry: Entry, kwargs: Mapping[str, Any]) -> Iterator[FieldError]:
        known = entry.names | DROPPED_KWARGS | {"condition_parser"}
        for name in sorted(set(kwargs) - known):
            yield self._kwarg(name, "unknown_kwarg", f"{entry.type} takes no {name}.")
        if kwargs.get("condition_parser") not in (None, "great_expectations"):
            yield self._kwarg("condition_parser", "string_condition", "Conditions are objects.")
        for field in entry.fields:
            value = kwargs.get(field.name)
            if value is None:
                if field.required:
                    yield self._kwarg(field.name, "required", f"Say {field.label.lower()}.")
            elif field.name == "row_condition":
                yield from self._about_condition(value, "/kwargs/row_condition")
            else:
                yield from self._about_value(field, value)
        yield from self._about_bounds(entry, kwargs)
        if entry.group == catalogue.OURS:
            yield from self._about_ours(kwargs)

    def _about_ours(self, kwargs: Mapping[str, Any]) -> Iterator[FieldError]:
        kind = self.types.get(str(kwargs.get("column")), "")
        if kind in {"date", "datetime"} or (kind == "boolean" and OF_NUMBERS.search(self.type)):
            yield self._kwarg("column", "other_kind", f"The check does without {NOUNS[kind]}.")
        threshold = kwargs.get("threshold")
        if isinstance(threshold, int | float) and threshold <= 0:
            yield self._kwarg("threshold", "bad_value", "Give a number above 0.")
        shares = kwargs.get("shares")
        if shares is not None and (problem := groups.problem_of(shares, kind)):
            yield self._kwarg("shares", "bad_shares", problem)
        reference = kwargs.get("reference")
        is_number = isinstance(reference, int) and not isinstance(reference, bool)
        if reference not in (None, "previous") and not (is_number and reference >= 1):
            yield self._kwarg(
                "reference", "bad_reference", "Give the number of a version, or previous."
            )

    def _about_value(self, field: Field, value: Any) -> Iterator[FieldError]:
        name = field.name
        if isinstance(value, Mapping) and "$PARAMETER" in value:
            yield self._kwarg(name, "parameter", "Parameters are not supported; give a value.")
        elif field.kind == "column":
            yield from self._about_column(name, value)
        elif field.kind == "columns":
            yield from self._about_columns(field, value)
        elif field.kind == "list":
            if not isinstance(value, list) or not value:
                yield self._kwarg(name, "empty_list", "Give a list with at least one value.")
        elif problem := _shape_problem(field, value):
            yield self._kwarg(name, "bad_value", problem)
        if name == "unexpected_rows_query" and (problem := _query_problem(value)):
            yield self._kwarg(name, "bad_query", problem)
        if name == "json_schema" and (problem := _json_schema_problem(value)):
            yield self._kwarg(name, "bad_schema", problem)
        for pattern in _patterns(name, value):
            if problem := _regex_problem(pattern):
                yield self._kwarg(name, "bad_regex", problem)

    def _about_column(self, name: str, value: Any) -> Iterator[FieldError]:
        if not isinstance(value, str) or value not in self.types:
            yield self._kwarg(name, "unknown_column", f"There is no column {value}.")
        elif self.types[value] == "text" and OF_NUMBERS.search(self.type):
            yield self._kwarg(
                name,
                "not_numeric",
                f"{value} holds texts; read it as numbers in its profile, or choose another check.",
            )

    def _about_columns(self, field: Field, value: Any) -> Iterator[FieldError]:
        if not isinstance(value, list) or not value:
            yield self._kwarg(field.name, "empty_list", "Name at least one column.")
            return
        if len(value) == 1 and self.type in WITHIN_A_ROW:
            yield self._kwarg(field.name, "one_column", "Name at least two columns.")
        missing = [
            str(column)
            for column in value
            if not isinstance(column, str) or column not in self.types
        ]
        if missing:
            yield self._kwarg(
                field.name, "unknown_column", f"There is no column {', '.join(missing)}."
            )

    def _about_bounds(self, entry: Entry, kwargs: Mapping[str, Any]) -> Iterator[FieldError]:
        low, high = (kwargs.get(name) for name in BOUNDS)
        takes_bounds = NEEDS_A_BOUND.search(entry.type) and set(BOUNDS) <= entry.names
        if takes_bounds and low is None and high is None:
            yield self._kwarg("min_value", "no_bound", "Give a smallest or a largest value.")
        for name, bound in zip(BOUNDS, (low, high), strict=True):
            if problem := self._bound_problem(entry, kwargs, bound):
                yield self._kwarg(name, "bad_bound", problem)
        if low is None or high is None:
            return
        try:
            is_upside_down = low > high
        except TypeError:
            yield self._kwarg("min_value", "bad_bound", "Both bounds must be of one kind.")
            return
        if is_upside_down:
            yield self._kwarg(
                "min_value", "min_above_max", f"The smallest value {low} is above {high}."
            )

    def _bound_problem(self, entry: Entry, kwargs: Mapping[str, Any], bound: Any) -> str | None:
        if bound is None:
            return None
        if isinstance(bound, bool) or not isinstance(bound, int | float | str):
            return "Give a number or a date."
        kind = self.types.get(str(kwargs.get("column", "")), "")
        wants_number = kind in {"integer", "number"} or bool(COUNTS.search(entry.type))
        if isinstance(bound, str) and wants_number:
            return "Give a number."
        if isinstance(bound, str) and not _is_date(bound):
            return "Give a number, or a date such as 2024-01-31."
        if kind in {"date", "datetime"} and not wants_number and not isinstance(bound, str):
            return "Give a date such as 2024-01-31."
        if kind == "text" and not wants_number and not isinstance(bound, str):
            return "The column holds texts; read it as numbers in its profile first."
        return None

    def _about_condition(
        self, condition: Any, pointer: str, depth: int = 1
    ) -> Iterator[FieldError]:
        """Only comparison, and, or, null on registered columns pass; strings never."""
        if not isinstance(condition, Mapping):
            yield self._error(
                pointer,
                "string_condition",
                'A condition is an object such as {"type": "comparison", "column": {"name": '
                '"age"}, "operator": ">", "parameter": 18}; a text is never run.',
            )
            return
        kind = condition.get("type")
        if not isinstance(kind, str) or kind not in PARTS:
            yield self._error(pointer, "bad_condition", "Use comparison, nullity, and, or.")
            return
        for name in sorted(set(condition) - PARTS[kind] - {"type"}):
            yield self._error(pointer, "bad_condition", f"A condition of {kind} has no {name}.")
        if kind not in {"and", "or"}:
            yield from self._about_comparison(condition, pointer)
            return
        parts = condition.get("conditions")
        if not isinstance(parts, list) or not parts:
            yield self._error(pointer, "bad_condition", "Give at least one condition.")
        elif depth == DEEPEST_CONDITION:
            yield self._error(
                pointer, "bad_condition", f"Nest conditions up to {DEEPEST_CONDITION} deep."
            )
        else:
            for position, part in enumerate(parts):
                where = f"{pointer}/conditions/{position}"
                yield from self._about_condition(part, where, depth + 1)

    def _about_comparison(self, condition: Mapping[str, Any], pointer: str) -> Iterator[FieldError]:
        column = condition.get("column")
        name = column.get("name") if isinstance(column, Mapping) else None
        if not isinstance(name, str):
            yield self._error(
                pointer, "bad_condition", 'Name the column as {"name": "age"}, not as a text.'
            )
        elif name not in self.types:
            yield self._error(pointer, "unknown_column", f"There is no column {name}.")
        if condition["type"] == "nullity":
            if not isinstance(condition.get("is_null"), bool):
                yield self._error(pointer, "bad_condition", "Say is_null as true or false.")
            return
        sign, parameter = condition.get("operator"), condition.get("parameter")
        if not isinstance(sign, str) or sign not in OPERATORS:
            yield self._error(
                pointer, "bad_condition", f"The operator is one of {', '.join(OPERATORS)}."
            )
        elif problem := _parameter_problem(sign, parameter, self.types.get(str(name), "")):
            yield self._error(pointer, "bad_condition", problem)

    def _kwarg(self, name: str, code: str, detail: str) -> FieldError:
        return self._error(f"/kwargs/{name}", code, detail)

    def _error(self, rest: str, code: str, detail: str) -> FieldError:
        return FieldError(f"{self.pointer}{rest}", code, detail)


def _shape_problem(field: Field, value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if field.name == "mostly" and not (is_number and 0 < value <= 1):
        return "Give a share above 0, up to 1."
    if field.kind == "number" and not is_number:
        return "Give a number."
    if field.kind == "integer" and (not isinstance(value, int) or isinstance(value, bool)):
        return "Give a whole number."
    if field.kind == "boolean" and not isinstance(value, bool):
        return "Give true or false."
    if field.kind == "json" and not (isinstance(value, Mapping | list) and value):
        return "Give an object or a list that holds something."
    if field.name == "quantile_ranges":
        return _quantiles_problem(value)
    if field.kind == "text" and field.name not in BOUNDS and not isinstance(value, str):
        return "Give a text."
    if field.kind == "choice" and value not in field.choices:
        return f"Choose one of {', '.join(field.choices)}."
    return None


def _quantiles_problem(ranges: Any) -> str | None:
    """What keeps a check of quantiles from saying anything."""
    names = ("quantiles", "value_ranges")
    quantiles, bounds = (
        ranges.get(name) if isinstance(ranges, Mapping) else None for name in names
    )
    if not isinstance(quantiles, list) or not isinstance(bounds, list) or not quantiles:
        return 'Give {"quantiles": [0.5], "value_ranges": [[20, 60]]}.'
    if len(quantiles) != len(bounds):
        return "Give one range per quantile."
    if not all(isinstance(b, list) and len(b) == 2 and b != [None, None] for b in bounds):
        return "A range is a list of two, such as [20, 60] or [null, 60]."
    return None


def _parameter_problem(sign: str, parameter: Any, kind: str) -> str | None:
    """What is wrong with what a column of this kind is compared with."""
    values = parameter if sign in {"IN", "NOT_IN"} else [parameter]
    if not isinstance(values, list) or not values:
        return f"With {sign} the parameter is a list of values."
    if not all(isinstance(value, str | int | float) for value in values):
        return "Say as parameter what the column is compared with: a text, a number, true or false."
    if kind and not all(_is_of_kind(value, kind) for value in values):
        return f"The column holds {NOUNS[kind]}; compare it with such."
    return None


def _is_of_kind(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in {"integer", "number"}:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str) and (kind == "text" or _is_date(value))


def _patterns(name: str, value: Any) -> list[Any]:
    if name == "regex":
        return [value]
    return value if name == "regex_list" and isinstance(value, list) else []


def _regex_problem(pattern: Any) -> str | None:
    if not isinstance(pattern, str):
        return "A regular expression is a text."
    try:
        re.compile(pattern)
    except re.error as error:
        return f"This is no regular expression: {error}."
    except (OverflowError, RecursionError):
        return "This regular expression is too large."
    try:
        # What RE2 takes runs in the time that a text's length allows. All else pandas hands to
        # Python's own engine, where `(?=a)^(a+)+$` stops a worker for hours.
        pc.match_substring_regex(NO_TEXTS, pattern=pattern)
    except pa.ArrowInvalid:
        return "Write it without looking ahead or behind and without referring back to a group."
    return None


def _query_problem(query: Any) -> str | None:
    try:
        statements.one_select(str(query).replace("{batch}", "batch"))
    except DomainError as error:
        return error.message
    return None


def _json_schema_problem(schema: Any) -> str | None:
    """What a JSON schema of a check may not hold: addresses that would be fetched, and patterns,
    which run in Python's own engine."""
    if len(canonical(schema)) > LARGEST_JSON_SCHEMA:
        return f"A schema has up to {LARGEST_JSON_SCHEMA:,} signs."
    for key, value in _keys_in(schema):
        if key in {"$ref", "$dynamicRef", "$recursiveRef"}:
            if not isinstance(value, str) or not value.startswith("#"):
                return f"{key} leads to a part of the schema itself, such as #/$defs/name."
        elif key in {"$id", "id", "$anchor"} and isinstance(value, str):
            return f"Leave {key} out; a schema of a check stands for itself."
        elif key == "$schema" and not JSON_SCHEMAS.fullmatch(str(value)):
            return "$schema names one of the standard drafts at json-schema.org."
        elif key == "patternProperties" or (key == "pattern" and isinstance(value, str)):
            return f"Leave {key} out, and check the pattern by a regular expression of its own."
    return None


def _keys_in(document: Any) -> Iterator[tuple[str, Any]]:
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            yield from ((str(key), value) for key, value in part.items())
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
