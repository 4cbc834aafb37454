"""Code hosts and their messages: the secret comes out once, when it is made."""

from __future__ import annotations

from rest_framework import serializers

from backlog.models import CodeHost, HostMessage, OnMerge
from backlog.queries.code_hosts import url_of
from mlscrum.web.serializers import StrictSerializer


class CodeHostSerializer(serializers.Serializer[CodeHost]):
    """A code host without its secret."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=CodeHost.Kind.choices)
    name = serializers.CharField()
    url = serializers.SerializerMethodField(help_text="Where it posts its events.")
    opened_status = serializers.SlugField(
        source="opened_status.slug", default=None, allow_null=True
    )
    on_merge = serializers.ChoiceField(choices=OnMerge.choices)
    merged_status = serializers.SlugField(
        source="merged_status.slug", default=None, allow_null=True
    )
    created_at = serializers.DateTimeField()

    def get_url(self, host: CodeHost) -> str:
        return url_of(host)


class FreshCodeHostSerializer(CodeHostSerializer):
    """A code host just made, or with a new secret, which is shown this once."""

    secret = serializers.CharField(help_text="whsec_…, to be entered at the code host.")


class HostMessageSerializer(serializers.Serializer[HostMessage]):
    """A message of a code host, and what was done with it or why nothing was."""

    id = serializers.IntegerField()
    message_id = serializers.CharField(
        allow_null=True, help_text="What tells it from others; null for what is not read."
    )
    event = serializers.CharField(help_text="In the host's own words.")
    state = serializers.ChoiceField(choices=HostMessage.State.choices)
    lines = serializers.ListField(child=serializers.CharField())
    at = serializers.DateTimeField()


class CodeHostChangesSerializer(StrictSerializer[CodeHost]):
    """What can be changed of a code host; the statuses are named by their slugs."""

    name = serializers.CharField(max_length=80)
    opened_status = serializers.SlugField(
        required=False,
        allow_null=True,
        help_text="Where an item goes when a pull request that fixes it is opened; null: nowhere.",
    )
    on_merge = serializers.ChoiceField(
        choices=OnMerge.choices,
        required=False,
        help_text="What becomes of an item once what fixes it is in the default branch.",
    )
    merged_status = serializers.SlugField(
        required=False, allow_null=True, help_text="For `on_merge: status`."
    )


class CodeHostWantedSerializer(CodeHostChangesSerializer):
    """A code host to add."""

    kind = serializers.ChoiceField(choices=CodeHost.Kind.choices)


class RotationSerializer(StrictSerializer[CodeHost]):
    """How to change the secret."""

    at_once = serializers.BooleanField(
        required=False,
        help_text="End the present secret now, because it got out; else it holds for a day more.",
    )
