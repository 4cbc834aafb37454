"""Which form an answer has, whatever a client accepts."""

from __future__ import annotations

from collections.abc import Iterable

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class LenientNegotiation(DefaultContentNegotiation):
    """Where a client accepts no form that there is, it gets the first, as RFC 9110 (12.5.1) has it
    besides 406: a badge is asked for as an image and a report as Markdown, and the views that make
    them know of JSON alone, in which they say what went wrong."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        known = list(renderers)
        try:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(
                request, known, format_suffix
            )
        except NotAcceptable:
            return known[0], str(known[0].media_type)
        return chosen
