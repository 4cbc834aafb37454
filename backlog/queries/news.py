"""News of what is no item: other floors keep theirs, and the bell and the page of news show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

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
    """How one floor tells a person what they have not seen yet, counts it, and marks it seen."""

    name: str
    unseen: Callable[[User], Sequence[Told]]
    count: Callable[[User], int]
    mark_seen: Callable[[User], int]


_sources: dict[str, Source] = {}


def register(source: Source) -> None:
    """Add a source, or replace the one of the same name."""
    _sources[source.name] = source


def unseen_elsewhere(person: User) -> list[Told]:
    """What the person has not seen of all sources, the latest first."""
    found = [told for source in _sources.values() for told in source.unseen(person)]
    return sorted(found, key=lambda told: told.at, reverse=True)


def count_elsewhere(person: User) -> int:
    return sum(source.count(person) for source in _sources.values())


def mark_elsewhere(person: User) -> int:
    """The person has seen all of it; how much was new."""
    return sum(source.mark_seen(person) for source in _sources.values())
