"""Any CSV file with a header: spreadsheets and tools that have no importer of their own."""

from __future__ import annotations

from collections.abc import Callable

from backlog.importers import mapping as mappings
from backlog.importers.csv_files import Table
from backlog.importers.mapping import (
    Column,
    ColumnFacts,
    Habits,
    Mapping,
    Proposal,
    Target,
    compact,
)
from backlog.importers.parsed import Parsed
from backlog.importers.reading import read_items

HABITS = Habits(
    format="csv",
    source="csv",
    kinds={
        "story": "story",
        "userstory": "story",
        "feature": "story",
        "enhancement": "story",
        "improvement": "story",
        "issue": "story",
        "item": "story",
        "requirement": "story",
        "task": "task",
        "subtask": "task",
        "todo": "task",
        "bug": "bug",
        "defect": "bug",
        "error": "bug",
        "fault": "bug",
        "incident": "bug",
        "epic": "epic",
        "initiative": "epic",
        "theme": "epic",
        "spike": "spike",
        "research": "spike",
        "experiment": "spike",
        "investigation": "spike",
        "dataassessment": "data_assessment",
        "dataquality": "data_assessment",
        "dataneed": "data_need",
        "data": "data_need",
        "feedback": "feedback",
        "ethics": "ethics",
        "fairness": "ethics",
    },  # fmt: skip
)

# Names of columns, the surest first; one column for each target, save where several make a list.
_NAMES: dict[Target, tuple[str, ...]] = {
    Target.TITLE: ("title", "summary", "name", "subject", "story", "userstory", "task", "item"),
    Target.EXTERNAL_ID: (
        "externalid", "issuekey", "key", "id", "issueid", "identifier", "ref", "reference",
        "number", "ticket", "iid",
    ),
    Target.DESCRIPTION: ("description", "body", "details", "text", "notes", "content"),
    Target.KIND: ("kind", "type", "issuetype", "worktype", "workitemtype", "itemtype", "tracker"),
    Target.STATUS: ("status", "state", "statename", "column", "stage", "list"),
    Target.POINTS: (
        "points", "storypoints", "storypoint", "storypointestimate", "estimate", "sp", "size",
        "effort", "totalpoints",
    ),
    Target.DUE_DATE: ("duedate", "due", "dueon", "deadline", "targetdate"),
    Target.PARENT: (
        "parent", "parentid", "parentkey", "parentissue", "parenttitle", "epic", "epiclink",
        "epickey", "epicname",
    ),
    Target.EXTERNAL_URL: ("externalurl", "url", "link", "htmlurl", "weburl"),
    Target.PRIORITY: ("priority", "prio", "importance", "moscow"),
    Target.BLOCKED_REASON: (
        "blockedreason", "blockednote", "blocked", "impediment", "isblocked", "flagged",
    ),
    Target.GPU_HOURS: ("gpuhours", "gpuh", "gputime", "gpuhoursestimate"),
    Target.CRITERIA: ("acceptancecriteria", "criteria", "acceptance", "ac"),
    Target.SPRINT: ("sprint", "cycle", "cyclename", "iteration", "milestone"),
    Target.RANK: ("rank", "lexorank"),
    Target.CREATED_AT: ("createdat", "created", "createddate", "creationdate", "createdon"),
    Target.DONE_AT: (
        "doneat", "completedat", "completed", "closedat", "closed", "resolved", "finishdate",
    ),
}  # fmt: skip
_LISTS: dict[Target, tuple[str, ...]] = {
    Target.ASSIGNEES: (
        "assignees", "assignee", "assignedto", "assignedusers", "responsible", "owner",
    ),
    Target.LABELS: ("labels", "label", "tags", "tag", "components", "component"),
    Target.COMMENTS: ("comment", "comments"),
}  # fmt: skip
_LINKS = {
    "blocks": "blocks", "blockedby": "blocked_by", "dependson": "blocked_by",
    "dependencies": "blocked_by", "relatesto": "relates", "relatedto": "relates",
    "duplicates": "duplicates", "duplicateof": "duplicates", "needsdata": "needs_data",
}  # fmt: skip


def propose(table: Table) -> Proposal:
    """Columns by their names; what has an unknown name and is filled is an extra field."""
    facts = mappings.column_facts(table)
    taken: dict[int, Column] = {}
    for target, names in _NAMES.items():
        best = min(
            (fact for fact in facts if compact(fact.name) in names and fact.index not in taken),
            key=_sureness(names),
            default=None,
        )
        if best:
            taken[best.index] = Column(best.index, best.name, target)
    second_ids = any(column.target is Target.PARENT for column in taken.values())
    for fact in facts:
        if fact.index in taken:
            continue
        if second_ids and fact.filled and compact(fact.name) in _NAMES[Target.EXTERNAL_ID]:
            taken[fact.index] = Column(fact.index, fact.name, Target.ISSUE_ID)
        else:
            taken[fact.index] = _list_or_rest(fact)
    if not any(column.target is Target.TITLE for column in taken.values()):
        title = _likely_title(table, [taken[fact.index] for fact in facts])
        taken[title.index] = Column(title.index, title.name, Target.TITLE)
    return mappings.proposal(
        table,
        facts,
        [taken[fact.index] for fact in facts],
        HABITS,
        reason=lambda column: "not imported",
    )


def read(table: Table, mapping: Mapping) -> Parsed:
    """The rows as items; see reading.read_items."""
    return read_items(table, mapping, HABITS)


def _sureness(names: tuple[str, ...]) -> Callable[[ColumnFacts], tuple[bool, int, int]]:
    """Filled columns before empty ones, then by how sure the name is, then from the left."""
    return lambda fact: (not fact.filled, names.index(compact(fact.name)), fact.index)


def _list_or_rest(fact: ColumnFacts) -> Column:
    name = compact(fact.name)
    for target, names in _LISTS.items():
        if name in names:
            return Column(fact.index, fact.name, target)
    if name in _LINKS:
        return Column(fact.index, fact.name, Target.LINKS, _LINKS[name])
    if fact.filled:
        return Column(fact.index, fact.name, Target.EXTRA, fact.name)
    return Column(fact.index, fact.name, Target.DROP)


def _likely_title(table: Table, columns: list[Column]) -> Column:
    """Of the columns without another use the one with the most different texts of letters."""

    def different(column: Column) -> int:
        free = column.target in {Target.EXTRA, Target.DROP}
        texts = {row.text(column.index) for row in table.rows}
        lettered = sum(any(letter.isalpha() for letter in text) for text in texts)
        return lettered + 1 if free else 0

    return max(columns, key=different)
