"""The goals of a product: the one that it pursues, and those behind it."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404

from backlog.models import Product, ProductGoal


def goals_of(product: Product) -> QuerySet[ProductGoal, ProductGoal]:
    """All goals that a product ever had, the newest first."""
    return product.goals.select_related("product", "set_by", "ended_by")


def find_goal(product: Product, goal_id: int) -> ProductGoal:
    """A goal of the product, or 404."""
    found = goals_of(product).filter(pk=goal_id).first()
    if found is None:
        raise Http404(f"There is no goal {goal_id} in {product.key}.")
    return found
