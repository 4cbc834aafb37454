"""What the columns and words of a file mean here: proposed, changed by people, kept in a job."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from backlog.importers import values
from backlog.importers.csv_files import Table
from backlog.importers.dates import DateChoice, DateOrder, sniff_dates
from backlog.importers.jira_markup import is_jira_markup
from backlog.importers.parsed import RowProblem
from mlscrum.lib.errors import DomainError, FieldError

KINDS = (
    "story", "task", "bug", "epic", "data_assessment", "data_need", "feedback", "ethics", "spike",
)  # fmt: skip
LINK_TYPES = ("blocks", "blocked_by", "relates", "duplicates", "duplicated_by", "needs_data")
DEFAULT_KIND = "story"


class Target(StrEnum):
    """What a column is for. EXTRA and EXTRA_HOURS name their field in the column's `detail`,
    LINKS its type there."""

    TITLE = "title"
    DESCRIPTION = "description"
    KIND = "kind"
    STATUS = "status"
    STATUS_CATEGORY = "status_category"  # only helps to match the statuses
    POINTS = "points"
    ROLE_POINTS = "role_points"  # those of one role, as Taiga has them: they are summed
    ASSIGNEES = "assignees"
    LABELS = "labels"
    DUE_DATE = "due_date"
    PARENT = "parent"
    EXTERNAL_ID = "external_id"
    ISSUE_ID = "issue_id"  # a second id that only other rows of the file refer to
    EXTERNAL_URL = "external_url"
    PRIORITY = "priority"
    RANK = "rank"
    BLOCKED_REASON = "blocked_reason"
    GPU_HOURS = "gpu_hours"
    CRITERIA = "criteria"
    COMMENTS = "comments"
    LINKS = "links"
    SPRINT = "sprint"
    CREATED_AT = "created_at"
    DONE_AT = "done_at"
    EXTRA = "extra"
    EXTRA_HOURS = "extra_hours"  # a time estimate, in seconds or as 38h
    DROP = "drop"


DATES = frozenset({Target.DUE_DATE, Target.CREATED_AT, Target.DONE_AT})


class Order(StrEnum):
    """How the new items are ranked, once: people move them as they like afterwards."""

    FILE = "file"
    RANK = "rank"
    PRIORITY = "priority"


class Markup(StrEnum):
    MARKDOWN = "markdown"
    JIRA = "jira"


@dataclass(frozen=True)
class Column:
    """One column by its place in the header, for names repeat. Of several columns with the same
    target the one with the lowest `order` is asked first."""

    index: int
    name: str
    target: Target
    detail: str = ""
    order: int = 0


@dataclass(frozen=True)
class Mapping:
    """All that a person may choose about a file. `kinds`, `statuses`, `people` and `points` go from
    words of the file to our kinds, slugs, e-mail addresses and numbers; a word that is missing, or
    goes to nothing, has no match."""

    format: str
    source: str
    columns: tuple[Column, ...]
    date_order: DateOrder = DateOrder.DAY_FIRST
    time_zone: str = "UTC"
    markup: Markup = Markup.MARKDOWN
    kinds: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    points: dict[str, str] = field(default_factory=dict)  # of sizes such as M
    order: Order = Order.FILE
    delimiter: str = ""  # with which to read the file again; empty: find it out
    site_url: str = ""  # of a Jira site; an item's address is <site_url>/browse/<external id>

    def of(self, *targets: Target) -> list[Column]:
        """The columns with one of these targets, in the order in which to ask them."""
        found = [column for column in self.columns if column.target in targets]
        return sorted(found, key=lambda column: (column.order, column.index))

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"columns": [asdict(column) for column in self.columns]}

    @classmethod
    def from_json(cls, value: Any) -> Mapping:
        """The mapping that to_json wrote. Raises DomainError `bad_mapping` for anything else."""
        try:
            delimiter = str(value.get("delimiter", ""))
            if len(delimiter) > 1:
                raise ValueError("a delimiter is one sign")
            columns = tuple(
                Column(
                    index=int(column["index"]),
                    name=str(column["name"]),
                    target=Target(column["target"]),
                    detail=str(column.get("detail", "")),
                    order=int(column.get("order", 0)),
                )
                for column in value["columns"]
            )
            return cls(
                format=str(value["format"]),
                source=str(value["source"]),
                columns=columns,
                date_order=DateOrder(value.get("date_order", DateOrder.DAY_FIRST)),
                time_zone=str(value.get("time_zone", "UTC")),
                markup=Markup(value.get("markup", Markup.MARKDOWN)),
                kinds=_texts(value.get("kinds", {})),
                statuses=_texts(value.get("statuses", {})),
                people=_texts(value.get("people", {})),
                points=_texts(value.get("points", {})),
                order=Order(value.get("order", Order.FILE)),
                delimiter=delimiter,
                site_url=str(value.get("site_url", "")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as wrong:
            raise DomainError(
                "bad_mapping", "This mapping can't be read: map the file again."
            ) from wrong

    def with_choices_of(self, earlier: Mapping) -> Mapping:
        """This proposal with what somebody chose for an earlier file of the same format: columns by
        name, words, markup, time zone and site. The date order is sniffed anew."""
        chosen = {column.name.casefold(): column for column in reversed(earlier.columns)}
        columns = tuple(
            replace(column, target=old.target, detail=old.detail, order=old.order)
            if (old := chosen.get(column.name.casefold()))
            else column
            for column in self.columns
        )
        return replace(
            self,
            source=earlier.source,
            columns=columns,
            time_zone=earlier.time_zone,
            markup=earlier.markup,
            kinds=self.kinds | earlier.kinds,
            statuses=self.statuses | earlier.statuses,
            people=self.people | earlier.people,
            points=self.points | earlier.points,
            order=earlier.order,
            site_url=earlier.site_url or self.site_url,
        )


@dataclass(frozen=True)
class Found:
    """A word of the file, how many rows hold it, and what helps to match it."""

    word: str
    count: int
    hint: str = ""


@dataclass(frozen=True)
class ColumnFacts:
    """What a person sees of a column before mapping it."""

    index: int
    name: str
    filled: int
    example: str


@dataclass(frozen=True)
class Dropped:
    name: str
    reason: str


@dataclass(frozen=True)
class Words:
    """The words of a file that somebody has to match; points are the sizes that are no numbers."""

    statuses: list[Found]
    kinds: list[Found]
    people: list[Found]
    points: list[Found]


@dataclass(frozen=True)
class Proposal:
    """A mapping to begin with, and all that a person needs to see in order to change it."""

    mapping: Mapping
    rows: int
    columns: list[ColumnFacts]
    dates: DateChoice
    words: Words
    dropped: list[Dropped]
    problems: list[RowProblem]


@dataclass(frozen=True)
class Habits:
    """How files of one format are written."""

    format: str
    source: str
    kinds: MappingOf[str, str]  # compact words, see `compact`
    one_person_per_cell: bool = False  # then a comma belongs to the name
    complete_rows: bool = False  # then a row without all its cells or without an id is broken
    markup: Markup | None = None  # None: the descriptions tell
    is_own: bool = False  # then ids are our refs, perhaps of the very items of the product


@dataclass(frozen=True)
class StatusChoice:
    """A status of the product; the category is todo, doing or done."""

    slug: str
    name: str
    category: str


def compact(name: str) -> str:
    """A name without case, gaps and signs, so that `Story Points` is `story_points`."""
    return re.sub(r"[\W_]+", "", name.casefold())


def column_facts(table: Table) -> list[ColumnFacts]:
    facts = []
    for index, name in enumerate(table.header):
        cells = [text for row in table.rows if (text := row.text(index))]
        example = cells[0][:80] if cells else ""
        facts.append(ColumnFacts(index, name or f"Column {index + 1}", len(cells), example))
    return facts


def proposal(
    table: Table,
    facts: list[ColumnFacts],
    columns: Sequence[Column],
    habits: Habits,
    *,
    reason: Callable[[Column], str],
    site_url: str = "",
) -> Proposal:
    """Everything about a table that follows from its columns; `reason` says why one is dropped."""
    words = words_in(table, columns, habits)
    mapping = Mapping(
        format=habits.format,
        source=habits.source,
        columns=tuple(columns),
        delimiter=table.delimiter,
        kinds=match_kinds(words.kinds, habits),
        order=Order.RANK if any(each.target is Target.RANK for each in columns) else Order.FILE,
        markup=habits.markup or _markup(table, columns),
        site_url=site_url,
    )
    dates = sniff_dates(
        row.text(column.index) for column in mapping.of(*DATES) for row in table.rows
    )
    empty = {fact.index for fact in facts if not fact.filled}
    dropped = {
        column.name: "empty in every row" if column.index in empty else reason(column)
        for column in sorted(mapping.of(Target.DROP), key=lambda each: each.index not in empty)
    }
    return Proposal(
        mapping=replace(mapping, date_order=dates.order),
        rows=table.height,
        columns=facts,
        dates=dates,
        words=words,
        dropped=[Dropped(name, why) for name, why in dropped.items()],
        problems=table.problems,
    )


def words_in(table: Table, columns: Sequence[Column], habits: Habits) -> Words:
    """What there is to match where the columns are mapped so."""
    kinds = [
        replace(found, hint="" if compact(found.word) in habits.kinds else "unknown")
        for found in found_words(table, columns, Target.KIND)
    ]
    sizes = [found for found in _found_sizes(table, columns) if _fault_of(found.word)]
    statuses = found_words(table, columns, Target.STATUS, hint=Target.STATUS_CATEGORY)
    return Words(statuses, kinds, _found_people(table, columns, habits), sizes)


def match_kinds(found: Iterable[Found], habits: Habits) -> dict[str, str]:
    """Our kind for each word; a story for those that the format doesn't know."""
    return {each.word: habits.kinds.get(compact(each.word), DEFAULT_KIND) for each in found}


def check(mapping: Mapping, table: Table) -> None:
    """Raises DomainError with a FieldError for each choice that can't be carried out."""
    errors = [
        FieldError(f"/columns/{place}", "not_in_file", f"The file has no column “{column.name}”.")
        for place, column in enumerate(mapping.columns)
        if not 0 <= column.index < len(table.header)
        or column.name not in {table.header[column.index], f"Column {column.index + 1}"}
    ]
    if not mapping.of(Target.TITLE):
        errors.append(FieldError("/columns", "no_title", "Map one column to the title."))
    errors += [
        FieldError(
            f"/kinds/{_escaped(word)}", "unknown_kind", f"Choose one of our kinds for “{word}”."
        )
        for word, kind in mapping.kinds.items()
        if kind not in KINDS
    ]
    errors += [
        FieldError(
            f"/points/{_escaped(word)}", "bad_points", f"{why}: write a number from 0 to 9,999."
        )
        for word, number in mapping.points.items()
        if (why := _fault_of(number))
    ]
    errors += [
        FieldError(
            f"/columns/{place}", "unknown_link", f"Choose how “{column.name}” links the items."
        )
        for place, column in enumerate(mapping.columns)
        if column.target is Target.LINKS and column.detail not in LINK_TYPES
    ]
    try:
        ZoneInfo(mapping.time_zone)
    except (KeyError, OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        errors.append(
            FieldError("/time_zone", "unknown_zone", "Write a time zone such as Europe/Berlin.")
        )
    if mapping.site_url and not re.fullmatch(r"https?://[^\s/]\S*", mapping.site_url):
        errors.append(
            FieldError("/site_url", "bad_url", "Write the address of the site with https://.")
        )
    if errors:
        raise DomainError(
            "bad_mapping", "Some columns or words need another choice.", errors=errors
        )


def people_in(cell: str, habits: Habits) -> tuple[str, ...]:
    """The people that a cell names, as it writes them."""
    if habits.one_person_per_cell:
        return (cell.strip(),) if cell.strip() else ()
    return values.words(cell)


def found_words(
    table: Table, columns: Iterable[Column], target: Target, *, hint: Target | None = None
) -> list[Found]:
    """The different words in the columns of one target, the most frequent first; the hint is the
    first text that the hint's column holds beside the word."""
    mine = [column.index for column in columns if column.target is target]
    beside = [column.index for column in columns if column.target is hint]
    counts: Counter[str] = Counter()
    hints: dict[str, str] = {}
    for row in table.rows:
        word = next((text for index in mine if (text := row.text(index))), "")
        if word:
            counts[word] += 1
            hints.setdefault(word, next((row.text(index) for index in beside), ""))
    return [Found(word, count, hints[word]) for word, count in counts.most_common()]


def match_statuses(found: Iterable[Found], statuses: Sequence[StatusChoice]) -> dict[str, str]:
    """The product's status for each word: by name, else the nearest of the same category."""
    by_name = {compact(status.slug): status.slug for status in reversed(statuses)}
    by_name |= {compact(status.name): status.slug for status in reversed(statuses)}
    matched = {}
    for each in found:
        slug = by_name.get(compact(each.word)) or _nearest(each, statuses)
        if slug:
            matched[each.word] = slug
    return matched


def match_people(found: Iterable[Found], people: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The e-mail address for each word that names exactly one of these people (e-mail, name)."""
    known: dict[str, set[str]] = {}
    for email, name in people:
        first, _, last = name.rpartition(" ")
        for spelling in {email, email.partition("@")[0], name, f"{last} {first}"}:
            known.setdefault(compact(spelling), set()).add(email)
    matched = {}
    for each in found:
        emails = known.get(compact(each.word), set())
        if len(emails) == 1 and compact(each.word):
            matched[each.word] = next(iter(emails))
    return matched


_DONE = {
    "done", "closed", "resolved", "released", "complete", "completed", "finished", "accepted",
    "cancelled", "canceled", "rejected", "duplicate", "merged", "deployed", "obsolete",
}  # fmt: skip
_DOING = {
    "progress", "doing", "review", "testing", "test", "qa", "started", "development",
    "implementing", "wip", "verify", "staging", "indeterminate",
}  # fmt: skip


def _nearest(found: Found, statuses: Sequence[StatusChoice]) -> str | None:
    wanted = set(re.findall(r"[^\W_]+", found.word.casefold()))
    told = set(re.findall(r"[^\W_]+", found.hint.casefold())) or wanted
    if told & _DONE or "won" in told:
        category = "done"
    elif told & _DOING:
        category = "doing"
    else:
        category = "todo"
    candidates = [status for status in statuses if status.category == category]

    def shared(status: StatusChoice) -> int:
        return len(wanted & set(re.findall(r"[^\W_]+", status.name.casefold())))

    return max(candidates, key=shared).slug if candidates else None


def _fault_of(points: str) -> str:
    """Why this is no number of points; empty where it is one, or says that there are none."""
    try:
        values.points(points)
    except ValueError as why:
        return str(why)
    return ""


def _found_sizes(table: Table, columns: Sequence[Column]) -> list[Found]:
    """What stands for points, of all roles together."""
    counts = {each.word: each.count for each in found_words(table, columns, Target.POINTS)}
    roles = Counter(
        text
        for column in columns
        if column.target is Target.ROLE_POINTS
        for row in table.rows
        if (text := row.text(column.index))
    )
    return [Found(word, count) for word, count in (Counter(counts) + roles).most_common()]


def _found_people(table: Table, columns: Iterable[Column], habits: Habits) -> list[Found]:
    counts: Counter[str] = Counter()
    for column in columns:
        if column.target is not Target.ASSIGNEES:
            continue
        for row in table.rows:
            counts.update(people_in(row.text(column.index), habits))
    return [Found(word, count) for word, count in counts.most_common()]


def _markup(table: Table, columns: Iterable[Column]) -> Markup:
    """Jira's where one description in fifty has its marks; a few may quote them."""
    places = [column.index for column in columns if column.target is Target.DESCRIPTION]
    texts = [text for row in table.rows for place in places if (text := row.text(place))]
    marked = sum(is_jira_markup(text) for text in texts)
    return Markup.JIRA if marked * 50 >= max(len(texts), 1) else Markup.MARKDOWN


def _escaped(word: str) -> str:
    """A word as a step of a JSON pointer (RFC 6901)."""
    return word.replace("~", "~0").replace("/", "~1")


def _texts(value: Any) -> dict[str, str]:
    return {str(word): str(meaning) for word, meaning in value.items()}
