"""Connections: add, read, change, test, rotate, pause; what lies behind one, and taking it in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import Product
from backlog.serializers.links import page
from dataquality.models import Connection, Registration
from dataquality.queries.connections import (
    datasets_by_connection,
    find_connection,
    find_registration,
)
from dataquality.serializers.connections import (
    ConnectionEditSerializer,
    ConnectionSerializer,
    ManySerializer,
    NewConnectionSerializer,
    OfferSerializer,
    RegistrationSerializer,
    RotateSerializer,
)
from dataquality.services.connections import (
    ConnectionDraft,
    add_connection,
    change_connection,
    pause_connection,
    remove_connection,
    resume_connection,
    rotate_secret,
    test_connection,
)
from dataquality.services.many import browse, request_registration


class ConnectionBase(ProductViewSet):
    """A resource of one connection."""

    queryset = Connection.objects.all()
    serializer_class = ConnectionSerializer

    def reached(self, key: str, connection: str) -> tuple[Product, Connection]:
        """The connection, if the action may be done in the product."""
        product = self.find_product(key)
        self.require(product)
        return product, find_connection(product, connection)


@extend_schema(tags=["connections"])
class ConnectionsView(ConnectionBase):
    permissions = {"list": "connection.view", "create": "connection.edit"}
    orderings = {"id": ("pk",), "-id": ("-pk",)}

    def list(self, request: Request, key: str) -> Response:
        """The connections that the product may use, its own and shared ones."""
        product = self.find_product(key)
        self.require(product)
        found = self.paginate_queryset(Connection.objects.usable_in(product))
        return self.get_paginated_response(_shown(product, found))

    @extend_schema(
        request=NewConnectionSerializer,
        responses={201: ConnectionSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str) -> Response:
        """Add a connection; it is tested at once, and kept however that goes."""
        product = self.find_product(key)
        self.require(product)
        wanted = NewConnectionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)

        def add() -> Response:
            draft = ConnectionDraft(**wanted.validated_data)
            connection = add_connection(product, draft, actor=self.actor)
            location = page("api-connection", product.key, connection.slug)
            shown = _shown(product, [connection])[0]
            return Response(shown, status=201, headers={"Location": location})

        return once(request, self.actor, add)


@extend_schema(tags=["connections"])
class ConnectionView(ConnectionBase):
    permissions = {
        "retrieve": "connection.view",
        "partial_update": "connection.edit",
        "destroy": "connection.edit",
        "test": "connection.edit",
        "rotate": "connection.edit",
        "pause": "connection.edit",
        "resume": "connection.edit",
    }

    def retrieve(self, request: Request, key: str, connection: str) -> Response:
        """A connection, without its secret."""
        return self._told(*self.reached(key, connection))

    @extend_schema(request=ConnectionEditSerializer)
    def partial_update(self, request: Request, key: str, connection: str) -> Response:
        """Change it; a new address needs the secret again. It is tested at once."""
        product, found = self.reached(key, connection)
        wanted = ConnectionEditSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        return self._told(
            product, change_connection(found, actor=self.actor, **wanted.validated_data)
        )

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str, connection: str) -> Response:
        """Remove it with its secret; 409 while datasets read through it."""
        _, found = self.reached(key, connection)
        remove_connection(found, actor=self.actor)
        return Response(status=204)

    @extend_schema(request=None)
    def test(self, request: Request, key: str, connection: str) -> Response:
        """Reach what lies behind it now; `test_error` says what is wrong."""
        product, found = self.reached(key, connection)
        return self._told(product, test_connection(found, actor=self.actor))

    @extend_schema(request=RotateSerializer)
    def rotate(self, request: Request, key: str, connection: str) -> Response:
        """Put a new secret in the place of the old one, which is gone."""
        product, found = self.reached(key, connection)
        wanted = RotateSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return self._told(product, rotate_secret(found, actor=self.actor, **wanted.validated_data))

    @extend_schema(request=None)
    def pause(self, request: Request, key: str, connection: str) -> Response:
        """Read nothing through it until it is resumed."""
        product, found = self.reached(key, connection)
        return self._told(product, pause_connection(found, actor=self.actor))

    @extend_schema(request=None)
    def resume(self, request: Request, key: str, connection: str) -> Response:
        """Let its datasets be read again."""
        product, found = self.reached(key, connection)
        return self._told(product, resume_connection(found, actor=self.actor))

    def _told(self, product: Product, connection: Connection) -> Response:
        return Response(_shown(product, [connection])[0])


@extend_schema(tags=["connections"])
class OffersView(ConnectionBase):
    permissions = {"retrieve": "dataset.register_path"}
    serializer_class = OfferSerializer
    pagination_class = None
    filter_backends = ()

    @extend_schema(responses=OfferSerializer(many=True))
    def retrieve(self, request: Request, key: str, connection: str) -> Response:
        """Tables of a database, or files and divided folders of a bucket, as they are now."""
        product, found = self.reached(key, connection)
        return Response(OfferSerializer(browse(found, product), many=True).data)


@extend_schema(tags=["connections"])
class RegistrationsView(ConnectionBase):
    permissions = {"create": "dataset.register_path", "retrieve": "connection.view"}
    queryset = Registration.objects.all()
    serializer_class = RegistrationSerializer

    @extend_schema(
        request=ManySerializer,
        responses={202: RegistrationSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str, connection: str) -> Response:
        """Register many at once in the background: 202 with the Location to ask."""
        product, found = self.reached(key, connection)
        wanted = ManySerializer(data=request.data, context={"product": product})
        wanted.is_valid(raise_exception=True)

        def start() -> Response:
            registration = request_registration(
                found, product, actor=self.actor, **wanted.validated_data
            )
            location = page("api-registration", product.key, found.slug, registration.pk)
            shown = RegistrationSerializer(registration).data
            return Response(shown, status=202, headers={"Location": location})

        return once(request, self.actor, start)

    def retrieve(self, request: Request, key: str, connection: str, id: int) -> Response:
        """How far it is, and what became of each."""
        product, found = self.reached(key, connection)
        return Response(RegistrationSerializer(find_registration(found, product, id)).data)


def _shown(product: Product, connections: Sequence[Connection]) -> list[dict[str, Any]]:
    used = {
        pk: [dataset.slug for dataset in datasets]
        for pk, datasets in datasets_by_connection(product, connections).items()
    }
    context = {"product": product, "used": used}
    return list(ConnectionSerializer(connections, many=True, context=context).data)
