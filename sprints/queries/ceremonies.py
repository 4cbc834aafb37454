"""Ceremonies of a product, and the seats in them."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils import timezone

from backlog.models import Product
from sprints.models import Ceremony, Participant


def ceremonies_of(product: Product) -> QuerySet[Ceremony, Ceremony]:
    """The ceremonies of a product, the newest first."""
    return Ceremony.objects.filter(product=product).select_related(
        "product", "sprint__backlog__team"
    )


def guest_seat(key: str, ceremony_id: int, participant_id: int) -> Participant | None:
    """The seat of a guest whose link still opens this ceremony; None once it has expired or was
    revoked, and for any other ceremony."""
    open_links = Q(link__revoked_at=None, link__expires_at__gt=timezone.now())
    return (
        Participant.objects.filter(open_links, pk=participant_id, user=None)
        .filter(ceremony=ceremony_id, ceremony__product__key=key.upper())
        .select_related("ceremony__product", "ceremony__sprint__backlog__team", "link")
        .first()
    )
