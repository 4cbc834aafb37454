"""Links that show one dataset without an account."""

from __future__ import annotations

from rest_framework import serializers

from dataquality.models import ShareLink
from mlscrum.web.serializers import StrictSerializer


class ShareLinkSerializer(serializers.Serializer[ShareLink]):
    """A link as it is listed; its address was shown once."""

    id = serializers.IntegerField()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()
    created_by = serializers.EmailField(source="created_by.email", default=None, allow_null=True)
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    opened_at = serializers.DateTimeField(allow_null=True)


class MadeShareLinkSerializer(ShareLinkSerializer):
    """A link that was just made."""

    address = serializers.CharField()


class NewShareLinkSerializer(StrictSerializer[ShareLink]):
    """Whom it is for, and until when: a month from now unless said."""

    note = serializers.CharField(max_length=120, required=False, allow_blank=True)
    expires_at = serializers.DateTimeField(required=False)
