"""Taiga's reports as CSV: one file each of epics, user stories, tasks and issues; see taiga.py for
the dump of a whole project, which tells more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from backlog.importers import mapping as mappings
from backlog.importers import taiga
from backlog.importers.csv_files import Row, Table
from backlog.importers.mapping import (
    Column,
    ColumnFacts,
    Habits,
    Mapping,
    Markup,
    Proposal,
    Target,
)
from backlog.importers.parsed import WHOLE_FILE, Level, Parsed, RowProblem
from backlog.importers.reading import read_items
from mlscrum.lib.spreadsheets import with_formulas

HABITS = Habits(
    format="taiga-csv",
    source="taiga",
    kinds=taiga.HABITS.kinds,
    complete_rows=True,
    markup=Markup.MARKDOWN,
)
KIND = "Kind"  # the column that is added, behind all others
MORE_EPICS = "More epics"  # and the one for what an item of ours has no room for
# What only the report of one kind has; an issue's own type says more.
_REPORTS = (
    ("Epic", {"epics_order", "related_user_stories"}),
    ("Task", {"user_story", "taskboard_order"}),
    ("User story", {"total-points", "backlog_order"}),
    ("Issue", {"severity", "priority", "type"}),
)
_ALL = {"ref", "subject", "owner_full_name", "assigned_to_full_name", "voters"}
# Each name once: a project's own attributes, which come last, may be called the same.
_KNOWN: dict[str, tuple[Target, str]] = {
    "ref": (Target.EXTERNAL_ID, ""),
    "subject": (Target.TITLE, ""),
    "description": (Target.DESCRIPTION, ""),
    "status": (Target.STATUS, ""),
    "is_closed": (Target.STATUS_CATEGORY, ""),
    "total-points": (Target.POINTS, ""),
    "assigned_to": (Target.ASSIGNEES, ""),
    "assigned_users": (Target.ASSIGNEES, ""),
    "tags": (Target.LABELS, ""),
    "epics": (Target.PARENT, ""),
    "user_story": (Target.PARENT, ""),
    "sprint": (Target.SPRINT, ""),
    "priority": (Target.PRIORITY, ""),
    "severity": (Target.EXTRA, "Severity"),
    "swimlane": (Target.EXTRA, "Swimlane"),
    "owner_full_name": (Target.EXTRA, "Reporter"),
    "generated_from_issue": (Target.LINKS, "relates"),
    "generated_from_task": (Target.LINKS, "relates"),
    "external_reference": (Target.EXTERNAL_URL, ""),
    "created_date": (Target.CREATED_AT, ""),
    "finish_date": (Target.DONE_AT, ""),
    "finished_date": (Target.DONE_AT, ""),
    "due_date": (Target.DUE_DATE, ""),
    "due_date_reason": (Target.EXTRA, "Due date reason"),
}
_DROPPED = {
    **dict.fromkeys(("id", "sprint_id"), "an id of Taiga"),
    **dict.fromkeys(
        ("sprint_estimated_start", "sprint_estimated_finish"), "the sprint's name says it"
    ),
    **dict.fromkeys(
        ("assigned_to_full_name", "assigned_users_full_name"), "the user name says it"
    ),
    **dict.fromkeys(
        ("epics_order", "backlog_order", "sprint_order", "kanban_order", "us_order",
         "taskboard_order"),
        "the order of the file says it",
    ),
    **dict.fromkeys(
        ("is_iocaine", "client_requirement", "team_requirement", "watchers", "voters"),
        "of use in Taiga only",
    ),
    "owner": "the full name says it",
    "type": "the kind says it",
    "attachments": "the files stay in Taiga",
    "tasks": "the tasks name their story",
    "related_user_stories": "the user stories name their epics",
    "from_task_ref": "the task is gone",
    "modified_date": "the import is the last change",
}  # fmt: skip
_ROLE = "-points"


def is_taiga(table: Table) -> bool:
    """Whether the header is that of one of Taiga's four reports."""
    return _ALL.issubset(_names(table.header)) and bool(_kind_of(table.header))


def prepared(table: Table) -> Table:
    """With a column of kinds, one parent for each item, addresses as such, and of each status
    whether it closes."""
    places = _places(table.header)
    tidy: dict[int, Callable[[str], str]] = {
        places[name]: read_cell
        for name, read_cell in (("external_reference", _address), ("epics", _first_of))
        if name in places
    }
    width = len(table.header)
    full = [
        [*map(with_formulas, row.cells), *[""] * (width - len(row.cells))] for row in table.rows
    ]
    more = [_rest_of(cells[places["epics"]]) if "epics" in places else "" for cells in full]
    closing = _closing(full, places)
    kind = _kind_of(table.header)
    rows = []
    for row, cells, others in zip(table.rows, full, more, strict=True):
        word = cells[places["type"]].strip() if kind == "Issue" else ""
        if {"status", "is_closed"} <= places.keys():
            is_done = cells[places["status"]] in closing
            cells[places["is_closed"]] = "done" if is_done else ""
        for place, read_cell in tidy.items():
            cells[place] = read_cell(cells[place])
        added = [others, word or kind] if any(more) else [word or kind]
        rows.append(Row(row.number, (*cells, *added), row.narrow))
    names = [MORE_EPICS, KIND] if any(more) else [KIND]
    problems = [*table.problems, _nameless()]
    return replace(table, header=(*table.header, *names), rows=rows, problems=problems)


def propose(table: Table) -> Proposal:
    """Taiga's columns by their names; the attributes of a project are extra fields."""
    facts = mappings.column_facts(table)
    places = _places(table.header)
    return mappings.proposal(
        table,
        facts,
        [_column(fact, places, len(facts)) for fact in facts],
        HABITS,
        reason=lambda column: _DROPPED.get(
            column.name.casefold(), "the total of the roles says it"
        ),
    )


def read(table: Table, mapping: Mapping) -> Parsed:
    """The rows of a report as items; see reading.read_items."""
    return read_items(table, mapping, HABITS)


def _column(fact: ColumnFacts, places: dict[str, int], width: int) -> Column:
    name = fact.name.casefold()
    if fact.index == width - 1 and fact.name == KIND:
        return Column(fact.index, fact.name, Target.KIND)
    if not fact.filled:
        return Column(fact.index, fact.name, Target.DROP)
    if fact.index >= width - 2 and fact.name == MORE_EPICS:
        return Column(fact.index, fact.name, Target.LINKS, "relates")
    if places.get(name) == fact.index:
        if name in _KNOWN:
            return Column(fact.index, fact.name, *_KNOWN[name])
        if name in _DROPPED or _is_role(name, fact.index, places):
            return Column(fact.index, fact.name, Target.DROP)
    return Column(fact.index, fact.name, Target.EXTRA, fact.name)


def _is_role(name: str, place: int, places: dict[str, int]) -> bool:
    return name.endswith(_ROLE) and place < places.get("total-points", 0)


def _names(header: Iterable[str]) -> list[str]:
    return [name.casefold() for name in header]


def _places(header: Iterable[str]) -> dict[str, int]:
    """Where each name stands first."""
    places: dict[str, int] = {}
    for place, name in enumerate(_names(header)):
        places.setdefault(name, place)
    return places


def _kind_of(header: Iterable[str]) -> str:
    """What a report is about; empty where it is none of the four."""
    names = _names(header)
    return next((kind for kind, only in _REPORTS if only.issubset(names)), "")


def _closing(rows: list[list[str]], places: dict[str, int]) -> set[str]:
    """The statuses that close. A story counts as closed by its tasks, so those that have some say
    nothing of their status."""
    if not {"status", "is_closed"} <= places.keys():
        return set()
    tasks = places.get("tasks")
    return {
        cells[places["status"]]
        for cells in rows
        if cells[places["is_closed"]].strip().casefold() == "true"
        and not (tasks is not None and cells[tasks].strip())
    }


def _first_of(refs: str) -> str:
    return refs.split(",")[0].strip()


def _rest_of(refs: str) -> str:
    return ",".join(ref.strip() for ref in refs.split(",")[1:])


def _address(text: str) -> str:
    """Of where it came from, `['github', 'https://…']`, the address."""
    found = re.search(r"https?://[^\s'\"\],]+", text)
    return found[0] if found else ""


def _nameless() -> RowProblem:
    return RowProblem(
        WHOLE_FILE,
        "",
        Level.WARNING,
        "no_project",
        "The file doesn't tell its project, so what another one calls the same ref would be taken "
        "for it: import files of one project only into this product.",
    )
