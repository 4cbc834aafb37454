"""GitHub's issues as JSON: REST's list, and what `gh issue list --json …` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from backlog.importers import json_files
from backlog.importers import mapping as mappings
from backlog.importers.csv_files import Table
from backlog.importers.json_files import Record, bad_shape, cell, inner, listed, said
from backlog.importers.mapping import Column, Habits, Mapping, Markup, Proposal, Target
from backlog.importers.parsed import WHOLE_FILE, ImportedSprint, Level, Parsed, RowProblem
from backlog.importers.reading import read_items

HABITS = Habits(
    format="github-json",
    source="github",
    # GitHub tells kinds by types, and before it had those by labels.
    kinds={
        "issue": "story",
        "feature": "story",
        "enhancement": "story",
        "task": "story",
        "story": "story",
        "documentation": "story",
        "question": "story",
        "bug": "bug",
        "epic": "epic",
        "spike": "spike",
        "dataassessment": "data_assessment",
        "dataneed": "data_need",
        "feedback": "feedback",
        "ethics": "ethics",
    },
    markup=Markup.MARKDOWN,
)
_COLUMNS = {
    "Issue": Target.EXTERNAL_ID,
    "Title": Target.TITLE,
    "Body": Target.DESCRIPTION,
    "State": Target.STATUS,
    "Type": Target.KIND,
    "Labels": Target.LABELS,
    "Assignees": Target.ASSIGNEES,
    "Milestone": Target.SPRINT,
    "Author": Target.EXTRA,
    "Created at": Target.CREATED_AT,
    "Closed at": Target.DONE_AT,
    "Address": Target.EXTERNAL_URL,
    "Comments": Target.COMMENTS,
}
_BY_LABEL = ("bug", "epic", "spike", "enhancement", "question", "documentation")
_ADDRESS = re.compile(r"https?://[^/]+/(?:api/v3/)?(?:repos/)?([^/]+/[^/]+)/issues/\d+")


def is_github(record: Record) -> bool:
    """Whether this is an issue as GitHub writes it."""
    return {"number", "title"} <= record.keys() and bool({"state", "url", "body"} & record.keys())


def table_of(issues: list[Record]) -> Table:
    """The issues as a table; pull requests, which REST lists too, are left out and counted."""
    kept = [issue for issue in issues if "pull_request" not in issue]
    table = json_files.table_of(
        (_row(issue, place) for place, issue in enumerate(kept, start=1)),
        list(_COLUMNS),
        shape=HABITS.format,
        problems=list(_problems(issues, kept)),
    )
    return replace(table, sprints=tuple(_sprints(kept)))


def propose(table: Table) -> Proposal:
    """Each column where it belongs."""
    facts = mappings.column_facts(table)
    columns = [
        Column(fact.index, fact.name, _COLUMNS.get(fact.name, Target.DROP),
               "Reporter" if fact.name == "Author" else "")
        for fact in facts
    ]  # fmt: skip
    return mappings.proposal(table, facts, columns, HABITS, reason=lambda column: "not imported")


def read(table: Table, mapping: Mapping) -> Parsed:
    """The issues as items, and the milestones; see reading.read_items."""
    return replace(read_items(table, mapping, HABITS), sprints=table.sprints)


def _row(issue: Record, place: int) -> dict[str, str]:
    number = issue["number"]
    if not isinstance(number, int) or isinstance(number, bool):
        raise bad_shape(f"Entry {place:,}: the number of an issue should be a number.")
    labels = [inner(label, "name") for label in _list(issue, "labels", place)]
    repository = _repository(issue)
    comments = issue.get("comments")
    return {
        # Numbers repeat from one repository to the next.
        "Issue": f"{repository}#{number}" if repository else str(number),
        "Title": cell(issue["title"]),
        "Body": cell(issue.get("body")),
        "State": _state(issue),
        "Type": _type(issue, labels),
        "Labels": listed(labels),
        "Assignees": listed(inner(each, "login") for each in _list(issue, "assignees", place)),
        "Milestone": inner(issue.get("milestone"), "title"),
        "Author": inner(issue.get("user") or issue.get("author"), "login"),
        "Created at": cell(issue.get("created_at") or issue.get("createdAt")),
        "Closed at": cell(issue.get("closed_at") or issue.get("closedAt")),
        "Address": cell(issue.get("html_url") or issue.get("url")),
        "Comments": said(_comments(comments)) if isinstance(comments, list) else "",
    }


def _repository(issue: Record) -> str:
    """Where an issue is, as `owner/name`; empty where it doesn't say."""
    for name in ("html_url", "url"):
        if found := _ADDRESS.match(cell(issue.get(name))):
            return found[1]
    return ""


def _sprints(issues: list[Record]) -> Iterator[ImportedSprint]:
    """The milestones, each once: from the day on which one was made to the day that it was due or,
    without one, to the day on which it was closed. Only REST tells these."""
    seen: set[str] = set()
    for issue in issues:
        found = issue.get("milestone")
        if not isinstance(found, dict) or "state" not in found:
            continue
        key = f"{_repository(issue)}/milestone/{cell(found.get('number')) or inner(found, 'title')}"
        if key not in seen:
            seen.add(key)
            closed_at = found.get("closed_at")
            yield ImportedSprint(
                name=inner(found, "title"),
                external_id=key,
                starts_on=json_files.day_of(found.get("created_at")),
                ends_on=json_files.day_of(found.get("due_on") or closed_at),
                is_closed=cell(found["state"]).lower() == "closed",
                closed_at=json_files.moment_of(closed_at),
            )


def _comments(comments: list[Any]) -> Iterator[tuple[Any, str, Any]]:
    for each in comments:
        if isinstance(each, dict):
            at = each.get("createdAt") or each.get("created_at")
            yield at, inner(each.get("author") or each.get("user"), "login"), each.get("body")


def _state(issue: Record) -> str:
    """Both spell it: `open` and `OPEN`; a reason but the usual one stands behind it."""
    state = cell(issue.get("state")).lower()
    if not state and "closed" in issue:
        state = "closed" if issue["closed"] else "open"
    reason = cell(issue.get("state_reason") or issue.get("stateReason")).lower().replace("_", " ")
    return f"{state} ({reason})" if reason in {"not planned", "duplicate"} else state


def _type(issue: Record, labels: list[str]) -> str:
    named = inner(issue.get("type") or issue.get("issueType"), "name")
    lowered = {label.casefold() for label in labels}
    return named or next((word for word in _BY_LABEL if word in lowered), "issue")


def _list(issue: Record, name: str, place: int) -> list[Any]:
    found = issue.get(name) or []
    if not isinstance(found, list):
        raise bad_shape(f"Entry {place:,}: {name} should be a list.")
    return found


def _problems(issues: list[Record], kept: list[Record]) -> Iterator[RowProblem]:
    pulls = len(issues) - len(kept)
    if pulls:
        are = "1 pull request is" if pulls == 1 else f"{pulls:,} pull requests are"
        yield _warning(
            "pull_requests", f"{are} left out: GitHub's REST lists them among the issues."
        )
    if kept and not any(issue.get("url") or issue.get("html_url") for issue in kept):
        yield _warning(
            "no_repository",
            "The issues don't tell their repository, so those of another would be taken for them: "
            "export them with their url.",
        )
    counts = [issue.get("comments") for issue in kept]
    numbers = [n for n in counts if isinstance(n, int) and not isinstance(n, bool)]
    if sum(numbers):
        yield _warning(
            "no_comments",
            f"The {sum(numbers):,} comments stay in GitHub, for REST's list only counts them: "
            "`gh issue list --json …,comments` has them.",
        )


def _warning(code: str, message: str) -> RowProblem:
    return RowProblem(WHOLE_FILE, "", Level.WARNING, code, message)
