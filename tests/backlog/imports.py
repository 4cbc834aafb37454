"""Files to import, made on the spot: a Jira export with every oddity that real ones have."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from backlog.models import Actor, Import, Product
from backlog.queries.imports import find_import
from backlog.services import jobs
from backlog.services.attachments import Incoming
from backlog.services.import_reverts import request_revert
from backlog.services.imports import receive, request_check, request_import

# Headers repeat, as Jira writes them: one Comment, Labels and Sprint for each that an issue has.
JIRA_HEADER = [
    "Summary", "Issue key", "Issue id", "Issue Type", "Status", "Project url", "Priority",
    "Assignee", "Created", "Resolved", "Due Date", "Labels", "Labels", "Component/s",
    "Description", "Original Estimate", "Attachment", "Custom field (Rank)", "Sprint", "Sprint",
    "Custom field (Story Points)", "Parent", "Parent key", "Custom field (Epic Link)",
    "Outward issue link (Blocks)", "Inward issue link (Blocks)", "Outward issue link (Cloners)",
    "Custom field (Acceptance Criteria)", "Custom field (Team)", "Watchers", "Comment", "Comment",
]  # fmt: skip


def jira_row(**cells: str | Sequence[str]) -> list[str]:
    """A row by the names of its columns, `_` for what a name can't hold; a list fills columns of
    the same name from the left."""
    names = {_bare(name): name for name in JIRA_HEADER}
    row = [""] * len(JIRA_HEADER)
    for short, value in cells.items():
        name = names[short.lower()]
        places = [place for place, each in enumerate(JIRA_HEADER) if each == name]
        for place, text in zip(places, [value] if isinstance(value, str) else value, strict=False):
            row[place] = text
    return row


def _bare(name: str) -> str:
    inner = name.removeprefix("Custom field (").removesuffix(")") if "Custom" in name else name
    letters = "".join(sign if sign.isalnum() else "_" for sign in inner.lower())
    return "_".join(filter(None, letters.split("_")))


def jira_rows() -> list[list[str]]:
    """Eight good issues: the epic comes last, a child first, parents by id, key and epic link."""
    return [
        jira_row(
            summary="Draw the boxes", issue_key="VIS-4", issue_id="10004", issue_type="Sub-task",
            status="Open", created="02/May/24 09:00 AM", parent="10002", rank="0|i0001d:",
        ),
        jira_row(
            summary="Detect nuclei", issue_key="VIS-2", issue_id="10002", issue_type="Story",
            status="In Review", priority="High", assignee="Max Berger",
            created="02/May/24 08:00 AM", due_date="30/May/24", labels=["vision", "v2"],
            component_s="Models", description="h2. Why\n\n*Bold* claims of {{unet}}",
            original_estimate="7200", rank="0|i0001b:", sprint=["Sprint 1", "Sprint 2"],
            story_points="5.0", parent="", parent_key="VIS-1",
            outward_issue_link_blocks="VIS-3", acceptance_criteria="* finds all\n* in 1 s",
            team="=Vision", watchers="max",
            comment=["11/May/24 03:26 PM;Max Berger;Looks good",
                     "12/May/24 08:00 AM;Zoe Else;I disagree, see VIS-3"],
        ),
        jira_row(
            summary="Label the slides", issue_key="VIS-3", issue_id="10003", issue_type="Bug",
            status="Done", priority="Low", assignee="Zoe Else", created="01/May/24 08:00 AM",
            resolved="20/May/24 05:00 PM", epic_link="VIS-1", rank="0|i0001a:",
            inward_issue_link_blocks="VIS-2", original_estimate="38h", story_points="½",
        ),
        jira_row(
            summary='A "quoted", comma\nand a line break', issue_key="VIS-5", issue_id="10005",
            issue_type="Wartung", status="Wartend", priority="High", rank="0|i0001c:",
            created="03/May/24 08:00 AM", outward_issue_link_cloners="OLD-9",
            labels=["a label that is far longer than forty signs allow it"],
        ),
        jira_row(
            summary="Nuclei", issue_key="VIS-1", issue_id="10001", issue_type="Epic",
            status="To Do", rank="0|i0002a:", created="01/May/24 07:00 AM", story_points="13",
            project_url="https://vis.atlassian.net/browse/VIS",
        ),
        jira_row(
            summary="Task in a circle A", issue_key="VIS-6", issue_id="10006",
            issue_type="Sub-task", status="Open", parent="10007", rank="0|i0003a:",
        ),
        jira_row(
            summary="Task in a circle B", issue_key="VIS-7", issue_id="10007",
            issue_type="Sub-task", status="Open", parent="10006", rank="0|i0003b:",
        ),
        jira_row(
            summary="Of an epic elsewhere", issue_key="VIS-8", issue_id="10008",
            issue_type="Story", status="Open", epic_link="OLD-1", rank="0|i0003c:",
        ),
    ]  # fmt: skip


def jira_file(*more: list[str], rows: Iterable[list[str]] | None = None) -> bytes:
    """The export as Jira writes it, with a mark before its first header and any case."""
    header = [name.upper() if name == "Summary" else name for name in JIRA_HEADER]
    return b"\xef\xbb\xbf" + csv_file([header, *(rows or jira_rows()), *more])


def odd_jira_file() -> bytes:
    """The export with broken rows as well: too wide, too narrow, no title, no key, a key twice."""
    wide = [*jira_row(summary="Too wide", issue_key="VIS-20"), "overflow"]
    twice = jira_row(summary="Detect nuclei again", issue_key="VIS-2", issue_id="1")
    return jira_file(
        wide,
        ["Too narrow", "VIS-21"],
        jira_row(issue_key="VIS-22", issue_id="10022"),
        jira_row(summary="No key"),
        twice,
    )


def csv_file(rows: Iterable[Sequence[str]]) -> bytes:
    target = io.StringIO(newline="")
    csv.writer(target).writerows(rows)
    return target.getvalue().encode()


def plain_file(count: int, **more: str) -> bytes:
    """So many plain items; further columns hold the same text in each row."""
    header = ["key", "title", "points", *more]
    rows = [[f"K-{n}", f"Item {n}", str(n % 8), *more.values()] for n in range(1, count + 1)]
    return csv_file([header, *rows])


def sent(product: Product, content: bytes, actor: Actor, name: str = "backlog.csv") -> Import:
    """A file that came in."""
    return receive(product, Incoming(name, [content]), actor=actor)


def tried(imported: Import, actor: Actor) -> Import:
    """Its dry run, carried out."""
    asked = request_check(imported, actor=actor)
    assert asked.check_job
    jobs.run(asked.check_job.pk)
    return find_import(imported.product, imported.pk)


def carried_out(imported: Import, actor: Actor) -> Import:
    """Its import, carried out."""
    asked = request_import(imported, actor=actor)
    assert asked.job
    jobs.run(asked.job.pk)
    return find_import(imported.product, imported.pk)


def brought(product: Product, content: bytes, actor: Actor) -> Import:
    """A file that was imported as it was proposed."""
    return carried_out(sent(product, content, actor), actor)


def taken_back(imported: Import, actor: Actor) -> Import:
    """Its revert, carried out."""
    asked = request_revert(imported, actor=actor)
    assert asked.revert_job
    jobs.run(asked.revert_job.pk)
    return find_import(imported.product, imported.pk)
