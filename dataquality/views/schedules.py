"""The page of a dataset's schedule."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from backlog.access.pages import ProductRequest, subject_page
from backlog.forms.refusals import put_errors
from dataquality.forms.schedules import ScheduleForm
from dataquality.models import Dataset
from dataquality.queries.datasets import find_dataset
from dataquality.queries.schedules import schedule_page
from dataquality.services.schedules import remove_schedule, set_schedule
from dataquality.views.common import page_of


@subject_page("dataset.view", find_dataset, post="dataset.edit")
def schedule(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """When it is checked by itself, and what became of those times; POST sets it."""
    form = ScheduleForm(request.POST or None, dataset=dataset)
    if request.method == "POST" and form.is_valid():
        try:
            kept = set_schedule(dataset, form.draft(), actor=request.actor)
        except ValidationError as error:
            put_errors(form, error)
        else:
            rest = "; it is paused." if kept.is_paused else "."
            messages.success(request, f"Checked by itself: {kept.words}, {kept.zone}{rest}")
            return redirect("dataquality:schedule", dataset.product.key, dataset.slug)
    return render(
        request,
        "dataquality/schedule.html",
        {**page_of(request, dataset, "schedule"), "form": form, "s": schedule_page(dataset)},
        status=422 if form.errors else 200,
    )


@require_POST
@subject_page("dataset.edit", find_dataset)
def schedule_remove(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    remove_schedule(dataset, actor=request.actor)
    messages.success(request, f"{dataset.name} has no schedule any more.")
    return redirect("dataquality:schedule", dataset.product.key, dataset.slug)
