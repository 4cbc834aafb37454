"""Closing a sprint: what is done and what is not, what becomes of each, and whether it may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from backlog.access.pages import ProductRequest
from backlog.models import Backlog, Item
from backlog.views.answers import counted
from mlscrum.lib.errors import Conflict, DomainError
from sprints.forms.closing import ClosingForm
from sprints.models import Sprint
from sprints.queries.closing import following_sprints, tasks_by_parent, with_faces
from sprints.services.closing import (
    BACKLOG,
    NEXT,
    SPLIT,
    Closing,
    Fate,
    Outlook,
    close_sprint,
    look_ahead,
    plan_following,
)
from sprints.services.sprints import unfinished_of
from sprints.views.common import frame, sprint_page


@require_http_methods(["GET", "POST"])
@sprint_page("sprint.run")
def close(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """Choose what becomes of each item, see what will happen, and close."""
    if (elsewhere := _refused(request, sprint)) is not None:
        return elsewhere
    form = _form(request, sprint)
    if "plan_next" in request.POST:
        return _with_next_planned(request, sprint)
    if request.method != "POST":
        return _page(request, sprint, form)
    if form.is_valid():
        try:
            closed = close_sprint(sprint, form.closing, actor=request.actor)
        except Conflict as error:
            sprint.refresh_from_db()
            form = _form(request, sprint)  # with what was typed, about what is in it now
            form.refuse(error.message)
            return _refused(request, sprint) or _page(request, sprint, form, status=409)
        except DomainError as error:
            form.put_problems(error.errors)
            if not error.errors:
                form.refuse(error.message)
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            messages.success(request, f"{closed} is closed. This is its report, and it stays so.")
            return redirect("sprints:report", request.product.key, closed.pk)
    return _page(request, sprint, form, status=422)


@require_POST
@sprint_page("sprint.run")
def close_ahead(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """What closing would do with what is chosen now: the part of the page that says it."""
    if sprint.backlog.state != Backlog.State.ACTIVE:
        over = {**frame(request, sprint, "close"), "is_over": True}
        return render(request, "sprints/_close_ahead.html", over)
    form = _form(request, sprint)
    form.is_valid()
    closing = form.closing
    ahead = look_ahead(sprint, closing)
    context = {**frame(request, sprint, "close"), "told": told(sprint, ahead, closing)}
    return render(request, "sprints/_close_ahead.html", context)


@dataclass(frozen=True)
class Told:
    """What will happen, in words: a line each, and what is still to be said."""

    lines: Sequence[tuple[str, str, str]]
    problems: Sequence[str]


def told(sprint: Sprint, ahead: Outlook, closing: Closing) -> Told:
    """The outlook as people read it: an icon, the heart of it, and the rest of the sentence."""
    lines = []
    if ahead.done:
        stay = "stays" if _is_one(ahead.done) else "stay"
        lines.append(("circle-check", _sum(ahead.done), f"{stay} in the sprint as done"))
    back, on = (
        [item for item, fate in ahead.unfinished if fate.kind == kind] for kind in (BACKLOG, NEXT)
    )
    split = [(item, fate) for item, fate in ahead.unfinished if fate.kind == SPLIT]
    if back:
        lines.append(("arrow-bar-to-up", _sum(back), f"{_go(back)} to the top of the backlog"))
    if on:
        where = _named(closing.next_sprint, sprint) if closing.next_sprint else "the next sprint"
        lines.append(("arrow-right", _sum(on), f"{_go(on)} on in {where}"))
    if ahead.loose:
        goes = "goes" if len(ahead.loose) == 1 else "go"
        said = f"of what is done or elsewhere {goes} after it, or to the top of the backlog"
        lines.append(("arrow-bar-to-up", counted(len(ahead.loose), "open task"), said))
    lines += [("arrows-split", item.ref, _split(item, fate)) for item, fate in split]
    return Told(lines, [problem.detail for problem in ahead.problems])


# ------------------------------------------------------------------------------------------------


def _refused(request: ProductRequest, sprint: Sprint) -> HttpResponse | None:
    """To the page that a sprint which does not run has instead."""
    state, name = sprint.backlog.state, sprint.backlog.name
    if state == Backlog.State.CLOSED:
        who = f" by {sprint.closed_by}" if sprint.closed_by else ""
        lost = " Your choices were not used." if request.method == "POST" else ""
        messages.warning(request, f"{name} was closed{who}. This is its report.{lost}")
        return redirect("sprints:report", request.product.key, sprint.pk)
    if state == Backlog.State.PLANNED:
        messages.info(request, f"{name} has not started, so there is nothing to close yet.")
        return redirect("sprints:plan", request.product.key, sprint.pk)
    return None


def _form(request: ProductRequest, sprint: Sprint, data: Any = None) -> ClosingForm:
    sent = data if data is not None else (request.POST if request.method == "POST" else None)
    items, team = with_faces(unfinished_of(sprint)), sprint.backlog.team
    return ClosingForm(items, following_sprints(sprint), team, sent)


def _with_next_planned(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """Plan the team's next sprint, unless there is one, and keep all that was chosen."""
    try:
        following, is_new = plan_following(sprint, actor=request.actor)
    except (DomainError, ValidationError) as error:
        messages.error(request, getattr(error, "message", None) or " ".join(error.messages))  # type: ignore[union-attr]
        return _page(request, sprint, _form(request, sprint))
    if not is_new:
        messages.info(request, f"{following} was planned already; it is chosen now.")
    else:
        messages.success(request, f"{following} is planned; give it a goal before it starts.")
    sent = request.POST.copy()
    sent["next_sprint"] = str(following.pk)
    return _page(request, sprint, _form(request, sprint, sent))


def _page(
    request: ProductRequest, sprint: Sprint, form: ClosingForm, *, status: int = 200
) -> HttpResponse:
    if form.is_bound:
        form.is_valid()
    closing = form.closing
    ahead = look_ahead(sprint, closing)
    tasks = tasks_by_parent(sprint)
    context = {
        **frame(request, sprint, "close"),
        "form": form,
        "rows": [(item, fate, done, tasks.get(item.pk, [])) for item, fate, done in form.rows()],
        "done": [(item, tasks.get(item.pk, [])) for item in with_faces(list(ahead.done))],
        "sum_done": _sum(ahead.done),
        "sum_unfinished": _sum(form.unfinished),
        "standing": ahead.standing,
        "told": told(sprint, ahead, closing),
        "has_next": form.following is not None,
        "may_choose": form.may_choose,
    }
    return render(request, "sprints/close.html", context, status=status)


def _named(following: Sprint, sprint: Sprint) -> str:
    """The sprint that comes next, with its team where that is another."""
    backlog = following.backlog
    is_own = backlog.team_id == sprint.backlog.team_id
    return backlog.name if is_own else f"{backlog.name} of {backlog.team}"


def _sum(items: Sequence[Item]) -> str:
    points = sum((item.points for item in items if item.points is not None), Decimal(0))
    return f"{counted(len(items), 'item')}, {_points(points)}"


def _points(points: Decimal) -> str:
    return f"{points.normalize():f} point{'' if points == 1 else 's'}"


def _is_one(items: Sequence[Item]) -> bool:
    """Whether their sum reads as one: 1 item, 1 point."""
    return len(items) == 1 and items[0].points == 1


def _go(items: Sequence[Item]) -> str:
    return "goes" if _is_one(items) else "go"


def _split(item: Item, fate: Fate) -> str:
    if fate.done_points is None or item.points is None or not 0 < fate.done_points < item.points:
        return "is split: say how many of its points are done, some and not all"
    rest = item.points - fate.done_points
    return (
        f"is done with {_points(fate.done_points)}; the other {rest.normalize():f}"
        f" {'becomes' if rest == 1 else 'become'} a new item at the top of the backlog"
    )
