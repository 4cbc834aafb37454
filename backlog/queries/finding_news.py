"""What a person was told of findings and has not seen yet."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse

from backlog.models import FindingNews, User
from backlog.queries.news import Told


def unseen(person: User) -> list[Told]:
    """What evidence told the person, the latest first."""
    found = rows(person).select_related("product", "item__product").order_by("-at", "-pk")
    return [_told(one) for one in found]


def rows(person: User) -> QuerySet[FindingNews, FindingNews]:
    """What the person was told and has not seen, of products that they are in."""
    return FindingNews.objects.filter(user=person, read_at=None, product__members__user=person)


def _told(one: FindingNews) -> Told:
    key = one.product.key
    if one.item is not None and one.item.product_id == one.product_id:
        url = reverse("backlog:item", args=[key, one.item.ref])
    elif one.finding_id is not None:
        url = reverse("backlog:finding", args=[key, one.finding_id])
    else:
        url = reverse("backlog:triage", args=[key])
    return Told(words=one.words, product_key=key, url=url, icon=one.icon, at=one.at)
