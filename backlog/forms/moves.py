"""What a row of the backlog asks for: its menu by name of a button, a drag by its neighbour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backlog.models import Backlog, Item, Product
from backlog.queries.items import find_item, neighbour
from backlog.services.ranks import Spot
from mlscrum.lib.errors import Conflict, DomainError

STEPS = ("up", "down")
ENDS = {"top": Spot.top, "bottom": Spot.bottom}
BESIDE = {"before": Spot.before, "after": Spot.after}


@dataclass(frozen=True)
class WantedMove:
    """An item and where it goes; no spot where it is there already."""

    item: Item
    spot: Spot | None


def wanted_move(product: Product, data: Mapping[str, str], *, with_done: bool) -> WantedMove:
    """Read a move: `top`, `bottom`, `up` or `down` carry the item's ref, as their buttons do;
    `ref` comes with `before` or `after` another item, or `to` an end.

    Raises DomainError for anything else, and 404 for an item that is not there.
    """
    for name, spot in ENDS.items():
        if name in data:
            return WantedMove(find_item(product, data[name]), spot())
    for name in STEPS:
        if name in data:
            return _step(find_item(product, data[name]), upwards=name == "up", with_done=with_done)
    item = find_item(product, data.get("ref", ""))
    for name, beside in BESIDE.items():
        if name in data:
            return WantedMove(item, beside(find_item(product, data[name])))
    if data.get("to") in ENDS:
        return WantedMove(item, ENDS[data["to"]]())
    raise DomainError("bad_move", "Say where it goes: top, bottom, before or after another item.")


def require_home(item: Item, kind: str) -> None:
    """Raise Conflict where the item has left the list that it is moved from."""
    if item.backlog.kind == kind:
        return
    if item.backlog.kind == Backlog.Kind.INBOX:
        raise Conflict("in_inbox", f"{item.ref} is in the inbox; take it into the backlog first.")
    raise Conflict("moved_on", f"{item.ref} is in {item.backlog.name} by now; look again.")


def _step(item: Item, *, upwards: bool, with_done: bool) -> WantedMove:
    next_to = neighbour(item, upwards=upwards, with_done=with_done)
    if next_to is None:
        return WantedMove(item, None)
    return WantedMove(item, Spot.before(next_to) if upwards else Spot.after(next_to))
