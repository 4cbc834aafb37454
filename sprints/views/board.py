"""The board of a sprint: what it shows, and what is done on it by drag, by menu and by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.moves import require_move
from backlog.models import Backlog, Item, Product
from backlog.services.items import ItemDraft, create_item
from backlog.views.answers import json_door
from sprints.forms.board_moves import BoardMove, TaskForm
from sprints.models import Sprint
from sprints.queries.boards import (
    LANES,
    board_of,
    choices_of,
    done_check_of,
    next_planned,
    running_sprint,
)
from sprints.services.board import move_card
from sprints.views.common import frame, sprint_page

KEPT = "boards"  # in the session: how each product's board was looked at last
LONGEST_WORDS = 100


@dataclass(frozen=True)
class BoardView:
    """How somebody looks at a board: as the address says, else as last time."""

    lanes: str
    is_mine: bool
    q: str

    @classmethod
    def of(cls, request: ProductRequest) -> BoardView:
        kept = _kept(request)
        lanes = request.GET.get("lanes", kept.get("lanes", ""))
        mine = request.GET.get("mine", kept.get("mine", ""))
        return cls(
            lanes=lanes if lanes in LANES else "none",
            is_mine=mine == "1",
            q=request.GET.get("q", "").replace("\0", "")[:LONGEST_WORDS].strip(),
        )

    @property
    def query(self) -> str:
        return self._query()

    @property
    def query_of_mine(self) -> str:
        return self._query(mine="0" if self.is_mine else "1")

    @property
    def lanes_label(self) -> str:
        return LANES[self.lanes]

    @property
    def ways(self) -> list[tuple[str, str, str]]:
        """Value, label and address of each way to lay lanes."""
        return [(value, label, self._query(lanes=value)) for value, label in LANES.items()]

    def _query(self, **changes: str) -> str:
        words = {"lanes": self.lanes, "mine": "1" if self.is_mine else "0", "q": self.q, **changes}
        return urlencode({name: value for name, value in words.items() if value})


@require_GET
@product_page("sprint.view")
def running_board(request: ProductRequest, product: Product) -> HttpResponse:
    """The board of the sprint that runs; where none does, what to do next."""
    running = running_sprint(product, request.user, last=_kept(request).get("sprint"))
    if running is not None:
        return redirect("sprints:board", product.key, running.pk)
    return _without_cards(request, next_planned(product))


@require_GET
@sprint_page("sprint.view")
def board(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """The items of a sprint by status, alone for a script that brings them up to date."""
    if sprint.backlog.state == Backlog.State.PLANNED:
        return _without_cards(request, sprint.backlog)
    if sprint.backlog.started_at is None:  # cancelled before it began
        return redirect("sprints:sprints", request.product.key)
    view = BoardView.of(request)
    _keep(request, lanes=view.lanes, mine="1" if view.is_mine else "0", sprint=sprint.pk)
    found = board_of(sprint)
    found.filter(person=request.user if view.is_mine else None, words=view.q.lower().split())
    may_edit = request.may("item.edit") and not found.is_closed
    context = {
        **frame(request, sprint, "board"),
        "board": found,
        "view": view,
        "lanes": found.lanes(view.lanes),
        "may_edit": may_edit,
        "may_carry": may_edit and request.may("sprint.run"),
        "done_name": next((c.name for c in found.columns if c.is_done), ""),
    }  # fmt: skip
    alone = request.headers.get("HX-Target", "").endswith("#board")
    answer = render(request, "sprints/_board.html" if alone else "sprints/board.html", context)
    patch_vary_headers(answer, ["HX-Target"])  # going back must not show the part alone
    return answer


@require_GET
@sprint_page("item.edit")
def board_choices(request: ProductRequest, sprint: Sprint) -> JsonResponse:
    """What the menus of the cards offer: people and labels."""
    people, labels = choices_of(request.product)
    return JsonResponse(
        {
            "assignee": [
                {"value": p.email, "label": str(p), "initials": p.initials} for p in people
            ],
            "label": [{"value": x.name, "label": x.name, "hue": x.hue} for x in labels],
            "me": request.user.email,
        }
    )


@require_POST
@sprint_page("item.edit")
@json_door
def board_move(request: ProductRequest, sprint: Sprint) -> JsonResponse:
    """Bring a card to a column, to a place, or out of the sprint; answers in words.

    What enters the last column by the definition of done is asked for first: the answer then
    holds the dialog in `asks`, and nothing has changed.
    """
    move = BoardMove(sprint, request.POST)
    require_move(request.may, [move.item], move.home)
    asks = None if move.is_confirmed else done_check_of(move.item, move.status)
    if asks is not None:
        context = {"check": asks, "item": move.item, "status": move.status}
        return JsonResponse(
            {"asks": render_to_string("sprints/_board_done.html", context, request)}
        )
    moved = move_card(
        sprint, move.item, actor=request.actor, status=move.status, spot=move.spot, to=move.home
    )
    return JsonResponse({"said": _said(move, moved), "undoable": bool(moved)})


@require_POST
@sprint_page("item.edit")
@json_door
def board_task(request: ProductRequest, sprint: Sprint) -> JsonResponse:
    """Add a task under an item of the sprint."""
    form = TaskForm(sprint, request.POST)
    draft = ItemDraft(title=form.title, kind="task", parent=form.parent)
    task = create_item(request.product, draft, actor=request.actor)
    return JsonResponse({"said": f"{task.ref} added under {form.parent.ref}.", "undoable": True,
                         "ref": task.ref})  # fmt: skip


def _without_cards(request: ProductRequest, planned: Backlog | None) -> HttpResponse:
    """What to do where no sprint runs."""
    context = {
        "product": request.product,
        "planned": planned,
        "may_plan": request.may("sprint.run"),
    }
    return render(request, "sprints/board_none.html", context)


def _said(move: BoardMove, moved: list[Item]) -> str:
    item, home, status = move.item, move.home, move.status
    if not moved:
        return "Nothing to change: it is so already."
    along = len(moved) - 1
    tasks = f" with {along} task{'' if along == 1 else 's'}" if along else ""
    if home is not None:
        where = "the top of the backlog" if home.kind == Backlog.Kind.PRODUCT else home.name
        return f"{item.ref} went to {where}{tasks}."
    if status is not None and status.pk != move.status_before:
        return f"{item.ref}: {status.name}."
    return f"{item.ref} moved{tasks}."


def _kept(request: ProductRequest) -> dict[str, Any]:
    kept: dict[str, Any] = request.session.get(KEPT, {}).get(request.product.key, {})
    return kept


def _keep(request: ProductRequest, **view: Any) -> None:
    """Written only when it changes, for each writing is a statement."""
    if _kept(request) != view:
        request.session[KEPT] = {**request.session.get(KEPT, {}), request.product.key: view}
