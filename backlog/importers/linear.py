"""Linear's CSV export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from backlog.importers import mapping as mappings
from backlog.importers.csv_files import Table
from backlog.importers.dates import parse_moment
from backlog.importers.levels import KINDS, with_levels
from backlog.importers.mapping import Column, Habits, Mapping, Markup, Proposal, Target, compact
from backlog.importers.parsed import ImportedSprint, Parsed
from backlog.importers.reading import read_items

HABITS = Habits(
    format="linear-csv",
    source="linear",
    kinds=KINDS,
    one_person_per_cell=True,
    complete_rows=True,
    markup=Markup.MARKDOWN,
)
# By compact name: the target, its detail, the order of asking.
_KNOWN: dict[str, tuple[Target, str, int]] = {
    "id": (Target.EXTERNAL_ID, "", 0),
    "title": (Target.TITLE, "", 0),
    "description": (Target.DESCRIPTION, "", 0),
    "status": (Target.STATUS, "", 0),
    "estimate": (Target.POINTS, "", 0),
    "priority": (Target.PRIORITY, "", 0),
    "assignee": (Target.ASSIGNEES, "", 0),
    "labels": (Target.LABELS, "", 0),
    "cyclename": (Target.SPRINT, "", 0),
    "created": (Target.CREATED_AT, "", 0),
    "completed": (Target.DONE_AT, "", 0),
    "canceled": (Target.DONE_AT, "", 1),
    "duedate": (Target.DUE_DATE, "", 0),
    "parentissue": (Target.PARENT, "", 0),
    "level": (Target.KIND, "", 0),
    "team": (Target.EXTRA, "Team", 0),
    "project": (Target.EXTRA, "Project", 0),
    "projectmilestone": (Target.EXTRA, "Project milestone", 0),
    "initiatives": (Target.EXTRA, "Initiatives", 0),
    "roadmaps": (Target.EXTRA, "Roadmaps", 0),
    "creator": (Target.EXTRA, "Reporter", 0),
}
_NO_PRIORITY = "No priority"
_DROPPED = {
    "projectid": "an id of Linear",
    "projectmilestoneid": "an id of Linear",
    "cyclenumber": "the cycle's name says it",
    "cyclestart": "the day on which the sprint begins",
    "cycleend": "the day on which the sprint ends",
    "updated": "the import is the last change",
    "started": "the status says it",
    "triaged": "the status says it",
    "archived": "of use in Linear only",
    "slastatus": "of use in Linear only",
}


def is_linear(table: Table) -> bool:
    """Whether the header is one that Linear writes."""
    names = {compact(name) for name in table.header}
    return {"id", "team", "title", "status", "estimate", "cyclenumber"} <= names


def prepared(table: Table) -> Table:
    """With levels in place of the kinds that Linear has not, and nothing for no priority."""
    names = {compact(name): name for name in table.header}
    rows = [
        replace(row, cells=tuple("" if cell == _NO_PRIORITY else cell for cell in row.cells))
        for row in table.rows
    ]
    tidy = replace(table, rows=rows)
    return with_levels(tidy, names.get("id", ""), names.get("parentissue", ""))


def propose(table: Table) -> Proposal:
    """Linear's columns by their names; what is unknown and filled is an extra field."""
    facts = mappings.column_facts(table)
    columns = []
    for fact in facts:
        name = compact(fact.name)
        target, detail, order = _KNOWN.get(name, (Target.EXTRA, fact.name, 0))
        is_out = name in _DROPPED or not fact.filled
        column = Column(fact.index, fact.name, Target.DROP if is_out else target, detail, order)
        columns.append(column)
    return mappings.proposal(
        table,
        facts,
        columns,
        HABITS,
        reason=lambda column: _DROPPED.get(compact(column.name), "of use in Linear only"),
    )


def read(table: Table, mapping: Mapping) -> Parsed:
    """The issues as items, and the cycles; see reading.read_items."""
    found = read_items(table, mapping, HABITS)
    return replace(found, sprints=tuple(_sprints(table, mapping)))


def _sprints(table: Table, mapping: Mapping) -> Iterator[ImportedSprint]:
    """The cycles, each once. One closes by itself at its end, as the next one begins; each team
    counts its own."""
    places = {compact(name): place for place, name in enumerate(table.header)}
    names = ("team", "cyclenumber", "cyclename", "cyclestart", "cycleend")
    zone, seen = ZoneInfo(mapping.time_zone), set()
    for row in table.rows:
        cells = [row.text(places[name]) if name in places else "" for name in names]
        team, number, title, start, end = cells
        key = f"{team}#{number or title}"
        if title and key not in seen:
            seen.add(key)
            first, over = (_moment(text, mapping, zone) for text in (start, end))
            last = over - timedelta(seconds=1) if over else None
            yield ImportedSprint(
                name=title,
                external_id=key,
                starts_on=first.astimezone(zone).date() if first else None,
                ends_on=last.astimezone(zone).date() if last else None,
                is_closed=True,
                closed_at=last,
            )


def _moment(text: str, mapping: Mapping, zone: tzinfo) -> datetime | None:
    try:
        return parse_moment(text, mapping.date_order, zone)
    except ValueError:
        return None
