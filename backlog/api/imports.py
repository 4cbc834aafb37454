"""Imports: send a file, try it or import it, follow it, read what became of each row."""

from __future__ import annotations

from collections.abc import Iterable

from django_filters import MultipleChoiceFilter
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from backlog.access.api import ProductViewSet
from backlog.api.idempotency import once
from backlog.api.schema import IDEMPOTENCY_KEY
from backlog.models import Import, ImportLine, Product
from backlog.queries.imports import find_import, import_rows, imports_of, lines_of
from backlog.serializers.imports import (
    ImportLineSerializer,
    ImportSerializer,
    NewImportSerializer,
)
from backlog.serializers.links import page
from backlog.services.attachments import Incoming
from backlog.services.import_reverts import request_revert
from backlog.services.imports import receive_and_ask, request_import
from mlscrum.web.parsers import StrictJSONParser


class LineFilters(FilterSet):
    """Of the rows of an import."""

    outcome = MultipleChoiceFilter(choices=ImportLine.Outcome.choices, distinct=False)
    level = MultipleChoiceFilter(choices=ImportLine.Level.choices, distinct=False)


@extend_schema(tags=["imports"])
class ImportsView(ProductViewSet):
    permissions = {"list": "item.view", "create": "import.run"}
    parser_classes = [MultiPartParser]
    queryset = Import.objects.all()
    serializer_class = ImportSerializer
    orderings = {"-id": ("-id",), "id": ("id",)}

    def list(self, request: Request, key: str) -> Response:
        """The imports of a product, the latest first."""
        product = self.find_product(key)
        self.require(product)
        found = self.paginate_queryset(imports_of(product))
        return self.get_paginated_response(_shown(found))

    @extend_schema(
        request={"multipart/form-data": NewImportSerializer},
        responses={202: ImportSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def create(self, request: Request, key: str) -> Response:
        """Import a file, or with `dry_run` try what would become of each row.

        `mapping` changes the proposed one: columns by name, words, source, time zone, order.
        Importing again updates items by source and external id.
        """
        product = self.find_product(key)
        self.require(product)
        wanted = NewImportSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        file = fields["file"]

        def make() -> Response:
            imported = receive_and_ask(
                product,
                Incoming(file.name or "", file.chunks()),
                actor=self.actor,
                file_format=fields.get("format", ""),
                choices=fields.get("mapping"),
                dry_run=fields["dry_run"],
            )
            return _accepted(product, imported)

        return once(request, self.actor, make)


@extend_schema(tags=["imports"])
class ImportView(ProductViewSet):
    permissions = {"retrieve": "item.view", "start": "import.run", "revert": "import.run"}
    parser_classes = [StrictJSONParser]
    queryset = Import.objects.all()
    serializer_class = ImportSerializer

    def retrieve(self, request: Request, key: str, id: int) -> Response:  # noqa: A002
        """How an import stands. Its job can be cancelled."""
        product = self.find_product(key)
        self.require(product)
        return Response(_shown([find_import(product, id)])[0])

    @extend_schema(request=None, responses={202: ImportSerializer}, parameters=[IDEMPOTENCY_KEY])
    def start(self, request: Request, key: str, id: int) -> Response:  # noqa: A002
        """Import what was tried, or the rest of what failed or was cancelled."""
        product = self.find_product(key)
        self.require(product)
        imported = find_import(product, id)

        def start() -> Response:
            return _accepted(product, request_import(imported, actor=self.actor))

        return once(request, self.actor, start)

    @extend_schema(request=None, responses={202: ImportSerializer}, parameters=[IDEMPOTENCY_KEY])
    def revert(self, request: Request, key: str, id: int) -> Response:  # noqa: A002
        """Take back what an import did: items that it made and nobody touched since are deleted,
        fields that it changed hold their earlier values where nobody changed them since.

        What is left alone is said in `reverted`, and in the rows with the code `kept`.
        """
        product = self.find_product(key)
        self.require(product)
        imported = find_import(product, id)

        def revert() -> Response:
            return _accepted(product, request_revert(imported, actor=self.actor))

        return once(request, self.actor, revert)


@extend_schema(tags=["imports"])
class ImportRowsView(ProductViewSet):
    permissions = {"list": "item.view"}
    queryset = ImportLine.objects.all()
    serializer_class = ImportLineSerializer
    filterset_class = LineFilters
    orderings = {"row": ("row", "id")}

    def list(self, request: Request, key: str, id: int) -> Response:  # noqa: A002
        """What becomes, or became, of each row."""
        product = self.find_product(key)
        self.require(product)
        lines = self.filter_queryset(lines_of(find_import(product, id)))
        found = self.paginate_queryset(lines)
        return self.get_paginated_response(ImportLineSerializer(found, many=True).data)


def _shown(found: Iterable[Import]) -> list[object]:
    return list(ImportSerializer(import_rows(list(found)), many=True).data)


def _accepted(product: Product, imported: Import) -> Response:
    location = page("api-import", product.key, imported.pk)
    shown = _shown([find_import(product, imported.pk)])[0]
    return Response(shown, status=202, headers={"Location": location})
