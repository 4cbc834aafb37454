"""What `manage.py check --deploy` refuses before a public host goes on line."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def no_demo_in_public(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Demo people and one-click sign-in belong on this machine alone."""
    if settings.LOOPBACK or not (settings.DEMO or settings.DEMO_LOGIN):
        return []
    return [
        Error(
            "DEMO and DEMO_LOGIN are for 127.0.0.1, but BASE_URL is a public host.",
            hint="Unset DEMO and DEMO_LOGIN.",
            id="mlscrum.E001",
        )
    ]
