"""Links that show one dataset without an account: list, make, revoke."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.serializers.links import page
from dataquality.api.scope import UNKEPT, DataView
from dataquality.models import ShareLink
from dataquality.queries.sharing import find_share_link
from dataquality.serializers.sharing import (
    MadeShareLinkSerializer,
    NewShareLinkSerializer,
    ShareLinkSerializer,
)
from dataquality.services.sharing import make_share_link, revoke_share_link


@extend_schema(tags=["datasets"])
class ShareLinksView(DataView):
    permissions = {"list": "dataset.edit", "create": "dataset.edit"}
    queryset = ShareLink.objects.all()
    serializer_class = ShareLinkSerializer
    orderings = {"-id": ("-id",), "id": ("id",)}

    def list(self, request: Request, key: str, slug: str) -> Response:
        """The links of a dataset, without their secrets."""
        dataset = self.dataset(key, slug)
        links = ShareLink.objects.filter(dataset=dataset).select_related("created_by")
        found = self.paginate_queryset(links)
        return self.get_paginated_response(ShareLinkSerializer(found, many=True).data)

    @extend_schema(
        request=NewShareLinkSerializer,
        responses={201: MadeShareLinkSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str, slug: str) -> Response:
        """A new link: its address is in this answer and nowhere else."""
        dataset = self.dataset(key, slug)
        wanted = NewShareLinkSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)

        def make() -> Response:
            link, secret = make_share_link(dataset, actor=self.actor, **wanted.validated_data)
            shown = ShareLinkSerializer(link).data
            address = page("dataquality:shared", secret)
            return Response({**shown, "address": address}, status=201, headers=UNKEPT)

        return once(request, self.actor, make)


@extend_schema(tags=["datasets"])
class ShareLinkView(DataView):
    permissions = {"destroy": "dataset.edit"}
    queryset = ShareLink.objects.all()
    serializer_class = ShareLinkSerializer

    @extend_schema(parameters=[OpenApiParameter("id", int, "path")])
    def destroy(self, request: Request, key: str, slug: str, id: int) -> Response:
        """Revoke a link: it shows nothing from now on."""
        revoke_share_link(find_share_link(self.dataset(key, slug), id), actor=self.actor)
        return Response(status=204)
