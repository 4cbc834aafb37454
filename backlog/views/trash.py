"""The trash: what was deleted, by whom, until when, and the way back for one or many."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.models import Backlog, Product
from backlog.queries.resources import items_by_ref
from backlog.queries.trash import trash_page
from backlog.services.items import restore_items
from backlog.views.answers import back_to, said_back

LONGEST_QUERY = 200


@require_GET
@product_page("item.view")
def trash(request: ProductRequest, product: Product) -> HttpResponse:
    """Deleted items that can still come back; `q` looks for words in them."""
    query = request.GET.get("q", "").strip()[:LONGEST_QUERY]
    context = {
        "product": product,
        "trash": trash_page(product, request.GET.get("page"), query),
        "may_edit": request.may("item.edit"),
    }
    return render(request, "backlog/trash.html", context)


@require_POST
@product_page("item.edit")
def trash_restore(request: ProductRequest, product: Product) -> HttpResponse:
    """Bring back the one whose button was pressed, else those that were ticked."""
    refs = request.POST.getlist("only") or request.POST.getlist("ref")
    found = items_by_ref(product, refs, deleted=True)
    back = restore_items(product, [found[ref] for ref in refs if ref in found], actor=request.actor)
    if len(back) == 1:
        said = said_back(back[0])
    elif any(item.backlog.state == Backlog.State.CLOSED for item in back):
        said = f"{len(back)} items are back; what a closed sprint had finished lies in it again."
    elif back:
        said = f"{len(back)} items are back, at the top of the backlog."
    else:
        said = "Nothing came back: tick what you want to restore first."
    level = messages.SUCCESS if back else messages.WARNING
    messages.add_message(request, level, said, extra_tags="undoable" if back else "")
    return back_to(request, reverse("backlog:trash", args=[product.key]))
