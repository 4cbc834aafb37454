"""Pages of teams: all of them, one, and when it works."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.refusals import put_errors
from backlog.models import Backlog, Product, Team
from backlog.queries.resources import find_team
from backlog.services.teams import create_team, delete_team, update_team
from backlog.views.tabs import settings_page
from mlscrum.lib import clock
from mlscrum.lib.errors import DomainError
from sprints.forms.teams import CalendarForm, TeamForm
from sprints.queries.calendars import calendar_of, next_holidays
from sprints.queries.planning import team_rows
from sprints.services.calendars import set_calendar

EDITS = "team.edit"
TAB = "teams"
HOLIDAYS = 6


@product_page("member.view", post=EDITS)
def teams(request: ProductRequest, product: Product) -> HttpResponse:
    """The teams, who is in them and how they work; POST makes one."""
    data = request.POST if request.method == "POST" else None
    form = TeamForm(product, data)
    if data is not None and form.is_valid():
        try:
            team = create_team(product, actor=request.actor, **form.cleaned_data)
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            messages.success(request, f"The team {team.name} is there. Say when it works.")
            return redirect("sprints:team", product.key, team.pk)
    context = {"teams": team_rows(product), "form": form}
    return _page(request, "sprints/teams.html", context, 422 if form.errors else 200)


@product_page("member.view", post=EDITS)
def team(request: ProductRequest, product: Product, team_id: int) -> HttpResponse:
    """One team: its name and members; its calendar stands below."""
    found = find_team(product, team_id)
    form = TeamForm.of(found, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            update_team(found, actor=request.actor, **form.cleaned_data)
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
            found = find_team(product, team_id)
        else:
            messages.success(request, f"The team {found.name} is saved.")
            return redirect("sprints:team", product.key, found.pk)
    return _team_page(request, found, form, CalendarForm.of(calendar_of(found)))


@require_POST
@product_page(EDITS)
def team_calendar(request: ProductRequest, product: Product, team_id: int) -> HttpResponse:
    """Say when a team works."""
    found = find_team(product, team_id)
    form = CalendarForm.of(calendar_of(found), request.POST)
    if form.is_valid():
        try:
            set_calendar(found, actor=request.actor, **form.cleaned_data)
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            messages.success(request, f"The calendar of {found.name} is saved.")
            return redirect("sprints:team", product.key, found.pk)
    return _team_page(request, found, TeamForm.of(found), form)


@require_POST
@product_page(EDITS)
def team_delete(request: ProductRequest, product: Product, team_id: int) -> HttpResponse:
    """Let a team go that never sprinted."""
    found = find_team(product, team_id)
    try:
        delete_team(found, actor=request.actor)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("sprints:team", product.key, team_id)
    messages.success(request, f"The team {found.name} is let go.")
    return redirect("sprints:teams", product.key)


def _team_page(
    request: ProductRequest, team: Team, form: TeamForm, working: CalendarForm
) -> HttpResponse:
    calendar = calendar_of(team)
    sprinted = Backlog.objects.filter(team=team).exists()
    is_last = request.product.teams.count() == 1
    may_edit = request.may(EDITS)
    if not may_edit:
        for field in (*form.fields.values(), *working.fields.values()):
            field.disabled = True
    today = clock.now().astimezone(calendar.tzinfo).date()
    context: dict[str, Any] = {
        "team": team,
        "form": form,
        "calendar_form": working,
        "holidays": next_holidays(calendar, today, HOLIDAYS),
        "may_delete": may_edit and not is_last and not sprinted,
        "why_kept": "A product keeps a team; rename this one instead."
        if is_last
        else f"{team.name} has sprints, whose history stays; rename the team instead.",
    }
    return _page(
        request, "sprints/team.html", context, 422 if form.errors or working.errors else 200
    )


def _page(
    request: ProductRequest, template: str, context: dict[str, Any], status: int
) -> HttpResponse:
    return settings_page(request, TAB, template, context, edits=EDITS, status=status)
