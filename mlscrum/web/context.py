"""What the shell of every page shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property

from mlscrum.web import rooms
from mlscrum.web.rooms import Badge, Office, ProductLike, Room, SettingsTab

THEMES = ("light", "dark", "system")
MOST_UNREAD = 99  # more are not told apart


@dataclass(frozen=True)
class Entry:
    """A room as one page shows it."""

    room: Room
    url: str
    badge: Badge | None
    is_active: bool


class Shell:
    """Navigation and settings of one page, asked for only as far as its template needs them."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.demo_login = bool(settings.DEMO_LOGIN)

    @property
    def product(self) -> ProductLike | None:
        """The product that the page is in."""
        return getattr(self.request, "product", None)

    @property
    def stream(self) -> str:
        """Where the page follows what happens in its product; empty outside of products."""
        product = self.product
        return reverse("backlog:live", kwargs={"key": product.key}) if product else ""

    @property
    def seq(self) -> int:
        """The last deed that the page is sure to show: the request asked before anything else."""
        return int(getattr(self.request, "seq", 0))

    @cached_property
    def rooms(self) -> list[Entry]:
        """The rooms of the product that this person may enter."""
        product = self.product
        if product is None:
            return []
        return [self._entry(room, product) for room in rooms.rooms() if self._may(room.permission)]

    @property
    def settings_tabs(self) -> list[tuple[SettingsTab, str]]:
        """The pages of the product's settings that this person may enter, with their addresses."""
        product = self.product
        if product is None:
            return []
        return [
            (tab, reverse(tab.url_name, kwargs={"key": product.key}))
            for tab in rooms.settings_tabs()
            if self._may(tab.permission)
        ]

    @cached_property
    def products(self) -> list[ProductLike]:
        """The products that this person may switch to."""
        return rooms.products_of(self._user) if self._is_signed_in else []

    @cached_property
    def unread(self) -> int:
        """How many notifications the person has not read yet."""
        return rooms.unread_of(self._user) if self._is_signed_in else 0

    @property
    def unread_in_words(self) -> str:
        return unread_in_words(self.unread)

    @property
    def most_unread(self) -> int:
        return MOST_UNREAD

    @property
    def administers(self) -> bool:
        """Whether the person looks after the installation, which is to make products too."""
        return bool(getattr(self._user, "is_administrator", False))

    @property
    def offices(self) -> list[Office]:
        """The pages of the installation that this person may enter."""
        return rooms.offices() if self.administers else []

    @property
    def can_create_item(self) -> bool:
        return self.product is not None and self._may("item.edit")

    @property
    def theme(self) -> str:
        """What the person chose; empty for people who have not signed in."""
        return str(getattr(self._user, "theme", "")) if self._is_signed_in else ""

    @property
    def _user(self) -> Any:
        return getattr(self.request, "user", None)

    @property
    def _is_signed_in(self) -> bool:
        return bool(getattr(self._user, "is_authenticated", False))

    def _may(self, permission: str) -> bool:
        may: Callable[[str], bool] | None = getattr(self.request, "may", None)
        return may is not None and may(permission)

    def _entry(self, room: Room, product: ProductLike) -> Entry:
        url = reverse(room.url_name, kwargs={"key": product.key})
        badge = room.badge(product) if room.badge else None
        return Entry(room, url, badge, self._is_in(room, url))

    def _is_in(self, room: Room, url: str) -> bool:
        """Whether the page belongs to the room: by its view, else by its path."""
        match = self.request.resolver_match
        view = match.view_name if match else ""
        if any(view in other.views for other in rooms.rooms()):
            return view in room.views
        here = _place(self.request.path)
        return bool(here) and here in {_place(url), *room.also}


def shell(request: HttpRequest) -> dict[str, Any]:
    return {"shell": Shell(request)}


def unread_in_words(count: int) -> str:
    """What the bell says to those who don't see it."""
    if not count:
        return "Notifications: nothing unread"
    return f"Notifications: {'more than 99' if count > MOST_UNREAD else count} unread"


def _place(path: str) -> str:
    """The part of a path that says which room it is in: `backlog` of `/p/MED/backlog/`."""
    parts = path.split("/")
    return parts[3] if len(parts) > 4 and parts[1] == "p" else ""
