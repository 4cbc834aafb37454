"""What an importer answers: items as plain values, and what is wrong with the rows."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

# The widths of the item's own columns; a test holds them to the models.
LONGEST_TITLE = 250
LONGEST_DESCRIPTION = 100_000
LONGEST_COMMENT = 20_000
MOST_POINTS = Decimal(9999)

WHOLE_FILE = 0  # the row of a problem that is about no row


class Level(StrEnum):
    """An error keeps its row out of the import; a warning says what was changed or left out."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class RowProblem:
    """What is wrong in a row, as a spreadsheet numbers them: the header is row 1."""

    row: int
    column: str
    level: Level
    code: str
    message: str


@dataclass(frozen=True)
class Link:
    """`type` is blocks, blocked_by, relates, duplicates, duplicated_by or needs_data."""

    type: str
    external_id: str


@dataclass(frozen=True)
class Criterion:
    text: str
    done: bool = False


@dataclass(frozen=True)
class ImportedComment:
    """`at` and `author` (a word of the file) are missing where the file doesn't tell them."""

    at: datetime | None
    author: str
    text: str


@dataclass(frozen=True)
class ImportedFile:
    """A file of an item, as its export holds it: in base64."""

    name: str
    base64: str

    def content(self) -> bytes:
        """The bytes. Raises ValueError where the text is no base64.

        Some tools encode piece by piece, so that there may be padding in the middle.
        """
        text = "".join(self.base64.split())
        pieces = [piece for piece in text.split("=") if piece]
        return b"".join(
            b64decode(piece + "=" * (-len(piece) % 4), validate=True) for piece in pieces
        )


@dataclass(frozen=True)
class ImportedItem:
    """One row as an item. Words (status, people, priority, sprint) are those of the file; the
    mapping says what they mean here. Texts fit the columns of the models and hold no NUL."""

    row: int
    source: str
    external_id: str
    title: str
    kind: str
    external_url: str = ""
    description: str = ""
    status: str = ""
    points: Decimal | None = None
    assignees: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    parent: str = ""  # an external id; of plain files perhaps a ref or title that the file lacks
    parent_row: int | None = None  # the parent's row where it is in the same file
    links: tuple[Link, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    comments: tuple[ImportedComment, ...] = ()
    due_date: date | None = None
    blocked_reason: str = ""
    gpu_hours: Decimal | None = None
    priority: str = ""
    sprint: str = ""
    rank_key: str = ""
    created_at: datetime | None = None
    done_at: datetime | None = None
    files: tuple[ImportedFile, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportedSprint:
    """A sprint as a file tells of it; its items name it by `name`, their `sprint`.

    The days are missing where the file has none, and `closed_at` where it says only that the
    sprint is closed. `external_id` tells it from those of other projects of the same source.
    """

    name: str
    external_id: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    is_closed: bool = False
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Parsed:
    """A whole file: items in the file's order, problems by row, names of the dropped columns, and
    the sprints that it says more of than their names."""

    items: list[ImportedItem]
    problems: list[RowProblem]
    dropped: list[str]
    sprints: tuple[ImportedSprint, ...] = ()

    @property
    def errors(self) -> Iterator[RowProblem]:
        return (problem for problem in self.problems if problem.level is Level.ERROR)
