"""Kinds of tools that have none: told by where an item stands among parents and children."""

from __future__ import annotations

from dataclasses import replace

from backlog.importers.csv_files import Row, Table

LEVEL = "Level"  # the column that is added
# An issue with others below it is an epic here, what stands below that keeps its points, and only
# what is two levels down is a task.
KINDS = {"issue": "story", "parentissue": "epic", "subissue": "story", "subsubissue": "task"}


def with_levels(table: Table, ids: str, parents: str) -> Table:
    """The table with a column of words that people can match with kinds, where any row names a
    parent; `ids` and `parents` are names of columns."""
    if ids not in table.header or parents not in table.header or LEVEL in table.header:
        return table
    id_at, parent_at = table.header.index(ids), table.header.index(parents)
    above = {row.text(id_at): row.text(parent_at) for row in table.rows}
    bearing = {parent for parent in above.values() if parent}
    if not bearing:
        return table
    width = len(table.header)
    rows = [
        Row(
            row.number,
            (*row.cells, *[""] * (width - len(row.cells)), _level(row.text(id_at), above, bearing)),
            row.narrow,
        )
        for row in table.rows
    ]
    return replace(table, header=(*table.header, LEVEL), rows=rows)


def _level(issue: str, above: dict[str, str], bearing: set[str]) -> str:
    parent = above[issue]
    if not parent:
        return "Parent issue" if issue in bearing else "Issue"
    return "Sub-sub-issue" if above.get(parent) else "Sub-issue"
