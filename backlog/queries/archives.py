"""Archives of products: those that were made, and those on their way in."""

from __future__ import annotations

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404

from backlog.models import Product, ProductExport, ProductImport

PER_PAGE = 20


def exports_of(product: Product) -> QuerySet[ProductExport]:
    """The archives of a product, the latest first."""
    return product.exports.select_related("job", "requested_by", "product").order_by("-pk")


def find_export(product: Product, export_id: int) -> ProductExport:
    found = exports_of(product).filter(pk=export_id).first()
    if found is None:
        raise Http404("There is no such archive.")
    return found


def export_page(product: Product, number: str | None) -> Page[ProductExport]:
    page: Page[ProductExport] = Paginator(exports_of(product), PER_PAGE).get_page(number)
    return page


def arriving() -> QuerySet[ProductImport]:
    """The archives that administrators have brought, the latest first."""
    return ProductImport.objects.select_related("job", "product", "user").order_by("-pk")


def find_arriving(import_id: int) -> ProductImport:
    found = arriving().filter(pk=import_id).first()
    if found is None:
        raise Http404("There is no such import.")
    return found


def arriving_page(number: str | None) -> Page[ProductImport]:
    page: Page[ProductImport] = Paginator(arriving(), PER_PAGE).get_page(number)
    return page
