"""Pages of one item: new, shown, edited, moved, talked about, thrown away and brought back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import Form
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, View, product_page
from backlog.forms.items import (
    AssigneesForm,
    CommentForm,
    DeleteForm,
    ItemForm,
    MoveForm,
    PointsForm,
    StatusForm,
    people_of,
)
from backlog.forms.refusals import put_errors
from backlog.models import Backlog, Item, Kind, Product
from backlog.queries.findings import findings_of
from backlog.queries.history import history_of, last_changes
from backlog.queries.items import (
    anchors_for,
    children_of,
    comments_of,
    find_item,
    points_under,
    statuses_of,
)
from backlog.queries.panels import panels
from backlog.services import findings as findings_services
from backlog.services import items as services
from backlog.views.answers import back_to
from backlog.views.findings import finding_panel
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.web.sentences import errors_in_words

FIELD_NAMES = {
    "title": "Title",
    "kind": "Kind",
    "status": "Status",
    "points": "Points",
    "assignees": "Assignees",
    "parent": "Parent",
    "description": "Description",
}

# What a button under an item adds; a task bears nothing.
CHILD_KINDS: dict[str, str] = {Kind.EPIC: Kind.STORY, Kind.TASK: ""}


def item_page(
    permission: str, *, post: str | None = None
) -> Callable[[Callable[..., HttpResponseBase]], View]:
    """As `product_page`, for pages of one item: the view gets `(request, item)`."""

    def decorate(view: Callable[..., HttpResponseBase]) -> View:
        @wraps(view)
        def found(request: ProductRequest, product: Product, ref: str) -> HttpResponseBase:
            return view(request, find_item(product, ref))

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
            messages.success(request, f"{item.ref} added at the bottom of the backlog.")
            return redirect(_url(item))
    return _form_page(request, form, status=422)


@require_GET
@cache_control(no_store=True, private=True)  # a panel may show values of the data
@item_page("item.view")
def item(request: ProductRequest, item: Item) -> HttpResponse:
    """The item with its evidence, comments and history."""
    return _show(request, item)


@item_page("item.edit")
def item_edit(request: ProductRequest, item: Item) -> HttpResponse:
    """Edit an item; where somebody else changed the same field, the person chooses."""
    if request.method != "POST":
        return _form_page(request, ItemForm(item.product, item=item), item)
    form = ItemForm(item.product, request.POST, item=item)
    if not form.is_valid():
        return _form_page(request, form, item, status=422)
    try:
        services.update_item(
            item,
            actor=request.actor,
            base_version=form.cleaned_data["version"] or item.version,
            **form.changes(),
        )
    except Conflict as error:
        if error.code != "edit_conflict":
            raise
        return _conflict_page(request, form, item, error)
    except (DomainError, ValidationError) as error:
        put_errors(form, error)
        return _form_page(request, form, item, status=422)
    return redirect(_url(item))


@require_POST
@item_page("item.edit")
def item_status(request: ProductRequest, item: Item) -> HttpResponse:
    """Set the status from the item's page."""
    status = _sent(StatusForm(item.product, request.POST), "status")
    services.update_item(item, actor=request.actor, status=status)
    messages.success(request, f"{item.ref}: {status.name}.")
    return redirect(_url(item))


@require_POST
@item_page("item.edit")
def item_points(request: ProductRequest, item: Item) -> HttpResponse:
    """Estimate from the item's page; empty takes the estimate away."""
    points = _sent(PointsForm(request.POST), "points")
    services.update_item(item, actor=request.actor, points=points)
    said = "not estimated" if points is None else f"{float(points):g} points"
    messages.success(request, f"{item.ref}: {said}.")
    return redirect(_url(item))


@require_POST
@item_page("item.edit")
def item_assignees(request: ProductRequest, item: Item) -> HttpResponse:
    """Say from the item's page who works on it."""
    people = list(_sent(AssigneesForm(item.product, request.POST), "assignees"))
    services.update_item(item, actor=request.actor, assignees=people)
    said = ", ".join(str(person) for person in people) or "nobody"
    messages.success(request, f"{item.ref}: {said}.")
    return redirect(_url(item))


@item_page("backlog.order")
def item_move(request: ProductRequest, item: Item) -> HttpResponse:
    """Choose a place in the backlog; an item of the inbox is taken out of it."""
    in_inbox = item.backlog.kind == Backlog.Kind.INBOX
    if not request.may("inbox.take" if in_inbox else "backlog.order"):
        raise PermissionDenied("Your role in this product doesn't allow this.")
    form = MoveForm(item, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        spot = form.cleaned_data["spot"]
        try:
            if in_inbox:
                findings_services.take([item], actor=request.actor, spot=spot)
            else:
                services.move_items(item.product, [item], actor=request.actor, spot=spot)
        except DomainError as error:
            put_errors(form, error)
        else:
            messages.success(request, f"{item.ref} moved.")
            backlog_url = reverse("backlog:backlog", args=[item.product.key])
            return redirect(f"{backlog_url}#item-{item.number}")
    status = 422 if form.errors else 200
    context = {
        "item": item,
        "form": form,
        "in_inbox": in_inbox,
        "anchors": anchors_for(item),
    }
    return render(request, "backlog/item_move.html", context, status=status)


@require_POST
@item_page("item.comment")
def item_comment(request: ProductRequest, item: Item) -> HttpResponse:
    """Say something on an item."""
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _show(request, item, comment_form=form, status=422)
    services.comment(item, form.cleaned_data["text"], actor=request.actor)
    return redirect(f"{_url(item)}#comments")


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
            messages.success(request, f"{item.ref} is in the trash for 30 days.")
            return redirect(_url(item))
    context = {
        "item": item,
        "form": form,
        "findings": is_open,
        "children": children_of(item),
    }
    status = 422 if form and form.errors else 200
    return render(request, "backlog/item_delete.html", context, status=status)


@require_POST
@item_page("item.edit")
def item_restore(request: ProductRequest, item: Item) -> HttpResponse:
    """Bring an item back from the trash."""
    services.restore_item(item, actor=request.actor)
    messages.success(request, f"{item.ref} is back, at the top of the backlog.")
    return redirect(_url(item))


@require_POST
@item_page("item.edit")
def item_confirm_done(request: ProductRequest, item: Item) -> HttpResponse:
    """Say yes to *recovered?*: the evidence is green and the item is done."""
    findings_services.confirm_done(item, actor=request.actor)
    messages.success(request, f"{item.ref} is done.")
    return back_to(request, _url(item))


def _show(
    request: ProductRequest,
    item: Item,
    *,
    comment_form: CommentForm | None = None,
    status: int = 200,
) -> HttpResponse:
    views = findings_of(item)
    children = children_of(item)
    context: dict[str, Any] = {
        "item": item,
        "findings": [finding_panel(request, view) for view in views],
        "is_recovered": any(view.finding.recovered for view in views),
        "panels": [
            render_to_string(panel.template, dict(panel.context), request)
            for panel in panels(item, request.may, request.actor)
        ],
        "children": children,
        "child_kind": CHILD_KINDS.get(item.kind, Kind.TASK),
        "child_points": points_under(children),
        "comments": comments_of(item),
        "comment_form": comment_form or CommentForm(),
        "history": history_of(item, everything=request.GET.get("history") == "all"),
        "statuses": statuses_of(item.product),
        "people": people_of(item.product),
        "has_points": item.kind not in {Kind.EPIC, Kind.TASK},
        "in_inbox": item.backlog.kind == Backlog.Kind.INBOX,
        "may_edit": request.may("item.edit"),
        "may_comment": request.may("item.comment"),
        "may_move": request.may(
            "inbox.take" if item.backlog.kind == Backlog.Kind.INBOX else "backlog.order"
        ),
    }
    return render(request, "backlog/item.html", context, status=status)


def _sent(form: Form, name: str) -> Any:
    """What a form of one field says. Raises DomainError where it can't be read."""
    if not form.is_valid():
        raise DomainError(f"bad_{name}", errors_in_words(form[name])[0])
    return form.cleaned_data[name]


def _form_page(
    request: ProductRequest,
    form: ItemForm,
    item: Item | None = None,
    *,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    context = {"form": form, "item": item, "product": form.product, **more}
    return render(request, "backlog/item_form.html", context, status=status)


def _conflict_page(
    request: ProductRequest, form: ItemForm, item: Item, error: Conflict
) -> HttpResponse:
    """Both values of each field, and a form that goes on from the present version."""
    fresh = find_item(item.product, item.ref)
    told: list[dict[str, Any]] = error.extra["conflicts"]  # type: ignore[assignment]
    changed = last_changes(fresh, [row["field"] for row in told])
    conflicts = {
        row["field"]: {
            "field": row["field"],
            "label": FIELD_NAMES.get(row["field"], row["field"]),
            "by": changed.get(row["field"]),
            "theirs": _shown(row["field"], row["theirs"], item.product),
            "yours": _shown(row["field"], row["yours"], item.product),
        }
        for row in told
    }
    again = form.carried_on(fresh)
    return _form_page(request, again, fresh, status=409, conflicts=conflicts)


def _shown(field: str, value: Any, product: Product) -> str:
    """A field's value as the choice between two shows it."""
    if value is None or value in ("", []):
        return "nothing"
    if field == "status":
        return next((s.name for s in statuses_of(product) if s.slug == value), str(value))
    if field == "kind":
        return str(Kind(value).label)
    if field == "assignees":
        return ", ".join(str(user) for user in people_of(product).filter(email__in=value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _wanted_kind(request: ProductRequest) -> str:
    kind = request.GET.get("kind", "")
    return kind if kind in Kind.values else Kind.STORY


def _url(item: Item) -> str:
    return reverse("backlog:item", args=[item.product.key, item.ref])
