"""The backlog page: the inbox above it, the list in rank order, its moves and its quick add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.items import QuickAddForm
from backlog.forms.moves import ENDS, require_home, wanted_move
from backlog.forms.refusals import put_errors
from backlog.models import Backlog, Product
from backlog.queries.findings import triage
from backlog.queries.items import backlog_page, inbox_page, trash_page, waiting_in_inbox
from backlog.services.findings import take
from backlog.services.items import create_item, move_items
from backlog.services.ranks import Spot
from backlog.views.answers import counted
from mlscrum.lib.errors import DomainError

SHOWN = ("done", "inbox", "triage", "page")


@dataclass(frozen=True)
class ListState:
    """What the page shows, as its address or the hidden fields of its forms say."""

    page: str
    with_done: bool
    whole_inbox: bool
    whole_triage: bool

    @classmethod
    def of(cls, data: Mapping[str, str]) -> ListState:
        return cls(
            page=data.get("page", ""),
            with_done=data.get("done") == "1",
            whole_inbox=data.get("inbox") == "all",
            whole_triage=data.get("triage") == "all",
        )

    @property
    def fields(self) -> dict[str, str]:
        """The parameters that bring the same page back."""
        values = (
            "1" if self.with_done else "",
            "all" if self.whole_inbox else "",
            "all" if self.whole_triage else "",
            self.page,
        )
        return {name: value for name, value in zip(SHOWN, values, strict=True) if value}


@product_page("item.view", post="item.edit")
def backlog(request: ProductRequest, product: Product) -> HttpResponse:
    """The backlog in rank order; POST adds an item at its bottom."""
    if request.method == "POST":
        return _quick_add(request, product)
    state = ListState.of(request.GET)
    return render(request, "backlog/backlog.html", _context(request, product, state))


@require_POST
@product_page("backlog.order")
def backlog_move(request: ProductRequest, product: Product) -> HttpResponse:
    """Move an item within the product backlog."""
    state = ListState.of(request.POST)
    wanted = wanted_move(product, request.POST.dict(), with_done=state.with_done)
    require_home(wanted.item, Backlog.Kind.PRODUCT)
    moved = []
    if wanted.spot is not None:
        moved = move_items(product, [wanted.item], actor=request.actor, spot=wanted.spot)
    if "quiet" in request.POST and len(moved) == 1:
        return HttpResponse(status=204)  # the page has moved the row already
    return _lists(request, product, state, anchor=f"item-{wanted.item.number}")


@require_POST
@product_page("inbox.take")
def inbox_take(request: ProductRequest, product: Product) -> HttpResponse:
    """Take one filed item, or all of them, from the inbox into the product backlog."""
    state = ListState.of(request.POST)
    whole = ENDS.get(request.POST.get("all", ""))
    if whole:
        items = take(waiting_in_inbox(product), actor=request.actor, spot=whole())
        messages.success(request, f"Took {counted(len(items), 'item')} into the backlog.")
        return _lists(request, product, state)
    wanted = wanted_move(product, request.POST.dict(), with_done=state.with_done)
    require_home(wanted.item, Backlog.Kind.INBOX)
    take([wanted.item], actor=request.actor, spot=wanted.spot or Spot.top())
    return _lists(request, product, state, anchor=f"item-{wanted.item.number}")


@require_GET
@product_page("item.view")
def trash(request: ProductRequest, product: Product) -> HttpResponse:
    """Deleted items that can still come back."""
    context = {
        "product": product,
        "page": trash_page(product, request.GET.get("page")),
        "may_edit": request.may("item.edit"),
    }
    return render(request, "backlog/trash.html", context)


def _quick_add(request: ProductRequest, product: Product) -> HttpResponse:
    state = ListState.of(request.POST)
    form = QuickAddForm(request.POST)
    if form.is_valid():
        try:
            item = create_item(product, form.draft(), actor=request.actor)
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            link = reverse("backlog:item", args=[product.key, item.ref])
            said = '<a href="{}">{}</a> added at the bottom of the backlog.'
            messages.success(request, format_html(said, link, item.ref))
            # A kind is often added several times in a row.
            fresh = QuickAddForm(initial={"kind": item.kind})
            return _lists(request, product, state, quick_add=fresh, anchor="quick-add")
    if not _is_htmx(request):
        context = {**_context(request, product, state), "quick_add": form}
        return render(request, "backlog/backlog.html", context, status=422)
    context = {"product": product, "quick_add": form, "state": state, "focus": True}
    answer = render(request, "backlog/_quick_add.html", context, status=422)
    answer["HX-Retarget"], answer["HX-Reswap"] = "#quick-add", "outerHTML"
    return answer


def _lists(
    request: ProductRequest,
    product: Product,
    state: ListState,
    *,
    anchor: str = "",
    quick_add: QuickAddForm | None = None,
) -> HttpResponse:
    """Both lists anew: as a fragment for htmx, else by way of the page."""
    if not _is_htmx(request):
        query = f"?{urlencode(state.fields)}" if state.fields else ""
        return redirect(f"{reverse('backlog:backlog', args=[product.key])}{query}#{anchor}")
    # The links of the fragment go on from what the page shows, not from the address of the deed.
    request.GET = QueryDict(urlencode(state.fields))
    context = _context(request, product, state)
    if quick_add is not None:
        context |= {"quick_add": quick_add, "focus": True, "added": True}
    return render(request, "backlog/_lists_answer.html", context)


def _context(request: ProductRequest, product: Product, state: ListState) -> dict[str, Any]:
    waiting = triage(product, everything=state.whole_triage)
    return {
        "product": product,
        "state": state,
        "list": backlog_page(product, number=state.page, with_done=state.with_done),
        "inbox": inbox_page(product, everything=state.whole_inbox),
        "triage": waiting,
        "may_triage": {
            view.finding.pk
            for view in waiting.rows
            if request.may("finding.triage", view.finding.subject)
        },
        "may_order": request.may("backlog.order"),
        "may_take": request.may("inbox.take"),
        "may_edit": request.may("item.edit"),
        "quick_add": QuickAddForm(),
    }


def _is_htmx(request: ProductRequest) -> bool:
    return bool(getattr(request, "htmx", False))
