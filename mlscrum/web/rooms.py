"""The rooms of a product: each app names its own, and the shell shows them to who may enter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol


class ProductLike(Protocol):
    """What the shell knows of a product."""

    key: str
    name: str
    goal: str


@dataclass(frozen=True)
class Badge:
    """What waits in a room: how many, what they are in words, and whether they are urgent.

    `is_more`: it was counted no further than this.
    """

    count: int
    meaning: str
    is_urgent: bool = False
    is_more: bool = False


BadgeOf = Callable[[Any], Badge | None]
ProductsOf = Callable[[Any], Iterable[ProductLike]]
UnreadOf = Callable[[Any], int]


@dataclass(frozen=True)
class Room:
    """A place in the navigation of a product.

    `badge(product)` says what waits there, None for nothing to show. `also` names further first
    parts of paths after `/p/<key>/` that belong to the room, and `shortcut` the key after `g`.
    `is_within`: it is a view of the room before it, and stands under that. `views` names pages of
    other paths that belong to this room alone.
    """

    name: str
    icon: str
    url_name: str
    order: int
    permission: str = "product.view"
    badge: BadgeOf | None = None
    also: tuple[str, ...] = ()
    shortcut: str = ""
    is_within: bool = False
    views: tuple[str, ...] = ()


@dataclass(frozen=True)
class SettingsTab:
    """A page of the settings of a product; `name` is what that page calls its tab."""

    name: str
    label: str
    url_name: str
    order: int
    permission: str = "product.view"


@dataclass(frozen=True)
class Office:
    """A page of the installation, for its administrators."""

    name: str
    icon: str
    url_name: str
    order: int


_tabs: dict[str, SettingsTab] = {}
_offices: dict[str, Office] = {}
_rooms: dict[str, Room] = {}
_products_of: list[ProductsOf] = []
_unread_of: list[UnreadOf] = []


def register(room: Room) -> None:
    """Add a room, or replace the one of the same URL name."""
    _rooms[room.url_name] = room


def rooms() -> list[Room]:
    """All rooms in the order of the navigation."""
    return sorted(_rooms.values(), key=lambda room: (room.order, room.name))


def register_settings(*tabs: SettingsTab) -> None:
    """Add pages to the settings, or replace those of the same names."""
    _tabs.update({tab.name: tab for tab in tabs})


def settings_tabs() -> list[SettingsTab]:
    """All pages of the settings in their order."""
    return sorted(_tabs.values(), key=lambda tab: (tab.order, tab.name))


def register_office(office: Office) -> None:
    """Add a page of the installation, or replace the one of the same URL name."""
    _offices[office.url_name] = office


def offices() -> list[Office]:
    """The pages of the installation in their order."""
    return sorted(_offices.values(), key=lambda office: (office.order, office.name))


def provide_products(products_of: ProductsOf) -> None:
    """Tell the shell how to find the products of a person."""
    _products_of[:] = [products_of]


def products_of(user: Any) -> list[ProductLike]:
    """The products that the person may switch to."""
    return [product for find in _products_of for product in find(user)]


def provide_unread(unread_of: UnreadOf) -> None:
    """Tell the shell how to count what a person has not read yet."""
    _unread_of[:] = [unread_of]


def unread_of(user: Any) -> int:
    """How many notifications the person has not read yet."""
    return sum(count(user) for count in _unread_of)
