"""Pages of one item: new, shown, edited, moved, talked about, thrown away and brought back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpResponse, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, View, product_page
from backlog.forms.edits import ItemEdits
from backlog.forms.item_pages import LinkForm
from backlog.forms.items import CommentForm, DeleteForm, ItemForm, MoveForm
from backlog.forms.moves import require_move
from backlog.forms.refusals import put_errors
from backlog.models import Actor, Backlog, Category, Item, Kind, Product, Status
from backlog.queries.definitions import definition_of, definition_warnings
from backlog.queries.findings import findings_of
from backlog.queries.history import history_of
from backlog.queries.item_pages import (
    People,
    Under,
    attachments_of,
    beside,
    comments_of,
    is_in_inbox,
    link_groups,
    under,
)
from backlog.queries.items import anchors_for, find_item, statuses_of
from backlog.queries.links import is_blocked
from backlog.queries.panels import panels
from backlog.queries.resources import open_sprints_of
from backlog.queries.transfer import moved_item
from backlog.queries.trash import is_gone
from backlog.services import findings as findings_services
from backlog.services import items as services
from backlog.services.moves import permission_between
from backlog.views.answers import back_to, follow_moved, json_door, said_back
from backlog.views.findings import finding_panel
from backlog.views.item_fields import Fields, Sent, fields_in_words, own_fields_of
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.lib.numbers import whole_number

# What a button under an item adds; a task bears nothing.
CHILD_KINDS: dict[str, str] = {Kind.EPIC: Kind.STORY, Kind.TASK: ""}


def item_page(
    permission: str, *, post: str | None = None
) -> Callable[[Callable[..., HttpResponseBase]], View]:
    """As `product_page`, for pages of one item: the view gets `(request, item, ...)`."""

    def decorate(view: Callable[..., HttpResponseBase]) -> View:
        @wraps(view)
        def found(
            request: ProductRequest, product: Product, ref: str, **kwargs: Any
        ) -> HttpResponseBase:
            try:
                item = find_item(product, ref)
            except Http404:
                moved = moved_item(product, ref, request.user)
                if moved is None:
                    raise
                return follow_moved(request, moved)
            return view(request, item, **kwargs)

        return product_page(permission, post=post)(found)

    return decorate


@product_page("item.edit")
def item_new(request: ProductRequest, product: Product) -> HttpResponse:
    """A new item at the bottom of the product backlog."""
    if request.method != "POST":
        wanted = {"parent": request.GET.get("parent", ""), "kind": _wanted_kind(request)}
        return _form_page(request, ItemForm(product, initial=wanted))
    form = ItemForm(product, request.POST)
    if form.is_valid():
        try:
            item = services.create_item(product, form.draft(), actor=request.actor)
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            said = f"{item.ref} added at the bottom of the backlog."
            messages.success(request, said, extra_tags="undoable")
            return redirect(_url(item))
    return _form_page(request, form, status=422)


@require_GET
@cache_control(no_store=True, private=True)  # a panel may show values of the data
@item_page("item.view")
def item(request: ProductRequest, item: Item) -> HttpResponse:
    """The item with all that hangs on it: its page, or for htmx the item alone."""
    return answer(request, item) if _is_htmx(request) else show(request, item)


@require_POST
@item_page("item.edit")
def item_set(request: ProductRequest, item: Item) -> HttpResponse:
    """Set any fields of the item; those that were not sent stay.

    With `version`, what others changed since in other fields stays, and for the same field both
    values are shown to choose from; the other fields are saved meanwhile.
    """
    edits = ItemEdits(item.product, request.POST, item=item)
    if not edits.names:
        raise DomainError("nothing_sent", "Nothing was sent that this item has; reload the page.")
    if request.POST.get("keep") == "theirs":
        return done(request, item)
    if not edits.is_valid():
        return show_refused(request, item, Sent(edits, faults=edits.faults()), status=422)
    version = whole_number(request.POST.get("version", ""))
    try:
        changed, warnings, conflicts = _save(request, item, edits, version)
    except ValidationError as error:
        return show_refused(request, item, Sent(edits, faults=edits.faults_of(error)), status=422)
    except DomainError as error:
        if error.code == "deleted":
            raise
        return show_refused(request, item, Sent(edits, faults=edits.faults_of(error)), status=409)
    fresh = find_item(item.product, item.ref)
    if changed:
        said = _said(fresh, edits, [name for name in edits.names if name in changed])
        messages.success(request, said, extra_tags="undoable")
        for warning in warnings:
            messages.warning(request, warning)
    if conflicts:
        return show_refused(request, fresh, Sent(edits, conflicts=conflicts), status=409)
    return done(request, fresh)


def _save(
    request: ProductRequest, item: Item, edits: ItemEdits, version: int | None
) -> tuple[list[str], list[str], list[dict[str, Any]]]:
    """Save what can be saved: these fields, what to warn of, the conflicts of the others."""
    conflicts: list[dict[str, Any]] = []
    while True:
        waiting = {str(row["field"]) for row in conflicts}
        names = [name for name in edits.names if name not in waiting]
        if not names:
            return [], [], conflicts
        try:
            with transaction.atomic():
                changes = edits.changes(actor=request.actor, leaving_out=waiting)
                saved, warnings = update_with_warnings(
                    item, actor=request.actor, base_version=version, **changes
                )
        except Conflict as error:
            if error.code != "edit_conflict":
                raise
            told: list[dict[str, Any]] = error.extra["conflicts"]  # type: ignore[assignment]
            conflicts += told
        else:
            return (names if saved.version > item.version else []), warnings, conflicts


def update_with_warnings(
    item: Item, *, actor: Actor, base_version: int | None = None, **changes: Any
) -> tuple[Item, list[str]]:
    """As `update_item`; with what to warn of where the new status asks for what the item lacks."""
    status = changes.get("status")
    warnings = definition_warnings([item], status) if status else []  # of the status it leaves
    saved = services.update_item(item, actor=actor, base_version=base_version, **changes)
    return saved, warnings


@item_page("sprint.run")
def item_move(request: ProductRequest, item: Item) -> HttpResponse:
    """Choose a place in the backlog or in an open sprint; an item of the inbox is taken out of it
    into the backlog."""
    in_inbox = is_in_inbox(item)
    if in_inbox and not request.may("inbox.take"):
        raise PermissionDenied("Your role in this product doesn't allow this.")
    homes = _homes_for(item, request.may)
    form = MoveForm(item, homes, request.POST.dict() if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        spot, home = form.cleaned_data["spot"], form.cleaned_data["home"]
        try:
            if in_inbox:
                findings_services.take([item], actor=request.actor, spot=spot)
            else:
                services.move_items(item.product, [item], actor=request.actor, spot=spot, to=home)
        except DomainError as error:
            put_errors(form, error)
        else:
            return _after_move(request, item, home)
    status = 422 if form.errors else 200
    context = {
        "item": item,
        "form": form,
        "in_inbox": in_inbox,
        "in_sprint": item.backlog.kind == Backlog.Kind.SPRINT,
        "anchors": anchors_for(item, homes),
        "several_homes": len(homes) > 1,
    }
    return render(request, "backlog/item_move.html", context, status=status)


def _homes_for(item: Item, may: Callable[[str], bool]) -> list[Backlog]:
    """The backlogs that the person may bring the item to: the one it is in, then the product
    backlog, and the sprints that run or are planned. Raises Refused where there is none."""
    homes = [services.product_backlog(item.product)]
    if not is_in_inbox(item) and item.kind != Kind.EPIC:
        homes += open_sprints_of(item.product)
    allowed = [home for home in homes if may(permission_between(item.backlog, home))]
    if not allowed:
        require_move(may, [item], homes[0])
    # Whoever says nothing of another leaves it where it is: nothing leaves a sprint by oversight.
    return sorted(allowed, key=lambda home: home != item.backlog)


def _after_move(request: ProductRequest, item: Item, home: Backlog) -> HttpResponse:
    into_sprint = home.kind == Backlog.Kind.SPRINT
    where = ""
    if into_sprint:
        where = f" within {home.name}" if item.backlog_id == home.pk else f" into {home.name}"
    messages.success(request, f"{item.ref} moved{where}.", extra_tags="undoable")
    if into_sprint:
        return redirect(_url(item))
    backlog_url = reverse("backlog:backlog", args=[item.product.key])
    return redirect(f"{backlog_url}#item-{item.number}")


@item_page("item.edit")
def item_delete(request: ProductRequest, item: Item) -> HttpResponse:
    """Ask once, and for open findings what becomes of them; then put it into the trash."""
    is_open = [view for view in findings_of(item) if view.is_open]
    asked = request.POST if request.method == "POST" else None
    form = DeleteForm(asked) if is_open else None
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            fate = form.fate() if form else {}
            findings_services.delete_item(item, actor=request.actor, **fate)
        except ValidationError as error:
            assert form is not None
            put_errors(form, error)
        else:
            said = f"{item.ref} is in the trash for 30 days."
            messages.success(request, said, extra_tags="undoable")
            return redirect(_url(item))
    context = {
        "item": item,
        "form": form,
        "findings": is_open,
        "children": under(item).total,
    }
    status = 422 if form and form.errors else 200
    return render(request, "backlog/item_delete.html", context, status=status)


@require_POST
@item_page("item.edit")
def item_restore(request: ProductRequest, item: Item) -> HttpResponse:
    """Bring an item back from the trash."""
    back = services.restore_item(item, actor=request.actor)
    messages.success(request, said_back(back), extra_tags="undoable")
    return redirect(_url(item))


@require_POST
@item_page("item.edit")
def item_confirm_done(request: ProductRequest, item: Item) -> HttpResponseBase:
    """Say yes to *recovered?*: the evidence is green and the item is done. A script gets JSON and
    stays where it is."""
    if request.headers.get("Accept") == "application/json":
        return _confirmed(request, item)
    findings_services.confirm_done(item, actor=request.actor)
    messages.success(request, f"{item.ref} is done.")
    return back_to(request, _url(item))


@json_door
def _confirmed(request: ProductRequest, item: Item) -> JsonResponse:
    findings_services.confirm_done(item, actor=request.actor)
    return JsonResponse({"said": f"{item.ref} is done."})


def show(
    request: ProductRequest,
    item: Item,
    *,
    sent: Sent | None = None,
    status: int = 200,
    **forms: Any,
) -> HttpResponse:
    """The whole page of the item."""
    context = _context(request, item, sent or Sent(), forms)
    page = render(request, "backlog/item.html", {**context, "beside": beside(item)}, status=status)
    patch_vary_headers(page, ["HX-Request"])
    return page


def answer(
    request: ProductRequest,
    item: Item,
    *,
    sent: Sent | None = None,
    status: int = 200,
    **forms: Any,
) -> HttpResponse:
    """The item alone, as it stands on its page and in the panel beside the backlog, with what there
    is to say."""
    context = _context(request, item, sent or Sent(), forms)
    part = render(request, "backlog/_item_answer.html", context, status=status)
    patch_vary_headers(part, ["HX-Request"])
    return part


def show_refused(
    request: ProductRequest,
    item: Item,
    sent: Sent | None = None,
    *,
    status: int,
    **forms: Any,
) -> HttpResponse:
    """The item with what was typed and why it was refused, as fragment or page."""
    shown = answer if _is_htmx(request) else show
    return shown(request, item, sent=sent, status=status, **forms)


def done(request: ProductRequest, item: Item, *, anchor: str = "") -> HttpResponse:
    """After a deed: the item anew for htmx, else by way of its page."""
    if _is_htmx(request):
        return answer(request, find_item(item.product, item.ref))
    return redirect(f"{_url(item)}#{anchor}" if anchor else _url(item))


def _context(
    request: ProductRequest, item: Item, sent: Sent, forms: dict[str, Any]
) -> dict[str, Any]:
    views = findings_of(item)
    people, statuses = People(item.product), statuses_of(item.product)
    groups = link_groups(item)
    is_alive = item.deleted_at is None
    watchers = list(item.watchers.order_by("name"))
    below, may_edit = under(item), is_alive and request.may("item.edit")
    return {
        "item": item,
        "fields": Fields(
            item,
            statuses=statuses,
            people=people.members,
            own=own_fields_of(item.product),
            sent=sent,
        ),
        "met": sum(row["is_met"] for row in item.criteria),
        "findings": [finding_panel(request, view) for view in views],
        "is_recovered": any(view.finding.recovered for view in views),
        "panels": [
            render_to_string(panel.template, dict(panel.context), request)
            for panel in panels(item, request.may, request.actor)
        ],
        "definition": definition_of(item) if is_alive else None,
        "under": below,
        "finish": _finishing(item, below, statuses) if may_edit else None,
        "child_kind": CHILD_KINDS.get(item.kind, Kind.TASK),
        "link_groups": groups,
        "is_blocked": is_blocked(item, [end for group in groups for end in group.ends]),
        "attachments": attachments_of(item),
        "attachment_limit_mb": settings.ATTACHMENT_LIMIT_MB,
        # A comment that is being edited may be an old one.
        "comments": comments_of(
            item, everything=_wants_all(request, "comments") or "editing" in forms
        ),
        "history": history_of(item, everything=_wants_all(request, "history")),
        "statuses": statuses,
        "kinds": Kind.choices,
        "labels": item.product.labels.all(),
        "people": people.members,
        "names": people.names,
        "mentions": people.mentions,
        "watchers": watchers,
        "is_watching": request.user in watchers,
        "has_points": item.kind not in {Kind.EPIC, Kind.TASK},
        "in_inbox": is_in_inbox(item),
        "may_edit": may_edit,
        "may_comment": is_alive and request.may("item.comment"),
        "may_move": is_alive and _may_move(item, request.may),
        "is_gone": is_gone(item),
        "may_restore": not is_alive and not is_gone(item) and request.may("item.edit"),
        "comment_form": CommentForm(),
        "link_form": LinkForm(item),
        **forms,
    }


def _may_move(item: Item, may: Callable[[str], bool]) -> bool:
    if is_in_inbox(item) or may("backlog.order"):
        return may("inbox.take" if is_in_inbox(item) else "backlog.order")
    if not may("sprint.run") or item.kind == Kind.EPIC:
        return False
    in_sprint = item.backlog.kind == Backlog.Kind.SPRINT
    return in_sprint or bool(open_sprints_of(item.product))


def _finishing(item: Item, below: Under, statuses: Sequence[Status]) -> Status | None:
    """The status to offer to an item whose tasks are all done; nobody but people moves it."""
    is_open = item.status.category != Category.DONE
    if item.kind == Kind.EPIC or not is_open or not below.total or below.done < below.total:
        return None
    return next((status for status in statuses if status.category == Category.DONE), None)


def _said(item: Item, edits: ItemEdits, names: list[str]) -> str:
    """What was saved, in a few words."""
    if names == ["status"]:
        return f"{item.ref}: {item.status.name}."
    if names == ["points"]:
        points = "not estimated" if item.points is None else f"{item.points.normalize():f} points"
        return f"{item.ref}: {points}."
    if names == ["assignees"]:
        who = ", ".join(sorted(str(person) for person in item.assignees.all()))
        return f"{item.ref}: {who or 'nobody'}."
    return f"{item.ref}: {', '.join(fields_in_words(edits, names))} saved."


def _wants_all(request: ProductRequest, name: str) -> bool:
    """Whether the page was asked for all of this, or the deed comes from a page that was."""
    page = getattr(getattr(request, "htmx", None), "current_url", None)
    asked = QueryDict(urlsplit(page).query) if page else request.GET
    return "all" in {asked.get(name), request.GET.get(name)}


def _is_htmx(request: ProductRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def _form_page(request: ProductRequest, form: ItemForm, *, status: int = 200) -> HttpResponse:
    context = {"form": form, "product": form.product}
    return render(request, "backlog/item_form.html", context, status=status)


def _wanted_kind(request: ProductRequest) -> str:
    kind = request.GET.get("kind", "")
    return kind if kind in Kind.values else Kind.STORY


def _url(item: Item) -> str:
    return reverse("backlog:item", args=[item.product.key, item.ref])
