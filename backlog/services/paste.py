"""Many items from lines of text, as `rules.paste` reads them."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError

from backlog.models import Actor, Category, Item, Product, User
from backlog.rules.mentions import handles
from backlog.rules.paste import PastedLine
from backlog.services.deeds import deed
from backlog.services.items import ItemDraft, create_items
from backlog.services.labels import labels_named
from backlog.services.ranks import Spot


def problems_of(product: Product, lines: Sequence[PastedLine]) -> dict[int, list[str]]:
    """Why lines can't be made as they stand, by their numbers."""
    known = _people(product)
    found: dict[int, list[str]] = {}
    for line in lines:
        strangers = [name for name in line.people if name.casefold() not in known]
        problems = [*line.problems, *(f"Nobody here is called @{name}." for name in strangers)]
        if problems:
            found[line.number] = problems
    return found


def paste_items(
    product: Product, lines: Sequence[PastedLine], *, actor: Actor, spot: Spot | None = None
) -> list[Item]:
    """An item for each line, in their order, all or none; missing labels are made.

    Raises ValidationError naming each line that can't be made.
    """
    if not lines:
        raise ValidationError({"text": "There is no line to make an item of."})
    wrong = problems_of(product, lines)
    if wrong:
        raise ValidationError(
            {"text": [f"Line {number}: {' '.join(said)}" for number, said in wrong.items()]}
        )
    people = _people(product)
    finished = product.statuses.filter(category=Category.DONE).order_by("position").first()
    with deed(product, actor, "item.created"):
        names = dict.fromkeys(name for line in lines for name in line.labels)
        labels = {
            label.name.casefold(): label
            for label in labels_named(product, list(names), actor=actor)
        }
        drafts = [
            ItemDraft(
                title=line.title,
                kind=line.kind,
                points=line.points,
                status=finished if line.is_done else None,
                under=line.parent,
                labels=[labels[name.casefold()] for name in line.labels],
                assignees=[people[name.casefold()] for name in line.people],
            )
            for line in lines
        ]
        return create_items(product, drafts, actor=actor, spot=spot)


def _people(product: Product) -> dict[str, User]:
    """The members by each name that means one of them."""
    members = {user.email: user for user in User.objects.filter(memberships__product=product)}
    known = handles((user.email, user.name) for user in members.values())
    return {handle: members[email] for handle, email in known.items()}
