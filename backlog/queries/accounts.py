"""Reads for a person's way in: the demo people, the product to begin with."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Prefetch, QuerySet
from django.shortcuts import get_object_or_404

from backlog.models import Member, Product, Role, User

ROLES_IN_DEMOS = {
    Role.PRODUCT_OWNER: "orders and accepts items",
    Role.SCRUM_MASTER: "runs sprints and ceremonies",
    Role.DEVELOPER: "builds, files and fixes",
    Role.DOMAIN_EXPERT: "knows what the data means",
    Role.STAKEHOLDER: "reads, comments, asks",
}


@dataclass(frozen=True)
class DemoPerson:
    """A demo person, with the role and what it does."""

    user: User
    role: str
    does: str


def demo_people() -> list[DemoPerson]:
    """The demo people who are members of something, in the order they were made."""
    memberships = Prefetch("memberships", Member.objects.order_by("pk"), to_attr="in_order")
    people = User.objects.filter(is_demo=True, is_active=True, memberships__isnull=False)
    found = []
    for user in people.distinct().order_by("pk").prefetch_related(memberships):
        role = Role(user.in_order[0].role)
        found.append(DemoPerson(user, role.label, ROLES_IN_DEMOS[role]))
    return found


def product_to_begin_with(user: User, last_key: str) -> Product | None:
    """The product that the person was in last, else the only one; None leaves the choice."""
    products = list(Product.objects.visible_to(user))
    last = [product for product in products if product.key == last_key]
    if last:
        return last[0]
    return products[0] if len(products) == 1 else None


def accounts() -> QuerySet[User]:
    """Everybody with an account here, and in how many products they are."""
    return User.objects.annotate(products=Count("memberships")).order_by("name", "email")


def find_account(user_id: int) -> User:
    return get_object_or_404(User, pk=user_id)
