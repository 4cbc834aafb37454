"""What the parts of an agenda share: a part answers with itself, alone or within a small page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from backlog.models import Item
from backlog.queries.agendas import Reader, part_of
from backlog.queries.items import find_item
from backlog.views.answers import back_to
from mlscrum.lib.errors import DomainError
from sprints.models import Ceremony, Participant
from sprints.services.seats import take_part
from sprints.views.ceremonies import page_of
from sprints.views.ceremony_doors import CeremonyRequest

URLS = {slot: f"sprints:{slot}" for slot in ("poker", "daily", "retro")}


def of_kinds(slot: str) -> Callable[[Callable[..., HttpResponseBase]], Any]:
    """Let a door be there only for ceremonies that have the part, and say what its services refuse
    of single fields as one sentence, since the part has no form to say it in."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Any:
        @wraps(view)
        def found(request: CeremonyRequest, ceremony: Ceremony, **kwargs: Any) -> HttpResponseBase:
            part = part_of(slot)
            if part is None or ceremony.kind not in part.kinds:
                raise Http404("This ceremony has no such part.")
            try:
                return view(request, ceremony, **kwargs)
            except ValidationError as error:
                raise DomainError("invalid", " ".join(error.messages)) from None

        return found

    return decorate


def show(request: CeremonyRequest, ceremony: Ceremony, slot: str) -> HttpResponse:
    """The part as it is now: alone for htmx, else in a page of its own."""
    part = part_of(slot)
    assert part is not None, "of_kinds asks"
    facts = part.facts(ceremony, request.reader)
    context = page_of(request, ceremony, part=part, facts=facts)
    if not getattr(request, "htmx", False):
        answer = render(request, "sprints/part.html", context)
    elif facts is not None:
        answer = render(request, part.template, context)
    else:
        answer = HttpResponse()
    answer["Cache-Control"] = "no-store"
    return answer


def answer(request: CeremonyRequest, ceremony: Ceremony, slot: str) -> HttpResponse:
    """After a deed: the part anew for htmx, else the page that the form stood on."""
    if getattr(request, "htmx", False):
        seat = request.participant
        if seat is None and not request.is_guest:  # they may have taken one by the deed
            seat = ceremony.participants.filter(user=request.user).first()
        request.participant, request.reader = seat, Reader(seat, request.may)
        return show(request, ceremony, slot)
    return back_to(request, reverse(URLS[slot], args=[request.product.key, ceremony.pk]))


def seat_of(request: CeremonyRequest, ceremony: Ceremony) -> Participant:
    """The seat of who asks, taken now by a member who has none; they take part by what they do."""
    return take_part(ceremony, request.user, actor=request.actor, seat=request.participant)


def item_of(request: CeremonyRequest) -> Item:
    """The item that a form names by its ref. Raises 404 for none of this product."""
    return find_item(request.product, request.POST.get("item", ""))
