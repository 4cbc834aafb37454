"""A CSV file as its header and rows, whatever its encoding and delimiter."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from backlog.importers.parsed import WHOLE_FILE, ImportedFile, ImportedSprint, Level, RowProblem
from mlscrum.lib.errors import DomainError

DELIMITERS = (",", ";", "\t", "|")
MOST_COLUMNS = 5000  # a Jira export repeats Comment once for each comment of its longest thread
MOST_ROWS = 200_000
MOST_CELLS = 5_000_000  # Jira gives at most 1,000 rows at once; each cell takes some 60 bytes here
LARGEST_CELL = 1 << 28  # characters; csv's own limit of 131,072 is less than some descriptions
SNIFFED_ROWS = 200
NOTHING = {"NULL", "\\N"}
_END = "\x00end\x00"  # can't be in a file: NUL is taken out before


@dataclass(frozen=True)
class Row:
    """The cells of a row, at most as many as the header has. `narrow` tells that some are missing;
    those are empty, and take no memory: a short file may say a thousand times that they are."""

    number: int
    cells: tuple[str, ...]
    narrow: bool = False

    def text(self, index: int) -> str:
        """A cell without the space around it; what databases write for nothing is nothing."""
        text = self.cells[index].strip() if index < len(self.cells) else ""
        return "" if text in NOTHING else text


@dataclass(frozen=True)
class Table:
    """`rows` leaves out blank rows and those that can't be told apart into columns, which are
    among the problems."""

    header: tuple[str, ...]
    rows: list[Row]
    problems: list[RowProblem] = field(default_factory=list)
    encoding: str = "utf-8"
    delimiter: str = ","
    shape: str = ""  # the format that laid it out, where the file was no CSV
    files: Mapping[int, tuple[ImportedFile, ...]] = field(default_factory=dict)  # by row
    sprints: tuple[ImportedSprint, ...] = ()  # where the file says more of them than their names

    @property
    def height(self) -> int:
        """How many rows the file has, with those that are left out as they can't be read."""
        left_out = {each.row for each in self.problems if each.level is Level.ERROR} - {WHOLE_FILE}
        return len(left_out | {row.number for row in self.rows})


def read_table(path: Path, *, delimiter: str | None = None) -> Table:
    """The table in a file; the delimiter is found out where none is given.

    UTF-8 and UTF-16 are told by their marks, anything that isn't valid UTF-8 is read as
    Windows-1252 with a warning. A row wider than the header is an error and is left out, a
    narrower one is a warning: its missing cells are empty, and no cell moves to another column.
    Raises DomainError for what is no CSV file: empty_file, not_a_csv, and for more of it than is
    read at once: too_many_columns, too_many_rows, too_many_cells.
    """
    return table_in(path.read_bytes(), delimiter=delimiter)


def table_in(data: bytes, *, delimiter: str | None = None) -> Table:
    """The table in the content of a file; see read_table."""
    if data.startswith(b"PK\x03\x04"):
        raise DomainError(
            "not_a_csv", "This is an Excel workbook or an archive: save the sheet as CSV first."
        )
    text, encoding = _decoded(data)
    named, text = _named_delimiter(text.replace("\x00", ""))
    return parse_table(text, delimiter=delimiter or named, encoding=encoding)


def parse_table(text: str, *, delimiter: str | None = None, encoding: str = "utf-8") -> Table:
    """The table in a text; see read_table."""
    text = text.removeprefix("\ufeff").replace("\x00", "")
    delimiter = delimiter or _sniffed(text)
    problems: list[RowProblem] = []
    if encoding == "cp1252":
        problems.append(not_utf8())
    records = _records(text, delimiter)
    header = next((record for record in records if not record.blank), None)
    if header is None:
        raise DomainError("empty_file", "The file is empty: export it again, with its header row.")
    if header.unclosed:
        raise DomainError(
            "unclosed_quote", "A quote in the header is never closed: close it or take it out."
        )
    width = len(header.cells)
    if width > MOST_COLUMNS:
        raise DomainError(
            "too_many_columns",
            f"The file has {width:,} columns and {MOST_COLUMNS:,} are read: export fewer of them.",
        )
    rows = []
    read, cells = 0, 0
    for record in records:
        if record.blank:
            continue
        read, cells = read + 1, cells + len(record.cells)
        refuse_too_much(read, cells)
        problem = _unclosed(record) if record.unclosed else _width_problem(record, width)
        if problem:
            problems.append(problem)
        if not problem or problem.level is Level.WARNING:
            rows.append(Row(record.number, record.cells, len(record.cells) < width))
    names = tuple(name.strip().removeprefix("\ufeff") for name in header.cells)
    return Table(names, rows, problems, encoding, delimiter)


@dataclass(frozen=True)
class _Record:
    number: int
    line: int
    cells: tuple[str, ...]
    unclosed: bool = False

    @property
    def blank(self) -> bool:
        return not any(self.cells)


def _decoded(data: bytes) -> tuple[str, str]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace"), "utf-16"
    if b"\x00" in data[:4096]:
        raise DomainError("not_a_csv", "This is no text file: export the backlog as CSV.")
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), "cp1252"


def _named_delimiter(text: str) -> tuple[str | None, str]:
    """Excel may say `sep=;` in a line of its own above the header."""
    first, newline, rest = text.partition("\n")
    first = first.rstrip("\r")
    if newline and len(first) == 5 and first.lower().startswith("sep=") and first[4] != '"':
        return first[4], rest
    return None, text


def _records(text: str, delimiter: str) -> Iterator[_Record]:
    csv.field_size_limit(LARGEST_CELL)
    # A quote that is never closed swallows the rest of the file, and csv.reader keeps silent about
    # it; then the mark after the last line is found inside the last cell.
    lines = chain(io.StringIO(text, newline=""), [_END])
    reader = csv.reader(lines, delimiter=delimiter)
    line = 1
    for number, cells in enumerate(reader, start=1):
        if cells == [_END]:
            return
        unclosed = bool(cells) and cells[-1].endswith(_END)
        yield _Record(number, line, tuple(cells), unclosed)
        line = reader.line_num + 1


def _sniffed(text: str) -> str:
    """The delimiter whose rows agree best with the width of the header, and the widest of those."""

    def agreement(delimiter: str) -> tuple[float, int]:
        sample = [
            len(record.cells)
            for record in islice(_records(text, delimiter), SNIFFED_ROWS)
            if not record.blank
        ]
        if not sample or sample[0] < 2:
            return 0.0, 0
        width = sample[0]
        return round(sum(each == width for each in sample) / len(sample), 1), width

    return max(DELIMITERS, key=agreement)


def refuse_too_much(rows: int, cells: int) -> None:
    """Raise DomainError for more rows or cells than are read at once."""
    if rows > MOST_ROWS:
        raise DomainError(
            "too_many_rows",
            f"The file has more than {MOST_ROWS:,} rows: export fewer items at once.",
            status=413,
        )
    if cells > MOST_CELLS:
        raise DomainError(
            "too_many_cells",
            f"The file has more than {MOST_CELLS:,} cells: export fewer items or columns at once.",
            status=413,
        )


def _width_problem(record: _Record, width: int) -> RowProblem | None:
    cells = len(record.cells)
    if cells == width:
        return None
    where = f"This row (line {record.line} of the file)"
    if cells > width:
        return RowProblem(
            record.number,
            "",
            Level.ERROR,
            "wide_row",
            f"{where} has {cells} cells where the header has {width}: put quotes around the cell "
            "that holds a delimiter, and import again.",
        )
    return RowProblem(
        record.number,
        "",
        Level.WARNING,
        "narrow_row",
        f"{where} has {cells} of the header's {width} cells: look for a line break outside quotes, "
        "or add the missing cells.",
    )


def _unclosed(record: _Record) -> RowProblem:
    return RowProblem(
        record.number,
        "",
        Level.ERROR,
        "unclosed_quote",
        f"A quote in this row (line {record.line} of the file) is never closed, so that the rest "
        "of the file was read as one cell: close it or take it out, and import again.",
    )


def not_utf8() -> RowProblem:
    """What to say of a file in Windows-1252."""
    return RowProblem(
        WHOLE_FILE,
        "",
        Level.WARNING,
        "not_utf8",
        "The file is not UTF-8 and was read as Windows-1252: look at letters such as ä and é, and "
        "export it as UTF-8 where they are wrong.",
    )
