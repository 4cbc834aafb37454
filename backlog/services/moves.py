"""What a move takes, and one that sets a status too: a drag on a board is one gesture."""

from __future__ import annotations

from collections.abc import Sequence

from backlog.models import Actor, Backlog, Item, Product, Status
from backlog.services.deeds import deed
from backlog.services.items import await_evidence, move_items, set_status
from backlog.services.notifications import tell_watchers
from backlog.services.ranks import Spot


def permission_between(start: Backlog | None, end: Backlog | None) -> str:
    """What it takes to move an item from one backlog to another, or within one.

    In a running sprint, order is the team's own; to change what is in a sprint, or a plan, takes
    to run sprints. The product owner orders the product backlog and empties the inbox.
    """
    kinds = {backlog.kind for backlog in (start, end) if backlog is not None}
    if Backlog.Kind.INBOX in kinds or Backlog.Kind.SPRINT not in kinds:
        return "backlog.order"
    if start == end and start is not None and start.state == Backlog.State.ACTIVE:
        return "item.edit"
    return "sprint.run"


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
        tell_watchers(product, changed, actor=actor, at=done.at)
    return moved
