"""Datasets of other products: how they stand, by counts and names of columns alone."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backlog.serializers.links import page
from dataquality.models import RunState
from dataquality.queries.shared_data import SharedRow


class SharedColumnSerializer(serializers.Serializer[Any]):
    """A column, as every version is read."""

    name = serializers.CharField()
    type = serializers.CharField()


class SharedReasonSerializer(serializers.Serializer[Any]):
    """Why a gate is shut, without what it is about."""

    code = serializers.CharField()
    detail = serializers.CharField()


class SharedGateSerializer(serializers.Serializer[SharedRow]):
    """Whether a shared dataset is good enough now; unknown is not passed."""

    passed = serializers.BooleanField(source="gate.passed")
    state = serializers.CharField(source="gate.state")
    reasons = SharedReasonSerializer(many=True)
    checked_at = serializers.DateTimeField(source="gate.checked_at")
    age_s = serializers.FloatField(source="gate.age_s", allow_null=True)
    health = serializers.FloatField(source="gate.health", allow_null=True)


class SharedRunSerializer(serializers.Serializer[Any]):
    """The last run that counts, in short."""

    state = serializers.ChoiceField(choices=RunState.choices)
    finished_at = serializers.DateTimeField(allow_null=True)
    passed = serializers.IntegerField(source="statistics.passed", default=0)
    total = serializers.IntegerField(source="statistics.total", default=0)


class SharedDatasetSerializer(serializers.Serializer[SharedRow]):
    """A dataset that another product shares with this one. Its context names the `product`."""

    uid = serializers.SerializerMethodField(help_text="Of this installation, for ever.")
    product = serializers.CharField(source="dataset.product.key", help_text="Which shares it.")
    slug = serializers.CharField(source="dataset.slug")
    name = serializers.CharField(source="dataset.name")
    description = serializers.CharField(source="dataset.description")
    personal_data = serializers.BooleanField(source="dataset.personal_data")
    version = serializers.IntegerField(
        source="dataset.current_version.number", default=None, allow_null=True
    )
    rows = serializers.IntegerField(
        source="dataset.current_version.rows", default=None, allow_null=True
    )
    columns = SharedColumnSerializer(many=True)
    health = serializers.FloatField(allow_null=True)
    health_target = serializers.FloatField(source="dataset.health_target")
    last_run = SharedRunSerializer(allow_null=True)
    gate = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    def get_uid(self, row: SharedRow) -> str:
        return f"{row.dataset.product.key}/{row.dataset.slug}"

    @extend_schema_field(SharedGateSerializer)
    def get_gate(self, row: SharedRow) -> Any:
        return SharedGateSerializer(row).data

    def get_url(self, row: SharedRow) -> str:
        reader = self.context["product"].key
        return page("dataquality:shared-dataset", reader, row.dataset.product.key, row.dataset.slug)
