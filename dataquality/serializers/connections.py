"""Connections: as they are read and asked for. A secret goes in and never comes out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from backlog.serializers.links import page
from dataquality.models import Connection, ConnectionKind, Registration, SamplePolicy
from dataquality.serializers.datasets import MemberField
from dataquality.services.schedules import ScheduleDraft
from mlscrum.web.serializers import StrictSerializer

MOST_AT_ONCE = 500


class OptionsSerializer(StrictSerializer[dict[str, str]]):
    """Of an object store that is not at AWS: its endpoint, and its region."""

    endpoint = serializers.CharField(max_length=300, required=False, allow_blank=True)
    region = serializers.CharField(max_length=60, required=False, allow_blank=True)


class ConnectionSerializer(serializers.Serializer[Connection]):
    """A connection as it is read; `has_secret` is all that is said of its secret."""

    slug = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=ConnectionKind.choices)
    address = serializers.CharField()
    login = serializers.CharField()
    ambient = serializers.BooleanField(help_text="It uses what the server has itself.")
    options = OptionsSerializer()
    profile_cap = serializers.IntegerField(help_text="So many profiles are made at once.")
    has_secret = serializers.BooleanField()
    shared = serializers.SerializerMethodField(help_text="It belongs to the installation.")
    state = serializers.CharField(help_text="working, failing, untested or paused")
    tested_at = serializers.DateTimeField(allow_null=True)
    test_error = serializers.CharField(help_text="Empty: it worked.")
    rotated_at = serializers.DateTimeField(allow_null=True)
    paused_at = serializers.DateTimeField(allow_null=True)
    datasets = serializers.SerializerMethodField(help_text="Slugs of those that read through it.")
    created_at = serializers.DateTimeField()
    url = serializers.SerializerMethodField()

    def get_shared(self, connection: Connection) -> bool:
        return connection.product_id is None

    def get_datasets(self, connection: Connection) -> list[str]:
        used: dict[int, list[str]] = self.context["used"]
        return used.get(connection.pk, [])

    def get_url(self, connection: Connection) -> str:
        return page("dataquality:connection", self.context["product"].key, connection.slug)


class ConnectionEditSerializer(StrictSerializer[Connection]):
    """What can be said anew; a new address needs the secret again."""

    name = serializers.CharField(max_length=120)
    address = serializers.CharField(max_length=500)
    login = serializers.CharField(max_length=250, required=False, allow_blank=True)
    secret = serializers.CharField(
        max_length=4000, required=False, allow_blank=True, write_only=True, trim_whitespace=False
    )
    ambient = serializers.BooleanField(required=False)
    options = OptionsSerializer(required=False)
    profile_cap = serializers.IntegerField(min_value=1, max_value=20, required=False)


class NewConnectionSerializer(ConnectionEditSerializer):
    """A connection to add. A password within the address becomes its secret."""

    slug = serializers.CharField(max_length=80, required=False)
    kind = serializers.ChoiceField(choices=ConnectionKind.choices)


class RotateSerializer(StrictSerializer[Connection]):
    """A new secret, and a new login where that changes too."""

    secret = serializers.CharField(max_length=4000, write_only=True, trim_whitespace=False)
    login = serializers.CharField(max_length=250, required=False, allow_blank=True)


class OfferSerializer(serializers.Serializer[Any]):
    """Something behind a connection that can be registered, or is."""

    source = serializers.JSONField()
    name = serializers.CharField()
    kind = serializers.CharField(help_text="table, view, file or folders")
    dataset = serializers.CharField(allow_null=True, help_text="The slug of its dataset.")


class EntrySerializer(StrictSerializer[dict[str, Any]]):
    """One of many to register: what lies where, and optionally its name and slug."""

    schema = serializers.CharField(max_length=250, required=False)
    table = serializers.CharField(max_length=250, required=False)
    query = serializers.CharField(max_length=20_000, required=False)
    path = serializers.CharField(max_length=500, required=False)
    url = serializers.CharField(max_length=2000, required=False)
    name = serializers.CharField(max_length=120, required=False)
    slug = serializers.CharField(max_length=80, required=False)


class ManyScheduleSerializer(StrictSerializer[Registration]):
    """When all of them are checked by themselves."""

    cron = serializers.CharField(max_length=100)
    zone = serializers.CharField(max_length=60, required=False)

    def to_internal_value(self, data: Any) -> Any:
        return ScheduleDraft(**super().to_internal_value(data))


class ManySerializer(StrictSerializer[Registration]):
    """Many to register at once, with one answer for all of them. Absent personal_data means yes."""

    entries = EntrySerializer(many=True, allow_empty=False)
    owner = MemberField(required=False, allow_null=True)
    personal_data = serializers.BooleanField(required=False, default=True)
    sample_policy = serializers.ChoiceField(choices=SamplePolicy.choices, required=False)
    schedule = ManyScheduleSerializer(required=False, allow_null=True)

    def validate_entries(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len(entries) > MOST_AT_ONCE:
            raise serializers.ValidationError(f"Send up to {MOST_AT_ONCE} at once.")
        return entries


class RegistrationSerializer(serializers.Serializer[Registration]):
    """How far a registration of many is, and what became of each."""

    id = serializers.IntegerField()
    state = serializers.CharField()
    progress = serializers.FloatField()
    entries = serializers.JSONField(help_text="Each with its dataset, or its error.")
    requested_at = serializers.DateTimeField()
