"""Deeds on saved views of the backlog. They change no item and leave no activity."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from backlog.models import Product, SavedView, User

MOST_VIEWS = 100


def save_view(
    product: Product, owner: User, name: str, query: str, *, is_shared: bool = False
) -> SavedView:
    """Keep this query under a name; a view of the same name of the same person is replaced."""
    name = " ".join(name.split())
    view = SavedView(product=product, owner=owner, name=name, query=query, is_shared=is_shared)
    view.clean_fields(exclude=["product", "owner"])
    mine = SavedView.objects.filter(product=product, owner=owner)
    if mine.exclude(name=name).count() >= MOST_VIEWS:
        raise ValidationError({"name": f"You have {MOST_VIEWS} views; delete one first."})
    saved, _ = SavedView.objects.update_or_create(
        product=product,
        owner=owner,
        name=name,
        defaults={"query": query, "is_shared": is_shared},
    )
    return saved


def delete_view(view: SavedView) -> None:
    view.delete()
