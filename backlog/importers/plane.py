"""Plane's export of work items, as CSV or JSON, in both spellings of its names; see files.py for
the archive that it comes in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from backlog.importers import json_files
from backlog.importers import mapping as mappings
from backlog.importers.csv_files import Row, Table
from backlog.importers.json_files import Record, cell, inner, said
from backlog.importers.levels import KINDS, with_levels
from backlog.importers.mapping import Column, Habits, Mapping, Markup, Proposal, Target, compact
from backlog.importers.parsed import Parsed
from backlog.importers.reading import read_items
from mlscrum.lib.spreadsheets import with_formulas

HABITS = Habits(
    format="plane",
    source="plane",
    kinds=KINDS,
    markup=Markup.MARKDOWN,
)
# By compact name, of both its exporters and of the columns that its own import takes.
_KNOWN: dict[str, tuple[Target, str, int]] = {
    "identifier": (Target.EXTERNAL_ID, "", 0),
    "id": (Target.EXTERNAL_ID, "", 1),
    "name": (Target.TITLE, "", 0),
    "description": (Target.DESCRIPTION, "", 0),
    "descriptionhtml": (Target.DESCRIPTION, "", 0),
    "statename": (Target.STATUS, "", 0),
    "state": (Target.STATUS, "", 1),
    "stategroup": (Target.STATUS_CATEGORY, "", 0),
    "priority": (Target.PRIORITY, "", 0),
    "assignees": (Target.ASSIGNEES, "", 0),
    "labels": (Target.LABELS, "", 0),
    "cycles": (Target.SPRINT, "", 0),
    "cyclename": (Target.SPRINT, "", 1),
    "estimate": (Target.POINTS, "", 0),
    "targetdate": (Target.DUE_DATE, "", 0),
    "createdat": (Target.CREATED_AT, "", 0),
    "completedat": (Target.DONE_AT, "", 0),
    "parent": (Target.PARENT, "", 0),
    "comments": (Target.COMMENTS, "", 0),
    "level": (Target.KIND, "", 0),
    "blocks": (Target.LINKS, "blocks", 0),
    "blockedby": (Target.LINKS, "blocked_by", 0),
    "relatesto": (Target.LINKS, "relates", 0),
    "duplicates": (Target.LINKS, "duplicates", 0),
    "duplicatedby": (Target.LINKS, "duplicated_by", 0),
    "createdbyname": (Target.EXTRA, "Reporter", 0),
    "createdby": (Target.EXTRA, "Reporter", 0),
    "startdate": (Target.EXTRA, "Start date", 0),
    "modules": (Target.EXTRA, "Modules", 0),
    "modulename": (Target.EXTRA, "Modules", 0),
    "links": (Target.EXTRA, "Links", 0),
    "link": (Target.EXTRA, "Links", 0),
}
_DROPPED = {
    **dict.fromkeys(
        ("projectname", "project", "projectidentifier", "projectid"), "about the project"
    ),
    **dict.fromkeys(("subscribers", "subscriberscount"), "of use in Plane only"),
    **dict.fromkeys(("attachmentcount", "attachmentlinks"), "the files stay in Plane"),
    **dict.fromkeys(("subissuescount", "linkcount"), "a mere count"),
    "sequenceid": "the identifier says it",
    "updatedat": "the import is the last change",
    "archivedat": "of use in Plane only",
    "isdraft": "of use in Plane only",
    "cyclestartdate": "the cycle's name says it",
    "cycleenddate": "the cycle's name says it",
}
# Its types of relations, as the end that names them and as the other end.
_RELATIONS = {
    "blocked_by": ("Blocked by", "Blocks"),
    "blocking": ("Blocks", "Blocked by"),
    "duplicate": ("Duplicates", "Duplicated by"),
    "finish_before": ("Blocks", "Blocked by"),
    "finish_after": ("Blocked by", "Blocks"),
    "start_before": ("Relates to", "Relates to"),
    "start_after": ("Relates to", "Relates to"),
    "implemented_by": ("Relates to", "Relates to"),
    "implements": ("Relates to", "Relates to"),
    "relates_to": ("Relates to", "Relates to"),
}
_LINKS = ("Blocks", "Blocked by", "Relates to", "Duplicates", "Duplicated by")
_OTHER_WAY = "incoming"


def is_plane(names: Iterable[str]) -> bool:
    """Whether these are names as Plane's export has them, in either spelling."""
    found = {compact(name) for name in names}
    return {"sequenceid", "name"} <= found or {"statename", "projectidentifier"} <= found


def table_of(records: list[Record]) -> Table:
    """Plane's JSON as the table that its CSV is."""
    names = list(dict.fromkeys(name for record in records for name in record))
    return json_files.table_of(
        ({name: cell(value) for name, value in record.items()} for record in records),
        names,
        shape=HABITS.format,
    )


def prepared(table: Table) -> Table:
    """With cells that hold JSON as plain lists, relations as columns of links, and levels."""
    places = {compact(name): place for place, name in enumerate(table.header)}
    tidy: dict[int, Callable[[str], str]] = {
        place: read_cell
        for name, read_cell in (
            ("cycles", _last), ("cyclename", _last), ("modules", _words), ("modulename", _words),
            ("links", _addresses), ("link", _words), ("comments", _comments),
            ("assignees", _people), ("priority", _priority),
        )
        if (place := places.get(name)) is not None
    }  # fmt: skip
    related = [(place, name) for name, place in places.items() if name.startswith("relations")]
    width = len(table.header)
    full = [
        [*map(with_formulas, row.cells), *[""] * (width - len(row.cells))] for row in table.rows
    ]
    links = [_links([(name, cells[place]) for place, name in related]) for cells in full]
    kinds = [name for name in _LINKS if any(each[name] for each in links)]
    rows = []
    for row, cells, linked in zip(table.rows, full, links, strict=True):
        for place, read_cell in tidy.items():
            cells[place] = read_cell(cells[place])
        more = [" ".join(linked[name]) for name in kinds]
        rows.append(Row(row.number, (*cells, *more), row.narrow))
    wide = replace(table, header=(*table.header, *kinds), rows=rows)
    ids = places.get("identifier", places.get("id"))
    parent = places.get("parent")
    if ids is None or parent is None:
        return wide
    return with_levels(wide, table.header[ids], table.header[parent])


def propose(table: Table) -> Proposal:
    """Plane's columns by their names; what is unknown and filled is an extra field."""
    facts = mappings.column_facts(table)
    columns = []
    for fact in facts:
        name = compact(fact.name)
        target, detail, order = _KNOWN.get(name, (Target.EXTRA, fact.name, 0))
        is_out = name in _DROPPED or name.startswith("relations") or not fact.filled
        columns.append(
            Column(fact.index, fact.name, Target.DROP if is_out else target, detail, order)
        )
    return mappings.proposal(
        table,
        facts,
        columns,
        HABITS,
        reason=lambda column: _DROPPED.get(compact(column.name), "told by columns of links"),
    )


def read(table: Table, mapping: Mapping) -> Parsed:
    """The work items as items; see reading.read_items."""
    return read_items(table, mapping, HABITS)


def _json(text: str) -> Any:
    """What a cell holds as JSON; None where it is none."""
    if text[:1] not in {"[", "{"}:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _list(text: str) -> list[Any] | None:
    found = _json(text)
    return found if isinstance(found, list) else None


def _words(text: str) -> str:
    found = _list(text)
    return text if found is None else ", ".join(cell(each) for each in found)


def _people(text: str) -> str:
    found = _list(text)
    return (
        text if found is None else json_files.listed(" ".join(cell(each).split()) for each in found)
    )


def _last(text: str) -> str:
    """The last cycle is the present one."""
    found = _list(text)
    return text if found is None else cell(found[-1] if found else "")


def _priority(text: str) -> str:
    return "" if text.strip().casefold() == "none" else text


def _addresses(text: str) -> str:
    found = _list(text)
    if found is None:
        return text
    return ", ".join(filter(None, (inner(each, "url") for each in found)))


def _comments(text: str) -> str:
    found = _list(text)
    if found is None:
        return text
    return said(
        (each.get("created_at"), each.get("created_by"), each.get("comment"))
        for each in found
        if isinstance(each, dict)
    )


def _links(cells: list[tuple[str, str]]) -> dict[str, list[str]]:
    """The ids that an item is linked with, by the column for them."""
    links: dict[str, list[str]] = {name: [] for name in _LINKS}
    for relation, issue, is_turned in _relations(cells):
        here, there = _RELATIONS.get(relation, ("Relates to", "Relates to"))
        links[there if is_turned else here].append(issue)
    return links


def _relations(cells: list[tuple[str, str]]) -> Iterator[tuple[str, str, bool]]:
    """The type, the other item, and whether the type is said from there."""
    spellings = {f"relations{compact(name)}": name for name in _RELATIONS}
    for column, text in cells:
        found = _json(text)
        if isinstance(found, dict):
            yield from ((str(name), cell(issue), False) for name, issue in found.items())
        elif isinstance(found, list):
            for each in found:
                if isinstance(each, dict) and each.get("issue"):
                    is_turned = each.get("direction") == _OTHER_WAY
                    yield cell(each.get("type")), cell(each["issue"]), is_turned
        elif text.strip() and column in spellings:
            yield spellings[column], text.strip(), False
