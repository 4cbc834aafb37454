"""How values of a file become values of a column, as `reading` does it, in DuckDB's SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dataquality.engine import reading
from dataquality.engine.reading import Column

WHITESPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
WHOLE_NUMBERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT",
                           "UINTEGER"})  # fmt: skip
FRACTIONS = frozenset({"FLOAT", "DOUBLE"})
TIMESTAMPS = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS",
                        "TIMESTAMP WITH TIME ZONE"})  # fmt: skip
NESTED = re.compile(r"^(STRUCT|MAP|UNION|VARIANT)\b|\[\d*\]$")
ODD = frozenset({"BLOB", "INTERVAL", "BIT"})
PATTERNS = {
    "integer": reading.WHOLE.pattern,
    "number": reading.DECIMAL.pattern,
    "date": reading.DATE.pattern,
    # Hours and minutes that no clock shows are refused by pattern, for DuckDB takes 24:00.
    "datetime": (
        r"\d{4}-\d{2}-\d{2}[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?"
    ),
}


def is_odd(raw_type: str) -> bool:
    """Whether values of this type are no plain texts, numbers or times."""
    return raw_type in ODD or bool(NESTED.search(raw_type))


def read(raw: str, raw_type: str, column: Column) -> tuple[str, str]:
    """SQL for the value of a column; and SQL for whether it is one that does not fit, empty where
    all do."""
    kind = column.type
    if not column.null_words:
        if (raw_type, kind) == ("BOOLEAN", "boolean"):
            return raw, ""
        if raw_type in WHOLE_NUMBERS and kind == "integer":
            return f"CAST({raw} AS BIGINT)", ""
        if raw_type in FRACTIONS and kind == "number":
            return f"CASE WHEN isnan({raw}) THEN NULL ELSE CAST({raw} AS DOUBLE) END", ""
        if (raw_type in WHOLE_NUMBERS or raw_type.startswith("DECIMAL")) and kind == "number":
            return f"CAST({raw} AS DOUBLE)", ""
        if (raw_type in TIMESTAMPS and kind == "datetime") or (raw_type, kind) == ("DATE", "date"):
            value = f"CAST({raw} AS TIMESTAMP)"
            return value, f"({raw} IS NOT NULL AND NOT {_in_reach(value)})"
    return _of_text(as_text(raw, raw_type), column)


def as_text(raw: str, raw_type: str) -> str:
    """SQL for a value as a text."""
    if raw_type == "VARCHAR":
        return raw
    if NESTED.search(raw_type):
        return f"CAST(to_json({raw}) AS VARCHAR)"
    if raw_type == "TIMESTAMP WITH TIME ZONE":
        return f"CAST(CAST({raw} AS TIMESTAMP) AS VARCHAR)"
    if raw_type in FRACTIONS:
        return f"CASE WHEN isnan({raw}) THEN NULL ELSE CAST({raw} AS VARCHAR) END"
    return f"CAST({raw} AS VARCHAR)"


def stripped(text: str) -> str:
    """SQL for a text without blanks around it. Trimming is dear and blanks are rare, so that only
    a text that may begin or end with one is trimmed."""
    begins = f"{text} < '!' OR {text} >= chr(127)"
    ends = f"right({text}, 1) < '!' OR right({text}, 1) >= chr(127)"
    return f"CASE WHEN {begins} OR {ends} THEN trim({text}, {literal(WHITESPACE)}) ELSE {text} END"


def fits(text: str, kind: str) -> str:
    """SQL for whether a text, without blanks, looks like a value of this kind."""
    if kind == "boolean":
        words = ", ".join(literal(word) for word in sorted(reading.TRUE | reading.FALSE))
        return f"lower({text}) IN ({words})"
    return f"regexp_full_match({text}, {literal(PATTERNS[kind])})"


def value_of(text: str, kind: str) -> str:
    """SQL for the value that a text stands for; null where it stands for none."""
    if kind == "boolean":
        words = ", ".join(literal(word) for word in sorted(reading.TRUE))
        return f"lower({text}) IN ({words})"
    if kind == "integer":
        return f"TRY_CAST({text} AS BIGINT)"
    if kind == "number":
        return f"TRY_CAST({text} AS DOUBLE)"
    moment = f"TRY_CAST({text} AS TIMESTAMP)"
    if kind == "datetime":
        zone = literal(r"(Z|[+-]\d{2}:?\d{2})$")
        moment = (
            f"CASE WHEN regexp_matches({text}, {zone}) AND length({text}) > 10 "
            f"THEN CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP) ELSE {moment} END"
        )
    return f"CASE WHEN {_in_reach(moment)} THEN {moment} END"


def _of_text(text: str, column: Column) -> tuple[str, str]:
    bare = stripped(text)
    nothing = ", ".join(literal(word) for word in ("", *column.null_words))
    if column.type == "text":
        return f"CASE WHEN {bare} IN ({nothing}) THEN NULL ELSE {text} END", ""
    value = (
        f"CASE WHEN {text} IS NULL OR {text} IN ({nothing}) THEN NULL "
        f"WHEN {fits(text, column.type)} THEN {value_of(text, column.type)} "
        f"WHEN {bare} NOT IN ({nothing}) AND {fits(bare, column.type)} "
        f"THEN {value_of(bare, column.type)} END"
    )
    bad = (
        f"CASE WHEN {text} IS NOT NULL AND ({value}) IS NULL "
        f"THEN {bare} NOT IN ({nothing}) ELSE false END"
    )
    return value, bad


def _in_reach(moment: str) -> str:
    first, last = reading.EARLIEST.ceil("s"), reading.LATEST.floor("s")
    return f"{moment} BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'"


def quoted(name: str) -> str:
    """A name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: bool | int | str | Sequence[str]) -> str:  # noqa: FBT001  a value of SQL
    """A value as SQL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"[{', '.join(map(literal, value))}]"
