"""What the page of an item shows of the ceremonies that it came from."""

from __future__ import annotations

from backlog.models import Actor, Item
from backlog.queries.panels import May, Panel
from sprints.queries.outcomes import outcomes_on


def said_before(item: Item, may: May, actor: Actor) -> Panel | None:
    """The insights and actions that the item, or a criterion of it, was made of."""
    found = list(outcomes_on(item))
    if not found or not may("ceremony.view"):
        return None
    return Panel("sprints/_item_said.html", {"outcomes": found, "item": item})
