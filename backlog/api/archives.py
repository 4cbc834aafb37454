"""Whole products as archives: ask for one, follow it, download it."""

from __future__ import annotations

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import ProductExport
from backlog.queries.archives import exports_of, find_export
from backlog.serializers.archives import ProductExportSerializer
from backlog.serializers.links import page
from backlog.services.product_exports import delete_export, opened_export, request_export
from mlscrum.web.files import file_answer


@extend_schema(tags=["exports"])
class ProductExportsView(ProductViewSet):
    permissions = {"list": "product.export", "create": "product.export"}
    queryset = ProductExport.objects.all()
    serializer_class = ProductExportSerializer
    orderings = {"-id": ("-id",), "id": ("id",)}

    def list(self, request: Request, key: str) -> Response:
        """The archives of a product, the latest first; each is kept for a week."""
        product = self.find_product(key)
        self.require(product)
        found = self.paginate_queryset(exports_of(product))
        return self.get_paginated_response(ProductExportSerializer(found, many=True).data)

    @extend_schema(
        request=None, responses={202: ProductExportSerializer}, parameters=[IDEMPOTENCY_KEY]
    )
    def create(self, request: Request, key: str) -> Response:
        """Ask for an archive of all that belongs to the product."""
        product = self.find_product(key)
        self.require(product)

        def make() -> Response:
            export = request_export(product, actor=self.actor)
            location = page("api-product-export", product.key, export.pk)
            shown = ProductExportSerializer(find_export(product, export.pk)).data
            return Response(shown, status=202, headers={"Location": location})

        return once(request, self.actor, make)


@extend_schema(tags=["exports"])
class ProductExportView(ProductViewSet):
    permissions = {
        "retrieve": "product.export",
        "destroy": "product.export",
        "file": "product.export",
    }
    queryset = ProductExport.objects.all()
    serializer_class = ProductExportSerializer

    def retrieve(self, request: Request, key: str, id: int) -> Response:  # noqa: A002
        """How an archive stands."""
        return Response(ProductExportSerializer(self._found(key, id)).data)

    def destroy(self, request: Request, key: str, id: int) -> Response:  # noqa: A002
        """Take an archive away, or stop making it."""
        delete_export(self._found(key, id), actor=self.actor)
        return Response(status=204)

    @extend_schema(
        responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY, "The archive.")}
    )
    def file(self, request: Request, key: str, id: int) -> FileResponse:  # noqa: A002
        """Download an archive."""
        export = self._found(key, id)
        answer = file_answer(opened_export(export), f"{export.product.key}-{export.pk}.zip")
        answer["Cache-Control"] = "private, no-store"
        return answer

    def _found(self, key: str, export_id: int) -> ProductExport:
        product = self.find_product(key)
        self.require(product)
        return find_export(product, export_id)
