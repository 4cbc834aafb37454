"""What a gesture on a board does: one deed, whatever it changes."""

from __future__ import annotations

from backlog.models import Actor, Backlog, Item, Status
from backlog.services.items import edit_items, move_items
from backlog.services.moves import move_and_set
from backlog.services.ranks import Spot
from sprints.models import Sprint


def move_card(
    sprint: Sprint,
    item: Item,
    *,
    actor: Actor,
    status: Status | None = None,
    spot: Spot | None = None,
    to: Backlog | None = None,
) -> list[Item]:
    """Give an item of a sprint a status, a place in it, or another backlog's top; what changed.

    Its tasks go along where it goes, and keep their status. Raises Conflict where the place or the
    item has gone meanwhile.
    """
    product = sprint.backlog.product
    if to is not None:
        return move_items(product, [item], actor=actor, spot=spot or Spot.top(), to=to)
    if spot is not None:
        return move_and_set(product, [item], actor=actor, spot=spot, to=sprint.backlog,
                            status=status)  # fmt: skip
    return edit_items(product, [item], actor=actor, status=status) if status else []
