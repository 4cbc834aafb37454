"""The page of a dataset that another product shares: how it stands, and nothing to change."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from backlog.access.pages import ProductRequest, product_page
from backlog.models import Product
from backlog.queries.people import is_member
from dataquality.queries.lineage import lineage_in
from dataquality.queries.shared_data import find_shared, rows_of


@require_GET
@product_page("dataset.view")
def shared_dataset(
    request: ProductRequest, product: Product, owner: str, slug: str
) -> HttpResponse:
    """Health, gate, last run and columns. Members of its own product find the way to the rest."""
    dataset = find_shared(product, owner, slug)
    return render(
        request,
        "dataquality/shared_dataset.html",
        {
            "row": rows_of([dataset])[0],
            "dataset": dataset,
            "is_member": is_member(dataset.product, request.user),
            "lineage": lineage_in(dataset, product),
            "may_depend": request.may("item.edit"),
        },
    )
