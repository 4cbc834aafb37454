"""Channels of alerts and their messages: addresses go in and never come out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backlog.models import AlertChannel, AlertMessage, Product, User
from backlog.rules.severity import Severity
from backlog.services.alerts import ChannelDraft, RuleDraft
from mlscrum.web.serializers import StrictSerializer

SEVERITIES = [(severity.value, severity.value) for severity in Severity]


@extend_schema_field({"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"})
class ClockField(serializers.TimeField):
    """A time of the day in the channel's zone, in hours and minutes."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%H:%M", **kwargs)


class AlertRuleSerializer(serializers.Serializer[Any]):
    """What a channel hears: findings of a severity or worse; of one owner's data, if named."""

    severity = serializers.ChoiceField(choices=SEVERITIES)
    owner = serializers.EmailField(source="owner.email", default=None, allow_null=True)


class AlertChannelSerializer(serializers.Serializer[AlertChannel]):
    """A channel; its address is not shown."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    service = serializers.CharField()
    is_active = serializers.BooleanField()
    rules = AlertRuleSerializer(many=True)
    quiet_from = ClockField(allow_null=True)
    quiet_until = ClockField(allow_null=True)
    time_zone = serializers.CharField()
    created_at = serializers.DateTimeField()


class AlertMessageSerializer(serializers.Serializer[AlertMessage]):
    """What was sent, or waits to be."""

    id = serializers.IntegerField()
    channel = serializers.IntegerField(source="channel_id")
    title = serializers.CharField()
    lines = serializers.ListField(child=serializers.CharField())
    link = serializers.CharField()
    state = serializers.ChoiceField(choices=AlertMessage.State.choices)
    error = serializers.CharField()
    attempts = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    not_before = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)


class RuleWantedSerializer(StrictSerializer[Any]):
    """A rule to set."""

    severity = serializers.ChoiceField(choices=SEVERITIES)
    owner = serializers.EmailField(required=False, allow_null=True)

    def validate_owner(self, value: str | None) -> User | None:
        if value is None:
            return None
        product: Product = self.context["product"]
        user = User.objects.filter(memberships__product=product, email__iexact=value).first()
        if user is None:
            raise serializers.ValidationError("Name a member of the product.", code="no_member")
        return user


class ChannelWantedSerializer(StrictSerializer[AlertChannel]):
    """A channel to make or change. Needs the `product` in its context."""

    name = serializers.CharField(max_length=80)
    address = serializers.CharField(
        max_length=1000, help_text="As apprise knows it, such as slack://… or mailtos://…"
    )
    rules = RuleWantedSerializer(many=True, allow_empty=False)
    is_active = serializers.BooleanField(required=False)
    quiet_from = ClockField(required=False, allow_null=True)
    quiet_until = ClockField(required=False, allow_null=True)
    time_zone = serializers.CharField(max_length=60, required=False)

    def draft(self, present: AlertChannel | None = None) -> ChannelDraft:
        """The channel as it is wanted; what is absent stays as it is."""
        wanted: dict[str, Any] = dict(self.validated_data)
        kept: dict[str, Any] = {"is_active": True, "time_zone": "UTC"}
        if present is not None:
            names = ("name", "is_active", "quiet_from", "quiet_until", "time_zone")
            kept = {name: getattr(present, name) for name in names}
            kept["rules"] = [RuleDraft(rule.severity, rule.owner) for rule in present.rules.all()]
        if "rules" in wanted:
            wanted["rules"] = [
                RuleDraft(rule["severity"], rule.get("owner")) for rule in wanted["rules"]
            ]
        return ChannelDraft(**{**kept, **wanted})
