"""Tags of the parts of an agenda: forms that do a deed and bring the part anew."""

from __future__ import annotations

from decimal import Decimal

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sprints.models import Ceremony
from sprints.rules.poker import said

register = template.Library()
FOLLOWED = ("ceremony.joined", "ceremony.left", "ceremony.opened", "ceremony.closed")


@register.simple_tag
def does(ceremony: Ceremony, name: str, part: str) -> SafeString:
    """Attributes of a form of a part: by htmx the part comes back in its place, else its page."""
    url = reverse(f"sprints:{name}", args=[ceremony.product.key, ceremony.pk])
    return format_html(
        'method="post" action="{0}" hx-post="{0}" hx-target="#{1}" hx-swap="outerMorph"', url, part
    )


@register.simple_tag
def lives(ceremony: Ceremony, part: str, *also: str) -> SafeString:
    """Attributes of a part, by which the page brings it up to date as others do something of its
    own kinds, or `also` of others; and as people come and go, and the ceremony begins and ends.

    After deeds of this page too: what was fetched for others meanwhile may be older than those.
    """
    url = reverse(f"sprints:{part}", args=[ceremony.product.key, ceremony.pk])
    kinds = " ".join([f"{part}.", *FOLLOWED, *also])
    return format_html(
        'id="{}" data-live="{}" data-live-url="{}" data-live-id="ceremony:{}" data-live-keeps'
        " data-live-own",
        part,
        kinds,
        url,
        ceremony.pk,
    )


@register.filter
def on_card(points: object) -> str:
    """Points as the cards write them: ½."""
    return "–" if points is None else said(Decimal(str(points)))
