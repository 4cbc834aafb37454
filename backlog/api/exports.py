"""Lists as files: the same rows and filters as the list beside it, whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request

from backlog.access.api import ProductViewSet
from backlog.api.filters import FindingFilters
from backlog.forms.filters import ItemFilters
from backlog.models import Finding, Item, Product
from backlog.queries.resources import findings_in
from backlog.serializers.exports import finding_table, item_table
from mlscrum.web.pagination import KeysetPagination
from mlscrum.web.problems import BadParameters
from mlscrum.web.tables import FORMATS, Table, table_answer

FORMAT = OpenApiParameter("format", str, enum=list(FORMATS), default="csv")
FILE = OpenApiResponse(OpenApiTypes.BINARY, "All rows, in a file.")
exported = extend_schema(
    tags=["exports"],
    parameters=[FORMAT],
    responses={(200, "text/csv"): FILE, (200, "application/json"): FILE},
)


class ExportView(ProductViewSet, ABC):
    """A list of a product as a file; `table` gives its rows. It comes whole, so it has no pages."""

    query_parameters = {"list": ("format",)}
    pagination_class = None

    def list(self, request: Request, key: str) -> HttpResponseBase:
        product = self.find_product(key)
        self.require(product)
        file_format = request.query_params.get("format", "csv")
        if file_format not in FORMATS:
            wanted = f"{file_format} is none of {', '.join(FORMATS)}."
            raise BadParameters({"format": ("invalid_choice", wanted)})
        self.filter_arguments = {"product": product} if self.filters_know_product else {}
        return table_answer(self.table(product), file_format)

    filters_know_product: ClassVar[bool] = False

    @abstractmethod
    def table(self, product: Product) -> Table:
        """The rows of the product that the filters leave, under their headings."""

    def _known_parameters(self, request: Request) -> tuple[set[str], set[str]]:
        known, repeatable = super()._known_parameters(request)
        return known - set(KeysetPagination.parameters), repeatable


class ItemsExportView(ExportView):
    permissions = {"list": "item.view"}
    queryset = Item.objects.all()
    filterset_class = ItemFilters
    filters_know_product = True
    open_parameters = ("fields.",)

    @exported
    def list(self, request: Request, key: str) -> HttpResponseBase:
        """Items as CSV, JSON or Excel, by the filters of the list."""
        return super().list(request, key)

    def table(self, product: Product) -> Table:
        items: Any = self.filter_queryset(Item.objects.alive().filter(product=product))
        return item_table(product, items, "backlog_id", "rank")


class FindingsExportView(ExportView):
    permissions = {"list": "finding.view"}
    queryset = Finding.objects.all()
    filterset_class = FindingFilters

    @exported
    def list(self, request: Request, key: str) -> HttpResponseBase:
        """Findings as CSV, JSON or Excel, by the filters of the list."""
        return super().list(request, key)

    def table(self, product: Product) -> Table:
        found = self.filter_queryset(findings_in([product]))
        return finding_table(product, found.order_by("priority", "-pk"))
