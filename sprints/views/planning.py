"""Planning: the backlog beside a sprint, and what its team can give."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.items import QuickAddForm
from backlog.forms.list_edits import chosen_items
from backlog.forms.moves import require_move, wanted_spot
from backlog.forms.refusals import put_errors
from backlog.models import Backlog, Item, Kind, Product
from backlog.queries.resources import open_sprints_of
from backlog.services.items import create_item, move_items
from backlog.views.answers import counted, json_door
from backlog.views.backlog import list_page
from mlscrum.lib.errors import DomainError
from sprints.forms.moves import require_seen, wanted_home
from sprints.models import Sprint
from sprints.queries.planning import plan_of, plans_beside
from sprints.views.common import frame, items_url, sprint_page


@require_GET
@sprint_page("sprint.view")
def plan(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """The backlog, and beside it the sprint; of one that is over, its report."""
    if sprint.backlog.state == Backlog.State.CLOSED:
        return redirect("sprints:report", request.product.key, sprint.pk)
    return _plan_page(request, sprint)


@require_POST
@sprint_page("sprint.run")
def plan_add(request: ProductRequest, sprint: Sprint) -> HttpResponseBase:
    """Add an item at the bottom of the sprint; a script gets JSON and stays where it is."""
    if request.headers.get("Accept") == "application/json":
        return _added(request, sprint)
    form = QuickAddForm(request.POST)
    if form.is_valid():
        try:
            item = _add(request, sprint, form)
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field="title")
        else:
            messages.success(request, f"{item.ref} added to {sprint}.", extra_tags="undoable")
            return redirect("sprints:plan", request.product.key, sprint.pk)
    answer = _plan_page(request, sprint, add=form)
    answer.status_code = 422
    return answer


@json_door
def _added(request: ProductRequest, sprint: Sprint) -> JsonResponse:
    form = QuickAddForm(request.POST)
    if not form.is_valid():
        raise ValidationError(form.errors.as_data())
    item = _add(request, sprint, form)
    return JsonResponse({"said": f"{item.ref} added to {sprint}.", "undoable": True})


def _add(request: ProductRequest, sprint: Sprint, form: QuickAddForm) -> Item:
    draft, home = form.draft(), sprint.backlog
    if draft.kind == Kind.EPIC:
        raise DomainError("epic_in_sprint", "An epic never enters a sprint; plan its items.")
    return create_item(request.product, draft, actor=request.actor, backlog=home)


def _plan_page(
    request: ProductRequest, sprint: Sprint, add: QuickAddForm | None = None
) -> HttpResponse:
    return list_page(
        request,
        request.product,
        "sprints/plan.html",
        page_url=reverse("sprints:plan", args=[request.product.key, sprint.pk]),
        around=lambda view: {
            **frame(request, sprint, "plan"),
            **_planned(request, sprint),
            "add": add,
            "quick_add": QuickAddForm(),
        },
    )


@require_GET
@sprint_page("sprint.view")
def plan_sprint(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """The sprint of a planning page alone, as it is now."""
    context = {"product": request.product, **_planned(request, sprint)}
    return _fragment(request, "sprints/_planned.html", context)


@require_GET
@product_page("sprint.view")
def beside(request: ProductRequest, product: Product) -> HttpResponse:
    """The sprints that run or are planned, for the column beside the backlog."""
    context = {
        "product": product,
        "plans": plans_beside(product),
        "items_url": items_url(product),
        "may_plan": request.may("sprint.run"),
        "move_url": reverse("sprints:move", args=[product.key]),
    }
    if not getattr(request, "htmx", False):
        return render(request, "sprints/beside.html", context)
    return _fragment(request, "sprints/_beside.html", context)


@require_POST
@product_page("item.edit")
@json_door
def move(request: ProductRequest, product: Product) -> JsonResponse:
    """Bring items into a sprint, to another place in it, or back to the product backlog.

    `from` says where the page showed them: what somebody else has moved meanwhile is refused.
    """
    data = request.POST.dict()
    items = chosen_items(product, request.POST.getlist("refs"))
    home = wanted_home(product, data.get("home", ""))
    require_seen(items, data)
    require_move(request.may, items, home)
    items.sort(key=lambda item: str(item.rank))
    moved = move_items(
        product, items, actor=request.actor, spot=wanted_spot(product, data), to=home
    )
    what = items[0].ref if len(items) == 1 else counted(len(items), "item")
    along = len(moved) - len(items)
    tasks = f" with {counted(along, 'task')}" if along else ""
    stayed = all(item.backlog_id == home.pk for item in items)
    return JsonResponse(
        {
            "said": f"{what}{tasks} {_went(home, stayed=stayed)}.",
            "undoable": True,
            "along": along,
        }
    )


def _went(home: Backlog, *, stayed: bool) -> str:
    if home.kind == Backlog.Kind.PRODUCT:
        return "went back to the backlog"
    return f"moved within {home.name}" if stayed else f"went into {home.name}"


def _planned(request: ProductRequest, sprint: Sprint) -> dict[str, Any]:
    is_open = sprint.backlog.state != Backlog.State.CLOSED
    return {
        "plan": plan_of(sprint),
        "items_url": items_url(request.product),
        "kinds_to_add": [choice for choice in Kind.choices if choice[0] != Kind.EPIC],
        "others": [other for other in open_sprints_of(request.product) if other.pk != sprint.pk],
        "may_plan": is_open and request.may("sprint.run"),
        "move_url": reverse("sprints:move", args=[request.product.key]),
    }


def _fragment(request: ProductRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    answer = render(request, template, context)
    answer["Cache-Control"] = "no-store"
    return answer
