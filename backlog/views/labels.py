"""Pages of the labels of a product: all of them, and one."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.labels import LabelForm, MergeForm
from backlog.forms.refusals import put_errors
from backlog.models import Label, Product
from backlog.queries.labels import find_label, label_rows
from backlog.services.labels import create_label, delete_label, merge_labels, update_label
from backlog.views.answers import counted
from backlog.views.tabs import settings_page

EDITS = "item.edit"  # as REST has it: whoever labels items makes labels too


@product_page("product.view", post=EDITS)
def labels(request: ProductRequest, product: Product) -> HttpResponse:
    """The labels and how many items bear each; POST makes one."""
    form = LabelForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            label = create_label(product, actor=request.actor, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            messages.success(request, f"The label {label.name} is there.")
            return redirect("backlog:labels", product.key)
    context = {"labels": label_rows(product), "form": form}
    code = 422 if form.errors else 200
    return settings_page(
        request, "labels", "backlog/labels.html", context, edits=EDITS, status=code
    )


@product_page(EDITS)
def label_edit(request: ProductRequest, product: Product, label_id: int) -> HttpResponse:
    """One label: its word and colour, on all its items."""
    label = find_label(product, label_id)
    form = LabelForm.of(label, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            changed = update_label(label, actor=request.actor, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
            label = find_label(product, label_id)
        else:
            messages.success(request, f"The label {changed.name} is saved.")
            return redirect("backlog:labels", product.key)
    return _label_page(request, label, form)


@require_POST
@product_page(EDITS)
def label_merge(request: ProductRequest, product: Product, label_id: int) -> HttpResponse:
    """Give the items of this label another one, and let it go."""
    label = find_label(product, label_id)
    form = MergeForm(label, request.POST)
    if not form.is_valid():
        return _label_page(request, label, LabelForm.of(label), merging=form)
    into = form.cleaned_data["into"]
    count = merge_labels(label, into, actor=request.actor)
    said = f"{counted(count, 'item')} of {label.name} {'bears' if count == 1 else 'bear'}"
    messages.success(request, f"{said} {into.name} instead.")
    return redirect("backlog:labels", product.key)


@require_POST
@product_page(EDITS)
def label_delete(request: ProductRequest, product: Product, label_id: int) -> HttpResponse:
    """Take a label away from the product and from its items."""
    label = find_label(product, label_id)
    delete_label(label, actor=request.actor)
    messages.success(request, f"The label {label.name} is deleted.")
    return redirect("backlog:labels", product.key)


def _label_page(
    request: ProductRequest, label: Label, form: LabelForm, *, merging: MergeForm | None = None
) -> HttpResponse:
    context = {
        "label": label,
        "form": form,
        "merging": merging or MergeForm(label),
        "delete_question": _question(label),
        "has_others": label.product.labels.exclude(pk=label.pk).exists(),
    }
    code = 422 if form.errors or (merging and merging.errors) else 200
    return settings_page(request, "labels", "backlog/label.html", context, edits=EDITS, status=code)


def _question(label: Label) -> str:
    count: int = label.item_count  # type: ignore[attr-defined]  # of find_label
    if not count:
        return "No item bears it."
    return f"{counted(count, 'item')} {'loses' if count == 1 else 'lose'} it, and stay otherwise."
