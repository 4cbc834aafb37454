"""What the pages of data share: who sees values, guards of runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http.response import HttpResponseBase
from django.views.decorators.cache import cache_control

from backlog.access.pages import ProductRequest, View, product_page
from backlog.models import Product
from dataquality.models import Dataset
from dataquality.queries.datasets import may_see_values
from dataquality.queries.runs import find_run
from mlscrum.lib.errors import DomainError

# What such a page showed is kept by nobody on the way, nor by the browser's back button.
holds_values = cache_control(no_store=True, private=True)


def sees_values(request: ProductRequest, dataset: Dataset) -> bool:
    """Whether this reader may see raw values of the dataset."""
    allowed = request.may("data.values", dataset.subject)
    return may_see_values(dataset, request.actor, allowed=allowed)


def page_of(request: ProductRequest, dataset: Dataset, tab: str) -> dict[str, Any]:
    """What each page of a dataset shows around its content."""
    return {
        "dataset": dataset,
        "tab": tab,
        "may_run": request.may("run.start", dataset.subject),
        "may_edit": request.may("dataset.edit", dataset.subject),
        "may_edit_suite": request.may("suite.edit", dataset.subject),
        "may_purge": request.may("dataset.purge", dataset.subject),
        "may_add": request.may("dataset.add_version", dataset.subject),
        "sees_connections": request.may("connection.view"),
    }


def run_page(permission: str) -> Callable[[Callable[..., HttpResponseBase]], View]:
    """As `subject_page`, for pages of one run: the view gets `(request, run)`."""

    def decorate(view: Callable[..., HttpResponseBase]) -> View:
        @wraps(view)
        def checked(
            request: ProductRequest, product: Product, run_id: int, **kwargs: Any
        ) -> HttpResponseBase:
            run = find_run(product, run_id)
            if not request.may(permission, run.dataset.subject):
                raise PermissionDenied("Your role in this product doesn't allow this.")
            return view(request, run, **kwargs)

        guarded = product_page("product.view")(checked)
        guarded.declares = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


def first_message(error: DomainError | ValidationError) -> str:
    """The first sentence that says what is wrong."""
    return error.message if isinstance(error, DomainError) else str(error.messages[0])
