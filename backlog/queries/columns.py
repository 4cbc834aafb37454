"""Columns beside the list of the backlog: apps of higher floors fill them, each at its own address,
so that the page of the backlog takes no longer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column: its title, the page of its fragment (by the product's key), the permissions to see
    it and to bring items there, and the style sheet and the module that it needs."""

    title: str
    url_name: str
    permission: str
    takes: str
    style: str
    script: str


_columns: dict[str, Column] = {}


def register(column: Column) -> None:
    """Add a column, or replace the one of the same URL name."""
    _columns[column.url_name] = column


def columns() -> list[Column]:
    """The columns in the order in which they were registered."""
    return list(_columns.values())
