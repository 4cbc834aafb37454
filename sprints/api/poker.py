"""Planning poker over REST: what others hold up shows once it is revealed, here as on the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from django.http import Http404
from django_filters.rest_framework import ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import Item
from mlscrum.lib.errors import FieldError, Invalid
from sprints.api.ceremonies import OfPart
from sprints.models import Ceremony, Round
from sprints.queries.rounds import find_round, rounds_of, views_of
from sprints.serializers.talk import (
    AcceptSerializer,
    NewRoundSerializer,
    NewVoteSerializer,
    RoundSerializer,
)
from sprints.services import poker as services


class RoundFilters(FilterSet):
    """Which rounds."""

    state = ChoiceFilter(choices=Round.State.choices)


class OfPoker(OfPart):
    """A resource of the planning poker of one ceremony."""

    slot: ClassVar[str] = "poker"
    queryset = Round.objects.all()
    serializer_class = RoundSerializer

    def _begun(self, ceremony: Ceremony, begin: Callable[[], Round]) -> Response:
        """201 with a new round, or 200 with the one that was under way."""
        voting = rounds_of(ceremony).filter(state=Round.State.VOTING)
        running = set(voting.values_list("pk", flat=True))
        made = begin()
        return self._shown(ceremony, made, 200 if made.pk in running else 201)

    def _shown(self, ceremony: Ceremony, found: Round, status: int = 200) -> Response:
        fresh = find_round(ceremony, found.pk)
        [view] = views_of([fresh], self.seat_in(ceremony))
        answer = Response(RoundSerializer(view).data, status=status)
        if status == 201:
            path = f"/api/v1/ceremonies/{ceremony.pk}/rounds/{found.pk}/"
            answer["Location"] = self.request.build_absolute_uri(path)
        return answer


@extend_schema(tags=["ceremonies"])
class RoundsView(OfPoker):
    permissions = {"list": "ceremony.view", "create": "ceremony.edit"}
    filterset_class = RoundFilters
    orderings = {"id": ("pk",), "-id": ("-pk",)}

    def list(self, request: Request, id: int) -> Response:
        """The rounds of planning poker, the oldest first."""
        ceremony = self.ceremony_with_part(id)
        page = self.paginate_queryset(self.filter_queryset(rounds_of(ceremony).order_by()))
        shown = views_of(page or [], self.seat_in(ceremony))
        return self.get_paginated_response(RoundSerializer(shown, many=True).data)

    @extend_schema(
        request=NewRoundSerializer,
        responses={200: RoundSerializer, 201: RoundSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, id: int) -> Response:
        """Let everybody vote on an item, or once more: a new round.

        200 with the round under way where that item is voted on already; 409 while another is.
        """
        ceremony = self.ceremony_with_part(id)
        wanted = NewRoundSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        item = self._item(ceremony, wanted.validated_data["item"])

        return once(
            request,
            self.actor,
            lambda: self._begun(
                ceremony, lambda: services.start_round(ceremony, item, actor=self.actor)
            ),
        )

    def _item(self, ceremony: Ceremony, ref: str) -> Item:
        try:
            item = self.find_item(ref)
        except Http404:
            item = None
        if item is None or item.product_id != ceremony.product_id:
            why = f"There is no item {ref} in {ceremony.product.key}."
            raise Invalid(FieldError("/item", "no_item", why))
        return item


@extend_schema(tags=["ceremonies"])
class RoundOneView(OfPoker):
    permissions = {
        "retrieve": "ceremony.view",
        "destroy": "ceremony.edit",
        "vote": "ceremony.contribute",
        "reveal": "ceremony.edit",
        "accept": "item.edit",
        "revote": "ceremony.edit",
    }

    def retrieve(self, request: Request, ceremony_id: int, id: int) -> Response:
        """One round; what others hold up only once it is revealed."""
        ceremony, found = self._round(ceremony_id, id)
        return self._shown(ceremony, found)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, ceremony_id: int, id: int) -> Response:
        """Set a vote aside without revealing it; its votes are gone. 409 once it is revealed."""
        _, found = self._round(ceremony_id, id)
        services.set_aside(found, actor=self.actor)
        return Response(status=204)

    @extend_schema(request=NewVoteSerializer, responses=RoundSerializer)
    def vote(self, request: Request, ceremony_id: int, id: int) -> Response:
        """Hold up a card, unseen by others; another one replaces it. 409 after the reveal."""
        ceremony, found = self._round(ceremony_id, id)
        wanted = NewVoteSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        seat = self.own_seat(ceremony)
        services.vote(found, seat, wanted.validated_data["card"], actor=self.actor)
        return self._shown(ceremony, found)

    @extend_schema(request=None, responses=RoundSerializer)
    def reveal(self, request: Request, ceremony_id: int, id: int) -> Response:
        """Show all cards at once; of two who do so at once, both get the same answer."""
        ceremony, found = self._round(ceremony_id, id)
        services.reveal(found, actor=self.actor)
        return self._shown(ceremony, found)

    @extend_schema(request=AcceptSerializer, responses=RoundSerializer)
    def accept(self, request: Request, ceremony_id: int, id: int) -> Response:
        """Write an estimate onto the item. 409 before the reveal, and where somebody else did."""
        ceremony, found = self._round(ceremony_id, id)
        wanted = AcceptSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        services.accept(found, wanted.validated_data["points"], actor=self.actor)
        return self._shown(ceremony, found)

    @extend_schema(
        request=None,
        responses={200: RoundSerializer, 201: RoundSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def revote(self, request: Request, ceremony_id: int, id: int) -> Response:
        """Vote on the same item once more: a new round.

        200 with the round under way where somebody else asked for it just now; 409 while this one
        is not revealed.
        """
        ceremony, found = self._round(ceremony_id, id)
        return once(
            request,
            self.actor,
            lambda: self._begun(ceremony, lambda: services.vote_anew(found, actor=self.actor)),
        )

    def _round(self, ceremony_id: int, id: int) -> tuple[Ceremony, Round]:
        ceremony = self.ceremony_with_part(ceremony_id)
        return ceremony, find_round(ceremony, id)
