"""Ceremonies of a sprint, and the insights, decisions and actions of one."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from django_filters.rest_framework import ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.queries.agendas import part_of
from mlscrum.lib.errors import Refused
from mlscrum.web.serializers import StrictSerializer
from sprints.api.sprints import OfSprint
from sprints.models import Ceremony, Outcome, Participant
from sprints.queries.ceremonies import find_outcome, of_sprint
from sprints.queries.outcomes import outcomes_of
from sprints.rules.ceremonies import time_box
from sprints.serializers.ceremonies import (
    ActionSerializer,
    CeremonySerializer,
    InsightSerializer,
    NewActionSerializer,
    NewCeremonySerializer,
    NewDecisionSerializer,
    NewInsightSerializer,
    OutcomeSerializer,
)
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.outcomes import OutcomeDraft, add_outcome, convert_to_item
from sprints.services.seats import take_part


class CeremonyFilters(FilterSet):
    """Which ceremonies."""

    kind = ChoiceFilter(choices=Ceremony.Kind.choices)
    state = ChoiceFilter(choices=Ceremony.State.choices)


class OutcomeFilters(FilterSet):
    """Which of what came of a ceremony."""

    state = ChoiceFilter(choices=Outcome.State.choices)


@extend_schema(tags=["ceremonies"])
class SprintCeremoniesView(OfSprint):
    permissions = {"list": "ceremony.view", "create": "ceremony.edit"}
    queryset = Ceremony.objects.all()
    serializer_class = CeremonySerializer
    filterset_class = CeremonyFilters
    orderings = {"starts_at": ("starts_at", "pk"), "-starts_at": ("-starts_at", "-pk")}

    def list(self, request: Request, id: int) -> Response:
        """The ceremonies of a sprint in the order of their days."""
        sprint = self._sprint(id)
        page = self.paginate_queryset(self.filter_queryset(of_sprint(sprint).order_by()))
        return self.get_paginated_response(CeremonySerializer(page, many=True).data)

    @extend_schema(
        request=NewCeremonySerializer,
        responses={201: CeremonySerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, id: int) -> Response:
        """Schedule one, with the agenda for its kind."""
        sprint = self._sprint(id)
        wanted = NewCeremonySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        backlog, fields = sprint.backlog, dict(wanted.validated_data)
        if "minutes" not in fields:
            assert backlog.starts_on is not None, "a sprint has both days"
            assert backlog.ends_on is not None, "a sprint has both days"
            days = (backlog.ends_on - backlog.starts_on).days + 1
            fields["minutes"] = time_box(fields["kind"], days)

        def make() -> Response:
            draft = CeremonyDraft(sprint=sprint, **fields)
            made = schedule(backlog.product, draft, actor=self.actor)
            answer = Response(CeremonySerializer(made).data, status=201)
            answer["Location"] = request.build_absolute_uri(f"/api/v1/ceremonies/{made.pk}/")
            return answer

        return once(request, self.actor, make)


class OfCeremony(ProductViewSet):
    """A resource of one ceremony."""

    def _ceremony(self, id: int) -> Ceremony:
        """The ceremony, if the action may be done to it; 404 for strangers."""
        ceremonies = Ceremony.objects.select_related("product", "sprint__backlog")
        found: Ceremony | None = self.within_reach(ceremonies).filter(pk=id).order_by().first()
        if found is None:
            raise Http404(f"There is no ceremony {id}.")
        self.keep_role(found.product, getattr(found, "actor_role", None))
        self.require(found.product)
        return found


class OfPart(OfCeremony):
    """A resource of a part of one ceremony, such as its planning poker."""

    slot: ClassVar[str]

    def ceremony_with_part(self, id: int) -> Ceremony:
        """The ceremony, if the action may be done to it; 404 for those that have no such part."""
        found = self._ceremony(id)
        part = part_of(self.slot)
        if part is None or found.kind not in part.kinds:
            kind = found.get_kind_display().lower()
            raise Http404(f"Ceremony {id} is a {kind} and has no {self.slot}.")
        return found

    def seat_in(self, ceremony: Ceremony) -> Participant | None:
        """The caller's, where they have taken one: reading takes none."""
        user = self.actor.user
        return ceremony.participants.filter(user=user).first() if user is not None else None

    def own_seat(self, ceremony: Ceremony) -> Participant:
        """The caller's, taken now by a member who had none, for they take part. Raises Refused for
        a product's token: it speaks for nobody."""
        user = self.actor.user
        if user is None:
            why = "A token of a product has no voice in a ceremony; use one of a person."
            raise Refused("nobodys_voice", why)
        return take_part(ceremony, user, actor=self.actor)


@extend_schema(tags=["ceremonies"])
class CeremonyOneView(OfCeremony):
    permissions = {"retrieve": "ceremony.view"}
    queryset = Ceremony.objects.all()
    serializer_class = CeremonySerializer

    def retrieve(self, request: Request, id: int) -> Response:
        """A ceremony: when it is and how it stands."""
        return Response(CeremonySerializer(self._ceremony(id)).data)


class OutcomesView(OfCeremony):
    """What came of a ceremony, of one kind."""

    permissions = {"list": "ceremony.view", "create": "ceremony.contribute"}
    queryset = Outcome.objects.all()
    filterset_class = OutcomeFilters
    orderings = {"created_at": ("created_at", "pk"), "-created_at": ("-created_at", "-pk")}
    noun: ClassVar[str]
    taken: ClassVar[type[StrictSerializer[Any]]]

    def _list(self, id: int) -> Response:
        found = outcomes_of(self._ceremony(id)).filter(kind=self.noun).order_by()
        page = self.paginate_queryset(self.filter_queryset(found))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def _create(self, request: Request, id: int) -> Response:
        ceremony = self._ceremony(id)
        wanted = self.taken(data=request.data, context={"product": ceremony.product})
        wanted.is_valid(raise_exception=True)
        fields = dict(wanted.validated_data)
        sort = fields.pop("kind", "")

        def make() -> Response:
            draft = OutcomeDraft(self.noun, sort=sort, **fields)
            made = add_outcome(ceremony, draft, actor=self.actor, seat=self._seat(ceremony))
            return Response(self.get_serializer(made).data, status=201)

        return once(request, self.actor, make)

    def _seat(self, ceremony: Ceremony) -> Participant | None:
        """The caller's; a product's token speaks for nobody."""
        user = self.actor.user
        return take_part(ceremony, user, actor=self.actor) if user is not None else None


@extend_schema(tags=["ceremonies"])
class InsightsView(OutcomesView):
    serializer_class = InsightSerializer
    noun = Outcome.Kind.INSIGHT
    taken = NewInsightSerializer

    def list(self, request: Request, id: int) -> Response:
        """The insights of a ceremony, with what each became."""
        return self._list(id)

    @extend_schema(
        request=NewInsightSerializer, responses={201: InsightSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )  # fmt: skip
    def create(self, request: Request, id: int) -> Response:
        """Say something that the team should know."""
        return self._create(request, id)


@extend_schema(tags=["ceremonies"])
class DecisionsView(OutcomesView):
    serializer_class = OutcomeSerializer
    noun = Outcome.Kind.DECISION
    taken = NewDecisionSerializer

    def list(self, request: Request, id: int) -> Response:
        """The decisions of a ceremony."""
        return self._list(id)

    @extend_schema(
        request=NewDecisionSerializer, responses={201: OutcomeSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )  # fmt: skip
    def create(self, request: Request, id: int) -> Response:
        """Write down what was decided."""
        return self._create(request, id)


@extend_schema(tags=["ceremonies"])
class ActionsView(OutcomesView):
    serializer_class = ActionSerializer
    noun = Outcome.Kind.ACTION
    taken = NewActionSerializer

    def list(self, request: Request, id: int) -> Response:
        """The actions of a ceremony, with who does each and the item that it became."""
        return self._list(id)

    @extend_schema(
        request=NewActionSerializer, responses={201: ActionSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )  # fmt: skip
    def create(self, request: Request, id: int) -> Response:
        """Write down what somebody does."""
        return self._create(request, id)


@extend_schema(tags=["ceremonies"])
class ActionOneView(OfCeremony):
    permissions = {"item": "item.edit"}
    queryset = Outcome.objects.all()
    serializer_class = ActionSerializer

    @extend_schema(request=None, responses={201: ActionSerializer}, parameters=[IDEMPOTENCY_KEY])
    def item(self, request: Request, ceremony_id: int, id: int) -> Response:
        """Make an item of an action. 409 where it is one already."""
        ceremony = self._ceremony(ceremony_id)
        found = find_outcome(ceremony, id)
        if found.kind != Outcome.Kind.ACTION:
            raise Http404(f"There is no action {id} in this ceremony.")

        def convert() -> Response:
            convert_to_item(found, actor=self.actor)
            fresh = find_outcome(ceremony, id)
            return Response(ActionSerializer(fresh).data, status=201)

        return once(request, self.actor, convert)
