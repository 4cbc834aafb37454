"""The guard of the pages of one ceremony: members come by their role, guests by their link."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from backlog.access.pages import ProductRequest, View, product_page
from backlog.models import Actor, Member, Product, Subject
from backlog.queries.agendas import Reader
from mlscrum.lib.errors import DomainError
from sprints.models import Participant
from sprints.queries.ceremonies import ceremonies_of, guest_seat

SEATS = "seats"  # of the session: the participant that a guest is, by ceremony
ENDED = "Your link into this ceremony has ended. Ask whoever invited you for a new one."
GUESTS_MAY = frozenset({"ceremony.view", "ceremony.contribute"})


class CeremonyRequest(ProductRequest):
    """A request within one ceremony: of a member, who may have no seat yet, or of a guest."""

    participant: Participant | None
    is_guest: bool
    reader: Reader


def ceremony_page(
    permission: str, *, post: str | None = None, guests: bool = False
) -> Callable[[Callable[..., HttpResponseBase]], View]:
    """As `product_page`, for pages of one ceremony: the view gets `(request, ceremony, ...)`.

    With `guests`, whoever came by a valid link of this ceremony is let in as well, and may do what
    GUESTS_MAY holds; an observer looks only, and so do all once the ceremony is over.
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> View:
        @wraps(view)
        def of_member(
            request: ProductRequest, product: Product, ceremony_id: int, **kwargs: Any
        ) -> HttpResponseBase:
            ceremony = ceremonies_of(product).filter(pk=ceremony_id).first()
            if ceremony is None:
                raise Http404(f"There is no ceremony {ceremony_id} in {product.key}.")
            seat = ceremony.participants.filter(user=request.user).first()
            return view(_inside(request, seat, is_guest=False), ceremony, **kwargs)

        members = product_page(permission, post=post)(of_member)

        @wraps(view)
        def found(
            request: HttpRequest, key: str, ceremony_id: int, **kwargs: Any
        ) -> HttpResponseBase:
            seat = _guest_seat(request, key, ceremony_id) if guests else None
            if seat is None and guests and _came_by_link(request, ceremony_id):
                raise DomainError("link_ended", ENDED, status=410)
            if seat is None:
                return members(request, key=key, ceremony_id=ceremony_id, **kwargs)
            reads = request.method in {"GET", "HEAD"}
            inside = _as_guest(request, seat)
            if not inside.may(permission if reads or post is None else post):
                raise PermissionDenied("Your link lets you look, not take part.")
            return view(inside, seat.ceremony, **kwargs)

        found.declares = members.declares  # type: ignore[attr-defined]
        return found

    return decorate


def _guest_seat(request: HttpRequest, key: str, ceremony_id: int) -> Participant | None:
    """The seat that this browser has by a link; members have their own."""
    held = request.session.get(SEATS, {}).get(str(ceremony_id))
    if held is None:
        return None
    if request.user.is_authenticated and Member.objects.filter(
        user=request.user, product__key=key.upper()
    ):
        return None
    return guest_seat(key, ceremony_id, held)


def _came_by_link(request: HttpRequest, ceremony_id: int) -> bool:
    """Whether this browser, in which nobody has signed in, had a seat once."""
    return str(ceremony_id) in request.session.get(SEATS, {}) and not request.user.is_authenticated


def _as_guest(request: HttpRequest, seat: Participant) -> CeremonyRequest:
    inside = cast(CeremonyRequest, request)
    inside.actor = Actor.guest()
    inside.product = seat.ceremony.product
    inside.seq = seat.ceremony.product.activitycounter.seq

    def may(permission: str, subject: Subject | None = None) -> bool:
        is_mute = seat.is_observer or seat.ceremony.is_over
        looks_only = is_mute and permission != "ceremony.view"
        return permission in GUESTS_MAY and not looks_only

    inside.may = may
    return _inside(inside, seat, is_guest=True)


def _inside(
    request: ProductRequest, seat: Participant | None, *, is_guest: bool
) -> CeremonyRequest:
    inside = cast(CeremonyRequest, request)
    inside.participant, inside.is_guest = seat, is_guest
    inside.reader = Reader(seat, inside.may)
    return inside
