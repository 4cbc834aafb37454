"""A move that sets a status too: one deed, as a drag on a board is one gesture."""

from __future__ import annotations

from collections.abc import Sequence

from backlog.models import Actor, Backlog, Item, Product, Status
from backlog.services.deeds import deed
from backlog.services.items import await_evidence, move_items, set_status
from backlog.services.ranks import Spot


def move_and_set(
    product: Product,
    items: Sequence[Item],
    *,
    actor: Actor,
    spot: Spot,
    to: Backlog | None = None,
    status: Status | None = None,
) -> list[Item]:
    """As `move_items`; the items that were named, not their tasks, get the status as well."""
    if status is None:
        return move_items(product, items, actor=actor, spot=spot, to=to)
    only = items[0] if len(items) == 1 else None
    named = {item.pk for item in items}
    with deed(product, actor, "item.moved", item=only) as done:
        moved = move_items(product, items, actor=actor, spot=spot, to=to)
        changed = set_status([item for item in moved if item.pk in named], status, done)
        await_evidence(changed, status, actor)
    return moved
