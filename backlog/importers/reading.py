"""The rows of a table as items, by a mapping; what every CSV format does alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from backlog.importers import values
from backlog.importers.csv_files import Row, Table
from backlog.importers.dates import parse_day, parse_moment
from backlog.importers.jira_markup import to_markdown
from backlog.importers.mapping import (
    DEFAULT_KIND,
    Column,
    Habits,
    Mapping,
    Markup,
    Target,
    check,
    people_in,
)
from backlog.importers.parsed import (
    LONGEST_COMMENT,
    LONGEST_DESCRIPTION,
    LONGEST_TITLE,
    MOST_POINTS,
    WHOLE_FILE,
    ImportedComment,
    ImportedItem,
    Level,
    Link,
    Parsed,
    RowProblem,
)
from backlog.rules.trees import bears_points, parent_problem

Value = TypeVar("Value")


@dataclass(frozen=True)
class Reader:
    """One pass over one file; the problems gather in `problems`."""

    mapping: Mapping
    habits: Habits
    accounts: MappingOf[str, str]
    zone: tzinfo
    by_target: dict[Target, list[Column]]
    problems: list[RowProblem] = field(default_factory=list)

    def filled(self, row: Row, target: Target) -> Iterator[tuple[Column, str]]:
        """The cells with something in them, in the order in which to ask."""
        for column in self.by_target.get(target, ()):
            text = row.text(column.index)
            if text:
                yield column, text

    def first(self, row: Row, target: Target) -> str:
        return next((text for _, text in self.filled(row, target)), "")

    def last(self, row: Row, target: Target) -> str:
        return next((text for _, text in reversed(list(self.filled(row, target)))), "")

    def value(
        self, row: Row, target: Target, read: Callable[[str], Value], advice: str
    ) -> Value | None:
        """The first filled cell as a value; where it can't be read, None and a warning."""
        for column, text in self.filled(row, target):
            try:
                return read(text)
            except ValueError as why:
                self.warn(row.number, column.name, f"bad_{target}", f"{_sentence(why)} {advice}")
                return None
        return None

    def text(self, text: str) -> str:
        """A longer text as Markdown."""
        if self.mapping.markup is Markup.JIRA:
            return to_markdown(text, self.accounts)
        return text.replace("\r\n", "\n").replace("\r", "\n").strip()

    def warn(self, row: int, column: str, code: str, message: str) -> None:
        self.problems.append(RowProblem(row, column, Level.WARNING, code, message))

    def refuse(self, row: int, column: str, code: str, message: str) -> None:
        self.problems.append(RowProblem(row, column, Level.ERROR, code, message))


def read_items(
    table: Table,
    mapping: Mapping,
    habits: Habits,
    *,
    accounts: MappingOf[str, str] | None = None,
) -> Parsed:
    """All rows as items, with parents and links told by external id; a row with an error is no
    item. Raises DomainError `bad_mapping` where the mapping doesn't fit the table."""
    check(mapping, table)
    by_target = {target: mapping.of(target) for target in Target}
    reader = Reader(mapping, habits, accounts or {}, ZoneInfo(mapping.time_zone), by_target)
    for problem in table.problems:
        narrow = problem.code == "narrow_row" and habits.complete_rows
        reader.problems.append(replace(problem, level=Level.ERROR) if narrow else problem)
    if not (by_target[Target.EXTERNAL_ID] or by_target[Target.ISSUE_ID]) and table.rows:
        reader.warn(
            WHOLE_FILE,
            "",
            "no_external_id",
            "No column is the external id, so a row is found again by its title alone: map a "
            "column that never changes, such as a key.",
        )
    rows = [row for row in table.rows if not (row.narrow and habits.complete_rows)]
    items: list[ImportedItem] = []
    ids: dict[str, int] = {}
    kept: list[Row] = []
    for row in rows:
        item = _item(reader, row, ids)
        if item:
            items.append(item)
            kept.append(row)
            if item.external_id:
                ids[item.external_id] = row.number
    items = _with_parents(reader, items, kept)
    by_row = {item.row: item for item in items}
    items = [_as_the_tree_allows(reader, item, by_row) for item in items]
    reader.problems.sort(key=lambda problem: problem.row)
    return Parsed(items, reader.problems, _names(mapping.of(Target.DROP)))


def _item(reader: Reader, row: Row, ids: MappingOf[str, int]) -> ImportedItem | None:
    external_id = reader.first(row, Target.EXTERNAL_ID) or reader.first(row, Target.ISSUE_ID)
    title = " ".join(reader.first(row, Target.TITLE).split())
    if not title:
        reader.refuse(row.number, _name(reader, Target.TITLE), "no_title", "Give this row a title.")
        return None
    if not _has_a_good_id(reader, row, external_id, ids):
        return None
    title, description = _fitting(reader, row, title, _description(reader, row))
    return ImportedItem(
        row=row.number,
        source=reader.mapping.source,
        external_id=external_id,
        external_url=_url(reader, row, external_id),
        title=title,
        kind=_kind(reader, row),
        description=description,
        status=reader.first(row, Target.STATUS),
        points=_points(reader, row),
        assignees=_unique(
            person
            for _, cell in reader.filled(row, Target.ASSIGNEES)
            for person in people_in(cell, reader.habits)
        ),
        labels=_unique(
            label for _, cell in reader.filled(row, Target.LABELS) for label in values.words(cell)
        ),
        links=_links(reader, row, external_id),
        criteria=tuple(
            criterion
            for _, cell in reader.filled(row, Target.CRITERIA)
            for criterion in values.criteria(reader.text(cell))
        ),
        comments=tuple(
            comment
            for _, cell in reader.filled(row, Target.COMMENTS)
            for comment in _comments(reader, cell)
        ),
        due_date=reader.value(
            row,
            Target.DUE_DATE,
            lambda text: parse_day(text, reader.mapping.date_order),
            "Choose another date order; left without a due date.",
        ),
        blocked_reason=values.blocked_reason(reader.first(row, Target.BLOCKED_REASON)),
        gpu_hours=reader.value(
            row,
            Target.GPU_HOURS,
            lambda text: values.hours(text, bare_s=3600, day_h=24),
            "Write hours such as 38 or 38h; left without GPU-hours.",
        ),
        priority=reader.first(row, Target.PRIORITY),
        sprint=reader.last(row, Target.SPRINT),
        rank_key=reader.first(row, Target.RANK),
        created_at=reader.value(
            row,
            Target.CREATED_AT,
            lambda text: parse_moment(text, reader.mapping.date_order, reader.zone),
            "Choose another date order; the time of the import counts.",
        ),
        done_at=reader.value(
            row,
            Target.DONE_AT,
            lambda text: parse_moment(text, reader.mapping.date_order, reader.zone),
            "Choose another date order; the time of the import counts.",
        ),
        extra=_extra(reader, row),
    )


def _has_a_good_id(reader: Reader, row: Row, external_id: str, ids: MappingOf[str, int]) -> bool:
    column = _name(reader, Target.EXTERNAL_ID)
    if external_id in ids:
        reader.refuse(
            row.number,
            column,
            "same_id",
            f"Row {ids[external_id]} has the id {external_id} already: keep one of the two.",
        )
        return False
    if external_id or not reader.by_target[Target.EXTERNAL_ID]:
        return True
    if reader.habits.complete_rows:
        reader.refuse(
            row.number,
            column,
            "no_id",
            "This row has no key, so it is a broken piece of another: look for a line break or a "
            "quote above it.",
        )
        return False
    reader.warn(
        row.number,
        column,
        "no_id",
        "This row has no external id, so it is found again by its title alone.",
    )
    return True


def _points(reader: Reader, row: Row) -> Decimal | None:
    """The points as one number, or the sum of what each role has."""

    def number(text: str) -> Decimal | None:
        return values.points(reader.mapping.points.get(text, text))

    whole = reader.value(
        row, Target.POINTS, number, "Write a number from 0 to 9,999; left without points."
    )
    shares: list[Decimal] = []
    for column, text in reader.filled(row, Target.ROLE_POINTS):
        try:
            share = number(text)
        except ValueError as why:
            reader.warn(
                row.number,
                column.name,
                "bad_points",
                f"{_sentence(why)} Say how many points that is; left out of the sum.",
            )
        else:
            shares += [] if share is None else [share]
    return whole if whole is not None or not shares else min(sum(shares, Decimal(0)), MOST_POINTS)


def _description(reader: Reader, row: Row) -> str:
    return "\n\n".join(reader.text(cell) for _, cell in reader.filled(row, Target.DESCRIPTION))


def _fitting(reader: Reader, row: Row, title: str, description: str) -> tuple[str, str]:
    """Title and description as long as they may be; a cut title is whole in the description."""
    if len(title) > LONGEST_TITLE:
        reader.warn(
            row.number,
            _name(reader, Target.TITLE),
            "long_title",
            f"The title was cut at {LONGEST_TITLE} characters and stands whole above the "
            "description.",
        )
        description = f"{title}\n\n{description}".strip()
        title = f"{title[: LONGEST_TITLE - 1].rstrip()}…"
    if len(description) > LONGEST_DESCRIPTION:
        reader.warn(
            row.number,
            _name(reader, Target.DESCRIPTION),
            "long_description",
            f"The description was cut at {LONGEST_DESCRIPTION:,} characters, "
            f"{len(description) - LONGEST_DESCRIPTION + 1:,} are left out: attach it as a file.",
        )
        description = f"{description[: LONGEST_DESCRIPTION - 1]}…"
    return title, description


def _kind(reader: Reader, row: Row) -> str:
    for column, word in reader.filled(row, Target.KIND):
        kind = reader.mapping.kinds.get(word)
        if kind is None:
            reader.warn(
                row.number,
                column.name,
                "unknown_kind",
                f"“{word}” is none of our kinds: choose one for it; taken as a story.",
            )
        return kind or DEFAULT_KIND
    return DEFAULT_KIND


def _url(reader: Reader, row: Row, external_id: str) -> str:
    for column, text in reader.filled(row, Target.EXTERNAL_URL):
        if re.fullmatch(r"https?://\S{1,2000}", text):
            return text
        reader.warn(
            row.number,
            column.name,
            "bad_external_url",
            "Write an address that begins with https://.",
        )
    if reader.mapping.site_url and external_id:
        return f"{reader.mapping.site_url.rstrip('/')}/browse/{external_id}"
    return ""


def _links(reader: Reader, row: Row, external_id: str) -> tuple[Link, ...]:
    return _unique(
        Link(column.detail, other)
        for column, cell in reader.filled(row, Target.LINKS)
        for other in re.split(r"[\s,;|]+", cell)
        if other and other != external_id
    )


def _comments(reader: Reader, cell: str) -> Iterator[ImportedComment]:
    """`date;author;text` as Jira writes it, a list of them as JSON, or a mere text; one too long
    becomes several."""
    if (listed := values.comments(cell)) is not None:
        for said_at, said_by, said in listed:
            yield from _pieces(reader, _moment(reader, said_at), said_by, said)
        return
    at, author, text = None, "", cell
    parts = cell.split(";", 2)
    if len(parts) == 3:
        try:
            at = parse_moment(parts[0], reader.mapping.date_order, reader.zone)
        except ValueError:
            pass
        else:
            author, text = parts[1].strip(), parts[2]
            author = reader.accounts.get(author, author)
    yield from _pieces(reader, at, author, text)


def _moment(reader: Reader, text: str) -> datetime | None:
    try:
        return parse_moment(text, reader.mapping.date_order, reader.zone)
    except ValueError:
        return None


def _pieces(
    reader: Reader, at: datetime | None, author: str, text: str
) -> Iterator[ImportedComment]:
    text = reader.text(text)
    for start in range(0, len(text), LONGEST_COMMENT):
        yield ImportedComment(at, author, text[start : start + LONGEST_COMMENT])


def _extra(reader: Reader, row: Row) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for column, text in reader.filled(row, Target.EXTRA):
        found.setdefault(column.detail or column.name, []).append(text)
    for column, text in reader.filled(row, Target.EXTRA_HOURS):
        try:
            # Jira's working day has 8 hours and its week 5 days unless an administrator says other.
            in_hours = values.hours(text, bare_s=1, day_h=8)
        except ValueError as why:
            reader.warn(
                row.number, column.name, "bad_estimate", f"{_sentence(why)} It was kept as it is."
            )
            found.setdefault(column.detail or column.name, []).append(text)
        else:
            if in_hours is not None:
                found.setdefault(column.detail or column.name, []).append(str(in_hours))
    return {name: ", ".join(dict.fromkeys(texts)) for name, texts in found.items()}


def _with_parents(reader: Reader, items: list[ImportedItem], rows: list[Row]) -> list[ImportedItem]:
    """Parents by id, by the second id, or by title; the first column that knows one decides."""
    by_id: dict[str, ImportedItem] = {}
    by_title: dict[str, list[ImportedItem]] = {}
    for item, row in zip(items, rows, strict=True):
        by_title.setdefault(item.title.casefold(), []).append(item)
        if second := reader.first(row, Target.ISSUE_ID):
            by_id.setdefault(second, item)
    by_id |= {item.external_id: item for item in items if item.external_id}

    def with_parent(item: ImportedItem, row: Row) -> ImportedItem:
        unknown: list[tuple[Column, str]] = []
        for column, text in reader.filled(row, Target.PARENT):
            parent = by_id.get(text)
            titled = by_title.get(" ".join(text.split()).casefold(), [])
            if parent is None and len(titled) == 1:
                parent = titled[0]
            if parent is item:
                continue  # as where a column of epics names the epic itself too
            if parent is not None:
                return replace(item, parent=parent.external_id, parent_row=parent.row)
            unknown.append((column, text))
        return _without_known_parent(reader, item, unknown, by_title)

    return [with_parent(item, row) for item, row in zip(items, rows, strict=True)]


def _without_known_parent(
    reader: Reader,
    item: ImportedItem,
    unknown: list[tuple[Column, str]],
    by_title: MappingOf[str, list[ImportedItem]],
) -> ImportedItem:
    """A parent that isn't in the file may have been imported before: its key stays."""
    for column, text in unknown:
        if len(by_title.get(" ".join(text.split()).casefold(), [])) > 1:
            reader.warn(
                item.row,
                column.name,
                "ambiguous_parent",
                f"Several rows have the title “{text[:80]}”: name the parent by its id.",
            )
            return item
    by_key = [(column, text) for column, text in unknown if not text.isdigit()]
    if by_key or (unknown and not reader.by_target[Target.ISSUE_ID]):
        column, text = (by_key or unknown)[0]
        reader.warn(
            item.row,
            column.name,
            "parent_elsewhere",
            f"The parent {text[:80]} is not in this file: it counts if it was imported before.",
        )
        return replace(item, parent=text)
    if unknown:
        column, text = unknown[0]
        reader.warn(
            item.row,
            column.name,
            "unknown_parent",
            f"No row has the issue id {text[:80]}: export the parent too; left without a parent.",
        )
    return item


def _as_the_tree_allows(
    reader: Reader, item: ImportedItem, by_row: MappingOf[int, ImportedItem]
) -> ImportedItem:
    """Without points and parents that the item's kind can't have; both stay as extra fields."""
    if item.points is not None and not bears_points(item.kind):
        reader.warn(
            item.row,
            _name(reader, Target.POINTS),
            "no_points_here",
            "Epics sum the points of their items and tasks have none: choose another kind for it, "
            "or leave its points as an extra field.",
        )
        item = replace(item, points=None, extra=item.extra | {"Former points": str(item.points)})
    parent = by_row.get(item.parent_row) if item.parent_row is not None else None
    problem = parent_problem(item.kind, parent.kind) if parent else None
    if problem and parent:
        reader.warn(
            item.row,
            _name(reader, Target.PARENT),
            "parent_not_allowed",
            f"{problem} Choose another kind for one of them, or leave the parent an extra field.",
        )
        named = parent.external_id or parent.title
        item = replace(
            item, parent="", parent_row=None, extra=item.extra | {"Former parent": named}
        )
    return item


def _name(reader: Reader, target: Target) -> str:
    """The column to name in a problem."""
    columns = reader.by_target[target]
    return columns[0].name if columns else ""


def _names(columns: list[Column]) -> list[str]:
    """Each name once, for headers repeat."""
    return list(dict.fromkeys(column.name for column in columns))


def _sentence(why: ValueError) -> str:
    text = str(why).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _unique(found: Iterator[Value]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(found))
