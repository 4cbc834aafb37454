"""API tokens: as they are read, and once with their secret."""

from __future__ import annotations

from rest_framework import serializers

from backlog.models import ApiToken, Scope
from backlog.models.tokens import TokenState
from mlscrum.web.serializers import StrictSerializer


class TokenSerializer(serializers.Serializer[ApiToken]):
    """A token without its secret, which nobody keeps. `product` is what it is narrowed to; without
    a `user` it is the product's own."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    user = serializers.EmailField(source="user.email", default=None, allow_null=True)
    product = serializers.CharField(source="product.key", default=None, allow_null=True)
    scopes = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(choices=TokenState.choices)
    created_at = serializers.DateTimeField()
    created_by = serializers.EmailField(source="created_by.email", default=None, allow_null=True)
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    revoked_by = serializers.EmailField(source="revoked_by.email", default=None, allow_null=True)


class FreshTokenSerializer(TokenSerializer):
    """A new token with its secret, shown this once."""

    token = serializers.CharField()


class NewTokenSerializer(StrictSerializer[ApiToken]):
    """A token of the product; it acts as a developer."""

    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=[(scope, scope) for scope in Scope]),
        allow_empty=False,
    )
    days = serializers.IntegerField(min_value=1, max_value=366, default=90)
