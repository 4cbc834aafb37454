"""Deeds on single acceptance criteria, so that people who tick different lines don't collide."""

from __future__ import annotations

from backlog.models import Actor, Item
from backlog.rules import criteria as rules
from backlog.services.items import update_item
from mlscrum.lib.errors import Conflict

TRIES = 5


def change_criteria(
    item: Item, deed: str, *, actor: Actor, place: int = 0, was: str = "", text: str = ""
) -> Item:
    """One deed on the checklist, as `rules.criteria.changed` does it, on the list as it is now.

    Raises Conflict where the line that was meant is gone, and ValidationError for bad texts.
    """
    for left in reversed(range(TRIES)):
        rows = [(row["text"], row["is_met"]) for row in item.criteria]
        try:
            wanted = rules.changed(rows, deed, place=place, was=was, text=text)
        except rules.CriterionGone as error:
            raise Conflict("criterion_gone", str(error)) from None
        try:
            return update_item(item, actor=actor, base_version=item.version, criteria=wanted)
        except Conflict as error:
            if error.code != "edit_conflict" or not left:
                raise
        item = Item.objects.select_related("product").get(pk=item.pk)
    raise AssertionError("the last try returns or raises")
