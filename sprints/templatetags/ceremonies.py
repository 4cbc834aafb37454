"""Tags of the pages of ceremonies."""

from __future__ import annotations

from typing import Any
from zlib import crc32

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def text_sum(text: str) -> int:
    """By which a browser knows whether it holds the same text: CRC-32 of its UTF-8."""
    return crc32(text.encode())


@register.simple_tag(takes_context=True)
def outcome_posts(context: template.Context, name: str) -> SafeString:
    """Attributes of a form that does a deed on the `outcome` and brings the whole column back: by
    htmx in its place, else by way of the page."""
    outcome, ceremony = context["outcome"], context["ceremony"]
    arguments: dict[str, Any] = {
        "key": context["product"].key,
        "ceremony_id": ceremony.pk,
        "outcome_id": outcome.pk,
    }
    url = reverse(f"sprints:{name}", kwargs=arguments)
    return format_html(
        'method="post" action="{0}" hx-post="{0}" hx-target="#outcomes" hx-swap="outerMorph"', url
    )
