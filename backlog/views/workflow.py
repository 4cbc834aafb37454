"""Pages of the workflow: its statuses in their order, and one status."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.ordering import wanted_neighbour
from backlog.forms.refusals import put_errors
from backlog.forms.workflow import DeleteStatusForm, NewStatusForm, StatusForm
from backlog.models import Category, Product, Status
from backlog.queries.workflow import find_status, items_in, status_rows
from backlog.services.workflow import add_status, delete_status, move_status, update_status
from backlog.views.answers import counted
from backlog.views.tabs import settings_page
from mlscrum.lib.errors import DomainError


@product_page("product.view", post="product.edit")
def workflow(request: ProductRequest, product: Product) -> HttpResponse:
    """The statuses in their order; POST adds one."""
    form = NewStatusForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            status = add_status(product, actor=request.actor, **form.cleaned_data)
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            messages.success(request, f"{status.name} is part of the workflow.")
            return redirect("backlog:workflow", product.key)
    context = {"statuses": status_rows(product), "form": form}
    code = 422 if form.errors else 200
    return settings_page(request, "workflow", "backlog/workflow.html", context, status=code)


@product_page("product.edit")
def status_edit(request: ProductRequest, product: Product, status_slug: str) -> HttpResponse:
    """One status. A category that many items would follow into is asked about once."""
    status = find_status(product, status_slug)
    if request.method != "POST":
        return _status_page(request, status, StatusForm.of(status))
    form = StatusForm.of(status, request.POST)
    if not form.is_valid():
        return _status_page(request, status, form, code=422)
    category = form.cleaned_data["category"]
    if category != status.category and "sure" not in request.POST and items_in(status):
        into = Category(category).label.lower()
        return _status_page(request, status, form, asks_into=into)
    try:
        changed = update_status(status, actor=request.actor, **form.cleaned_data)
    except (DomainError, ValidationError) as error:
        put_errors(form, error, field="category")
        return _status_page(request, status, form, code=422)
    messages.success(request, f"{changed.name} is saved.")
    return redirect("backlog:workflow", product.key)


@require_POST
@product_page("product.edit")
def status_move(request: ProductRequest, product: Product, status_slug: str) -> HttpResponse:
    """Bring a status one place up or down, or before another."""
    status = find_status(product, status_slug)
    before = wanted_neighbour(status, list(product.statuses.all()), request.POST.dict())
    order = move_status(status, before=before, actor=request.actor)
    if "quiet" in request.POST:
        return HttpResponse(status=204)  # the page has moved the row already
    place = order.index(status) + 1
    messages.success(request, f"{status.name} is number {place} of {len(order)}.")
    return redirect("backlog:workflow", product.key)


@require_POST
@product_page("product.edit")
def status_delete(request: ProductRequest, product: Product, status_slug: str) -> HttpResponse:
    """Take a status out of the workflow, its items to another one."""
    status = find_status(product, status_slug)
    to = None
    form = None
    if status.items.exists():
        form = DeleteStatusForm(status, request.POST)
        if not form.is_valid():
            return _status_page(request, status, StatusForm.of(status), deletion=form, code=422)
        to = form.cleaned_data["items_to"]
    gone = delete_status(status, items_to=to, actor=request.actor)
    moved = f" {counted(gone.moved, 'item')} moved to {to.name}." if to and gone.moved else ""
    messages.success(request, f"{status.name} is no part of the workflow any more.{moved}")
    if gone.asks_on_green:
        messages.warning(
            request,
            f"Items whose evidence turned green went to {status.name}. From now on the team is "
            "asked about them; choose another status under Product.",
        )
    return redirect("backlog:workflow", product.key)


def _status_page(
    request: ProductRequest,
    status: Status,
    form: StatusForm,
    *,
    deletion: DeleteStatusForm | None = None,
    asks_into: str = "",
    code: int = 200,
) -> HttpResponse:
    others = status.product.statuses.exclude(pk=status.pk)
    context: dict[str, Any] = {
        "status": status,
        "form": form,
        "item_count": items_in(status),
        "asks_into": asks_into,
        "is_last": not others.filter(category=status.category).exists(),
        # What lies in the trash needs a place as well.
        "deletion": deletion or (DeleteStatusForm(status) if status.items.exists() else None),
    }
    return settings_page(request, "workflow", "backlog/status.html", context, status=code)
