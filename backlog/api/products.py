"""Products: list, create, read, change; and their teams."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ANYONE_KNOWN, ProductViewSet
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import Product, Scope, Team, User
from backlog.queries.resources import find_team, teams_of
from backlog.serializers.people import TeamEditSerializer, TeamSerializer
from backlog.serializers.products import (
    NewProductSerializer,
    ProductEditSerializer,
    ProductSerializer,
)
from backlog.services.products import change_product, create_product
from backlog.services.teams import create_team, delete_team, update_team


@extend_schema(tags=["products"])
class ProductsView(ProductViewSet):
    permissions = {"list": ANYONE_KNOWN, "create": ANYONE_KNOWN}
    queryset = Product.objects.prefetch_related("statuses")
    serializer_class = ProductSerializer
    orderings = {"key": ("key",)}

    def list(self, request: Request) -> Response:
        """The products that the caller is a member of."""
        self.require_scope(Scope.READ, Scope.EVIDENCE)
        products = self.visible_products().prefetch_related("statuses")
        page = self.paginate_queryset(products)
        return self.get_paginated_response(ProductSerializer(page, many=True).data)

    @extend_schema(
        request=NewProductSerializer,
        responses={201: ProductSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request) -> Response:
        """Create a product; for administrators. Whoever creates it becomes its product owner."""
        self.require_scope(Scope.ADMIN)
        owner = self._creator()
        wanted = NewProductSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return once(request, self.actor, lambda: self._create(owner, dict(wanted.validated_data)))

    def _create(self, owner: User, fields: dict[str, Any]) -> Response:
        with transaction.atomic():
            product = create_product(
                key=fields.pop("key"),
                name=fields.pop("name"),
                goal=fields.pop("goal", ""),
                owner=owner,
                actor=self.actor,
            )
            change_product(product, actor=self.actor, **fields)
        location = self.request.build_absolute_uri(f"{product.key}/")
        return Response(_shown(product), status=201, headers={"Location": location})

    def _creator(self) -> User:
        token, user = self.actor.token, self.actor.user
        bound = token is not None and token.product_id is not None
        if user is None or bound or not user.is_administrator:
            raise PermissionDenied("Only administrators create products.")
        return user


@extend_schema(tags=["products"])
class ProductOneView(ProductViewSet):
    permissions = {"retrieve": "product.view", "partial_update": "product.edit"}
    queryset = Product.objects.prefetch_related("statuses")
    serializer_class = ProductSerializer

    def retrieve(self, request: Request, key: str) -> Response:
        """A product with its workflow."""
        product = self.find_product(key)
        self.require(product)
        return Response(_shown(product))

    @extend_schema(request=ProductEditSerializer, responses=ProductSerializer)
    def partial_update(self, request: Request, key: str) -> Response:
        """Change fields of a product. `statuses` replaces the whole workflow."""
        product = self.find_product(key)
        self.require(product)
        wanted = ProductEditSerializer(product, data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        change_product(product, actor=self.actor, **wanted.validated_data)
        return Response(_shown(product))


@extend_schema(tags=["products"])
class TeamsView(ProductViewSet):
    permissions = {
        "list": "member.view",
        "create": "team.edit",
        "partial_update": "team.edit",
        "destroy": "team.edit",
    }
    queryset = Team.objects.all()
    serializer_class = TeamSerializer
    orderings = {"id": ("id",)}

    def list(self, request: Request, key: str) -> Response:
        """The teams of a product and their members."""
        product = self.find_product(key)
        self.require(product)
        page = self.paginate_queryset(teams_of(product))
        return self.get_paginated_response(TeamSerializer(page, many=True).data)

    @extend_schema(
        request=TeamEditSerializer, responses={201: TeamSerializer}, parameters=[IDEMPOTENCY_KEY]
    )
    def create(self, request: Request, key: str) -> Response:
        """Make a further team."""
        product = self.find_product(key)
        self.require(product)
        wanted = TeamEditSerializer(data=request.data, context={"product": product})
        wanted.is_valid(raise_exception=True)

        def make() -> Response:
            team = create_team(product, actor=self.actor, **wanted.validated_data)
            return Response(TeamSerializer(team).data, status=201)

        return once(request, self.actor, make)

    @extend_schema(request=TeamEditSerializer, responses=TeamSerializer)
    def partial_update(self, request: Request, key: str, id: int) -> Response:
        """Change the name of a team, its members, or both."""
        team = self._team(key, id)
        wanted = TeamEditSerializer(
            data=request.data, partial=True, context={"product": team.product}
        )
        wanted.is_valid(raise_exception=True)
        return Response(
            TeamSerializer(update_team(team, actor=self.actor, **wanted.validated_data)).data
        )

    def destroy(self, request: Request, key: str, id: int) -> Response:
        """Let a team go that never had a sprint."""
        delete_team(self._team(key, id), actor=self.actor)
        return Response(status=204)

    def _team(self, key: str, id: int) -> Team:
        product = self.find_product(key)
        self.require(product)
        return find_team(product, id)


def _shown(product: Product) -> Any:
    return ProductSerializer(product).data
