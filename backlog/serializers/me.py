"""Who is calling, as it is read."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class MeSerializer(serializers.Serializer[Any]):
    """A user or a service. `product` is the only one that a token may enter, if it is bound."""

    kind = serializers.ChoiceField(choices=["user", "service"])
    email = serializers.EmailField(allow_null=True)
    name = serializers.CharField()
    product = serializers.CharField(allow_null=True)
    scopes = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField(allow_null=True)
    version = serializers.CharField()
    time = serializers.DateTimeField()
