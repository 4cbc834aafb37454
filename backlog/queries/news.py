"""News of what is no item: other floors keep theirs, and the bell and the page of news show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from backlog.models import User


@dataclass(frozen=True)
class Told:
    """One line of the page: where it leads, and since when it stands there."""

    words: str
    product_key: str
    url: str
    icon: str
    at: datetime


@dataclass(frozen=True)
class Source:
    """How one floor tells a person what they have not seen yet, and marks it seen.

    `model` keeps it by `user` and `read_at`; `rows` are what the bell counts of what is unread.
    """

    name: str
    model: type[Model]
    unseen: Callable[[User], Sequence[Told]]
    rows: Callable[[User], QuerySet[Any]]
    mark_seen: Callable[[User], int]


_sources: dict[str, Source] = {}


def register(source: Source) -> None:
    """Add a source, or replace the one of the same name."""
    _sources[source.name] = source


def unseen_elsewhere(person: User) -> list[Told]:
    """What the person has not seen of all sources, the latest first."""
    found = [told for source in _sources.values() for told in source.unseen(person)]
    return sorted(found, key=lambda told: told.at, reverse=True)


def sources() -> list[Source]:
    """All of them, in the order in which they were registered."""
    return list(_sources.values())


def mark_elsewhere(person: User) -> int:
    """The person has seen all of it; how much was new."""
    return sum(source.mark_seen(person) for source in _sources.values())
