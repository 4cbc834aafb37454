"""Planning poker over REST: what others hold up shows once it is revealed, here as on the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from django.http import Http404
from django_filters.rest_framework import ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import Item
from backlog.queries.resources import items_by_ref
from mlscrum.lib.errors import FieldError, Invalid
from sprints.api.ceremonies import OfPart
from sprints.models import Ceremony, Pick, Round
from sprints.queries.poker import picks_of, rows_of
from sprints.queries.rounds import find_round, rounds_of, views_of
from sprints.serializers.talk import (
    AcceptSerializer,
    NewImportanceSerializer,
    NewPicksSerializer,
    NewRoundSerializer,
    NewVoteSerializer,
    PickSerializer,
    RoundSerializer,
)
from sprints.services import poker as services

# All of them at once: this answer comes in no pages, as the list does.
PICKED = {"type": "array", "items": {"$ref": "#/components/schemas/Pick"}}


class RoundFilters(FilterSet):
    """Which rounds."""

    state = ChoiceFilter(choices=Round.State.choices)


class OfPoker(OfPart):
    """A resource of the planning poker of one ceremony."""

    slot: ClassVar[str] = "poker"


class OfRounds(OfPoker):
    """The votes on items, round by round."""

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
class RoundsView(OfRounds):
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
            raise Invalid(_no_item("/item", ref, ceremony))
        return item


@extend_schema(tags=["ceremonies"])
class RoundOneView(OfRounds):
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


class OfPicks(OfPoker):
    """The items that a ceremony talks about."""

    queryset = Pick.objects.all()
    serializer_class = PickSerializer


@extend_schema(tags=["ceremonies"])
class PicksView(OfPicks):
    permissions = {"list": "ceremony.view", "create": "ceremony.edit"}
    orderings = {"position": ("position", "pk")}

    def list(self, request: Request, id: int) -> Response:
        """What the ceremony talks about, in its order, and how much each item matters to whom."""
        ceremony = self.ceremony_with_part(id)
        page = self.paginate_queryset(picks_of(ceremony).order_by())
        shown = rows_of(ceremony, page or [], self.seat_in(ceremony))
        return self.get_paginated_response(PickSerializer(shown, many=True).data)

    @extend_schema(
        request=NewPicksSerializer,
        responses={201: PICKED},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, id: int) -> Response:
        """Talk about these items too, after the others; what is picked already stays where it is.

        Answers the items asked for. 422 for epics and tasks, which bear no points of their own.
        """
        ceremony = self.ceremony_with_part(id)
        wanted = NewPicksSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        items = _items(ceremony, wanted.validated_data["items"])

        def pick() -> Response:
            services.pick_items(ceremony, items, actor=self.actor)
            made = picks_of(ceremony).filter(item__in=items)
            shown = rows_of(ceremony, list(made), self.seat_in(ceremony))
            return Response(PickSerializer(shown, many=True).data, status=201)

        return once(request, self.actor, pick)


@extend_schema(tags=["ceremonies"])
class PickOneView(OfPicks):
    permissions = {"destroy": "ceremony.edit", "importance": "ceremony.contribute"}

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, ceremony_id: int, ref: str) -> Response:
        """Talk about an item no more. 409 for one that was voted on."""
        ceremony, pick = self._pick(ceremony_id, ref)
        services.unpick_item(ceremony, pick.item, actor=self.actor)
        return Response(status=204)

    @extend_schema(request=NewImportanceSerializer, responses=PickSerializer)
    def importance(self, request: Request, ceremony_id: int, ref: str) -> Response:
        """Say how much an item matters, 1 to 5; another value replaces it.

        Answers what it means to each role, which nobody sees before they have said theirs.
        """
        ceremony, pick = self._pick(ceremony_id, ref)
        wanted = NewImportanceSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        seat, value = self.own_seat(ceremony), wanted.validated_data["importance"]
        services.weigh(ceremony, pick.item, seat, value, actor=self.actor)
        [row] = rows_of(ceremony, [pick], seat)
        return Response(PickSerializer(row).data)

    def _pick(self, ceremony_id: int, ref: str) -> tuple[Ceremony, Pick]:
        """The item as the ceremony talks about it, one in the trash too; 404 for any other."""
        ceremony = self.ceremony_with_part(ceremony_id)
        pick = picks_of(ceremony).filter(item=self.find_item(ref, deleted=True)).first()
        if pick is None:
            raise Http404(f"{ref} is not talked about in this ceremony.")
        return ceremony, pick


def _items(ceremony: Ceremony, refs: Sequence[str]) -> list[Item]:
    """The items of these refs in the product of the ceremony, in this order; 400 for others."""
    wanted = [ref.strip().upper() for ref in refs]
    found = items_by_ref(ceremony.product, wanted)
    missing = [
        _no_item(f"/items/{place}", ref, ceremony)
        for place, ref in enumerate(wanted)
        if ref not in found
    ]
    if missing:
        raise Invalid(*missing)
    return [found[ref] for ref in wanted]


def _no_item(pointer: str, ref: str, ceremony: Ceremony) -> FieldError:
    return FieldError(pointer, "no_item", f"There is no item {ref} in {ceremony.product.key}.")
