"""The epics of a product: how far each is, and what stands under it."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from backlog.access.pages import ProductRequest, product_page
from backlog.models import Product
from backlog.queries.epics import CHILDREN_SHOWN, epics_page, items_of_epic
from backlog.queries.items import find_item


@require_GET
@product_page("item.view")
def epics(request: ProductRequest, product: Product) -> HttpResponse:
    """Open epics in the order of the backlog with their progress; those that are done, folded."""
    found = epics_page(product, request.GET.get("page"))
    context = {
        "product": product,
        "epics": found,
        "page": found.page,
        "may_edit": request.may("item.edit"),
    }
    return render(request, "backlog/epics.html", context)


@require_GET
@vary_on_headers("HX-Request")
@product_page("item.view")
def epic_items(request: ProductRequest, product: Product, ref: str) -> HttpResponseBase:
    """What stands under an epic, as the fragment that its row unfolds; else the epic's page."""
    epic = find_item(product, ref)
    if not getattr(request, "htmx", False):
        return redirect("backlog:item", product.key, epic.ref)
    rows = items_of_epic(epic)
    context = {
        "product": product,
        "epic": epic,
        "rows": rows[:CHILDREN_SHOWN],
        "more": max(0, len(rows) - CHILDREN_SHOWN),
        "may_edit": request.may("item.edit"),
    }
    return render(request, "backlog/_epic_items.html", context)
