"""Retrospectives over REST.

Cards and votes are of nobody's name, so nothing here may tell who sent them: the card that a deed
is about stands in the body, since addresses are kept in logs, and an Idempotency-Key, which is kept
beside who sent it, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.queries.agendas import Reader
from mlscrum.lib.errors import DomainError
from mlscrum.web.serializers import StrictSerializer
from sprints.api.ceremonies import OfPart
from sprints.models import Ceremony, Retro, RetroCard
from sprints.queries.retros import RetroView, retro_of
from sprints.serializers.talk import (
    CardEditSerializer,
    CardSerializer,
    NewCardSerializer,
    OfCardSerializer,
    OntoSerializer,
    PhaseSerializer,
    RetroEditSerializer,
    RetroSerializer,
    TitleSerializer,
)
from sprints.services import retros as services


class OfRetro(OfPart):
    """A resource of one retrospective."""

    slot: ClassVar[str] = "retro"

    def _retro(self, ceremony: Ceremony) -> RetroView:
        return retro_of(ceremony, Reader(self.seat_in(ceremony), lambda permission: False))

    def _stands(self, ceremony: Ceremony) -> Response:
        return Response(RetroSerializer(self._retro(ceremony)).data)


@extend_schema(tags=["ceremonies"])
class RetroOneView(OfRetro):
    permissions = {
        "retrieve": "ceremony.view",
        "partial_update": "ceremony.edit",
        "phase": "ceremony.edit",
    }
    queryset = RetroCard.objects.all()
    serializer_class = RetroSerializer

    def retrieve(self, request: Request, id: int) -> Response:
        """How a retrospective stands: its columns, its phase, and the groups that one may see."""
        return self._stands(self.ceremony_with_part(id))

    @extend_schema(request=RetroEditSerializer, responses=RetroSerializer)
    def partial_update(self, request: Request, id: int) -> Response:
        """Choose the columns and the votes of each person.

        400 for columns beside a format that has its own. 409 for other columns once there are
        cards, and for other votes once people vote.
        """
        ceremony = self.ceremony_with_part(id)
        sent = _read(RetroEditSerializer, request)
        now = self._retro(ceremony).retro
        form = sent.get("format", Retro.Format.OWN if "columns" in sent else now.format)
        kept = now.columns if form == Retro.Format.OWN else []
        services.set_up(
            ceremony,
            form,
            actor=self.actor,
            own=sent.get("columns", kept),
            votes_each=sent.get("votes_each", now.votes_each),
        )
        return self._stands(ceremony)

    @extend_schema(request=PhaseSerializer, responses=RetroSerializer)
    def phase(self, request: Request, id: int) -> Response:
        """Go one phase on, or one back: `group` reveals the cards, and `talk` the votes.

        409 where somebody else has gone to another phase than the one `seen`.
        """
        ceremony = self.ceremony_with_part(id)
        sent = _read(PhaseSerializer, request)
        services.go_to(ceremony, sent["phase"], actor=self.actor, seen=sent["seen"])
        return self._stands(ceremony)


@extend_schema(tags=["ceremonies"])
class CardsView(OfRetro):
    permissions = {
        "list": "ceremony.view",
        "create": "ceremony.contribute",
        "change": "ceremony.contribute",
        "take_away": "ceremony.contribute",
        "group": "ceremony.contribute",
        "title": "ceremony.contribute",
        "vote": "ceremony.contribute",
        "unvote": "ceremony.contribute",
    }
    queryset = RetroCard.objects.all()
    serializer_class = CardSerializer
    orderings = {"id": ("pk",)}

    def list(self, request: Request, id: int) -> Response:
        """The cards that one may see, in random order: one's own until they are revealed."""
        ceremony = self.ceremony_with_part(id)
        seen = {each.card.pk: each for group in self._retro(ceremony).groups
                for each in group.cards}  # fmt: skip
        page = self.paginate_queryset(RetroCard.objects.filter(pk__in=seen))
        shown = [seen[card.pk] for card in page or []]
        return self.get_paginated_response(CardSerializer(shown, many=True).data)

    @extend_schema(request=NewCardSerializer, responses={201: CardSerializer})
    def create(self, request: Request, id: int) -> Response:
        """Write a card of nobody's name. 409 once the cards are revealed.

        It takes no Idempotency-Key, which would keep who has written it: 400.
        """
        ceremony, sent = self._asked(request, id, NewCardSerializer)
        made = services.write_card(ceremony, self.own_seat(ceremony), **sent)
        return Response(CardSerializer(self._card(ceremony, made)).data, status=201)

    @extend_schema(request=CardEditSerializer, responses=CardSerializer)
    def change(self, request: Request, id: int) -> Response:
        """Word an own card anew, while the ceremony runs; 404 for any other."""
        ceremony, sent = self._asked(request, id, CardEditSerializer)
        services.change_card(ceremony, self.own_seat(ceremony), sent["card"], sent["text"])
        return Response(CardSerializer(self._card(ceremony, RetroCard(pk=sent["card"]))).data)

    @extend_schema(request=OfCardSerializer, responses={204: None})
    def take_away(self, request: Request, id: int) -> Response:
        """Take an own card away; 404 for any other."""
        ceremony, sent = self._asked(request, id, OfCardSerializer)
        services.delete_card(ceremony, self.own_seat(ceremony), sent["card"])
        return Response(status=204)

    @extend_schema(request=OntoSerializer, responses=RetroSerializer)
    def group(self, request: Request, id: int) -> Response:
        """Put a card into the group of another, or on its own. 409 in another phase."""
        ceremony, sent = self._asked(request, id, OntoSerializer)
        seat = self.own_seat(ceremony)
        if sent["onto"] is None:
            services.ungroup_card(ceremony, seat, sent["card"])
        else:
            services.group_card(ceremony, seat, sent["card"], sent["onto"])
        return self._stands(ceremony)

    @extend_schema(request=TitleSerializer, responses=RetroSerializer)
    def title(self, request: Request, id: int) -> Response:
        """Name the group of a card."""
        ceremony, sent = self._asked(request, id, TitleSerializer)
        services.name_group(ceremony, self.own_seat(ceremony), sent["card"], sent["title"])
        return self._stands(ceremony)

    @extend_schema(request=OfCardSerializer, responses=RetroSerializer)
    def vote(self, request: Request, id: int) -> Response:
        """Give one vote to a card and its group. 409 in another phase or without a vote left."""
        ceremony, sent = self._asked(request, id, OfCardSerializer)
        services.cast_vote(ceremony, self.own_seat(ceremony), sent["card"])
        return self._stands(ceremony)

    @extend_schema(request=OfCardSerializer, responses=RetroSerializer)
    def unvote(self, request: Request, id: int) -> Response:
        """Take one of one's own votes back."""
        ceremony, sent = self._asked(request, id, OfCardSerializer)
        services.take_back_vote(ceremony, self.own_seat(ceremony), sent["card"])
        return self._stands(ceremony)

    def _asked(
        self, request: Request, id: int, shape: type[StrictSerializer[Any]]
    ) -> tuple[Ceremony, Mapping[str, Any]]:
        ceremony = self.ceremony_with_part(id)
        if "Idempotency-Key" in request.headers:
            why = "Send no Idempotency-Key here: it would keep who has written a card."
            raise DomainError("no_key_here", why, status=400)
        return ceremony, _read(shape, request)

    def _card(self, ceremony: Ceremony, card: RetroCard) -> Any:
        groups = self._retro(ceremony).groups
        return next(each for group in groups for each in group.cards if each.card.pk == card.pk)


def _read(shape: type[StrictSerializer[Any]], request: Request) -> Mapping[str, Any]:
    wanted = shape(data=request.data)
    wanted.is_valid(raise_exception=True)
    found: Mapping[str, Any] = wanted.validated_data
    return found
