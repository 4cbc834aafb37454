"""The page of a dataset's history."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from backlog.access.pages import ProductRequest, subject_page
from dataquality.models import Dataset
from dataquality.queries.datasets import find_dataset
from dataquality.queries.history import charts_of, history_of
from dataquality.services.values import note_values_opened
from dataquality.views.common import holds_values, page_of, sees_values


@require_GET
@holds_values
@subject_page("dataset.view", find_dataset)
def history(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Health, rows and one check over the last runs; `check` chooses which."""
    found = history_of(dataset, with_values=sees_values(request, dataset))
    wanted = request.GET.get("check")
    chosen = next((check for check in found.checks if check.key == wanted), None)
    check = chosen or (found.checks[0] if found.checks else None)
    charts = charts_of(found, check)
    if check is not None and check.holds_values:
        note_values_opened(dataset, "history", actor=request.actor)
    return render(
        request,
        "dataquality/history.html",
        {
            **page_of(request, dataset, "history"),
            "history": found,
            "check": check,
            "charts": charts,
        },
    )
