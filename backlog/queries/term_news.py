"""What a person was told of terms and has not seen yet."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse

from backlog.models import Term, TermNews, User
from backlog.queries.news import Told


def unseen(person: User) -> list[Told]:
    """That terms are contested, of those that still are."""
    found = rows(person).select_related("term__product", "by").order_by("-at", "-pk")
    return [_told(one) for one in found]


def rows(person: User) -> QuerySet[TermNews, TermNews]:
    """What the person was told and has not seen, in products that they are a member of."""
    return TermNews.objects.filter(
        user=person,
        read_at=None,
        term__state=Term.State.CONTESTED,
        term__product__members__user=person,
    )


def _told(one: TermNews) -> Told:
    key, who = one.term.product.key, str(one.by) if one.by else "Somebody"
    return Told(
        words=f"{who} contests what “{one.term.word}” means",
        product_key=key,
        url=reverse("backlog:term", args=[key, one.term.pk]),
        icon="alert-triangle",
        at=one.at,
    )
