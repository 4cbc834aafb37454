"""Where items of the backlog shall go: to an end of it, or beside another item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backlog.models import Backlog, Item, Product
from backlog.queries.items import find_item
from backlog.services.moves import permission_between
from backlog.services.ranks import Spot
from mlscrum.lib.errors import Conflict, DomainError, Refused

ENDS = {"top": Spot.top, "bottom": Spot.bottom}
BESIDE = {"before": Spot.before, "after": Spot.after}
WHY_NOT = {
    "backlog.order": "Only a product owner orders the backlog.",
    "sprint.run": "Only a scrum master or product owner changes what is in a sprint.",
    "item.edit": "Your role only reads here; ask a product owner to change it.",
}


def wanted_spot(product: Product, data: Mapping[str, str]) -> Spot:
    """Read `before` or `after` another item, or `to` an end.

    Raises DomainError for anything else, and 404 for an item that is not there.
    """
    for name, beside in BESIDE.items():
        if name in data:
            return beside(find_item(product, data[name]))
    if data.get("to") in ENDS:
        return ENDS[data["to"]]()
    raise DomainError("bad_move", "Say where it goes: top, bottom, before or after another item.")


def permissions_of_move(items: Sequence[Item], to: Backlog | None) -> list[str]:
    """All that a move takes, item by item; without `to`, all go where the first of them is."""
    end = to or items[0].backlog
    return sorted({permission_between(item.backlog, end) for item in items})


def require_move(may: Callable[[str], bool], items: Sequence[Item], to: Backlog | None) -> None:
    """Raise Refused unless `may` allows all that the move takes."""
    for permission in permissions_of_move(items, to):
        if not may(permission):
            raise Refused("not_allowed", WHY_NOT[permission])


def require_home(item: Item, kind: str) -> None:
    """Raise Conflict where the item has left the list that it is moved from."""
    if item.backlog.kind == kind:
        return
    if item.backlog.kind == Backlog.Kind.INBOX:
        raise Conflict("in_inbox", f"{item.ref} is in the inbox; take it into the backlog first.")
    raise Conflict("moved_on", f"{item.ref} is in {item.backlog.name} by now; look again.")
