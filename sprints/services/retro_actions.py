"""Deeds on the actions of a retrospective: name one with its owner, and make an item of it."""

from __future__ import annotations

from backlog.models import Actor, Item, User
from backlog.services.deeds import deed
from backlog.services.items import ItemDraft, create_item
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Ceremony, Outcome
from sprints.services.under_way import lock_open, plain_text

LONGEST, LONGEST_TITLE = 2000, 250


def add_action(
    ceremony: Ceremony, text: str, *, actor: Actor, owner: User | None = None
) -> Outcome:
    """What somebody will do about it. Raises DomainError without words, or for an owner who is no
    member."""
    with deed(ceremony.product, actor, "retro.action_added", ceremony=ceremony.pk) as done:
        lock_open(ceremony)
        said = plain_text(text, LONGEST, "An action")
        if not said:
            raise DomainError("no_words", "Say what is to be done.")
        if owner and not ceremony.product.members.filter(user=owner).exists():
            raise DomainError("no_member", f"{owner} is no member of this product.")
        action = Outcome.objects.create(
            ceremony=ceremony,
            kind=Outcome.Kind.ACTION,
            text=said,
            owner=owner,
            created_at=done.at,
        )
        done.data["outcome"] = action.pk
    return action


def make_item_of(action: Outcome, *, actor: Actor) -> Item:
    """The item of an action, at the bottom of the product backlog, assigned to its owner; where it
    has become one already, that one. It can be made after the ceremony as well.

    Raises Conflict for an action that was declined.
    """
    ceremony = action.ceremony
    with deed(ceremony.product, actor, "retro.action_converted", ceremony=ceremony.pk) as done:
        fresh = Outcome.objects.select_for_update(no_key=True).get(pk=action.pk)
        if fresh.item is not None:
            done.nothing_happened()
            return fresh.item
        if fresh.state == Outcome.State.DECLINED:
            raise Conflict("declined", "This action was declined.")
        title = " ".join(fresh.text.split())
        owner = fresh.owner
        is_member = owner and ceremony.product.members.filter(user=owner).exists()
        draft = ItemDraft(
            title=title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…",
            description=f"{fresh.text}\n\nAn action of {ceremony.title}.",
            assignees=[owner] if owner and is_member else [],
        )
        item = create_item(ceremony.product, draft, actor=actor)
        fresh.state, fresh.into, fresh.item = Outcome.State.CONVERTED, Outcome.Into.ITEM, item
        fresh.converted_at = done.at
        fresh.version += 1
        fresh.save(update_fields=["state", "into", "item", "converted_at", "version"])
        done.data["outcome"] = fresh.pk
    return item
