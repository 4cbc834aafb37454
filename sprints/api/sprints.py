"""Sprints: list, plan, change, start, close, cancel; gate and burndown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db.models import F, prefetch_related_objects
from django.http import Http404
from django_filters.rest_framework import ChoiceFilter, FilterSet, NumberFilter
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import Backlog, Product, Team
from mlscrum.lib.errors import FieldError, Invalid
from mlscrum.lib.numbers import LARGEST
from sprints.models import Share, Sprint
from sprints.queries.overviews import sprint_view, sprint_views
from sprints.queries.reports import burndown_of
from sprints.queries.sprints import find_sprint, sprints_of
from sprints.serializers.sprints import (
    IN_SERVICES,
    BurndownSerializer,
    CancelSerializer,
    CloseSerializer,
    NewSprintSerializer,
    OutlookSerializer,
    SharesSerializer,
    SprintEditSerializer,
    SprintGateSerializer,
    SprintSerializer,
)
from sprints.services.closing import (
    BACKLOG,
    SPLIT,
    Closing,
    Fate,
    Outlook,
    close_sprint,
    look_ahead,
)
from sprints.services.sprints import (
    cancel_sprint,
    create_sprint,
    delete_sprint,
    start_sprint,
    update_sprint,
)

SPRINT_OR_OUTLOOK = PolymorphicProxySerializer(
    component_name="SprintOrOutlook",
    serializers=[SprintSerializer, OutlookSerializer],
    resource_type_field_name=None,
)


class SprintFilters(FilterSet):
    """Which sprints of a product."""

    state = ChoiceFilter(field_name="backlog__state", choices=Backlog.State.choices)
    team = NumberFilter(field_name="backlog__team", min_value=1, max_value=LARGEST)


@extend_schema(tags=["sprints"])
class SprintsView(ProductViewSet):
    permissions = {"list": "sprint.view", "create": "sprint.run"}
    queryset = Sprint.objects.all()
    serializer_class = SprintSerializer
    filterset_class = SprintFilters
    orderings = {
        "-start_date": ("-backlog__starts_on", "-pk"),
        "start_date": ("backlog__starts_on", "pk"),
    }

    def list(self, request: Request, key: str) -> Response:
        """The sprints of a product, the newest first."""
        product = self.find_product(key)
        self.require(product)
        page = self.paginate_queryset(self.filter_queryset(sprints_of(product).order_by()))
        shown = SprintSerializer(sprint_views(page or ()), many=True)
        return self.get_paginated_response(shown.data)

    @extend_schema(
        request=NewSprintSerializer,
        responses={201: SprintSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str) -> Response:
        """Plan a sprint."""
        product = self.find_product(key)
        self.require(product)
        wanted = NewSprintSerializer(data=request.data, context={"product": product})
        wanted.is_valid(raise_exception=True)
        fields = wanted.service_fields()
        team = _team(product, fields.pop("team", None))

        def plan() -> Response:
            with _as_sent():
                sprint = create_sprint(team, actor=self.actor, **fields)
            answer = Response(SprintSerializer(sprint_view(sprint)).data, status=201)
            answer["Location"] = request.build_absolute_uri(f"/api/v1/sprints/{sprint.pk}/")
            return answer

        return once(request, self.actor, plan)


@contextmanager
def _as_sent() -> Iterator[None]:
    """Let what a service has against a field name it as REST does."""
    sent_as = {service: rest for rest, service in IN_SERVICES.items()}
    try:
        yield
    except ValidationError as error:
        if not hasattr(error, "error_dict"):
            raise
        faults = error.error_dict.items()
        raise ValidationError({sent_as.get(name, name): each for name, each in faults}) from None


class OfSprint(ProductViewSet):
    """A resource of one sprint."""

    def _sprint(self, id: int) -> Sprint:
        """The sprint, if the action may be done to it; 404 for strangers."""
        sprints = Sprint.objects.select_related("backlog__product", "backlog__team__calendar")
        # Most sprints are about no dataset: one that is says so by any of them.
        found = self.within_reach(sprints, "backlog__product").annotate(about=F("subjects"))
        sprint: Any = found.filter(pk=id).order_by().first()
        if sprint is None:
            raise Http404(f"There is no sprint {id}.")
        if sprint.about is not None:
            prefetch_related_objects([sprint], "subjects__subject")
        self.keep_role(sprint.backlog.product, getattr(sprint, "actor_role", None))
        self.require(sprint.backlog.product)
        return cast(Sprint, sprint)


@extend_schema(tags=["sprints"])
class SprintOneView(OfSprint):
    permissions = {
        "retrieve": "sprint.view",
        "partial_update": "sprint.run",
        "destroy": "sprint.run",
        "start": "sprint.run",
        "close": "sprint.run",
        "cancel": "sprint.cancel",
        "gate": "sprint.view",
        "burndown": "sprint.view",
    }
    queryset = Sprint.objects.all()
    serializer_class = SprintSerializer

    def retrieve(self, request: Request, id: int) -> Response:
        """A sprint with its figures; those of a closed one never change."""
        return _answer(self._sprint(id))

    @extend_schema(request=SprintEditSerializer)
    def partial_update(self, request: Request, id: int) -> Response:
        """Change a sprint that is not closed."""
        sprint = self._sprint(id)
        wanted = SprintEditSerializer(
            data=request.data, partial=True, context={"product": sprint.backlog.product}
        )
        wanted.is_valid(raise_exception=True)
        with _as_sent():
            changed = update_sprint(sprint, actor=self.actor, **wanted.service_fields())
        return _answer(changed)

    def destroy(self, request: Request, id: int) -> Response:
        """Throw a planned sprint away; its items go back to the top of the product backlog."""
        delete_sprint(self._sprint(id), actor=self.actor)
        return Response(status=204)

    @extend_schema(request=None)
    def start(self, request: Request, id: int) -> Response:
        """Let it run from now on."""
        return _answer(start_sprint(self._sprint(id), actor=self.actor))

    @extend_schema(request=CloseSerializer, responses={200: SPRINT_OR_OUTLOOK})
    def close(self, request: Request, id: int) -> Response:
        """Close it, or with `dry_run` say what closing would do.

        409 with `gates` where gates fail and `override` gives no reason.
        """
        sprint = self._sprint(id)
        wanted = CloseSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        closing = _closing(sprint, wanted.validated_data)
        if wanted.validated_data["dry_run"]:
            return Response(OutlookSerializer(_shown(look_ahead(sprint, closing))).data)
        return _answer(close_sprint(sprint, closing, actor=self.actor))

    @extend_schema(request=CancelSerializer)
    def cancel(self, request: Request, id: int) -> Response:
        """End it because its goal has become pointless: the product owner's alone."""
        sprint = self._sprint(id)
        wanted = CancelSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return _answer(cancel_sprint(sprint, actor=self.actor, **wanted.validated_data))

    @extend_schema(responses=SprintGateSerializer)
    def gate(self, request: Request, id: int) -> Response:
        """Whether all its datasets are good enough, and its exit where it has one: now, or as a
        sprint that is over was closed."""
        sprint = self._sprint(id)
        view = sprint_view(sprint)
        if view.standing is not None:
            reasons = [
                {"subject": r.subject.slug, "code": r.code, "detail": r.message}
                for r in view.standing.gate_reasons
            ]
        else:  # it is over: as it stood then
            reasons = (sprint.report or {}).get("gates", [])
        shown = {"passed": not reasons, "reasons": reasons, "exit": view.exit}
        return Response(SprintGateSerializer(shown).data)

    @extend_schema(responses=BurndownSerializer)
    def burndown(self, request: Request, id: int) -> Response:
        """Its days; empty before it starts, and for good once it is closed."""
        sprint = self._sprint(id)
        return Response(BurndownSerializer(burndown_of(sprint)).data)


@extend_schema(tags=["sprints"])
class SharesView(OfSprint):
    permissions = {"retrieve": "sprint.view", "update": "sprint.run"}
    queryset = Share.objects.all()
    serializer_class = SharesSerializer

    def retrieve(self, request: Request, id: int) -> Response:
        """What each can give to a sprint."""
        return self._shown(self._sprint(id))

    @extend_schema(request=SharesSerializer)
    def update(self, request: Request, id: int) -> Response:
        """Say anew what each can give."""
        sprint = self._sprint(id)
        wanted = SharesSerializer(data=request.data, context={"product": sprint.backlog.product})
        wanted.is_valid(raise_exception=True)
        return self._shown(update_sprint(sprint, actor=self.actor, shares=wanted.lines()))

    def _shown(self, sprint: Sprint) -> Response:
        shares = [
            {
                "member": share.user.email,
                "points": share.points,
                "gpu_hours": share.gpu_hours,
                "days_off": share.days_off,
            }
            for share in sprint.shares.select_related("user").filter(
                user__memberships__product=sprint.backlog.product
            )
        ]
        return Response(SharesSerializer({"shares": shares}).data)


def _answer(sprint: Sprint) -> Response:
    return Response(SprintSerializer(sprint_view(sprint)).data)


def _team(product: Product, wanted: int | None) -> Team:
    teams = product.teams.all()
    team = teams.first() if wanted is None else teams.filter(pk=wanted).first()
    if team is None:
        raise Invalid(FieldError("/team", "no_team", "There is no such team in this product."))
    return team


def _closing(sprint: Sprint, fields: Mapping[str, Any]) -> Closing:
    """The wish as the service takes it; 400 for what can't be read."""
    otherwise, fates = _fates(fields.get("unfinished", BACKLOG))
    following = fields.get("next_sprint")
    found = find_sprint(sprint.backlog.product, str(following)) if following is not None else None
    if following is not None and found is None:
        raise Invalid(FieldError("/next_sprint", "no_sprint", "There is no such sprint here."))
    return Closing(
        goal_met=fields["goal_met"],
        goal_reason=fields.get("goal_reason", ""),
        otherwise=otherwise,
        fates=fates,
        next_sprint=found,
        override=fields.get("override", ""),
    )


def _fates(wanted: Any) -> tuple[Fate, dict[str, Fate]]:
    if isinstance(wanted, str):
        return _fate("/unfinished", wanted), {}
    if not isinstance(wanted, dict):
        raise Invalid(FieldError("/unfinished", "invalid", "Send a fate, or fates by ref."))
    return Fate(), {
        str(ref).upper(): _fate(f"/unfinished/{ref}", fate) for ref, fate in wanted.items()
    }


def _fate(pointer: str, wanted: Any) -> Fate:
    if wanted in ("backlog", "next"):
        return Fate(wanted)
    match wanted:
        case {"split": {"done_points": int() | float() | str() as points, **rest}, **others}:
            number = None if rest or others or isinstance(points, bool) else _tenths(points)
            if number is not None:
                return Fate(SPLIT, number)
    why = 'A fate is "backlog", "next" or {"split": {"done_points": 2}}, in tenths of points.'
    raise Invalid(FieldError(pointer, "invalid", why))


def _tenths(points: float | str) -> Decimal | None:
    """The points exactly, with at most one decimal; None for anything else."""
    try:
        number = Decimal(str(points))
        return number if number == number.quantize(Decimal("0.1")) else None
    except InvalidOperation:  # no number, none that is finite, or a very long one
        return None


def _shown(ahead: Outlook) -> dict[str, Any]:
    standing = ahead.standing
    return {
        "may_close": ahead.may_close,
        "problems": [
            {"pointer": p.pointer, "code": p.code, "detail": p.detail} for p in ahead.problems
        ],
        "done": [item.ref for item in ahead.done],
        "unfinished": [
            {"ref": item.ref, "title": item.title, "points": item.points, "fate": fate.kind}
            for item, fate in ahead.unfinished
        ],
        "gates": [reason.message for reason in standing.gate_reasons],
        "exit": {"met": standing.exit_met, "reasons": standing.exit_reasons}
        if standing.has_exit
        else None,
    }
