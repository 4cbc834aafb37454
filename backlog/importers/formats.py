"""The formats that can be imported, by the names that commands and pages give them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backlog.importers import github, jira, linear, own, plain, plane, taiga, taiga_csv
from backlog.importers.csv_files import Table
from backlog.importers.mapping import Habits, Mapping, Proposal
from backlog.importers.parsed import Parsed
from mlscrum.lib.errors import DomainError


def _as_it_is(table: Table) -> Table:
    return table


@dataclass(frozen=True)
class Format:
    """A format. `prepare` lays out what a table of it holds as columns, once it is read;
    `is_json` where only JSON of this very format can be read so."""

    slug: str
    name: str
    habits: Habits
    propose: Callable[[Table], Proposal]
    read: Callable[[Table, Mapping], Parsed]
    prepare: Callable[[Table], Table] = _as_it_is
    is_json: bool = False


FORMATS = {
    each.slug: each
    for each in (
        Format(jira.HABITS.format, "Jira CSV", jira.HABITS, jira.propose, jira.read),
        Format(
            linear.HABITS.format, "Linear CSV", linear.HABITS, linear.propose, linear.read,
            linear.prepared,
        ),
        Format(
            github.HABITS.format, "GitHub issues (JSON)", github.HABITS, github.propose,
            github.read, is_json=True,
        ),
        Format(
            taiga.HABITS.format, "Taiga project (JSON)", taiga.HABITS, taiga.propose, taiga.read,
            is_json=True,
        ),
        Format(
            taiga_csv.HABITS.format, "Taiga report (CSV)", taiga_csv.HABITS, taiga_csv.propose,
            taiga_csv.read, taiga_csv.prepared,
        ),
        Format(
            plane.HABITS.format, "Plane (CSV, JSON or zip)", plane.HABITS, plane.propose,
            plane.read, plane.prepared,
        ),
        Format(
            own.HABITS.format, "ML Scrum (CSV or JSON)", own.HABITS, own.propose, own.read,
            own.prepared,
        ),
        Format(plain.HABITS.format, "CSV", plain.HABITS, plain.propose, plain.read),
    )
}  # fmt: skip


def detect(table: Table) -> Format:
    """The format that a table looks like; any table is at least plain CSV."""
    if table.shape:
        return FORMATS[table.shape]
    if jira.is_jira(table):
        return FORMATS[jira.HABITS.format]
    if linear.is_linear(table):
        return FORMATS[linear.HABITS.format]
    if taiga_csv.is_taiga(table):
        return FORMATS[taiga_csv.HABITS.format]
    if plane.is_plane(table.header):
        return FORMATS[plane.HABITS.format]
    if own.is_own(table.header):
        return FORMATS[own.HABITS.format]
    return FORMATS[plain.HABITS.format]


def chosen(slug: str, table: Table) -> Format:
    """The format that somebody chose for a table. Raises DomainError `unknown_format`, and
    `other_format` where the table can't be one."""
    if slug not in FORMATS:
        raise DomainError("unknown_format", f"Choose one of these formats: {', '.join(FORMATS)}.")
    found = FORMATS[slug]
    if slug == table.shape or slug == plain.HABITS.format or not (found.is_json or table.shape):
        return found
    raise DomainError(
        "other_format",
        f"This file is no {found.name}; it was found to be {detect(table).name}. Choose that.",
    )


def format_of(mapping: Mapping) -> Format:
    """The format that a mapping was made for. Raises DomainError `unknown_format`."""
    try:
        return FORMATS[mapping.format]
    except KeyError:
        raise DomainError(
            "unknown_format", f"Choose one of these formats: {', '.join(FORMATS)}."
        ) from None
