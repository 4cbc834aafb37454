"""What the command palette asks for, and the same as a page for those without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from backlog.access.pages import PersonRequest, signed_in
from backlog.access.roles import may
from backlog.models import Item, Member, Product, Role
from backlog.queries.memberships import memberships_of
from backlog.queries.palette import Found, find_elsewhere, find_in, latest_of
from backlog.queries.search import MOST_CANDIDATES
from backlog.rules.search import asked_words, matches, words
from mlscrum.web.middleware import LAST_PRODUCT
from mlscrum.web.rooms import Room, rooms

LONGEST_QUERY = 200
ROOMS_SHOWN = 5


@dataclass(frozen=True)
class FoundRoom:
    """A room of a product, and where it is."""

    room: Room
    product: Product
    url: str


@dataclass(frozen=True)
class Group:
    """What was found of one kind; `more` where not all of it is shown, and `url` where all is."""

    name: str
    items: Sequence[Item] = field(default_factory=list)
    rooms: Sequence[FoundRoom] = field(default_factory=list)
    more: str = ""
    total: str = ""
    url: str = ""


@require_GET
@cache_control(no_store=True, private=True)
@vary_on_headers("HX-Request")
@signed_in
def search(request: PersonRequest) -> HttpResponse:
    """Items and rooms for the words of `q`, first those of `product`, or of the one they were in.

    Without words: what the person did something on last, and the rooms of the product.
    """
    query = request.GET.get("q", "").strip()[:LONGEST_QUERY]
    key = (request.GET.get("product") or request.COOKIES.get(LAST_PRODUCT, "")).upper()
    members = memberships_of(request.user)
    product = next((row.product for row in members if row.product.key == key), None)
    groups = _rooms_found(request, members, product, query)
    if query:
        here = find_in(product, query) if product else Found([], 0)
        elsewhere = find_elsewhere(request.user, query, outside=product)
        groups += [
            _group("Items", here, url=_backlog_of(product, query) if product else ""),
            _group("Items of other products" if product else "Items", elsewhere),
        ]
    else:
        groups.insert(0, Group("What you did last", items=latest_of(request.user)))
    context = {
        "query": query,
        "product_key": product.key if product else "",
        "groups": [group for group in groups if group.items or group.rooms],
    }
    is_fragment = bool(getattr(request, "htmx", False))
    template = "backlog/_found.html" if is_fragment else "backlog/search.html"
    return render(request, template, context)


def _group(name: str, found: Found, url: str = "") -> Group:
    most = f"{MOST_CANDIDATES:,}+" if found.total >= MOST_CANDIDATES else f"{found.total:,}"
    hidden = found.total > len(found.items)
    if not hidden:
        return Group(name, items=found.items)
    more = f"{len(found.items)} of {most}"
    return Group(name, items=found.items, more=more, total=most, url=url)


def _backlog_of(product: Product, query: str) -> str:
    """The backlog that shows all that is found, what is done too."""
    url = reverse("backlog:backlog", kwargs={"key": product.key})
    return f"{url}?{urlencode({'q': query, 'done': 1})}"


def _rooms_found(
    request: PersonRequest, members: Sequence[Member], product: Product | None, query: str
) -> list[Group]:
    """The rooms whose name or product begins with the words, of the present product first."""
    asked = asked_words(query)
    if query and not asked:
        return []
    near = sorted(members, key=lambda row: row.product != product)
    if not query:
        near = [row for row in near if row.product == product]
    found = [
        FoundRoom(room, row.product, reverse(room.url_name, kwargs={"key": row.product.key}))
        for row in near
        for room in rooms()
        if may(request.actor, room.permission, row.product, role=Role(row.role))
        and matches(asked, _called(room, row.product))
    ]
    return [Group("Rooms", rooms=found[: ROOMS_SHOWN if query else None])]


def _called(room: Room, product: Product) -> str:
    return " ".join(words(f"{room.name} {product.key} {product.name}"))
