"""Where a person lands after a deed, and what they are told."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from backlog.models import Backlog, Item
from mlscrum.lib.errors import DomainError
from mlscrum.web.problems import problem_response


def back_to(request: HttpRequest, default: str) -> HttpResponseRedirect:
    """To the page that the form names as `next`, if it is one of ours, else to the default: an
    address or the name of a page."""
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return HttpResponseRedirect(wanted if ours else resolve_url(default))


def follow_moved(request: HttpRequest, item: Item) -> HttpResponseRedirect:
    """To the same page of an item that has moved to another product; a deed has to be done anew
    there."""
    match = request.resolver_match
    key, ref = item.product.key, item.ref
    if request.method in {"GET", "HEAD"} and match is not None:
        address = reverse(match.view_name, kwargs={**match.kwargs, "key": key, "ref": ref})
        return HttpResponseRedirect(address)
    messages.warning(request, f"The item has moved: it is {ref} now. Nothing was changed.")
    return HttpResponseRedirect(reverse("backlog:item", args=[key, ref]))


def counted(count: int, noun: str, plural: str = "") -> str:
    """So many of them: 1 item, 2 items; `plural` where it takes more than an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or f'{noun}s'}"


def said_back(item: Item) -> str:
    """Where an item is that came back from the trash."""
    home = item.backlog
    if home.state == Backlog.State.CLOSED:
        return f"{item.ref} is back in {home.name}, where it was done."
    top = home.name if home.kind == Backlog.Kind.SPRINT else "the backlog"
    return f"{item.ref} is back, at the top of {top}."


def json_door(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Answer refusals as problem+json, which the page's script says."""

    @wraps(view)
    def told(*args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(*args, **kwargs)
        except (DomainError, ValidationError, Http404) as error:
            answer = problem_response(error, {})
            if answer is None:
                raise
            return answer

    return told
