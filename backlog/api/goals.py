"""Goals of products: list, set, fulfil, abandon."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import ProductGoal
from backlog.queries.goals import find_goal, goals_of
from backlog.serializers.products import (
    EndedGoalSerializer,
    GoalEditSerializer,
    GoalSerializer,
)
from backlog.services.goals import end_goal, set_goal


@extend_schema(tags=["products"])
class GoalsView(ProductViewSet):
    permissions = {"list": "product.view", "create": "product.edit"}
    queryset = ProductGoal.objects.all()
    serializer_class = GoalSerializer
    orderings = {"-set_at": ("-set_at", "-pk"), "set_at": ("set_at", "pk")}

    def list(self, request: Request, key: str) -> Response:
        """All goals that a product ever had, the newest first; at most one is active."""
        product = self.find_product(key)
        self.require(product)
        page = self.paginate_queryset(goals_of(product).order_by())
        return self.get_paginated_response(GoalSerializer(page, many=True).data)

    @extend_schema(
        request=GoalEditSerializer, responses={201: GoalSerializer}, parameters=[IDEMPOTENCY_KEY]
    )
    def create(self, request: Request, key: str) -> Response:
        """Set the next goal; 409 while another one is active."""
        product = self.find_product(key)
        self.require(product)
        wanted = GoalEditSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)

        def make() -> Response:
            goal = set_goal(product, wanted.validated_data["text"], actor=self.actor)
            return Response(GoalSerializer(goal).data, status=201)

        return once(request, self.actor, make)


@extend_schema(tags=["products"])
class GoalOneView(ProductViewSet):
    permissions = {"fulfil": "product.edit", "abandon": "product.edit"}
    queryset = ProductGoal.objects.all()
    serializer_class = GoalSerializer

    @extend_schema(request=EndedGoalSerializer)
    def fulfil(self, request: Request, id: int) -> Response:
        """The goal is reached; the next one can be set."""
        return self._end(request, id, ProductGoal.State.FULFILLED)

    @extend_schema(request=EndedGoalSerializer)
    def abandon(self, request: Request, id: int) -> Response:
        """The goal is given up, with the reason."""
        return self._end(request, id, ProductGoal.State.ABANDONED)

    def _end(self, request: Request, id: int, state: str) -> Response:
        goal = self._goal(id)
        wanted = EndedGoalSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        ended = end_goal(goal, state, actor=self.actor, reason=wanted.validated_data["reason"])
        return Response(GoalSerializer(ended).data)

    def _goal(self, id: int) -> ProductGoal:
        """The goal, if the action may be done to it; 404 for strangers."""
        visible = ProductGoal.objects.filter(pk=id, product__in=self.visible_products())
        found = visible.select_related("product").first()
        if found is None:
            raise Http404(f"There is no goal {id}.")
        self.require(found.product)
        return find_goal(found.product, id)
