"""The door of undo: a button in messages, Ctrl-Z, and a plain form where there are no scripts."""

from __future__ import annotations

from django.contrib import messages
from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.models import Product
from backlog.services.undo import Undone, undo_last
from backlog.views.answers import back_to
from mlscrum.lib.errors import DomainError


@require_POST
@product_page("item.edit")
def undo(request: ProductRequest, product: Product) -> HttpResponseBase:
    """Take back the person's last deed in the product: JSON for scripts, else the page again."""
    if "application/json" not in request.headers.get("Accept", ""):
        messages.info(request, _undo(request, product).said)
        return back_to(request, reverse("backlog:backlog", args=[product.key]))
    try:
        undone = _undo(request, product)
    except DomainError as error:
        return JsonResponse({"code": error.code, "said": error.message}, status=error.status)
    return JsonResponse({"said": undone.said, "refs": undone.refs, "moved": undone.moved})


def _undo(request: ProductRequest, product: Product) -> Undone:
    return undo_last(product, actor=request.actor, may=lambda needed: request.may(needed))
