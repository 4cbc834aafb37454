"""What tools say of the work on an item."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from backlog.models import ItemEvidence
from backlog.rules.item_evidence import fault_of_metrics
from backlog.serializers.context import ContextSerializer, WebAddressField
from backlog.services.item_evidence import EvidenceDraft
from mlscrum.web.serializers import StrictSerializer


class ItemEvidenceSerializer(serializers.Serializer[ItemEvidence]):
    """An experiment, build or pull request on an item, as its tool said it last."""

    tool = serializers.CharField()
    run_id = serializers.CharField()
    status = serializers.CharField()
    url = serializers.CharField()
    metrics = serializers.DictField(child=serializers.FloatField())
    commit = serializers.CharField()
    context = serializers.DictField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class NumberField(serializers.FloatField):
    """A number as JSON has it: no text that looks like one, and neither true nor false."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return data


class EvidenceWantedSerializer(StrictSerializer[ItemEvidence]):
    """What a tool says of one of its runs."""

    status = serializers.CharField(
        max_length=40, help_text="The tool's own word, such as passed, failed, running or merged."
    )
    url = WebAddressField(required=False)
    metrics = serializers.DictField(
        child=NumberField(), required=False, help_text="Finite numbers by name."
    )
    commit = serializers.CharField(max_length=100, required=False)
    context = ContextSerializer(required=False)

    def validate_metrics(self, value: dict[str, Any]) -> dict[str, Any]:
        if fault := fault_of_metrics(value):
            raise serializers.ValidationError(fault, code="bad_metrics")
        return value

    def draft(self) -> EvidenceDraft:
        """What is to be kept; what is absent is empty."""
        return EvidenceDraft(**self.validated_data)
