"""Jira's CSV export ("all fields"), of Cloud, Server and Data Center."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from backlog.importers import mapping as mappings
from backlog.importers.csv_files import Table
from backlog.importers.mapping import (
    Column,
    ColumnFacts,
    Habits,
    Mapping,
    Markup,
    Proposal,
    Target,
)
from backlog.importers.parsed import Parsed
from backlog.importers.reading import read_items

HABITS = Habits(
    format="jira-csv",
    source="jira",
    # Jira's Task stands beside the story and has points; what stands under both is its Sub-task.
    kinds={
        "story": "story",
        "userstory": "story",
        "task": "story",
        "newfeature": "story",
        "feature": "story",
        "improvement": "story",
        "enhancement": "story",
        "change": "story",
        "changerequest": "story",
        "wish": "story",
        "question": "story",
        "support": "story",
        "servicerequest": "story",
        "test": "story",
        "documentation": "story",
        "bug": "bug",
        "defect": "bug",
        "incident": "bug",
        "problem": "bug",
        "fault": "bug",
        "epic": "epic",
        "initiative": "epic",
        "theme": "epic",
        "subtask": "task",
        "technicaltask": "task",
        "subtaskbug": "task",
        "bugsubtask": "task",
        "spike": "spike",
        "research": "spike",
        "researchspike": "spike",
        "investigation": "spike",
        "dataassessment": "data_assessment",
        "dataneed": "data_need",
        "feedback": "feedback",
        "ethics": "ethics",
    },  # fmt: skip
    one_person_per_cell=True,
    complete_rows=True,
    markup=Markup.JIRA,
)

# By the name that _bare makes of the header: the target, its detail, the order of asking.
_KNOWN: dict[str, tuple[Target, str, int]] = {
    "summary": (Target.TITLE, "", 0),
    "description": (Target.DESCRIPTION, "", 0),
    "issue key": (Target.EXTERNAL_ID, "", 0),
    "work item key": (Target.EXTERNAL_ID, "", 0),
    "key": (Target.EXTERNAL_ID, "", 1),
    "issue id": (Target.ISSUE_ID, "", 0),
    "work item id": (Target.ISSUE_ID, "", 0),
    "issue type": (Target.KIND, "", 0),
    "work type": (Target.KIND, "", 0),
    "work item type": (Target.KIND, "", 0),
    "status": (Target.STATUS, "", 0),
    "status category": (Target.STATUS_CATEGORY, "", 0),
    "priority": (Target.PRIORITY, "", 0),
    "assignee": (Target.ASSIGNEES, "", 0),
    "labels": (Target.LABELS, "", 0),
    "components": (Target.LABELS, "", 1),
    "component/s": (Target.LABELS, "", 1),
    "due date": (Target.DUE_DATE, "", 0),
    "due": (Target.DUE_DATE, "", 0),
    "created": (Target.CREATED_AT, "", 0),
    "resolved": (Target.DONE_AT, "", 0),
    "sprint": (Target.SPRINT, "", 0),
    "comment": (Target.COMMENTS, "", 0),
    "comments": (Target.COMMENTS, "", 0),
    "parent": (Target.PARENT, "", 0),
    "parent id": (Target.PARENT, "", 1),
    "parent key": (Target.PARENT, "", 2),
    "parent link": (Target.PARENT, "", 3),
    "epic link": (Target.PARENT, "", 4),
    "story points": (Target.POINTS, "", 0),
    "story point estimate": (Target.POINTS, "", 1),
    "rank": (Target.RANK, "", 0),
    "acceptance criteria": (Target.CRITERIA, "", 0),
    "flagged": (Target.BLOCKED_REASON, "", 0),
    "gpu hours": (Target.GPU_HOURS, "", 0),
    "original estimate": (Target.EXTRA_HOURS, "Original estimate (h)", 0),
    "remaining estimate": (Target.EXTRA_HOURS, "Remaining estimate (h)", 0),
    "time spent": (Target.EXTRA_HOURS, "Time spent (h)", 0),
    "fix versions": (Target.EXTRA, "Fix versions", 0),
    "fix version/s": (Target.EXTRA, "Fix versions", 0),
    "affects versions": (Target.EXTRA, "Affects versions", 0),
    "affects version/s": (Target.EXTRA, "Affects versions", 0),
    "reporter": (Target.EXTRA, "Reporter", 0),
    "resolution": (Target.EXTRA, "Resolution", 0),
    "environment": (Target.EXTRA, "Environment", 0),
}
_DROPPED = {
    "attachment": "the files stay in Jira",
    "log work": "work logs are not imported",
    "parent summary": "the parent tells its own title",
    "epic name": "the epic's title says it",
    "updated": "the import is the last change",
    "creator": "the reporter is kept",
    **dict.fromkeys(
        ("project key", "project name", "project type", "project lead", "project lead id",
         "project description", "project url"),
        "about the project",
    ),
    **dict.fromkeys(("assignee id", "reporter id", "creator id", "watchers id"), "an account id"),
    **dict.fromkeys(
        ("watchers", "votes", "last viewed", "work ratio", "security level",
         "status category changed", "development", "vulnerability", "issue color", "epic color",
         "epic colour", "epic status", "σ original estimate", "σ remaining estimate",
         "σ time spent"),
        "of use in Jira only",
    ),
}  # fmt: skip
_LINK = re.compile(r"(outward|inward) issue link \((.+)\)")
_LINK_TYPES = {  # what the outward and the inward end of Jira's link types say here
    "blocks": ("blocks", "blocked_by"),
    "blocker": ("blocks", "blocked_by"),
    "duplicate": ("duplicates", "duplicated_by"),
    "duplicates": ("duplicates", "duplicated_by"),
    "depends": ("blocked_by", "blocks"),
    "dependency": ("blocked_by", "blocks"),
    "dependent": ("blocked_by", "blocks"),
}


def is_jira(table: Table) -> bool:
    """Whether the header is one that Jira writes."""
    names = {_bare(name) for name in table.header}
    ids = {"issue key", "issue id", "work item key", "work item id", "issue type", "work type"}
    return "summary" in names and bool(names & ids)


def propose(table: Table) -> Proposal:
    """Jira's columns by their names in any case; what is unknown and filled is an extra field."""
    facts = mappings.column_facts(table)
    columns = [_column(fact) for fact in facts]
    return mappings.proposal(
        table,
        facts,
        columns,
        HABITS,
        reason=lambda column: _DROPPED.get(_bare(column.name), "of use in Jira only"),
        site_url=_site(table),
    )


def read(table: Table, mapping: Mapping) -> Parsed:
    """The issues of an export as items; see reading.read_items."""
    return read_items(table, mapping, HABITS, accounts=_accounts(table))


def _column(fact: ColumnFacts) -> Column:
    bare = _bare(fact.name)
    if link := _LINK.fullmatch(bare):
        types = _LINK_TYPES.get(link[2], ("relates", "relates"))
        return Column(fact.index, fact.name, Target.LINKS, types[link[1] == "inward"])
    if bare in _KNOWN:
        target, detail, order = _KNOWN[bare]
        return Column(fact.index, fact.name, target, detail, order)
    if bare in _DROPPED or bare.startswith("[chart]") or not fact.filled:
        return Column(fact.index, fact.name, Target.DROP)
    custom = re.fullmatch(r"custom field \((.+)\)", fact.name.strip(), re.IGNORECASE)
    return Column(fact.index, fact.name, Target.EXTRA, custom[1] if custom else fact.name)


def _bare(name: str) -> str:
    """`Custom field (Story Points)` as `story points`."""
    name = " ".join(name.casefold().split())
    custom = re.fullmatch(r"custom field \((.+)\)", name)
    return custom[1] if custom else name.replace("ς", "σ")


def _accounts(table: Table) -> dict[str, str]:
    """The names of account ids, by which Cloud signs comments: `Assignee Id` beside `Assignee`."""
    places: dict[str, list[int]] = {}
    for index, name in enumerate(table.header):
        places.setdefault(_bare(name), []).append(index)
    pairs = [
        pair
        for who in ("assignee", "reporter", "creator", "watchers")
        for pair in zip(places.get(f"{who} id", ()), places.get(who, ()), strict=False)
    ]
    return {
        row.text(id_place): row.text(name_place)
        for row in table.rows
        for id_place, name_place in pairs
        if row.text(id_place) and row.text(name_place)
    }


def _site(table: Table) -> str:
    """The site's address as the project's or the attachments' addresses tell it."""
    return _site_of_project(table) or _site_of_attachments(table)


def _site_of_project(table: Table) -> str:
    """Of `Project url`, which may lead anywhere: only where it is Atlassian's or looks like it."""
    places = [index for index, name in enumerate(table.header) if _bare(name) == "project url"]
    for address in dict.fromkeys(row.text(place) for row in table.rows for place in places):
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            continue
        before, found, _ = address.partition("/browse/")
        if not found:
            before, found, _ = address.partition("/projects/")
        if found:
            return before.removesuffix("/jira/software/c").removesuffix("/jira/software")
        if parts.hostname.endswith(".atlassian.net"):
            return f"{parts.scheme}://{parts.netloc}"
    return ""


def _site_of_attachments(table: Table) -> str:
    """An attachment is `date;author;name;https://…/secure/attachment/…`."""
    places = [index for index, name in enumerate(table.header) if _bare(name) == "attachment"]
    for row in table.rows:
        for place in places:
            address = row.text(place).rpartition(";")[2].strip()
            before, found, _ = address.partition("/secure/attachment")
            if not found:
                before, found, _ = address.partition("/rest/api/")
            if found and urlsplit(before).scheme in {"http", "https"}:
                return before
    return ""
