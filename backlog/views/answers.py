"""Where a person lands after a deed, and what they are told."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme


def back_to(request: HttpRequest, default: str) -> HttpResponseRedirect:
    """To the page that the form names as `next`, if it is one of ours, else to the default: an
    address or the name of a page."""
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return HttpResponseRedirect(wanted if ours else resolve_url(default))


def counted(count: int, noun: str) -> str:
    """So many of them: 1 item, 2 items."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
