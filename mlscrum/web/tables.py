"""Lists that leave as files, row by row however many there are: CSV, JSON and Excel."""

from __future__ import annotations

import csv
import itertools
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from mlscrum.lib.errors import DomainError
from mlscrum.lib.spreadsheets import no_formula
from mlscrum.web.downloads import BOM

R = TypeVar("R")
Row = Mapping[str, Any]
READ_AT_ONCE = 500
ROWS_OF_A_SHEET = 1_048_575  # beside the head; the limit of Excel
LONGEST_CELL = 32_767  # characters; the limit of Excel
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS = ("csv", "json", "xlsx")


@dataclass(frozen=True)
class Table:
    """A list under a name: rows as REST shows them, and which of their values are columns.

    A column is the way to its value, such as `committed.points`.
    """

    name: str
    columns: Sequence[str]
    rows: Iterable[Row]


def in_parts(
    rows: Iterable[R], show: Callable[[list[R]], Iterable[Row]], size: int = READ_AT_ONCE
) -> Iterator[Row]:
    """The rows as `show` gives them, so many at a time: it may ask the database for each part."""
    left = iter(rows)
    while part := list(itertools.islice(left, size)):
        yield from show(part)


def table_answer(table: Table, file_format: str) -> HttpResponseBase:
    """The table as a file of one of FORMATS; raises DomainError for another format."""
    if file_format not in FORMATS:
        raise DomainError("no_such_format", f"Choose one of {', '.join(FORMATS)} as the format.")
    if file_format == "xlsx":
        return _excel(table)
    kind, lines = {"csv": ("text/csv; charset=utf-8", _csv), "json": ("application/json", _json)}[
        file_format
    ]
    answer = StreamingHttpResponse(lines(table), content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{table.name}.{file_format}"'
    return answer


class _Echo:
    """A file that hands back what is written."""

    def write(self, text: str) -> str:
        return text


def _csv(table: Table) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield BOM + writer.writerow(table.columns)
    for row in table.rows:
        yield writer.writerow(_cells(table, row))


def _json(table: Table) -> Iterator[str]:
    yield '{"results": ['
    for place, row in enumerate(table.rows):
        text = json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)
        yield f",\n{text}" if place else f"\n{text}"
    yield "\n]}\n"


def _excel(table: Table) -> FileResponse:
    """Written row by row into a file on disk, which goes as soon as it was sent."""
    book, rows = Workbook(write_only=True), iter(table.rows)
    for number in itertools.count(1):
        sheet = book.create_sheet(table.name if number == 1 else f"{table.name} {number}")
        sheet.append(list(table.columns))
        count = 0
        for row in itertools.islice(rows, ROWS_OF_A_SHEET):
            sheet.append([_of_excel(cell) for cell in _cells(table, row)])
            count += 1
        if count < ROWS_OF_A_SHEET:
            break
    # The answer closes it, once it was sent.
    file = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115
    book.save(file)
    file.seek(0)
    answer = FileResponse(file, as_attachment=True, filename=f"{table.name}.xlsx")
    answer["Content-Type"] = EXCEL
    return answer


def _cells(table: Table, row: Row) -> list[Any]:
    return [_cell(_value(row, column)) for column in table.columns]


def _value(row: Row, column: str) -> Any:
    value: Any = row
    for name in column.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _cell(value: Any) -> Any:
    """What a cell shows: numbers as numbers, and no text that a spreadsheet would calculate."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    return no_formula(_words(value))


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return " ".join(_words(each) for each in value.values() if each not in (None, ""))
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _of_excel(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    text = ILLEGAL_CHARACTERS_RE.sub(" ", cell)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
