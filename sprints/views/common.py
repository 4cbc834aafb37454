"""What the pages of one sprint share: finding it, and the frame around them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import Http404
from django.http.response import HttpResponseBase
from django.urls import reverse

from backlog.access.pages import ProductRequest, View, product_page
from backlog.models import Backlog, Product, Team
from mlscrum.lib.errors import DomainError
from sprints.models import Sprint

# Pages name the team where there is more than one.
OTHER_TEAMS = Team.objects.filter(product=OuterRef("backlog__product")).exclude(
    pk=OuterRef("backlog__team")
)


def sprint_page(
    permission: str, *, post: str | None = None
) -> Callable[[Callable[..., HttpResponseBase]], View]:
    """As `product_page`, for pages of one sprint: the view gets `(request, sprint, ...)`."""

    def decorate(view: Callable[..., HttpResponseBase]) -> View:
        @wraps(view)
        def found(
            request: ProductRequest, product: Product, sprint_id: int, **kwargs: Any
        ) -> HttpResponseBase:
            sprint = (
                Sprint.objects.select_related(
                    "backlog__product", "backlog__team__calendar", "closed_by"
                )
                .annotate(has_other_team=Exists(OTHER_TEAMS))
                .filter(pk=sprint_id, backlog__product=product)
                .first()
            )
            if sprint is None:
                raise Http404(f"There is no sprint {sprint_id} in {product.key}.")
            return view(request, sprint, **kwargs)

        return product_page(permission, post=post)(found)

    return decorate


def items_url(product: Product) -> str:
    """What the addresses of the product's items begin with: one look-up for a list of many."""
    return reverse("backlog:item", args=[product.key, "REF"]).removesuffix("REF/")


def frame(request: ProductRequest, sprint: Sprint, tab: str) -> dict[str, Any]:
    """What each page of a sprint shows around its content."""
    state = sprint.backlog.state
    may_run = request.may("sprint.run") and state != Backlog.State.CLOSED
    return {
        "product": request.product,
        "items_url": items_url(request.product),
        "sprint": sprint,
        "tab": tab,
        "may_start": may_run and state == Backlog.State.PLANNED,
        "may_close": may_run and state == Backlog.State.ACTIVE,
        "may_change": may_run,
        "may_cancel": request.may("sprint.cancel") and state == Backlog.State.ACTIVE,
    }


def at_days(error: Exception) -> str | None:
    """The field of a form that stands for the days, where a sprint was refused for them."""
    is_overlap = isinstance(error, DomainError) and error.code == "sprints_overlap"
    return "starts_on" if is_overlap else None
