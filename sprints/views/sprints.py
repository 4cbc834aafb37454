"""The sprints of a product: all of them, a new one, and what is done to one before it closes."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.refusals import put_errors
from backlog.models import Backlog, Product, Team, User
from backlog.views.answers import counted
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.lib.numbers import whole_number
from mlscrum.web.tables import table_answer
from sprints.forms.sprints import CancelForm, NewSprintForm, SharesForm, SprintForm, StartForm
from sprints.models import Ceremony, Sprint
from sprints.queries.ceremonies import ceremonies_gone_with
from sprints.queries.planning import open_sprints, plan_of, working_days_of
from sprints.queries.sprints import sprints_of
from sprints.serializers.exports import sprint_table
from sprints.services.sprints import (
    cancel_sprint,
    create_sprint,
    delete_sprint,
    start_sprint,
    update_sprint,
)
from sprints.views.common import at_days, frame, sprint_page

PAGE_OF = {
    Backlog.State.PLANNED: "sprints:plan",
    Backlog.State.ACTIVE: "sprints:board",
    Backlog.State.CLOSED: "sprints:report",
}
PAST = 20


@require_GET
@product_page("sprint.view")
def sprints(request: ProductRequest, product: Product) -> HttpResponse:
    """Those that run, those planned, and the past."""
    found = open_sprints(product)
    past = Paginator(sprints_of(product, state=Backlog.State.CLOSED), PAST)
    context = {
        "product": product,
        "running": [one for one in found if one.is_running],
        "planned": [one for one in found if not one.is_running],
        "page": past.get_page(request.GET.get("page")),
        "has_teams": product.teams.count() > 1,
        "may_run": request.may("sprint.run"),
        "may_start": request.may("sprint.run"),
    }
    return render(request, "sprints/sprints.html", context)


@require_GET
@product_page("sprint.view")
def sprints_export(request: ProductRequest, product: Product) -> HttpResponseBase:
    """All sprints with their figures as a file, the newest first."""
    found = sprints_of(product).order_by("-backlog__starts_on", "-pk")
    return table_answer(sprint_table(product, found), request.GET.get("format", "csv"))


@require_GET
@sprint_page("sprint.view")
def sprint(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """The page of a sprint that its state asks for: its plan, its board, or its report."""
    page = PAGE_OF[Backlog.State(sprint.backlog.state)]
    return redirect(page, request.product.key, sprint.pk)


@product_page("sprint.run")
def sprint_new(request: ProductRequest, product: Product) -> HttpResponse:
    """Plan a sprint: the team's cadence proposes its name and days."""
    team = _team(product, request.GET.get("team", ""))
    data = request.POST if request.method == "POST" else None
    form = NewSprintForm(product, data, team=team)
    if data is not None and form.is_valid():
        fields = form.service_fields()
        try:
            made = create_sprint(fields.pop("team"), actor=request.actor, **fields)
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field=at_days(error))
        else:
            messages.success(request, f"{made} is planned. Bring items into it.")
            return redirect("sprints:plan", product.key, made.pk)
    context = {"product": product, "form": form, "team": team, "teams": product.teams.all()}
    status = 422 if form.errors else 200
    return render(request, "sprints/sprint_new.html", context, status=status)


@sprint_page("sprint.run")
def sprint_edit(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """The name, days, goal, kind and capacity of a sprint that is not closed."""
    if sprint.backlog.state == Backlog.State.CLOSED:
        return _is_closed(request, sprint)
    form = SprintForm.of(sprint, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            update_sprint(sprint, actor=request.actor, **form.changes())
        except Conflict as error:
            form.put_conflicts(error)
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field=at_days(error))
        else:
            messages.success(request, f"{form.cleaned_data['name']} is saved.")
            return redirect("sprints:plan", request.product.key, sprint.pk)
    context = {**frame(request, sprint, "edit"), "form": form}
    if sprint.backlog.state == Backlog.State.PLANNED:
        # What people wrote for its days would go with it: such a plan is cancelled.
        context["has_notes"] = has_notes = sprint.daily_notes.exists()
        context["may_delete"] = not has_notes
        context["may_cancel"] = has_notes and request.may("sprint.cancel")
        context["delete_question"] = _delete_question(sprint)
    status = (409 if form.is_stale else 422) if form.errors else 200
    return render(request, "sprints/sprint_edit.html", context, status=status)


@require_POST
@sprint_page("sprint.run")
def sprint_delete(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """Throw a planned sprint away."""
    try:
        stay = delete_sprint(sprint, actor=request.actor)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("sprints:sprint", request.product.key, sprint.pk)
    messages.success(request, f"{sprint} is deleted; its items are back in the backlog.")
    if written := [one for one in stay if one.state == Ceremony.State.PLANNED]:
        verb, them = ("stays", "it") if len(written) == 1 else ("stay", "them")
        what = counted(len(written), "ceremony", "ceremonies")
        why = f"{verb}, for something is written in {them}"
        messages.info(
            request, f"{what} {why}: find {them} in Ceremonies, and open and close {them}."
        )
    return redirect("sprints:sprints", request.product.key)


@sprint_page("sprint.cancel")
def sprint_cancel(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """End a sprint whose goal has become pointless, with the reason."""
    if sprint.backlog.state == Backlog.State.CLOSED:
        return _is_closed(request, sprint)
    form = CancelForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            cancel_sprint(sprint, actor=request.actor, reason=form.cleaned_data["reason"])
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            messages.success(request, f"{sprint} is cancelled; what was open is in the backlog.")
            return redirect("sprints:sprints", request.product.key)
    context = {**frame(request, sprint, "cancel"), "form": form, "plan": plan_of(sprint)}
    status = 422 if form.errors else 200
    return render(request, "sprints/sprint_cancel.html", context, status=status)


@sprint_page("sprint.run")
def sprint_start(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """What the team would commit to, and the goal; POST starts the sprint."""
    if sprint.backlog.state != Backlog.State.PLANNED:
        messages.info(request, f"{sprint} has started already.")
        return redirect("sprints:sprint", request.product.key, sprint.pk)
    data = request.POST if request.method == "POST" else None
    form = StartForm(data, initial={"goal": sprint.goal})
    if data is not None and form.is_valid():
        try:
            start_sprint(sprint, actor=request.actor, goal=form.cleaned_data["goal"])
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            messages.success(request, f"{sprint} runs. Good luck with it.")
            return redirect("sprints:board", request.product.key, sprint.pk)
    running = sprints_of(request.product).filter(
        backlog__team=sprint.backlog.team, backlog__state=Backlog.State.ACTIVE
    )
    context = {
        **frame(request, sprint, "start"),
        "form": form,
        "plan": plan_of(sprint),
        "running": running.first(),
    }
    status = 422 if form.errors else 200
    return render(request, "sprints/sprint_start.html", context, status=status)


@sprint_page("sprint.view", post="sprint.run")
def sprint_capacity(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """What each member can give: points, GPU-hours, less on the days off."""
    product = request.product
    given = {share.user_id: share for share in sprint.shares.all()}
    team = sprint.backlog.team
    in_team = set(team.members.values_list("user_id", flat=True)) if team else set()
    members = list(User.objects.filter(memberships__product=product).order_by("name"))
    members.sort(key=lambda person: person.pk not in in_team)  # the team first, each by name
    data = request.POST if request.method == "POST" else None
    form = SharesForm(members, working_days_of(sprint), data, given=given)
    if data is not None and form.is_valid():
        try:
            update_sprint(sprint, actor=request.actor, share_edits=form.edits())
        except Conflict as error:
            form.put_conflicts(error)
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            messages.success(request, "What each can give is saved.")
            return redirect("sprints:plan", product.key, sprint.pk)
    context = {**frame(request, sprint, "capacity"), "form": form, "in_team": in_team}
    if not context["may_change"]:
        for field in form.fields.values():
            field.disabled = True
    status = (409 if form.is_stale else 422) if form.errors else 200
    return render(request, "sprints/sprint_capacity.html", context, status=status)


def _delete_question(sprint: Sprint) -> str:
    """What becomes of what a planned sprint holds, before it is thrown away."""
    count = sprint.backlog.items.alive().count()
    said = [
        f"{counted(count, 'item')} {'goes' if count == 1 else 'go'} back to the top of the backlog."
        if count
        else "Nothing is in it."
    ]
    going = ceremonies_gone_with(sprint).count()
    stay = sprint.ceremonies.filter(state=Ceremony.State.PLANNED).count() - going
    if going:
        verb = "goes" if going == 1 else "go"
        said.append(f"{counted(going, 'ceremony', 'ceremonies')} {verb} with it")
    if stay:
        verb = "stays" if stay == 1 else "stay"
        said.append(f"{stay} in which something is written {verb}, without a sprint")
    return said[0] + (f" {'; '.join(said[1:])}." if said[1:] else "")


def _is_closed(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    messages.info(request, f"{sprint} is closed; its past stays as it is.")
    return redirect("sprints:report", request.product.key, sprint.pk)


def _team(product: Product, wanted: str) -> Team:
    teams: Any = product.teams
    number = whole_number(wanted, digits=12)
    team = teams.filter(pk=number).first() if number is not None else None
    found: Team | None = team or teams.first()
    assert found is not None, "every product is born with a team"
    return found
