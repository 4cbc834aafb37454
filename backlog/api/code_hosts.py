"""Code hosts over REST: add, change, rotate, remove; read what they said."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.models import CodeHost, HostMessage
from backlog.queries.code_hosts import find_code_host
from backlog.serializers.code_hosts import (
    CodeHostChangesSerializer,
    CodeHostSerializer,
    CodeHostWantedSerializer,
    FreshCodeHostSerializer,
    HostMessageSerializer,
    RotationSerializer,
)
from backlog.services import code_hosts as services

EDITS = "code_host.edit"


class CodeHostScope(ProductViewSet):
    """What the views of code hosts share."""

    queryset = CodeHost.objects.all()
    serializer_class: Any = CodeHostSerializer

    def find(self, key: str, id: int) -> CodeHost:
        """The code host, if the action may be done in its product."""
        product = self.find_product(key)
        self.require(product)
        return find_code_host(product, id)

    def fresh(self, host: CodeHost, secret: str, **answer: Any) -> Response:
        """The code host with its secret, which nothing on the way may keep."""
        shown = {**CodeHostSerializer(host).data, "secret": secret}
        headers = {**answer.pop("headers", {}), "Cache-Control": "no-store"}
        return Response(shown, headers=headers, **answer)


@extend_schema(tags=["code hosts"])
class CodeHostsView(CodeHostScope):
    permissions = {"list": EDITS, "create": EDITS}
    orderings = {"id": ("id",), "-id": ("-id",)}

    def list(self, request: Request, key: str) -> Response:
        """The code hosts of a product, without their secrets."""
        product = self.find_product(key)
        self.require(product)
        hosts = CodeHost.objects.filter(product=product)
        page = self.paginate_queryset(hosts.select_related("opened_status", "merged_status"))
        return self.get_paginated_response(CodeHostSerializer(page, many=True).data)

    @extend_schema(request=CodeHostWantedSerializer, responses={201: FreshCodeHostSerializer})
    def create(self, request: Request, key: str) -> Response:
        """Add a code host. Its secret stands in this answer alone, which for that reason is never
        kept for an Idempotency-Key."""
        product = self.find_product(key)
        self.require(product)
        wanted = CodeHostWantedSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        draft = services.CodeHostDraft(**wanted.validated_data)
        host, secret = services.create_code_host(product, draft, actor=self.actor)
        location = request.build_absolute_uri(f"{host.pk}/")
        return self.fresh(host, secret, status=201, headers={"Location": location})


@extend_schema(tags=["code hosts"])
class CodeHostView(CodeHostScope):
    permissions = {"retrieve": EDITS, "partial_update": EDITS, "destroy": EDITS, "rotate": EDITS}

    def retrieve(self, request: Request, key: str, id: int) -> Response:
        """A code host, without its secret."""
        return Response(CodeHostSerializer(self.find(key, id)).data)

    @extend_schema(request=CodeHostChangesSerializer, responses=CodeHostSerializer)
    def partial_update(self, request: Request, key: str, id: int) -> Response:
        """Change its name, or what its pull requests do to the items that they fix."""
        host = self.find(key, id)
        wanted = CodeHostChangesSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        if wanted.validated_data:
            host = services.update_code_host(host, actor=self.actor, **wanted.validated_data)
        return Response(CodeHostSerializer(host).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, key: str, id: int) -> Response:
        """Take it away, with its log; its address is unknown from then on."""
        services.delete_code_host(self.find(key, id), actor=self.actor)
        return Response(status=204)

    @extend_schema(request=RotationSerializer, responses=FreshCodeHostSerializer)
    def rotate(self, request: Request, key: str, id: int) -> Response:
        """Give it a new secret; for 24 hours the one before holds too, unless it ends `at_once`."""
        host = self.find(key, id)
        wanted = RotationSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        secret, _ = services.rotate_secret(host, actor=self.actor, **wanted.validated_data)
        return self.fresh(host, secret)


@extend_schema(tags=["code hosts"])
class HostMessagesView(CodeHostScope):
    permissions = {"list": EDITS}
    queryset = HostMessage.objects.all()
    serializer_class = HostMessageSerializer
    orderings = {"-id": ("-id",), "id": ("id",)}

    def list(self, request: Request, key: str, id: int) -> Response:
        """What a code host said in the last 30 days, and what was done with it."""
        page = self.paginate_queryset(HostMessage.objects.filter(code_host=self.find(key, id)))
        return self.get_paginated_response(HostMessageSerializer(page, many=True).data)
