"""Where items go that planning moves: into a sprint, within it, or back to the backlog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backlog.models import Backlog, Item, Product
from backlog.queries.resources import find_sprints
from backlog.services.items import product_backlog
from mlscrum.lib.errors import Conflict, DomainError

BACKLOG = "backlog"


def wanted_home(product: Product, wanted: str) -> Backlog:
    """The sprint of this id, or the product backlog for its word. DomainError for others."""
    if wanted == BACKLOG:
        return product_backlog(product)
    found = find_sprints(product, wanted) if wanted.isdecimal() else []
    if not found:
        raise DomainError("no_sprint", "That sprint is gone; look at the list of sprints.")
    return found[0]


def require_seen(items: Sequence[Item], data: Mapping[str, str]) -> None:
    """Raise Conflict where an item is no longer where the page that moves it showed it, `from`:
    the id of a sprint, or the product backlog. DomainError where the page doesn't say."""
    seen = data.get("from", "")
    if not seen:
        raise DomainError(
            "bad_move", "Say where the items are now, `from`: a sprint or the backlog."
        )
    for item in items:
        home = item.backlog
        here = BACKLOG if home.kind == Backlog.Kind.PRODUCT else str(home.pk)
        if here != seen:
            raise Conflict(
                "moved_on",
                f"{item.ref} is in {_named(home)} by now. Nothing was moved; look again.",
            )


def _named(home: Backlog) -> str:
    names = {Backlog.Kind.PRODUCT: "the product backlog", Backlog.Kind.INBOX: "the inbox"}
    return names.get(Backlog.Kind(home.kind), home.name)
