"""Taiga's dump of a project: epics, user stories, tasks and issues of one JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from backlog.importers import json_files
from backlog.importers import mapping as mappings
from backlog.importers.csv_files import Table
from backlog.importers.json_files import (
    Record,
    bad_shape,
    cell,
    day_of,
    listed,
    moment_of,
    objects,
    said,
)
from backlog.importers.mapping import Column, ColumnFacts, Habits, Markup, Proposal, Target
from backlog.importers.mapping import Mapping as FileMapping
from backlog.importers.parsed import (
    WHOLE_FILE,
    ImportedFile,
    ImportedSprint,
    Level,
    Parsed,
    RowProblem,
)
from backlog.importers.reading import read_items

HABITS = Habits(
    format="taiga-json",
    source="taiga",
    kinds={
        "epic": "epic",
        "userstory": "story",
        "task": "task",
        "issue": "story",
        "bug": "bug",
        "question": "story",
        "enhancement": "story",
        "spike": "spike",
        "feedback": "feedback",
    },
    markup=Markup.MARKDOWN,
)
_COLUMNS: dict[str, tuple[Target, str]] = {
    "Ref": (Target.EXTERNAL_ID, ""),
    "Kind": (Target.KIND, ""),
    "Subject": (Target.TITLE, ""),
    "Description": (Target.DESCRIPTION, ""),
    "Status": (Target.STATUS, ""),
    "Status category": (Target.STATUS_CATEGORY, ""),
    "Assigned to": (Target.ASSIGNEES, ""),
    "Tags": (Target.LABELS, ""),
    "Parent": (Target.PARENT, ""),
    "Sprint": (Target.SPRINT, ""),
    "Priority": (Target.PRIORITY, ""),
    "Severity": (Target.EXTRA, "Severity"),
    "Due date": (Target.DUE_DATE, ""),
    "Blocked": (Target.BLOCKED_REASON, ""),
    "From issue": (Target.LINKS, "relates"),
    "Reference": (Target.EXTERNAL_URL, ""),
    "Owner": (Target.EXTRA, "Reporter"),
    "Created": (Target.CREATED_AT, ""),
    "Finished": (Target.DONE_AT, ""),
    "Comments": (Target.COMMENTS, ""),
}
POINTS = "Points: "  # of a role, by its name behind it
ATTRIBUTE = "Attribute: "
_LISTS = ("epics", "user_stories", "tasks", "issues")
_EMPTY = ("?", "")


@dataclass
class _Dump:
    """A dump with what its rows look up."""

    slug: str
    points: dict[str, str]  # the number of each size, by its name
    closed: dict[str, set[str]]  # names of the statuses that close, by list
    epics: dict[int, int] = field(default_factory=dict)  # of user stories, by ref
    roles: dict[str, None] = field(default_factory=dict)  # in the order of the file
    attributes: dict[str, None] = field(default_factory=dict)

    def id_of(self, ref: Any) -> str:
        """Refs repeat from one project to the next."""
        return f"{self.slug}#{cell(ref)}" if ref else ""


def is_taiga(document: Record) -> bool:
    """Whether the object is a dump of a project."""
    return "user_stories" in document or {"us_statuses", "milestones"} <= document.keys()


def table_of(document: Record) -> Table:
    """What a dump plans, as a table in the order of Taiga's backlog. Raises DomainError
    `bad_shape` naming what is not as Taiga writes it."""
    dump = _Dump(
        slug=cell(document.get("slug")) or cell(document.get("name")) or "taiga",
        points={
            cell(each.get("name")): cell(each.get("value"))
            for each in _list(document, "points")
        },
        closed={
            name: {
                cell(each.get("name"))
                for each in _list(document, f"{statuses}_statuses")
                if each.get("is_closed")
            }
            for name, statuses in zip(_LISTS, ("epic", "us", "task", "issue"), strict=True)
        },
    )  # fmt: skip
    for epic in _list(document, "epics"):
        for related in objects(epic.get("related_user_stories") or [], "related_user_stories"):
            if cell(related.get("source_project_slug")) in {"", dump.slug}:
                dump.epics.setdefault(_ref(related.get("user_story"), "epics"), _ref_of(epic))
    planned = [
        (name, each) for name in _LISTS for each in sorted(_list(document, name), key=_order)
    ]
    records = [_record(dump, name, each) for name, each in planned]
    columns = [
        *_COLUMNS,
        *(f"{POINTS}{role}" for role in dump.roles),
        *(f"{ATTRIBUTE}{name}" for name in dump.attributes if name),
    ]
    table = json_files.table_of(
        records, columns, shape=HABITS.format, problems=list(_problems(document))
    )
    files = {row: tuple(_files(each)) for row, (_, each) in enumerate(planned, start=1)}
    return replace(
        table,
        files={row: found for row, found in files.items() if found},
        sprints=tuple(_sprints(dump.slug, document, records)),
    )


def propose(table: Table) -> Proposal:
    """Each column where it belongs; the points of all roles are summed."""
    facts = mappings.column_facts(table)
    return mappings.proposal(
        table,
        facts,
        [_column(fact) for fact in facts],
        HABITS,
        reason=lambda column: "not imported",
    )


def read(table: Table, mapping: FileMapping) -> Parsed:
    """The rows as items with their files, and the sprints; see reading.read_items."""
    found = read_items(table, mapping, HABITS)
    items = [replace(item, files=table.files.get(item.row, ())) for item in found.items]
    return replace(found, items=items, sprints=table.sprints)


def _column(fact: ColumnFacts) -> Column:
    if fact.name.startswith(POINTS):
        return Column(fact.index, fact.name, Target.ROLE_POINTS)
    if fact.name.startswith(ATTRIBUTE):
        name = fact.name.removeprefix(ATTRIBUTE)
        return Column(fact.index, fact.name, Target.EXTRA if fact.filled else Target.DROP, name)
    target, detail = _COLUMNS[fact.name]
    return Column(fact.index, fact.name, target if fact.filled else Target.DROP, detail)


def _list(document: Record, name: str) -> list[Record]:
    return objects(document.get(name) or [], name)


def _values(record: Record, name: str) -> list[Any]:
    found = record.get(name) or []
    if not isinstance(found, list):
        raise bad_shape(f"{name} should be a list.")
    return found


def _ref(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_shape(f"{where}: a ref should be a number.")
    return value


def _ref_of(record: Record) -> int:
    return _ref(record.get("ref"), f"“{cell(record.get('subject'))[:60]}”")


def _order(record: Record) -> float:
    """Taiga's own order of the backlog, of epics and of the tasks of a story."""
    for name in ("epics_order", "backlog_order", "us_order"):
        value = record.get(name)
        if isinstance(value, int | float):
            return value
    return 0


def _record(dump: _Dump, name: str, each: Record) -> dict[str, str]:
    status, is_blocked = cell(each.get("status")), bool(each.get("is_blocked"))
    note = cell(each.get("blocked_note")).strip()
    people = [each.get("assigned_to"), *_values(each, "assigned_users")]
    row = {
        "Ref": dump.id_of(_ref_of(each)),
        "Kind": _kind(name, each),
        "Subject": cell(each.get("subject")),
        "Description": cell(each.get("description")),
        "Status": status,
        "Status category": "done" if status in dump.closed[name] else "",
        "Assigned to": listed(dict.fromkeys(filter(None, map(cell, people)))),
        "Tags": listed(_tag(tag) for tag in _values(each, "tags")),
        "Parent": _parent(dump, name, each),
        "Sprint": cell(each.get("milestone")),
        "Priority": cell(each.get("priority")),
        "Severity": cell(each.get("severity")),
        "Due date": cell(each.get("due_date")),
        "Blocked": (note or "yes") if is_blocked else "",
        "From issue": dump.id_of(each.get("generated_from_issue")),
        "Reference": _reference(each.get("external_reference")),
        "Owner": cell(each.get("owner")),
        "Created": cell(each.get("created_date")),
        "Finished": cell(each.get("finish_date") or each.get("finished_date")),
        "Comments": said(_comments(each.get("history") or [])),
    }
    return row | dict(_points(dump, each)) | dict(_attributes(dump, each))


def _kind(name: str, each: Record) -> str:
    if name == "issues":
        return cell(each.get("type")) or "Issue"
    return {"epics": "Epic", "user_stories": "User story", "tasks": "Task"}[name]


def _parent(dump: _Dump, name: str, each: Record) -> str:
    if name == "tasks":
        return dump.id_of(each.get("user_story"))
    return dump.id_of(dump.epics.get(_ref_of(each))) if name == "user_stories" else ""


def _tag(tag: Any) -> str:
    """A word, or in some versions a word with its colour."""
    return cell(tag[0]) if isinstance(tag, list) and tag else cell(tag)


def _reference(value: Any) -> str:
    """Where it came from: `["github", "https://…"]`."""
    if isinstance(value, list):
        return next((cell(each) for each in value if cell(each).startswith("http")), "")
    return cell(value) if cell(value).startswith("http") else ""


def _comments(history: Any) -> Iterator[tuple[Any, str, Any]]:
    """Of the history what somebody said and nobody took back; `user` is an address and a name."""
    for entry in objects(history, "history"):
        if entry.get("comment") and not entry.get("delete_comment_date"):
            user = entry.get("user") or []
            names = [cell(each) for each in user] if isinstance(user, list) else [cell(user)]
            yield entry.get("created_at"), next(filter(None, names), ""), entry["comment"]


def _points(dump: _Dump, each: Record) -> Iterator[tuple[str, str]]:
    """The points of each role as a number, or as the size that has none."""
    for given in objects(each.get("role_points") or [], "role_points"):
        role, size = cell(given.get("role")), cell(given.get("points"))
        if role:
            dump.roles[role] = None
            yield f"{POINTS}{role}", "" if size in _EMPTY else dump.points.get(size) or size


def _attributes(dump: _Dump, each: Record) -> Iterator[tuple[str, str]]:
    values = each.get("custom_attributes_values") or {}
    if not isinstance(values, dict):
        raise bad_shape("custom_attributes_values should be an object.")
    for name, value in values.items():
        dump.attributes[cell(name)] = None
        yield f"{ATTRIBUTE}{cell(name)}", cell(value)


def _files(each: Record) -> Iterator[ImportedFile]:
    for attachment in objects(each.get("attachments") or [], "attachments"):
        file = attachment.get("attached_file")
        if not isinstance(file, dict) or not isinstance(file.get("data"), str):
            continue  # the file itself was lost before it was exported
        name = cell(attachment.get("name")) or cell(file.get("name"))
        yield ImportedFile(name or "file", file["data"])


def _sprints(
    slug: str, document: Record, records: Sequence[Mapping[str, str]]
) -> Iterator[ImportedSprint]:
    """The milestones. Taiga doesn't tell when one was closed: that happens as the last of its
    stories is finished, if that is later than its last day."""
    finished: dict[str, list[datetime]] = {}
    for record in records:
        moment = moment_of(record["Finished"])
        if record["Sprint"] and moment is not None:
            finished.setdefault(record["Sprint"], []).append(moment)
    for each in _list(document, "milestones"):
        name, ends_on = cell(each.get("name")), day_of(each.get("estimated_finish"))
        last = max(finished.get(name, []), default=None)
        is_late = last is not None and ends_on is not None and last.date() > ends_on
        yield ImportedSprint(
            name=name,
            external_id=f"{slug}#{cell(each.get('slug')) or name}",
            starts_on=day_of(each.get("estimated_start")),
            ends_on=ends_on,
            is_closed=bool(each.get("closed")),
            closed_at=last if is_late else None,
        )


def _problems(document: Record) -> Iterator[RowProblem]:
    pages = document.get("wiki_pages")
    if isinstance(pages, list) and pages:
        yield RowProblem(
            WHOLE_FILE,
            "",
            Level.WARNING,
            "stays_in_taiga",
            f"Pages of the wiki stay in Taiga ({len(pages):,}): this import takes items.",
        )
