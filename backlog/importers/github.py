"""GitHub's issues as JSON: REST's list, and what `gh issue list --json …` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from backlog.importers import json_files
from backlog.importers import mapping as mappings
from backlog.importers.csv_files import Table
from backlog.importers.json_files import Record, bad_shape, cell, inner, listed, said
from backlog.importers.mapping import Column, Habits, Mapping, Markup, Proposal, Target
from backlog.importers.parsed import WHOLE_FILE, Level, Parsed, RowProblem
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
    return json_files.table_of(
        (_row(issue, place) for place, issue in enumerate(kept, start=1)),
        list(_COLUMNS),
        shape=HABITS.format,
        problems=list(_problems(issues, kept)),
    )


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
    """The issues as items; see reading.read_items."""
    return read_items(table, mapping, HABITS)


def _row(issue: Record, place: int) -> dict[str, str]:
    number = issue["number"]
    if not isinstance(number, int) or isinstance(number, bool):
        raise bad_shape(f"Entry {place:,}: the number of an issue should be a number.")
    labels = [inner(label, "name") for label in _list(issue, "labels", place)]
    address = cell(issue.get("html_url") or issue.get("url"))
    repository = _ADDRESS.match(address) or _ADDRESS.match(cell(issue.get("url")))
    comments = issue.get("comments")
    return {
        # Numbers repeat from one repository to the next.
        "Issue": f"{repository[1]}#{number}" if repository else str(number),
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
        "Address": address,
        "Comments": said(_comments(comments)) if isinstance(comments, list) else "",
    }


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
