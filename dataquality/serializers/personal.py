"""Personal data: who opened values, and a key that is to be forgotten."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dataquality.models import ValuesOpened
from dataquality.services.forgetting import LONGEST_KEY
from mlscrum.web.serializers import StrictSerializer


class ValuesOpenedSerializer(serializers.Serializer[ValuesOpened]):
    """Somebody opened values; `user` is null for a product's token and for who has left."""

    id = serializers.IntegerField()
    what = serializers.CharField()
    user = serializers.EmailField(source="user.email", default=None, allow_null=True)
    token = serializers.CharField(source="token.name", default=None, allow_null=True)
    at = serializers.DateTimeField()


class ForgetKeySerializer(StrictSerializer[Any]):
    """A column and the value in it that is one person's."""

    column = serializers.CharField()
    value = serializers.CharField(max_length=LONGEST_KEY)


class ForgottenSerializer(serializers.Serializer[Any]):
    """How much is gone; `files` are the versions whose files keep their rows until purged."""

    rows = serializers.IntegerField()
    values = serializers.IntegerField()
    columns = serializers.IntegerField()
    files = serializers.IntegerField()
