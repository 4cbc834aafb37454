"""The page that moves or copies an item to another product: choose, read what it means, confirm."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from backlog.access.pages import ProductRequest
from backlog.access.roles import PERMISSIONS
from backlog.forms.refusals import put_errors
from backlog.forms.transfer import TransferForm
from backlog.models import Item
from backlog.queries.transfer import other_products, told, transfer_plan
from backlog.services.transfer import copy_to_product, move_to_product
from backlog.views.items import item_page
from mlscrum.lib.errors import DomainError


@item_page("item.edit")
def item_transfer(request: ProductRequest, item: Item) -> HttpResponse:
    """Choose a product (GET), see what comes along (GET with the choice), confirm (POST)."""
    if item.deleted_at is not None:
        messages.warning(request, f"{item.ref} is in the trash; restore it first.")
        return redirect(reverse("backlog:item", args=[item.product.key, item.ref]))
    products = other_products(request.user, item.product, PERMISSIONS["item.edit"].roles)
    sent = request.POST if request.method == "POST" else request.GET or None
    form = TransferForm(item, products, sent)
    context = {"item": item, "form": form, "products": products}
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "backlog/item_transfer.html", context, status=status)
    if request.method == "POST":
        deed = copy_to_product if form.copies else move_to_product
        try:
            arrived = deed(item, form.target, actor=request.actor, with_children=form.with_children)
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            return _arrived(request, form, arrived)
    plan = transfer_plan(item, form.target, with_children=form.with_children)
    context |= {
        "plan": plan,
        "told": told(plan, copying=form.copies),
        "copies": form.copies,
        "target": form.target,
        "refused": [] if form.copies else plan.with_findings,
    }
    status = 422 if form.errors else 200
    return render(request, "backlog/item_transfer.html", context, status=status)


def _arrived(request: ProductRequest, form: TransferForm, items: list[Item]) -> HttpResponse:
    first = items[0]
    what = first.ref if len(items) == 1 else f"{first.ref} and {len(items) - 1} more"
    said = "copied" if form.copies else "moved"
    messages.success(request, f"{what}: {said} to {form.target.name}.")
    return redirect(reverse("backlog:item", args=[form.target.key, first.ref]))
