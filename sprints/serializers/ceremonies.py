"""Ceremonies and what comes of them, as they are read and sent."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backlog.models import User
from backlog.serializers.links import page
from backlog.serializers.people import members_by_email
from mlscrum.web.serializers import StrictSerializer
from sprints.models import Ceremony, Outcome
from sprints.models.ceremonies import LONGEST_MINUTES, LONGEST_NOTICE


class CeremonySerializer(serializers.Serializer[Ceremony]):
    """A ceremony; its length is `minutes`."""

    id = serializers.IntegerField(source="pk")
    product = serializers.CharField(source="product.key")
    sprint = serializers.IntegerField(source="sprint_id", allow_null=True)
    kind = serializers.ChoiceField(choices=Ceremony.Kind.choices)
    title = serializers.CharField()
    starts_at = serializers.DateTimeField()
    minutes = serializers.IntegerField()
    place = serializers.CharField()
    remind_minutes = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(choices=Ceremony.State.choices)
    opened_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()
    url = serializers.SerializerMethodField()

    def get_url(self, ceremony: Ceremony) -> str:
        return page("sprints:ceremony", ceremony.product.key, ceremony.pk)


class NewCeremonySerializer(StrictSerializer[Any]):
    """A ceremony to schedule: without `minutes` in the time box of the Scrum Guide, and without
    `remind_minutes` with the notice that the product gives."""

    kind = serializers.ChoiceField(choices=Ceremony.Kind.choices)
    starts_at = serializers.DateTimeField()
    minutes = serializers.IntegerField(min_value=1, max_value=LONGEST_MINUTES, required=False)
    title = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    place = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    remind_minutes = serializers.IntegerField(
        min_value=0, max_value=LONGEST_NOTICE, required=False, allow_null=True
    )


class BecameSerializer(serializers.Serializer[Outcome]):
    """What it became: `ref` is that of the item, or the words of what another page made."""

    kind = serializers.CharField(source="into")
    ref = serializers.SerializerMethodField()

    def get_ref(self, outcome: Outcome) -> str:
        return outcome.item.ref if outcome.item else str(outcome.target.get("words", ""))


class OutcomeSerializer(serializers.Serializer[Outcome]):
    """What somebody said, for which role, and what became of it."""

    id = serializers.IntegerField(source="pk")
    text = serializers.CharField()
    by = serializers.CharField(source="said_by.name", default="")
    role = serializers.CharField(source="said_by.trade", default="")
    state = serializers.ChoiceField(choices=Outcome.State.choices)
    reason = serializers.CharField()
    outcome = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    converted_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()

    @extend_schema_field(BecameSerializer(allow_null=True))
    def get_outcome(self, outcome: Outcome) -> Any:
        return BecameSerializer(outcome).data if outcome.into else None


class InsightSerializer(OutcomeSerializer):
    """An insight; its `kind` is its sort."""

    kind = serializers.ChoiceField(choices=Outcome.Sort.choices, source="sort")


class ActionSerializer(OutcomeSerializer):
    """An action, with the address of who does it, and until when."""

    owner = serializers.EmailField(source="owner.email", default=None, allow_null=True)
    due_date = serializers.DateField(allow_null=True)


class NewDecisionSerializer(StrictSerializer[Any]):
    """What was decided."""

    text = serializers.CharField(max_length=2000)


class NewInsightSerializer(NewDecisionSerializer):
    """What somebody said, and what sort of insight it is."""

    kind = serializers.ChoiceField(choices=Outcome.Sort.choices)


class NewActionSerializer(NewDecisionSerializer):
    """What somebody does, and until when."""

    owner = serializers.EmailField(required=False, allow_null=True, default=None)
    due_date = serializers.DateField(required=False, allow_null=True, default=None)

    def validate_owner(self, email: str | None) -> User | None:
        return members_by_email(self.context["product"], [email])[0] if email else None
