"""Deeds as they are told to the outside: by the list of events, in streams and by webhooks."""

from __future__ import annotations

from rest_framework import serializers

from backlog.models import ActorKind


class EventActorSerializer(serializers.Serializer[dict[str, object]]):
    kind = serializers.ChoiceField(choices=ActorKind.choices)
    user = serializers.EmailField(allow_null=True)
    token = serializers.CharField(allow_null=True)


class EventSubjectSerializer(serializers.Serializer[dict[str, object]]):
    kind = serializers.CharField()
    slug = serializers.CharField()


class EventSerializer(serializers.Serializer[dict[str, object]]):
    """One deed, without any text of it: `seq` counts 1, 2, 3 … in the product, without gaps."""

    seq = serializers.IntegerField()
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    actor = EventActorSerializer()
    refs = serializers.ListField(child=serializers.CharField(), help_text="Items, at most 200.")
    more_refs = serializers.BooleanField(help_text="Whether it was about more items than that.")
    moved = serializers.BooleanField(help_text="Whether items may stand elsewhere now.")
    subject = EventSubjectSerializer(allow_null=True)
    ids = serializers.DictField(
        child=serializers.IntegerField(), help_text="Such as `sprint`, `run` or `ceremony`."
    )
    tab = serializers.CharField(help_text="The open page that it was done at, if it said so.")
