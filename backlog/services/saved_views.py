"""Deeds on saved views of the backlog. They change no item and leave no activity."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from backlog.models import Product, SavedView, User
from mlscrum.lib.errors import Conflict

MOST_VIEWS = 100


def save_view(
    product: Product,
    owner: User,
    name: str,
    query: str,
    *,
    is_shared: bool = False,
    replaces: bool = False,
) -> SavedView:
    """Keep this query under a name; with `replaces` in place of what the person has under it.

    Raises Conflict for a name under which the person keeps something else, and ValidationError for
    a bad name or too many views.
    """
    name = " ".join(name.split())
    view = SavedView(product=product, owner=owner, name=name, query=query, is_shared=is_shared)
    view.clean_fields(exclude=["product", "owner"])
    mine = SavedView.objects.filter(product=product, owner=owner)
    if mine.exclude(name=name).count() >= MOST_VIEWS:
        raise ValidationError({"name": f"You have {MOST_VIEWS} views; delete one first."})
    kept = mine.filter(name=name).first()
    if kept and not replaces and (kept.query, kept.is_shared) != (query, is_shared):
        raise Conflict("view_exists", _asked(kept, query, is_shared=is_shared))
    saved, _ = SavedView.objects.update_or_create(
        product=product,
        owner=owner,
        name=name,
        defaults={"query": query, "is_shared": is_shared},
    )
    return saved


def _asked(kept: SavedView, query: str, *, is_shared: bool) -> str:
    """What would become of a view if it were replaced."""
    other = ", which shows something else" if kept.query != query else ""
    said = f"You have a view “{kept.name}” already{other}. Nothing was saved."
    if kept.is_shared == is_shared:
        return said
    then = "shared with the team" if is_shared else "no longer shared with the team"
    return f"{said} If you replace it, it is {then}."


def delete_view(view: SavedView) -> None:
    view.delete()
