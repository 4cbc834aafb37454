"""Our own items, as REST gives them: JSON, and CSV with the same names for its columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from backlog.importers import json_files
from backlog.importers import mapping as mappings
from backlog.importers.csv_files import Row, Table, refuse_too_much
from backlog.importers.json_files import (
    EMPTY_FOR_ONE,
    Record,
    cell,
    listed,
    objects,
    refuse_too_wide,
    said,
)
from backlog.importers.mapping import (
    KINDS,
    LINK_TYPES,
    Column,
    ColumnFacts,
    Habits,
    Mapping,
    Markup,
    Proposal,
    Target,
    compact,
)
from backlog.importers.parsed import Parsed
from backlog.importers.reading import read_items
from mlscrum.lib.errors import DomainError
from mlscrum.lib.spreadsheets import with_formulas

VERSION = 1
HABITS = Habits(
    format="mlscrum",
    source="mlscrum",
    kinds={compact(kind): kind for kind in KINDS},
    markup=Markup.MARKDOWN,
    is_own=True,
)
_KNOWN = {
    "ref": Target.EXTERNAL_ID,
    "title": Target.TITLE,
    "kind": Target.KIND,
    "description": Target.DESCRIPTION,
    "status": Target.STATUS,
    "category": Target.STATUS_CATEGORY,
    "points": Target.POINTS,
    "criteria": Target.CRITERIA,
    "assignees": Target.ASSIGNEES,
    "labels": Target.LABELS,
    "due_date": Target.DUE_DATE,
    "blocked_reason": Target.BLOCKED_REASON,
    "gpu_hours": Target.GPU_HOURS,
    "parent": Target.PARENT,
    "sprint": Target.SPRINT,
    "external_url": Target.EXTERNAL_URL,
    "comments": Target.COMMENTS,
    "created_at": Target.CREATED_AT,
    "done_at": Target.DONE_AT,
}
_DROPPED = {
    "url": "it leads to where the item was",
    "blocked": "told by the reason and the links",
    "children": "they name their parent",
    "backlog": "new items go to the product backlog",
    "severity": "follows from the evidence",
    "source": "follows from the evidence",
    "findings": "evidence files its own items",
    "external_source": "the ref takes its place",
    "external_id": "the ref takes its place",
    "version": "counts from anew",
    "updated_at": "the import is the last change",
    "deleted_at": "what lies in the trash is not exported",
}
_LINK = re.compile(r"(\w+) ([A-Za-z0-9]+-\d+)(?:, |$)")  # blocks MED-3, relates MED-4
_CRITERION = re.compile(r"(.+?) (yes|no)(?:, |$)", re.DOTALL)  # finds all yes, in 1 s no
_AS_JSON = {"fields", "links", "criteria", "comments", "assignees", "labels"}
_TAKEN = ("fields", "links")  # apart, into columns of their own
FIELD, LINK = "fields.", "links."  # what the columns of a field and of a type of links begin with
_SHAPE = {"ref", "title", "kind", "status"}


def is_own(names: Iterable[str]) -> bool:
    """Whether these are the names of our items' fields."""
    found = {name.strip().casefold() for name in names}
    return found >= _SHAPE and bool(found & {"criteria", "gpu_hours", "version"})


def table_of(records: list[Record]) -> Table:
    """Items as REST gives them, as a table."""
    rows = [_row(record) for record in records]
    names = dict.fromkeys(name for row in rows for name in row)
    return json_files.table_of(rows, list(names), shape=HABITS.format)


def items_of(document: Record) -> list[Record] | None:
    """The items of a page of REST or of an export; None where the object is neither.

    Raises DomainError `wrong_version` for an export of a newer ML Scrum.
    """
    for name in ("items", "results"):
        found = document.get(name)
        if isinstance(found, list) and (not found or _is_item(found[0])):
            version = document.get("version", VERSION)
            if version != VERSION:
                raise DomainError(
                    "wrong_version",
                    f"This export has version {cell(version)[:20] or 'none'} and version {VERSION} "
                    "is read: export it again with an ML Scrum as old as this one.",
                )
            return objects(found, name)
    return None


def prepared(table: Table) -> Table:
    """Our CSV with cells of JSON as columns of their own, as the JSON itself is laid out."""
    names = [name.strip().casefold() for name in table.header]
    records = []
    for row in table.rows:
        cells = {name: with_formulas(row.text(place)) for place, name in enumerate(names)}
        records.append(_row({name: _value(name, text) for name, text in cells.items()}))
    found = dict.fromkeys(name for record in records for name in record)
    header = tuple(dict.fromkeys([*(n for n in names if n in found or n not in _TAKEN), *found]))
    refuse_too_wide(len(header))
    refuse_too_much(len(records), len(records) * len(header) // EMPTY_FOR_ONE)
    rows = [
        Row(row.number, tuple(record.get(name, "") for name in header), row.narrow)
        for row, record in zip(table.rows, records, strict=True)
    ]
    return replace(table, header=header, rows=rows)


def propose(table: Table) -> Proposal:
    """Each column where it belongs; unknown ones that are filled are extra fields."""
    facts = mappings.column_facts(table)
    return mappings.proposal(
        table,
        facts,
        [_column(fact) for fact in facts],
        HABITS,
        reason=lambda column: _DROPPED.get(column.name, "told by the other end"),
    )


def read(table: Table, mapping: Mapping) -> Parsed:
    """The rows as items; see reading.read_items."""
    return read_items(table, mapping, HABITS)


def _column(fact: ColumnFacts) -> Column:
    name = fact.name
    if not fact.filled or name in _DROPPED:
        return Column(fact.index, name, Target.DROP)
    if name in _KNOWN:
        return Column(fact.index, name, _KNOWN[name])
    if name.startswith(LINK):
        kind = name.removeprefix(LINK)
        is_ours = kind in LINK_TYPES
        return Column(fact.index, name, Target.LINKS if is_ours else Target.DROP, kind)
    return Column(fact.index, name, Target.EXTRA, name.removeprefix(FIELD))


def _is_item(value: Any) -> bool:
    return isinstance(value, dict) and is_own(value)


def _row(record: Record) -> dict[str, str]:
    row: dict[str, str] = {}
    for name, value in record.items():
        if name in _TAKEN and not value:
            continue
        if name == "fields" and isinstance(value, dict):
            row |= {f"{FIELD}{slug}": _field(each) for slug, each in value.items()}
        elif name == "links" and isinstance(value, list):
            for kind, refs in _links(value).items():
                row[f"{LINK}{kind}"] = " ".join(refs)
        elif name == "criteria" and isinstance(value, list):
            row[name] = "\n".join(map(_criterion, value))
        elif name == "comments" and isinstance(value, list):
            row[name] = said(
                (each.get("created_at"), each.get("author"), each.get("text"))
                for each in value
                if isinstance(each, dict)
            )
        elif name in {"assignees", "labels"} and isinstance(value, list):
            row[name] = listed(value)
        elif name == "sprint":
            row[name] = "" if isinstance(value, int) or cell(value).isdigit() else cell(value)
        else:
            row[name] = cell(value)
    return row


def _value(name: str, text: str) -> Any:
    """What a cell of our CSV holds: lists and objects stand there in words, or as JSON."""
    if name in _AS_JSON and text[:1] in {"[", "{"}:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    if name == "links":
        found = _LINK.findall(text)
        return [{"type": kind, "ref": ref} for kind, ref in found] or text
    if name == "criteria":
        lines = _CRITERION.findall(text)
        return [{"text": said, "is_met": is_met == "yes"} for said, is_met in lines] or text
    return text


def _field(value: Any) -> str:
    return ", ".join(map(cell, value)) if isinstance(value, list) else cell(value)


def _links(links: list[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in links:
        if isinstance(each, dict):
            found.setdefault(cell(each.get("type")), []).append(cell(each.get("ref")))
    return found


def _criterion(value: Any) -> str:
    """A line of a checklist, as `values.criteria` reads it."""
    if not isinstance(value, dict):
        return f"- [ ] {cell(value)}"
    text = " ".join(cell(value.get("text")).split())
    return f"- [{'x' if value.get('is_met') else ' '}] {text}"
