"""The backlog page: the inbox above it, the list in rank order, and all that is done to its rows.

The page itself is small however long the backlog: it holds the first rows, and a script fetches
more (`backlog_rows`) and the figures (`backlog_figures`) as they are needed. Deeds on rows answer
JSON with the rows as they are now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.backlog_view import BacklogView
from backlog.forms.items import PasteForm, QuickAddForm
from backlog.forms.list_edits import MOST_SELECTED, ListEdit, chosen_items, list_edit
from backlog.forms.moves import ENDS, require_home, wanted_spot
from backlog.forms.refusals import put_errors
from backlog.models import Backlog, Item, Product, SavedView
from backlog.queries.backlogs import (
    SLICE,
    Offer,
    groups_of,
    in_group,
    line_of,
    pace,
    refs_between,
    rows_with_refs,
    slice_of,
)
from backlog.queries.columns import columns
from backlog.queries.definitions import definition_warnings
from backlog.queries.findings import triage
from backlog.queries.items import (
    ItemRow,
    backlog_counts,
    inbox_page,
    waiting_in_inbox,
)
from backlog.rules import paste
from backlog.serializers.exports import item_table
from backlog.services.findings import take
from backlog.services.items import create_item, edit_items, move_items, trash_items, update_item
from backlog.services.paste import PastedInPart, paste_items, problems_of
from backlog.services.saved_views import delete_view, save_view
from backlog.views.answers import counted, json_door
from backlog.views.item_fields import fields_in_words
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.lib.numbers import whole_number
from mlscrum.web.tables import table_answer

FIRST = 24  # rows that come with the page: a screen full; more come as slices
MOST_ROWS = 200
MOST_REFS = MOST_SELECTED + 1  # one more tells the script that there are too many
LONGEST_ADDRESS = 8000


@product_page("item.view", post="item.edit")
def backlog(request: ProductRequest, product: Product) -> HttpResponse:
    """The backlog in rank order; POST adds an item at its bottom."""
    if request.method == "POST":
        return _quick_add(request, product)
    return list_page(
        request,
        product,
        "backlog/backlog.html",
        page_url=_page_url(product, ""),
        around=lambda view: _page_context(request, product, view),
    )


def list_page(
    request: ProductRequest,
    product: Product,
    template: str,
    *,
    page_url: str,
    around: Callable[[BacklogView], Mapping[str, Any]],
) -> HttpResponse:
    """A page at `page_url` that holds the list, with what stands `around` it; for htmx, where that
    asks for it, the list alone. Pages of higher floors hold it as well."""
    view = _view(request, product)
    whole = not request.headers.get("HX-Target", "").endswith("#backlog")
    wanted = view.after_setting(request.GET.dict(), request.GET.getlist("pick"))
    address = page_url if not wanted else f"{page_url}?{wanted}"
    if wanted is not None and whole:
        return redirect(address)
    if wanted is not None:
        view = _view(request, product, QueryDict(wanted))
    context = _list_context(request, product, view, page_url)
    if whole:
        answer = render(request, template, {**around(view), **context})
    else:
        answer = render(request, "backlog/_backlog.html", context)
    if wanted is not None:
        answer["HX-Push-Url"] = address
    patch_vary_headers(answer, ["HX-Target"])  # going back must not show the part alone
    return answer


@require_GET
@product_page("item.view")
def backlog_facet(request: ProductRequest, product: Product, facet: str) -> HttpResponse:
    """The form of one filter, for a menu that somebody opens: all its words would double the
    page's weight."""
    menu = next((menu for menu in _view(request, product).menus if menu.facet.name == facet), None)
    if menu is None:
        raise Http404(f"There is no filter {facet}.")
    template = "backlog/_facet.html" if _is_htmx(request) else "backlog/facet.html"
    context = {"product": product, "menu": menu, "page_url": _page_of(request, product)}
    answer = render(request, template, context)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


@require_GET
@product_page("item.view")
def backlog_rows(request: ProductRequest, product: Product) -> HttpResponse:
    """Rows of the list: those from `offset` on, those of some `refs`, or `only=refs` as JSON."""
    view = _view(request, product)
    refs = request.GET.getlist("ref")
    if refs:
        numbers = [whole_number(ref.rpartition("-")[2], digits=9) or 0 for ref in refs[:MOST_ROWS]]
        return _rows(request, product, view, rows_with_refs(product, numbers))
    items = view.items
    if view.group:
        items = in_group(product, items, view.group, request.GET.get("in", ""))
    offset = whole_number(request.GET.get("offset", "0"), digits=7) or 0
    limit = whole_number(request.GET.get("limit", str(SLICE)), digits=4) or SLICE
    if request.GET.get("only") == "refs":
        found = refs_between(product, items, offset=offset, limit=min(limit, MOST_REFS))
        return JsonResponse({"refs": found})
    rows = slice_of(product, items, offset=offset, limit=min(limit, MOST_ROWS))
    return _rows(request, product, view, rows)


@require_GET
@product_page("item.view")
def backlog_export(request: ProductRequest, product: Product) -> HttpResponseBase:
    """All rows that the list's filters leave, as a file."""
    items = _view(request, product).items
    return table_answer(item_table(product, items, "rank"), request.GET.get("format", "csv"))


@require_GET
@product_page("item.view")
def backlog_figures(request: ProductRequest, product: Product) -> HttpResponse:
    """What takes counting: how many rows match, the figures above them, the line that fits."""
    view = _view(request, product)
    shown = view.items.count()
    counts = backlog_counts(product)
    context = {"counts": counts, "shown": shown, "view": view, "whole": _whole(view, counts)}
    line = None
    if view.wants_line:
        span = view.span or pace(product)
        found = line_of(product, span) if span else None
        if found:
            said = render_to_string("backlog/_line.html", {"line": found}, request)
            line = {"low": found.low_ref, "high": found.high_ref, "html": said}
    return JsonResponse(
        {
            "total": shown,
            "done": 0 if view.with_done else view.matching.count() - shown,
            "counts": render_to_string("backlog/_counts.html", context, request),
            "groups": [
                {
                    "value": group.value,
                    "total": group.rows,
                    "said": render_to_string("backlog/_group_sums.html", {"group": group}),
                }
                for group in (groups_of(product, view.items, view.group) if view.group else ())
            ],
            "line": line,
            "rooms": render_to_string("partials/_rooms.html", {}, request),
        }
    )


@require_GET
@product_page("item.edit")
def backlog_parents(request: ProductRequest, product: Product) -> JsonResponse:
    """The epics that items can be put under, for the menu of parents."""
    epics = Offer(product).epics
    found = [{"value": epic.ref, "label": epic.title, "hint": epic.ref} for epic in epics]
    return JsonResponse({"parents": found})


@require_POST
@product_page("item.edit")
@json_door
def backlog_edit(request: ProductRequest, product: Product) -> JsonResponse:
    """Change some fields of the chosen items, all or none; answers with their rows."""
    wanted = list_edit(product, request.POST)
    status = wanted.edits.cleaned_data.get("status")
    warnings = definition_warnings(wanted.items, status) if status else []
    changed = _edited(product, wanted, request)
    return JsonResponse(
        {
            "said": _said_of_edit(wanted, changed),
            "warnings": warnings if changed else [],
            "undoable": bool(changed),
            "rows": _rows_html(request, product, [item.number for item in wanted.items]),
        }
    )


@require_POST
@product_page("backlog.order")
@json_door
def backlog_move(request: ProductRequest, product: Product) -> JsonResponse:
    """Move the chosen items, in their present order, within the product backlog."""
    items = chosen_items(product, request.POST.getlist("refs"))
    for item in items:
        require_home(item, Backlog.Kind.PRODUCT)
    spot = wanted_spot(product, request.POST.dict())
    items.sort(key=lambda item: str(item.rank))
    moved = move_items(product, items, actor=request.actor, spot=spot)
    along = len(moved) - len(items)
    tasks = f" with {counted(along, 'task')}" if along else ""
    what = items[0].ref if len(items) == 1 else counted(len(items), "item")
    return JsonResponse({"said": f"{what} moved{tasks}.", "undoable": True, "along": along})


@require_POST
@product_page("item.edit")
@json_door
def backlog_delete(request: ProductRequest, product: Product) -> JsonResponse:
    """Put the chosen items into the trash, all or none; their findings keep being watched."""
    items = chosen_items(product, request.POST.getlist("refs"))
    trash_items(product, items, actor=request.actor)
    what = items[0].ref if len(items) == 1 else counted(len(items), "item")
    said = f"{what} went into the trash, for 30 days."
    return JsonResponse({"said": said, "undoable": True})


@require_POST
@product_page("inbox.take")
def inbox_take(request: ProductRequest, product: Product) -> HttpResponse:
    """Take one filed item, or all of them, from the inbox into the product backlog."""
    for name, spot in ENDS.items():
        if name in request.POST:
            items, at = chosen_items(product, [request.POST[name]]), spot()
            break
    else:
        end = ENDS.get(request.POST.get("all", ""))
        if end:
            items, at = waiting_in_inbox(product), end()
        else:
            items = chosen_items(product, request.POST.getlist("refs"))
            at = wanted_spot(product, request.POST.dict())
    if "all" not in request.POST:
        for item in items:
            require_home(item, Backlog.Kind.INBOX)
    taken = take(items, actor=request.actor, spot=at)
    what = taken[0].ref if len(taken) == 1 else counted(len(taken), "item")
    said = f"Took {what} into the backlog."
    messages.success(request, said, extra_tags="undoable")
    view = _view(request, product, _sent_view(request))
    if not _is_htmx(request):
        return redirect(_page_url(product, view.whole_query))
    answer = render(request, "backlog/_filed_answer.html", _filed(request, product, view))
    return _telling(answer)


@product_page("item.edit")
def backlog_paste(request: ProductRequest, product: Product) -> HttpResponse:
    """Many items from lines of text: a preview first, then all of them or none."""
    data = request.POST if request.method == "POST" else None
    form = PasteForm(data, may_order=request.may("backlog.order"))
    if data is not None and form.is_valid() and "create" in data:
        end = form.cleaned_data["to"]
        try:
            items = paste_items(
                product, form.cleaned_data["lines"], actor=request.actor, spot=ENDS[end]()
            )
        except (DomainError, ValidationError) as error:
            if isinstance(error, PastedInPart):
                said = f"{counted(error.made, 'item')} added at the {end}, not all of them."
                messages.warning(request, said, extra_tags="undoable")
            put_errors(form, error, field="text")
        else:
            said = f"{counted(len(items), 'item')} added at the {end}."
            messages.success(request, said, extra_tags="undoable")
            return redirect("backlog:backlog", key=product.key)
    context: dict[str, Any] = {"product": product, "form": form}
    if data is not None and "lines" in form.cleaned_data:
        context |= _preview(product, form.cleaned_data["lines"])
    if _is_htmx(request):
        return render(request, "backlog/_paste_preview.html", context)
    status = 422 if form.errors else 200
    return render(request, "backlog/paste.html", context, status=status)


@require_POST
@product_page("item.view")
def view_save(request: ProductRequest, product: Product) -> HttpResponse:
    """Keep what the page shows under a name, for oneself or for all members; where that would
    replace a view of the person, ask first."""
    view = _view(request, product, QueryDict(request.POST.get("query", "")))
    replaced = request.POST.get("replace_shared") or request.POST.get("replace")
    name = replaced or request.POST.get("name", "")
    is_shared = bool({"is_shared", "replace_shared"} & request.POST.keys())
    is_shared = is_shared and request.may("item.edit")
    try:
        saved = save_view(
            product,
            request.user,
            name,
            view.query,
            is_shared=is_shared,
            replaces=replaced is not None,
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except Conflict as error:
        context = {"said": error.message, "name": name, "is_shared": is_shared}
        messages.error(request, render_to_string("backlog/_view_replace.html", context, request))
    else:
        messages.success(request, f"View “{saved.name}” saved.")
    page_url = _page_of(request, product)
    return redirect(f"{page_url}?{view.query}" if view.query else page_url)


@require_POST
@product_page("item.view")
def view_delete(request: ProductRequest, product: Product, view_id: int) -> HttpResponse:
    """Forget one's own view; a product owner may forget a shared one."""
    views = SavedView.objects.filter(product=product, pk=view_id)
    own = views.filter(owner=request.user).first()
    if own is None and request.may("product.edit"):
        own = views.filter(is_shared=True).first()
    if own is None:
        raise DomainError("no_view", "This view isn't yours, or is gone already.", status=404)
    delete_view(own)
    messages.success(request, f"View “{own.name}” deleted.")
    return redirect(_page_of(request, product))


def _quick_add(request: ProductRequest, product: Product) -> HttpResponse:
    form, view = QuickAddForm(request.POST), _view(request, product, _sent_view(request))
    at = _page_of(request, product)
    kept = {"product": product, "focus": True, "view": view, "page_url": at}
    if form.is_valid():
        try:
            item = create_item(product, form.draft(), actor=request.actor)
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            link = reverse("backlog:item", args=[product.key, item.ref])
            said = '<a href="{}">{}</a> added at the bottom of the backlog.'
            messages.success(request, format_html(said, link, item.ref), extra_tags="undoable")
            if not _is_htmx(request):
                query = f"?{view.query}" if view.query else ""
                return redirect(f"{at}{query}#quick-add")
            # A kind is often added several times in a row.
            fresh = QuickAddForm(initial={"kind": item.kind})
            context = {**kept, "quick_add": fresh}
            return _telling(render(request, "backlog/_quick_add_answer.html", context))
    if not _is_htmx(request):
        page_url = _page_url(product, "")
        whole = {
            **_page_context(request, product, view),
            **_list_context(request, product, view, page_url),
        }
        context = {**whole, "quick_add": form}
        return render(request, "backlog/backlog.html", context, status=422)
    return render(request, "backlog/_quick_add.html", {**kept, "quick_add": form}, status=422)


def _page_context(request: ProductRequest, product: Product, view: BacklogView) -> dict[str, Any]:
    """What stands around the list."""
    return {
        **_filed(request, product, view),
        "may_import": request.may("import.run"),
        "quick_add": QuickAddForm(),
        "beside": [
            (column, reverse(column.url_name, args=[product.key]))
            for column in columns()
            if request.may(column.permission)
        ],
    }


def _list_context(
    request: ProductRequest, product: Product, view: BacklogView, page_url: str
) -> dict[str, Any]:
    groups = groups_of(product, view.items, view.group) if view.group else []
    rows: Sequence[ItemRow] = ()
    more = False
    if not view.group:
        found = slice_of(product, view.items, offset=(view.page - 1) * FIRST, limit=FIRST + 1)
        rows, more = found[:FIRST], len(found) > FIRST
    mine_or_shared = Q(owner=request.user) | Q(is_shared=True)
    views = SavedView.objects.filter(mine_or_shared, product=product).select_related("owner")
    own = [v for v in views if v.owner_id == request.user.pk]
    shared = [v for v in views if v.is_shared and v.owner_id != request.user.pk]
    return {
        **_row_context(request, product, view),
        "page_url": page_url,
        "rows": rows,
        "first_offset": (view.page - 1) * FIRST,
        "has_more": more,
        "groups": [(group, view.query_of_group(group.value)) for group in groups],
        "own_views": own,
        "shared_views": shared,
        "view_now": next((v for v in [*own, *shared] if v.query == view.query), None),
        "may_shape": request.may("product.edit"),
        "pickers": _pickers(view, request),
        "slice": SLICE,
    }


def _filed(request: ProductRequest, product: Product, view: BacklogView) -> dict[str, Any]:
    """What evidence filed and nobody has decided on yet."""
    waiting = triage(product, everything=view.whole_triage)
    return {
        "product": product,
        "view": view,
        "inbox": inbox_page(product, everything=view.whole_inbox),
        "triage": waiting,
        "may_triage": {
            row.finding.pk
            for row in waiting.rows
            if request.may("finding.triage", row.finding.subject)
        },
        "may_take": request.may("inbox.take"),
        "may_edit": request.may("item.edit"),
    }


def _row_context(request: ProductRequest, product: Product, view: BacklogView) -> dict[str, Any]:
    return {
        "product": product,
        "view": view,
        "columns": view.columns,
        "items_url": reverse("backlog:item", args=[product.key, "REF"]).removesuffix("REF/"),
        "may_order": request.may("backlog.order"),
        # Also to where the columns beside the list take rows.
        "may_drag": request.may("backlog.order") or any(request.may(c.takes) for c in columns()),
        "may_edit": request.may("item.edit"),
    }


def _rows(
    request: ProductRequest, product: Product, view: BacklogView, rows: Sequence[ItemRow]
) -> HttpResponse:
    context = {**_row_context(request, product, view), "rows": rows}
    answer = render(request, "backlog/_rows.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


def _rows_html(request: ProductRequest, product: Product, numbers: Sequence[int]) -> str:
    view = _view(request, product)
    context = {
        **_row_context(request, product, view),
        "rows": rows_with_refs(product, numbers[:MOST_ROWS]),
    }
    return render_to_string("backlog/_rows.html", context, request)


def _edited(product: Product, wanted: ListEdit, request: ProductRequest) -> list[Item]:
    """Make the change; new labels come into being with it or not at all."""
    with transaction.atomic():
        changes = wanted.changes(actor=request.actor)
        if not wanted.is_of_fields_of_one:
            return edit_items(product, wanted.items, actor=request.actor, **changes)
        [item] = wanted.items
        after = update_item(item, actor=request.actor, base_version=wanted.version, **changes)
        return [after] if after.version != item.version else []


def _said_of_edit(wanted: ListEdit, changed: Sequence[Item]) -> str:
    if not changed:
        return "Nothing to change: it is so already."
    what = _changed_words(wanted)
    if len(wanted.items) == 1:
        return f"{changed[0].ref}: {what} changed."
    rest = len(wanted.items) - len(changed)
    same = f"; {counted(rest, 'item')} {'was' if rest == 1 else 'were'} so already" if rest else ""
    return f"{counted(len(changed), 'item')}: {what} changed{same}."


def _changed_words(wanted: ListEdit) -> str:
    names = fields_in_words(wanted.edits, wanted.edits.names)
    names += [step.partition("_")[2] + "s" for step, sent in wanted.names.items() if sent]
    return " and ".join(dict.fromkeys(names))


def _preview(product: Product, lines: Sequence[paste.PastedLine]) -> dict[str, Any]:
    wrong = problems_of(product, lines)
    depths: list[int] = []
    for line in lines:
        depths.append(0 if line.parent is None else depths[line.parent] + 1)
    shown = [
        {"line": line, "depth": depth, "problems": wrong.get(line.number, [])}
        for line, depth in zip(lines, depths, strict=True)
    ]
    faulty = [row for row in shown if row["problems"]]
    return {
        "lines": lines,
        # Faults first, for a text of thousands of lines shows only its beginning.
        "shown": [*faulty, *(row for row in shown if not row["problems"])][:MOST_ROWS]
        if len(shown) > MOST_ROWS
        else shown,
        "faults": len(faulty),
        "hidden": max(0, len(shown) - MOST_ROWS),
    }


def _pickers(view: BacklogView, request: ProductRequest) -> dict[str, Any]:
    """What the menus of the cells offer, for the page's script."""
    offer = view.offer
    return {
        "status": [
            {"value": s.slug, "label": s.name, "hue": s.hue, "category": s.category}
            for s in offer.statuses
        ],
        "kind": [{"value": v, "label": w} for v, w in view.facets[0].choices],
        "assignee": [
            {"value": p.email, "label": str(p), "initials": p.initials, "tint": p.pk % 8}
            for p in offer.people
        ],
        "label": [{"value": x.name, "label": x.name, "hue": x.hue} for x in offer.labels],
        "fields": {
            f"fields.{f.slug}": {"label": f.name, "kind": f.kind, "choices": f.choices}
            for f in offer.fields
        },
        "me": request.user.email,
    }


def _view(request: ProductRequest, product: Product, data: QueryDict | None = None) -> BacklogView:
    shown = data if data is not None else request.GET
    return BacklogView(product, shown, request.user, Offer(product))


def _sent_view(request: ProductRequest) -> QueryDict:
    """What the page showed when its form was sent."""
    return QueryDict(request.POST.get("view", "")[:LONGEST_ADDRESS])


def _whole(view: BacklogView, counts: Any) -> int:
    """All that could show if nothing were filtered."""
    every: int = counts.items + counts.tasks + counts.epics
    return every + (counts.done if view.with_done else 0)


def _page_url(product: Product, query: str) -> str:
    url = reverse("backlog:backlog", args=[product.key])
    return f"{url}?{query}" if query else url


def _page_of(request: ProductRequest, product: Product) -> str:
    """The path of the page that holds the list, which a part of it names as `at`; else that of
    the backlog."""
    at = request.POST.get("at") or request.GET.get("at") or ""
    is_path = at.startswith("/") and url_has_allowed_host_and_scheme(at, None)
    return re.split(r"[?#]", at)[0] if is_path else _page_url(product, "")


def _telling(answer: HttpResponse) -> HttpResponse:
    """With the news, for the page's script, that the list is not what it was."""
    answer["HX-Trigger"] = '{"items:changed": {"refs": [], "moved": true}}'
    return answer


def _is_htmx(request: ProductRequest) -> bool:
    return bool(getattr(request, "htmx", False))
