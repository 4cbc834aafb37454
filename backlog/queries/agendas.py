"""What the agendas of ceremonies show of evidence: each floor adds its parts to one list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Reader:
    """Who looks at a ceremony: `participant` is None for a member who has taken no seat yet;
    `may(permission)` is the reader's role here, or what a guest's link allows."""

    participant: Any
    may: Callable[[str], bool]


@dataclass(frozen=True)
class AgendaPart:
    """A part of the page of a ceremony, under the point of the agenda that names its `slot`.

    `kinds` are those ceremonies whose agendas begin with it, in `order`, for so many `minutes` of
    their time. `facts(ceremony, reader)` is the context of `template`; None where there is nothing
    to show. `words(ceremony)` is what the minutes keep of it, as Markdown. `follows` begins the
    kinds of deeds in the ceremony that bring the part anew; templates may say more of their own.
    """

    slot: str
    title: str
    kinds: tuple[str, ...]
    order: int
    template: str
    facts: Callable[[Any, Reader], Facts | None]
    words: Callable[[Any], str]
    minutes: int | None = None
    follows: str = ""


_parts: dict[str, AgendaPart] = {}


def register(part: AgendaPart) -> None:
    """Add a part, or replace the one of the same slot."""
    _parts[part.slot] = part


def parts_for(kind: str) -> list[AgendaPart]:
    """What the agenda of such a ceremony begins with, in order."""
    found = (part for part in _parts.values() if kind in part.kinds)
    return sorted(found, key=lambda part: (part.order, part.title))


def part_of(slot: str) -> AgendaPart | None:
    return _parts.get(slot)


def part_called(title: str) -> AgendaPart | None:
    """The part of this name, in whatever case."""
    wanted = title.casefold()
    return next((part for part in _parts.values() if part.title.casefold() == wanted), None)
