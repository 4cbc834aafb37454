"""Addresses of pages, for people who meet a thing in a log, a mail or an answer."""

from django.conf import settings
from django.urls import reverse


def page(name: str, *args: object) -> str:
    """The absolute address of a page by its URL name."""
    return f"{settings.BASE_URL}{reverse(name, args=args)}"
