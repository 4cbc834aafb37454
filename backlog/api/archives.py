"""Whole products as archives: ask for one, follow it, download it; bring one in."""

from __future__ import annotations

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ANYONE_KNOWN, ProductViewSet
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import ProductExport, ProductImport, Scope, User
from backlog.queries.archives import arriving, exports_of, find_arriving, find_export
from backlog.serializers.archives import (
    NewProductImportSerializer,
    ProductExportSerializer,
    ProductImportDetailSerializer,
    ProductImportSerializer,
    StartProductImportSerializer,
)
from backlog.serializers.links import page
from backlog.services.attachments import Incoming
from backlog.services.product_exports import delete_export, opened_export, request_export
from backlog.services.product_imports import discard_import, receive_archive, start_import
from mlscrum.web.files import file_answer
from mlscrum.web.parsers import StrictJSONParser


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


class ArrivalViewSet(ProductViewSet):
    """For administrators of the installation, by a token that is not bound to one product."""

    def administrator(self) -> User:
        """Who asks. Raises PermissionDenied for others than administrators."""
        self.require_scope(Scope.ADMIN)
        token, user = self.actor.token, self.actor.user
        bound = token is not None and token.product_id is not None
        if user is None or bound or not user.is_administrator:
            raise PermissionDenied("Only administrators import products.")
        return user


@extend_schema(tags=["imports"])
class ProductImportsView(ArrivalViewSet):
    permissions = {"list": ANYONE_KNOWN, "create": ANYONE_KNOWN}
    parser_classes = [MultiPartParser]
    queryset = ProductImport.objects.all()
    serializer_class = ProductImportSerializer
    orderings = {"-id": ("-id",), "id": ("id",)}

    def list(self, request: Request) -> Response:
        """The archives that administrators have sent, the latest first."""
        self.administrator()
        found = self.paginate_queryset(arriving())
        return self.get_paginated_response(ProductImportSerializer(found, many=True).data)

    @extend_schema(
        request={"multipart/form-data": NewProductImportSerializer},
        responses={201: ProductImportDetailSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request) -> Response:
        """Send an archive of a product; for administrators. It is checked and kept for a week, and
        becomes a product once it is started."""
        user = self.administrator()
        wanted = NewProductImportSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        file = wanted.validated_data["file"]

        def receive() -> Response:
            received = receive_archive(Incoming(file.name or "", file.chunks()), user=user)
            return _arriving(received.pk, status=201)

        return once(request, self.actor, receive)


@extend_schema(tags=["imports"])
class ProductImportView(ArrivalViewSet):
    permissions = {"retrieve": ANYONE_KNOWN, "destroy": ANYONE_KNOWN, "start": ANYONE_KNOWN}
    parser_classes = [StrictJSONParser]
    queryset = ProductImport.objects.all()
    serializer_class = ProductImportDetailSerializer

    def retrieve(self, request: Request, id: int) -> Response:  # noqa: A002
        """How an archive stands, what it holds, and whom it names."""
        self.administrator()
        return Response(ProductImportDetailSerializer(find_arriving(id)).data)

    def destroy(self, request: Request, id: int) -> Response:  # noqa: A002
        """Forget an archive; a product that it became stays."""
        self.administrator()
        discard_import(find_arriving(id))
        return Response(status=204)

    @extend_schema(
        request=StartProductImportSerializer,
        responses={202: ProductImportDetailSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def start(self, request: Request, id: int) -> Response:  # noqa: A002
        """Make the product of an archive, or try again what failed or was cancelled. Whoever sent
        the archive becomes its product owner."""
        self.administrator()
        found = find_arriving(id)
        wanted = StartProductImportSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data

        def start() -> Response:
            start_import(
                found,
                key=fields.get("key", found.key),
                name=fields.get("name", found.name),
                people=fields.get("people", found.people),
            )
            return _arriving(found.pk, status=202)

        return once(request, self.actor, start)


def _arriving(import_id: int, *, status: int) -> Response:
    shown = ProductImportDetailSerializer(find_arriving(import_id)).data
    location = page("api-product-import", import_id)
    return Response(shown, status=status, headers={"Location": location})
