"""Webhooks and their messages: the secret comes out once, when it is made."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from backlog.models import Delivery, Webhook
from mlscrum.web.serializers import StrictSerializer


class WebhookSerializer(serializers.Serializer[Webhook]):
    """A webhook without its secret."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    is_active = serializers.BooleanField()
    ended_why = serializers.CharField(help_text="Why it was switched off, if not by a person.")
    failures = serializers.IntegerField(help_text="Times in a row that the receiver was down.")
    failing_since = serializers.DateTimeField(allow_null=True)
    rests_until = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class FreshWebhookSerializer(WebhookSerializer):
    """A webhook just made, or with a new secret, which is shown this once."""

    secret = serializers.CharField(help_text="whsec_…, of which the signature is made.")


class TrySerializer(serializers.Serializer[dict[str, Any]]):
    """One try to send a message."""

    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="Null where nothing answered.")
    error = serializers.CharField()
    ms = serializers.IntegerField()


class DeliverySerializer(serializers.Serializer[Delivery]):
    """A message to a webhook, and how each try to send it went."""

    id = serializers.IntegerField()
    message_id = serializers.CharField(help_text="The webhook-id, the same at every try.")
    seq = serializers.IntegerField(allow_null=True, help_text="Of the event; a ping has none.")
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=Delivery.State.choices)
    tries = TrySerializer(many=True)
    payload = serializers.JSONField()
    created_at = serializers.DateTimeField()
    not_before = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class WebhookWantedSerializer(StrictSerializer[Webhook]):
    """A webhook to make or change."""

    name = serializers.CharField(max_length=80)
    url = serializers.CharField(max_length=2000)
    events = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        help_text="Patterns: `*` for everything, which is the default, `item.*`, `sprint.closed`.",
    )
    is_active = serializers.BooleanField(required=False)
