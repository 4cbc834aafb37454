"""What an insight can become on a page of another floor: that page asks here whose words it was
opened for, and says here what it made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from backlog.models import Actor, Product, Subject

PARAMETER = "insight"  # of the address of such a page


@dataclass(frozen=True)
class Origin:
    """Words that something is made of: who said them, and the page that they stand on."""

    id: int
    text: str
    by: str
    url: str


@dataclass(frozen=True)
class Way:
    """A way of making something of an insight: for subjects of a kind, on the page at
    `url(subject)`, which takes the insight's id as PARAMETER. `permission` is what it takes."""

    into: str
    kind: Subject.Kind
    label: str
    permission: str
    url: Callable[[Subject], str]


FindOrigin = Callable[[Product, int], Origin | None]
NoteMade = Callable[[Product, int, str, Mapping[str, Any], Actor], None]
_ways: dict[str, Way] = {}
_origins: list[tuple[FindOrigin, NoteMade]] = []


def register(way: Way) -> None:
    """Offer a way, or replace the one into the same."""
    _ways[way.into] = way


def way_into(into: str) -> Way | None:
    return _ways.get(into)


def provide_origins(find: FindOrigin, note: NoteMade) -> None:
    """Tell the pages where the words are kept."""
    _origins[:] = [(find, note)]


def origin_of(product: Product, insight_id: int | None) -> Origin | None:
    """The words of this id that still wait to become something; None where there are none."""
    if insight_id is None:
        return None
    return next((found for find, _ in _origins if (found := find(product, insight_id))), None)


def note_made(
    product: Product, origin: Origin, into: str, target: Mapping[str, Any], *, actor: Actor
) -> None:
    """The words became this: `target` has "words", and "url" as the path of its page."""
    for _, note in _origins:
        note(product, origin.id, into, target, actor)
