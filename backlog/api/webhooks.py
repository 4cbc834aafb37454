"""Webhooks over REST: make, change, rotate, ping; read what was sent, and send it once more."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.models import Delivery, Webhook
from backlog.queries.webhooks import find_delivery, find_webhook
from backlog.serializers.webhooks import (
    DeliverySerializer,
    FreshWebhookSerializer,
    WebhookSerializer,
    WebhookWantedSerializer,
)
from backlog.services import webhooks as services
from mlscrum.web.problems import BadParameters

EDITS = "webhook.edit"


class WebhookScope(ProductViewSet):
    """What the views of webhooks share."""

    queryset = Webhook.objects.all()
    serializer_class: Any = WebhookSerializer

    def find(self, key: str, id: int) -> Webhook:
        """The webhook, if the action may be done in its product."""
        product = self.find_product(key)
        self.require(product)
        return find_webhook(product, id)

    def fresh(self, webhook: Webhook, secret: str, **answer: Any) -> Response:
        """The webhook with its secret, which nothing on the way may keep."""
        shown = {**WebhookSerializer(webhook).data, "secret": secret}
        headers = {**answer.pop("headers", {}), "Cache-Control": "no-store"}
        return Response(shown, headers=headers, **answer)


@extend_schema(tags=["webhooks"])
class WebhooksView(WebhookScope):
    permissions = {"list": EDITS, "create": EDITS}
    orderings = {"id": ("id",), "-id": ("-id",)}

    def list(self, request: Request, key: str) -> Response:
        """The webhooks of a product, without their secrets."""
        product = self.find_product(key)
        self.require(product)
        page = self.paginate_queryset(Webhook.objects.filter(product=product))
        return self.get_paginated_response(WebhookSerializer(page, many=True).data)

    @extend_schema(request=WebhookWantedSerializer, responses={201: FreshWebhookSerializer})
    def create(self, request: Request, key: str) -> Response:
        """Add a webhook. Its secret stands in this answer alone, which for that reason is never
        kept for an Idempotency-Key."""
        product = self.find_product(key)
        self.require(product)
        wanted = WebhookWantedSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = dict(wanted.validated_data)
        is_off = not fields.pop("is_active", True)
        with transaction.atomic():
            draft = services.WebhookDraft(**fields)
            webhook, secret = services.create_webhook(product, draft, actor=self.actor)
            if is_off:
                webhook = services.switch_off(webhook, actor=self.actor)
        location = request.build_absolute_uri(f"{webhook.pk}/")
        return self.fresh(webhook, secret, status=201, headers={"Location": location})


@extend_schema(tags=["webhooks"])
class WebhookView(WebhookScope):
    permissions = {
        "retrieve": EDITS,
        "partial_update": EDITS,
        "destroy": EDITS,
        "rotate": EDITS,
        "ping": EDITS,
    }

    def retrieve(self, request: Request, key: str, id: int) -> Response:
        """A webhook, without its secret."""
        return Response(WebhookSerializer(self.find(key, id)).data)

    @extend_schema(request=WebhookWantedSerializer, responses=WebhookSerializer)
    def partial_update(self, request: Request, key: str, id: int) -> Response:
        """Change a webhook, or switch it off or on; what happens while it is off is not told."""
        webhook = self.find(key, id)
        wanted = WebhookWantedSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        fields = dict(wanted.validated_data)
        is_active = fields.pop("is_active", None)
        with transaction.atomic():
            if fields:
                webhook = services.update_webhook(webhook, actor=self.actor, **fields)
            if is_active is not None:
                switch = services.switch_on if is_active else services.switch_off
                webhook = switch(webhook, actor=self.actor)
        return Response(WebhookSerializer(webhook).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str, id: int) -> Response:
        """Take it away, with its log."""
        services.delete_webhook(self.find(key, id), actor=self.actor)
        return Response(status=204)

    @extend_schema(request=None, responses=FreshWebhookSerializer)
    def rotate(self, request: Request, key: str, id: int) -> Response:
        """Give it a new secret; for 24 hours messages bear the signatures of both."""
        webhook = self.find(key, id)
        secret, _ = services.rotate_secret(webhook, actor=self.actor)
        return self.fresh(webhook, secret)

    @extend_schema(request=None, responses={202: DeliverySerializer})
    def ping(self, request: Request, key: str, id: int) -> Response:
        """Send a trial message; how it went is in the log."""
        delivery = services.ping(self.find(key, id), actor=self.actor)
        return on_its_way(request, key, delivery)


@extend_schema(tags=["webhooks"])
class DeliveriesView(WebhookScope):
    permissions = {"list": EDITS, "retrieve": EDITS, "replay": EDITS}
    query_parameters = {"list": ("state", "kind")}
    queryset = Delivery.objects.all()
    serializer_class = DeliverySerializer
    orderings = {"-id": ("-id",), "id": ("id",)}

    @extend_schema(
        parameters=[
            OpenApiParameter("state", str, enum=Delivery.State.values),
            OpenApiParameter("kind", str, description="Such as item.created."),
        ]
    )
    def list(self, request: Request, key: str, id: int) -> Response:
        """What was sent to a webhook in the last 30 days, or waits to be."""
        found = Delivery.objects.filter(webhook=self.find(key, id))
        state = request.query_params.get("state")
        if state is not None and state not in Delivery.State.values:
            known = ", ".join(Delivery.State.values)
            raise BadParameters({"state": ("invalid", f"state is one of {known}.")})
        if state:
            found = found.filter(state=state)
        if kind := request.query_params.get("kind"):
            found = found.filter(kind=kind)
        page = self.paginate_queryset(found)
        return self.get_paginated_response(DeliverySerializer(page, many=True).data)

    def retrieve(self, request: Request, key: str, id: int, delivery: int) -> Response:
        """A message, and how each try to send it went."""
        return Response(DeliverySerializer(find_delivery(self.find(key, id), delivery)).data)

    @extend_schema(request=None, responses={202: DeliverySerializer})
    def replay(self, request: Request, key: str, id: int, delivery: int) -> Response:
        """Send a message once more under the same id, or now if it waits."""
        webhook = self.find(key, id)
        found = find_delivery(webhook, delivery)
        services.replay(webhook, found, actor=self.actor)
        return on_its_way(request, key, find_delivery(webhook, delivery))


def on_its_way(request: Request, key: str, delivery: Delivery) -> Response:
    """A message that will be sent, and where to see how it went."""
    where = reverse("api-webhook-delivery", args=[key, delivery.webhook_id, delivery.pk])
    headers = {"Location": request.build_absolute_uri(where)}
    return Response(DeliverySerializer(delivery).data, status=202, headers=headers)
