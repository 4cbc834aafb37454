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
GROUPS = (
    ("expect_table", "Table"),
    ("expect_column_to_exist", "Table"),
    ("expect_column_values", "Values of a column"),
    ("expect_column_value_", "Values of a column"),
    ("expect_column_pair", "Two columns"),
    ("expect_compound", "Several columns"),
    ("expect_multicolumn", "Several columns"),
    ("expect_select", "Several columns"),
    ("expect_column", "A column as a whole"),
)


@dataclass(frozen=True)
class Field:
    """One kwarg. Its kind: text, number, integer, boolean, column, columns, list, choice, json."""

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
    """All core expectations, by group and title."""
    schemas = json.loads(load(settings.DATA_DIR / "cache").read_text())
    order = list(dict.fromkeys(group for _, group in GROUPS))
    entries = [_entry(name, schema) for name, schema in schemas.items()]
    return sorted(
        entries, key=lambda entry: (order.index(entry.group), not entry.on_files, entry.title)
    )


@cache
def _by_type() -> dict[str, Entry]:
    return {entry.type: entry for entry in expectations()}


def find(kind: str) -> Entry | None:
    """The expectation of this type, or None."""
    return _by_type().get(kind)


def _entry(name: str, schema: Mapping[str, Any]) -> Entry:
    required = set(schema.get("required", ()))
    fields = [
        _field(name, key, shape, key in required)
        for key, shape in schema["properties"].items()
        if key not in HIDDEN
    ]
    fields.sort(key=lambda field: (not field.required, field.name == "row_condition"))
    return Entry(
        type=name,
        title=str(schema.get("title") or name).removeprefix("Expect ").capitalize(),
        help=str(schema.get("description", "")).split("\n\n")[0],
        group=next((group for start, group in GROUPS if name.startswith(start)), "Table"),
        fields=tuple(fields),
        on_files=name not in SQL_ONLY,
    )


def _field(name: str, key: str, shape: Mapping[str, Any], required: bool) -> Field:  # noqa: FBT001
    options = [shape, *shape.get("anyOf", ())]
    choices = next((tuple(o["enum"]) for o in options if "enum" in o), ())
    default = shape.get("default")
    return Field(
        name=key,
        label=key.strip("_").replace("_", " ").capitalize(),
        kind=_kind(key, options, bool(choices)),
        required=required and default is None,
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
