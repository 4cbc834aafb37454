"""The page of a dataset's history."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from backlog.access.pages import ProductRequest, subject_page
from backlog.queries.charts import Chart
from dataquality.models import Dataset
from dataquality.queries.datasets import find_dataset
from dataquality.queries.history import (
    OF_A_CHECK,
    CheckHistory,
    History,
    charts_of,
    history_of,
)
from dataquality.services.values import note_values_opened
from dataquality.views.common import holds_values, page_of, sees_values
from mlscrum.web.downloads import csv_answer


@require_GET
@holds_values
@subject_page("dataset.view", find_dataset)
def history(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Health, rows and one check over the last runs; `check` chooses which."""
    found, check, charts = _charts(request, dataset)
    if check is not None and check.holds_values:
        note_values_opened(dataset, "history", actor=request.actor)
    query = f"?{urlencode({'check': check.key})}" if check is not None else ""
    return render(
        request,
        "dataquality/history.html",
        {
            **page_of(request, dataset, "history"),
            "history": found,
            "check": check,
            "charts": [(chart, _numbers(dataset, chart.name, query)) for chart in charts],
        },
    )


@require_GET
@holds_values
@subject_page("dataset.view", find_dataset)
def history_numbers(request: ProductRequest, dataset: Dataset, chart: str) -> HttpResponse:
    """The numbers of one chart as a file."""
    _, check, charts = _charts(request, dataset)
    found = next((one for one in charts if one.name == chart), None)
    if found is None:
        raise Http404(f"There is no chart {chart}.")
    if chart == OF_A_CHECK and check is not None and check.holds_values:
        note_values_opened(dataset, "history", actor=request.actor)
    return csv_answer(f"{dataset.slug}-{chart}", found.lines)


def _charts(
    request: ProductRequest, dataset: Dataset
) -> tuple[History, CheckHistory | None, list[Chart]]:
    """The history as this reader may see it, the check that the address names, else the first, and
    the charts of both."""
    found = history_of(dataset, with_values=sees_values(request, dataset))
    wanted = request.GET.get("check")
    named = next((check for check in found.checks if check.key == wanted), None)
    check = named or (found.checks[0] if found.checks else None)
    return found, check, charts_of(found, check)


def _numbers(dataset: Dataset, chart: str, query: str) -> str:
    address = reverse(
        "dataquality:history-numbers", args=[dataset.product.key, dataset.slug, chart]
    )
    return address + (query if chart == OF_A_CHECK else "")
