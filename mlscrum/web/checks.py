"""What `manage.py check --deploy` refuses before a public host goes on line."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from mlscrum.env import is_loopback


@register(Tags.security, deploy=True)
def no_demo_in_public(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Demo people and one-click sign-in belong on this machine alone."""
    is_here = all(map(is_loopback, [settings.HOST, *settings.ALLOWED_HOSTS]))
    if (settings.LOOPBACK and is_here) or not (settings.DEMO or settings.DEMO_LOGIN):
        return []
    return [
        Error(
            "DEMO and DEMO_LOGIN are for 127.0.0.1; BASE_URL, HOST or ALLOWED_HOSTS is public.",
            hint="Unset DEMO and DEMO_LOGIN.",
            id="mlscrum.E001",
        )
    ]
