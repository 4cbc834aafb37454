"""What people say depends on a dataset, and the newest columns taken over."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from backlog.access.pages import ProductRequest, product_page, subject_page
from backlog.models import Product
from backlog.queries.items import find_item
from dataquality.models import Dataset
from dataquality.queries.datasets import find_dataset
from dataquality.queries.shared_data import find_shared
from dataquality.services.columns import accept_columns
from dataquality.services.lineage import depend_no_more, depend_on
from mlscrum.lib.errors import DomainError


@require_POST
@subject_page("item.edit", find_dataset)
def dependent_add(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Say that the item of the `ref` that was sent depends on the dataset."""
    _add(request, dataset)
    return redirect("dataquality:dataset", dataset.product.key, dataset.slug)


@require_POST
@subject_page("item.edit", find_dataset)
def dependent_remove(request: ProductRequest, dataset: Dataset, ref: str) -> HttpResponse:
    depend_no_more(find_item(request.product, ref), dataset, actor=request.actor)
    return redirect("dataquality:dataset", dataset.product.key, dataset.slug)


@require_POST
@product_page("item.edit")
def shared_dependent_add(
    request: ProductRequest, product: Product, owner: str, slug: str
) -> HttpResponse:
    """The same of a dataset that another product shares."""
    _add(request, find_shared(product, owner, slug))
    return redirect("dataquality:shared-dataset", product.key, owner, slug)


@require_POST
@product_page("item.edit")
def shared_dependent_remove(
    request: ProductRequest, product: Product, owner: str, slug: str, ref: str
) -> HttpResponse:
    dataset = find_shared(product, owner, slug)
    depend_no_more(find_item(product, ref), dataset, actor=request.actor)
    return redirect("dataquality:shared-dataset", product.key, owner, slug)


@require_POST
@subject_page("dataset.edit", find_dataset)
def columns_accept(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Read the dataset by the columns of its newest version, as far as nothing breaks."""
    try:
        changes = accept_columns(dataset, actor=request.actor)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "It is read by the newest columns; its profile is being made.")
        if changes.broken:
            names = ", ".join(column.name for column in changes.broken)
            messages.warning(request, f"Still named, and so kept: {names}.")
    return redirect("dataquality:dataset", dataset.product.key, dataset.slug)


def _add(request: ProductRequest, dataset: Dataset) -> None:
    ref = request.POST.get("ref", "").strip()
    if ref.isdecimal():
        ref = f"{request.product.key}-{ref}"
    try:
        item = find_item(request.product, ref)
        depend_on(item, dataset, actor=request.actor)
    except Http404:
        messages.error(request, f"There is no item {ref[:20]} here; give a ref such as "
                                f"{request.product.key}-12.")  # fmt: skip
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{item.ref} depends on {dataset.name}.")
