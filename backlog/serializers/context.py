"""Where evidence came from, as any door of evidence takes it."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from backlog.rules.posted import without_credentials
from mlscrum.web.serializers import StrictSerializer


class WebAddressField(serializers.CharField):
    """An http or https address: pages show it as a link.

    Hosts of one word, as CI servers in a company have them, are fine.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 1000, **kwargs})
        self.validators.append(
            RegexValidator(r"^https?://[^\s/?#@]+\S*\Z", message="Send an http or https address.")
        )


class ContextSerializer(StrictSerializer[dict[str, Any]]):
    """Only evidence of the main branch in production is tracked; evidence of a pull request
    never is."""

    environment = serializers.CharField(required=False, allow_null=True, max_length=100)
    branch = serializers.CharField(required=False, allow_null=True, max_length=250)
    commit = serializers.CharField(required=False, allow_null=True, max_length=100)
    pull_request = serializers.CharField(required=False, allow_null=True, max_length=250)
    job_url = WebAddressField(required=False, allow_null=True)
    job_id = serializers.CharField(required=False, allow_null=True, max_length=100)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = {name: value for name, value in attrs.items() if value is not None}
        kept: dict[str, Any] = without_credentials(given)
        return kept
