"""Webhooks, what was sent to them, and the news that one was switched off."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import Http404
from django.urls import reverse

from backlog.models import Delivery, Product, User, Webhook, WebhookNews
from backlog.queries.news import Told

DELIVERIES_SHOWN = 50
SOON = timedelta(seconds=10)


@dataclass(frozen=True)
class WebhookRow:
    """A webhook, how many messages wait or failed, and the last that ended."""

    webhook: Webhook
    waiting: int
    failed: int
    last: Delivery | None


def webhook_rows(product: Product) -> list[WebhookRow]:
    """The webhooks of a product by name, in two queries."""
    ended = Delivery.objects.filter(webhook=OuterRef("pk")).exclude(ended_at=None)
    webhooks = list(
        product.webhooks.annotate(
            waiting=Count("deliveries", filter=Q(deliveries__state=Delivery.State.WAITING)),
            failed=Count("deliveries", filter=Q(deliveries__state=Delivery.State.FAILED)),
            last_id=Subquery(ended.order_by("-ended_at", "-id").values("pk")[:1]),
        )
    )
    last = Delivery.objects.in_bulk([w.last_id for w in webhooks if w.last_id is not None])
    return [WebhookRow(w, w.waiting, w.failed, last.get(w.last_id)) for w in webhooks]


def find_webhook(product: Product, webhook_id: int) -> Webhook:
    """The webhook of this product, or 404."""
    webhook = Webhook.objects.filter(product=product, pk=webhook_id).first()
    if webhook is None:
        raise Http404("There is no such webhook.")
    webhook.product = product
    return webhook


def find_delivery(webhook: Webhook, delivery_id: int) -> Delivery:
    """The message of this webhook, or 404."""
    delivery = Delivery.objects.filter(webhook=webhook, pk=delivery_id).first()
    if delivery is None:
        raise Http404("There is no such message.")
    return delivery


@dataclass(frozen=True)
class TryRow:
    """How one try went: the answer's status, or why there was none."""

    at: datetime
    words: str
    is_fault: bool
    ms: int


@dataclass(frozen=True)
class DeliveryRow:
    """A message with its tries, oldest first, and its body as it is read best."""

    delivery: Delivery
    tries: Sequence[TryRow]
    body: str

    @property
    def last(self) -> TryRow | None:
        return self.tries[-1] if self.tries else None


def deliveries_of(webhook: Webhook, state: str = "") -> list[DeliveryRow]:
    """What was sent or waits, newest first; of one state, if it is named."""
    found = webhook.deliveries.all()
    rows = (found.filter(state=state) if state else found)[:DELIVERIES_SHOWN]
    return [_delivery_row(delivery) for delivery in rows]


def count_of(webhook: Webhook, state: str = "") -> int:
    """How many messages there are of which `deliveries_of` gives the newest."""
    found = webhook.deliveries.all()
    return (found.filter(state=state) if state else found).count()


def is_sending(webhook: Webhook, now: datetime) -> bool:
    """Whether a message is on its way, or will be in a moment."""
    if not webhook.is_active or (webhook.rests_until and webhook.rests_until > now):
        return False
    soon = now + SOON
    return webhook.deliveries.filter(state=Delivery.State.WAITING, not_before__lte=soon).exists()


def unseen(person: User) -> list[Told]:
    """Which webhooks were switched off, of those that still are."""
    return [_told(one) for one in rows(person).select_related("webhook__product")]


def rows(person: User) -> QuerySet[Any]:
    """What the person was told and has not seen, in products that they are a member of."""
    return WebhookNews.objects.filter(
        user=person,
        read_at=None,
        webhook__is_active=False,
        webhook__product__members__user=person,
    )


def _delivery_row(delivery: Delivery) -> DeliveryRow:
    tries = [
        TryRow(
            datetime.fromisoformat(one["at"]),
            one["error"] or f"Answered {one['status']}.",
            bool(one["error"]),
            one["ms"],
        )
        for one in delivery.tries
    ]
    return DeliveryRow(delivery, tries, json.dumps(delivery.payload, indent=2, ensure_ascii=False))


def _told(one: WebhookNews) -> Told:
    webhook, key = one.webhook, one.webhook.product.key
    return Told(
        words=f"The webhook {webhook.name} was switched off: {webhook.ended_why}",
        product_key=key,
        url=reverse("backlog:webhook", args=[key, webhook.pk]),
        icon="alert-triangle",
        at=one.at,
    )
