"""A glossary as a CSV file: word, definition, synonyms with | between them, state, and a column
`meaning:<trade>` for each trade."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from backlog.importers.csv_files import Row, parse_table
from backlog.importers.parsed import Level, RowProblem
from backlog.rules.terms import BECOMES, fold
from mlscrum.lib.errors import DomainError
from mlscrum.lib.spreadsheets import no_formula, with_formulas

MOST_ROWS = 5_000
BETWEEN = "|"
MEANING = "meaning:"
COLUMNS = ("word", "definition", "synonyms", "state")


@dataclass(frozen=True)
class TermRow:
    """A row as the file has it. None where the file has no such column; an empty definition or
    state says nothing, an empty list of synonyms or meaning says that there is none."""

    number: int
    word: str
    definition: str = ""
    synonyms: tuple[str, ...] | None = None
    state: str = ""
    meanings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TermFile:
    """The rows that could be read, and what is wrong with others."""

    rows: Sequence[TermRow]
    problems: Sequence[RowProblem]


def read_terms(text: str) -> TermFile:
    """The terms in a CSV text. Raises DomainError for what is no such file: empty_file,
    no_word_column, unknown_columns, repeated_columns, too_many_rows."""
    table = parse_table(text)
    names = _names(table.header)
    if len(table.rows) > MOST_ROWS:
        why = f"The file has {len(table.rows):,} rows and {MOST_ROWS:,} are read: split it."
        raise DomainError("too_many_rows", why, status=413)
    rows, problems = [], [each for each in table.problems if each.level is Level.ERROR]
    for row in table.rows:
        cells = {name: with_formulas(row.text(place)) for place, name in enumerate(names)}
        fault = _fault(row, cells)
        if fault:
            problems.append(fault)
        else:
            rows.append(_term(row, cells, names))
    return TermFile(rows, sorted(problems, key=lambda problem: problem.row))


def write_terms(rows: Iterable[TermRow], trades: Sequence[str]) -> Iterator[str]:
    """The lines of a file that `read_terms` reads; no cell is a formula to a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    header = [*COLUMNS, *(f"{MEANING}{trade}" for trade in trades)]
    columns = [fold(trade) for trade in trades]
    lines = (
        [
            row.word,
            row.definition,
            BETWEEN.join(row.synonyms or ()),
            row.state,
            *_in_columns(row.meanings, columns),
        ]
        for row in rows
    )
    for line in (header, *lines):
        writer.writerow([no_formula(cell) for cell in line])
        yield out.getvalue()
        out.seek(0)
        out.truncate()


def _in_columns(meanings: Mapping[str, str], columns: Sequence[str]) -> Iterator[str]:
    """Each meaning in the column of its trade, however the two are written."""
    by_trade = {fold(trade): text for trade, text in meanings.items()}
    return (by_trade.get(column, "") for column in columns)


def _names(header: Sequence[str]) -> list[str]:
    """What each column holds: one of COLUMNS, or `meaning:` with the trade as it is written."""
    found, unknown = [], []
    for name in header:
        kind, colon, trade = name.partition(":")
        plain = kind.strip().casefold()
        if colon and plain == "meaning" and trade.strip():
            found.append(f"{MEANING}{' '.join(trade.split())}")
        elif not colon and plain in COLUMNS:
            found.append(plain)
        else:
            unknown.append(name or "one without a name")
    known = "word, definition, synonyms, state and meaning:<trade>"
    if "word" not in found:
        why = f"There is no column word. The columns are {known}."
        raise DomainError("no_word_column", why)
    if unknown:
        why = f"These columns are not known: {', '.join(unknown[:5])}. The columns are {known}."
        raise DomainError("unknown_columns", why)
    if len({fold(name) for name in found}) < len(found):
        raise DomainError("repeated_columns", "A column stands twice in the file; take one out.")
    return found


def _fault(row: Row, cells: Mapping[str, str]) -> RowProblem | None:
    if not cells["word"]:
        return RowProblem(row.number, "word", Level.ERROR, "no_word", "The word is missing.")
    state = cells.get("state", "").casefold()
    if state and state not in BECOMES:
        why = f"“{cells['state'][:40]}” is no state; write proposed, agreed or contested."
        return RowProblem(row.number, "state", Level.ERROR, "no_state", why)
    return None


def _term(row: Row, cells: Mapping[str, str], names: Sequence[str]) -> TermRow:
    synonyms = None
    if "synonyms" in names:
        split = (name.strip() for name in cells["synonyms"].split(BETWEEN))
        synonyms = tuple(filter(None, split))
    meanings = {
        name.removeprefix(MEANING): text for name, text in cells.items() if name.startswith(MEANING)
    }
    return TermRow(
        number=row.number,
        word=cells["word"],
        definition=cells.get("definition", ""),
        synonyms=synonyms,
        state=cells.get("state", "").casefold(),
        meanings=meanings,
    )
