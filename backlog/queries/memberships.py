"""The products that a person is in, with the role in each."""

from __future__ import annotations

from backlog.models import Member, User


def memberships_of(person: User) -> list[Member]:
    """The person's memberships with their products, by the name of the product."""
    found = Member.objects.filter(user=person).select_related("product")
    return list(found.order_by("product__name", "product__key"))
