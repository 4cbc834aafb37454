"""The formats that can be imported, by the names that commands and pages give them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backlog.importers import jira, plain
from backlog.importers.csv_files import Table
from backlog.importers.mapping import Habits, Mapping, Proposal
from backlog.importers.parsed import Parsed
from mlscrum.lib.errors import DomainError


@dataclass(frozen=True)
class Format:
    slug: str
    name: str
    habits: Habits
    propose: Callable[[Table], Proposal]
    read: Callable[[Table, Mapping], Parsed]


FORMATS = {
    each.slug: each
    for each in (
        Format(jira.HABITS.format, "Jira CSV", jira.HABITS, jira.propose, jira.read),
        Format(plain.HABITS.format, "CSV", plain.HABITS, plain.propose, plain.read),
    )
}


def detect(table: Table) -> Format:
    """The format that a table looks like; any table is at least plain CSV."""
    return FORMATS[(jira if jira.is_jira(table) else plain).HABITS.format]


def format_of(mapping: Mapping) -> Format:
    """The format that a mapping was made for. Raises DomainError `unknown_format`."""
    try:
        return FORMATS[mapping.format]
    except KeyError:
        raise DomainError(
            "unknown_format", f"Choose one of these formats: {', '.join(FORMATS)}."
        ) from None
