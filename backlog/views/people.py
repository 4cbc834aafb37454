"""The page of the installation's people, for its administrators."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import PersonRequest, administrator_page
from backlog.queries.accounts import accounts, find_account
from backlog.services.accounts import set_active, set_administrator

ON_A_PAGE = 100


@require_GET
@administrator_page
def people(request: PersonRequest) -> HttpResponse:
    page = Paginator(accounts(), ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "backlog/people.html", {"page": page})


@require_POST
@administrator_page
def person_administers(request: PersonRequest, user_id: int) -> HttpResponse:
    """POST `yes=1` makes the person an administrator, without it no longer one."""
    administers = bool(request.POST.get("yes"))
    person = set_administrator(find_account(user_id), administers=administers)
    now = "is an administrator now" if administers else "is no administrator any more"
    messages.success(request, f"{person} {now}.")
    return redirect("people" if person != request.user or administers else "home")


@require_POST
@administrator_page
def person_active(request: PersonRequest, user_id: int) -> HttpResponse:
    """POST `yes=1` opens the person's account, without it closes it."""
    active = bool(request.POST.get("yes"))
    person = set_active(find_account(user_id), active=active)
    messages.success(request, f"The account of {person} is {'open' if active else 'closed'} now.")
    return redirect("people" if person != request.user else "home")
