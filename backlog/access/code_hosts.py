"""How far a code host reaches beyond its own product."""

from __future__ import annotations

from collections.abc import Callable

from backlog.access.roles import may
from backlog.models import Actor, CodeHost, Item


def reach_of(host: CodeHost) -> Callable[[Item], bool]:
    """Whether a code host may say something of an item that has moved to another product: where
    whoever added it may post evidence there today."""

    def reaches(item: Item) -> bool:
        person = host.created_by
        if person is None or not person.is_active:
            return False
        return may(Actor.person(person), "item.report", item.product)

    return reaches
