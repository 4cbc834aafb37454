"""What a person was told of ceremonies and has not seen yet."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from backlog.models import User
from backlog.queries.news import Told
from sprints.models import Ceremony, CeremonyNews


def unseen(person: User) -> list[Told]:
    """That ceremonies begin soon, of those that are not over."""
    found = rows(person).select_related("ceremony__product").order_by("-at", "-pk")
    return [_told(one) for one in found]


def rows(person: User) -> QuerySet[CeremonyNews, CeremonyNews]:
    """What the person was told and has not seen, of ceremonies that are not over."""
    return CeremonyNews.objects.filter(
        user=person, read_at=None, ceremony__product__members__user=person
    ).exclude(ceremony__state=Ceremony.State.OVER)


def _told(one: CeremonyNews) -> Told:
    ceremony = one.ceremony
    key, local = ceremony.product.key, timezone.localtime(ceremony.starts_at)
    return Told(
        words=f"{ceremony.title} begins on {local.day} {local:%B at %H:%M}",
        product_key=key,
        url=reverse("sprints:ceremony", args=[key, ceremony.pk]),
        icon="alarm",
        at=one.at,
    )
