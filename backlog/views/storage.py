"""The page of what the installation keeps, for its administrators."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import PersonRequest, administrator_page
from backlog.queries.storage import storage
from backlog.services import jobs
from backlog.services.housekeeping import JOB_KIND


@require_GET
@administrator_page
def storage_page(request: PersonRequest) -> HttpResponse:
    return render(request, "backlog/storage.html", {"storage": storage()})


@require_POST
@administrator_page
def prune(request: PersonRequest) -> HttpResponse:
    """Delete what is past its time now, instead of within the hour."""
    jobs.enqueue(None, JOB_KIND)
    messages.success(request, "What is past its time is being deleted. Look again in a minute.")
    return redirect("storage")
