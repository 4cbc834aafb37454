"""Pages of the fields that a product adds to its items: all of them, and one."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.extra_fields import ExtraFieldForm, NewExtraFieldForm
from backlog.forms.ordering import wanted_neighbour
from backlog.forms.refusals import put_errors
from backlog.models import Product
from backlog.queries.extra_fields import FieldRow, field_rows, find_field
from backlog.services.extra_fields import create_field, delete_field, move_field, update_field
from backlog.views.answers import counted
from backlog.views.tabs import settings_page


@product_page("product.view", post="product.edit")
def fields(request: ProductRequest, product: Product) -> HttpResponse:
    """The product's own fields in their order; POST adds one."""
    form = NewExtraFieldForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            field = create_field(product, actor=request.actor, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            messages.success(request, f"Items have the field {field.name} now.")
            return redirect("backlog:fields", product.key)
    context = {"rows": field_rows(product), "form": form}
    code = 422 if form.errors else 200
    return settings_page(request, "fields", "backlog/fields.html", context, status=code)


@product_page("product.edit")
def field_edit(request: ProductRequest, product: Product, field_slug: str) -> HttpResponse:
    """One field: how it is called, and what can be chosen."""
    row = find_field(product, field_slug)
    form = ExtraFieldForm(row.field, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            changed = update_field(row.field, actor=request.actor, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
            row = find_field(product, field_slug)
        else:
            messages.success(request, f"The field {changed.name} is saved.")
            return redirect("backlog:fields", product.key)
    return _field_page(request, row, form)


@require_POST
@product_page("product.edit")
def field_move(request: ProductRequest, product: Product, field_slug: str) -> HttpResponse:
    """Bring a field one place up or down, or before another."""
    field = find_field(product, field_slug).field
    before = wanted_neighbour(field, list(product.extra_fields.all()), request.POST.dict())
    order = move_field(field, before=before, actor=request.actor)
    if "quiet" in request.POST:
        return HttpResponse(status=204)  # the page has moved the row already
    place = order.index(field) + 1
    messages.success(request, f"{field.name} is number {place} of {len(order)}.")
    return redirect("backlog:fields", product.key)


@require_POST
@product_page("product.edit")
def field_delete(request: ProductRequest, product: Product, field_slug: str) -> HttpResponse:
    """Take a field away, with what items hold in it."""
    field = find_field(product, field_slug).field
    delete_field(field, actor=request.actor)
    messages.success(request, f"The field {field.name} is deleted.")
    return redirect("backlog:fields", product.key)


def _field_page(request: ProductRequest, row: FieldRow, form: ExtraFieldForm) -> HttpResponse:
    context = {
        "row": row,
        "delete_question": _question(row.item_count),
        "form": form,
    }
    code = 422 if form.errors else 200
    return settings_page(request, "fields", "backlog/field.html", context, status=code)


def _question(count: int) -> str:
    if not count:
        return "No item holds a value in it."
    held = f"{counted(count, 'item')} {'holds' if count == 1 else 'hold'} a value in it"
    return f"{held}; the values go with it."
