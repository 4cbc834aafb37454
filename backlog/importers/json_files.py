"""JSON files of other tools: read whole or refused in words, and laid out as a table, so that they
are mapped, tried and imported as CSV is."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, NoReturn

from backlog.importers.csv_files import (
    MOST_COLUMNS,
    Row,
    Table,
    not_utf8,
    refuse_too_much,
)
from backlog.importers.dates import DateOrder, parse_moment
from backlog.importers.parsed import RowProblem
from mlscrum.lib.errors import DomainError

DEEPEST = 60  # objects within objects: no tool writes more than a few
MOST_VALUES = 20_000_000
EMPTY_FOR_ONE = 8  # empty cells that take the memory of a filled one
Record = dict[str, Any]
_BEGINNINGS = '{["]-0123456789tfnNI'  # of a value within a list, or of what is meant as one


def is_json(data: bytes) -> bool:
    """Whether a file begins as a JSON object or list does. A CSV header may begin with a bracket,
    but then no JSON value follows it."""
    text, _ = decoded(data[:4096])
    text = text.lstrip()
    return text[:1] == "{" or (text[:1] == "[" and text[1:].lstrip()[:1] in {*_BEGINNINGS, ""})


def decoded(data: bytes) -> tuple[str, str]:
    """The text of a file and its encoding; what is no UTF-8 is read as Windows-1252."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace"), "utf-16"
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), "cp1252"


def parse(text: str) -> Any:
    """The value of a JSON text. Raises DomainError `bad_json` where it is none, is cut off, nested
    too deeply, or holds what JSON has not, such as NaN."""
    if sum(map(text.count, ",[{")) > MOST_VALUES:
        raise DomainError(
            "too_large", "The JSON holds too many values: export fewer items at once.", status=413
        )
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        if error.msg == "Extra data":
            _refuse(
                f"More follows behind the end of the JSON ({where}): export it as one list; gh "
                "does so with --slurp."
            )
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            _refuse(f"The JSON ends in the middle ({where}): export or copy it whole, once more.")
        _refuse(f"This is no JSON: {error.msg}, {where}. Export it once more.")
    except RecursionError:
        _refuse_depth()
    except ValueError:  # a number of thousands of digits
        _refuse("The JSON holds a number of too many digits: no export has one.")
    _check_depth(value)
    return value


def objects(value: Any, what: str) -> list[Record]:
    """A list of objects. Raises DomainError `bad_shape` naming what is none."""
    if not isinstance(value, list):
        raise bad_shape(f"{what} should be a list, but is {_kind_of(value)}.")
    for place, each in enumerate(value, start=1):
        if not isinstance(each, dict):
            raise bad_shape(
                f"{what}: entry {place:,} should be an object, but is {_kind_of(each)}."
            )
    return value


def bad_shape(message: str) -> DomainError:
    """JSON of another form than its tool writes."""
    return DomainError("bad_shape", f"{message} Export it again with the tool's own export.")


def table_of(
    records: Iterable[Mapping[str, str]],
    columns: Sequence[str],
    *,
    shape: str,
    problems: Sequence[RowProblem] = (),
) -> Table:
    """Records as rows 1, 2, 3 … of a table with these columns; what a record lacks is empty."""
    refuse_too_wide(len(columns))
    rows: list[Row] = []
    cells = 0
    for number, record in enumerate(records, start=1):
        row = tuple(record.get(name, "") for name in columns)
        cells += sum(bool(cell) for cell in row)
        refuse_too_much(number, max(cells, number * len(columns) // EMPTY_FOR_ONE))
        rows.append(Row(number, row))
    return Table(tuple(columns), rows, list(problems), shape=shape)


def refuse_too_wide(columns: int) -> None:
    """Raise DomainError for more fields of different names than a table has room for."""
    if columns > MOST_COLUMNS:
        raise DomainError(
            "too_many_columns",
            f"The items have {columns:,} fields of different names, and {MOST_COLUMNS:,} can be "
            "read: leave out fields as you export them.",
            status=413,
        )


def of_encoding(table: Table, encoding: str) -> Table:
    """The table, saying how its file was encoded."""
    problems = [not_utf8(), *table.problems] if encoding == "cp1252" else table.problems
    return replace(table, problems=problems, encoding=encoding)


def cell(value: Any) -> str:
    """A value as the text of a cell; lists and objects as JSON."""
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, dict | list):
        return clean(json.dumps(value, ensure_ascii=False)) if value else ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return clean(str(value))


def listed(values: Iterable[Any]) -> str:
    """A list of words as a cell that `values.words` takes apart, whatever signs they hold."""
    words = [clean(str(value)) for value in values if value not in (None, "")]
    return json.dumps(words, ensure_ascii=False) if words else ""


def said(comments: Iterable[tuple[Any, Any, Any]]) -> str:
    """Comments (when, who, what) as a cell; empty ones are none."""
    rows = [
        {"at": cell(at), "author": cell(author), "text": cell(text)}
        for at, author, text in comments
        if cell(text).strip()
    ]
    return json.dumps(rows, ensure_ascii=False) if rows else ""


def inner(value: Any, *names: str) -> str:
    """The first of these names that an object has, as a cell; a mere text is meant itself."""
    if isinstance(value, dict):
        return next((cell(value[name]) for name in names if value.get(name)), "")
    return cell(value) if isinstance(value, str) else ""


def moment_of(value: Any) -> datetime | None:
    """A moment as JSON has it, in ISO 8601; None for what is none."""
    try:
        return parse_moment(cell(value), DateOrder.YEAR_FIRST, UTC)
    except ValueError:
        return None


def day_of(value: Any) -> date | None:
    """The day of such a moment, where it was written."""
    moment = moment_of(value)
    return moment.date() if moment else None


def clean(text: str) -> str:
    """Without what no database keeps: NUL, and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"The JSON holds {name}, which is no number of JSON: export it with null instead.")


def _refuse(message: str) -> NoReturn:
    raise DomainError("bad_json", message)


def _refuse_depth() -> NoReturn:
    _refuse("The JSON is nested too deeply: no export of a backlog is.")


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        if not level:
            return
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
    _refuse_depth()


def _kind_of(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "yes or no"}
    return "nothing" if value is None else names.get(type(value), "a number")
