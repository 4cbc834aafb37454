"""Personal data of one dataset: who opened values, and a key that is to be forgotten."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render

from backlog.access.pages import ProductRequest, subject_page
from dataquality.forms.personal import ForgetKeyForm
from dataquality.models import Dataset
from dataquality.queries.datasets import find_dataset
from dataquality.queries.personal import openings_of, versions_with_rows
from dataquality.services.forgetting import Forgotten, forget_key
from dataquality.views.common import page_of
from mlscrum.lib.errors import DomainError

A_PAGE = 50


@subject_page("dataset.purge", find_dataset)
def personal_data(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    form = ForgetKeyForm(request.POST or None, dataset=dataset)
    if request.method == "POST" and form.is_valid():
        try:
            gone = forget_key(dataset, **form.cleaned_data, actor=request.actor)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _said(gone))
            return redirect("dataquality:personal-data", dataset.product.key, dataset.slug)
    openings = Paginator(openings_of(dataset), A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "dataquality/personal_data.html",
        {
            **page_of(request, dataset, "settings"),
            "form": form,
            "page": openings,
            "kept": versions_with_rows(dataset).count(),
        },
        status=422 if form.errors else 200,
    )


def _said(gone: Forgotten) -> str:
    """What went, in words."""
    if not (gone.rows or gone.values or gone.columns):
        return "Nothing that runs and profiles have kept bears this key."
    counts = ((gone.rows, "kept row"), (gone.values, "observed value"), (gone.columns, "profile"))
    parts = [f"{number:,} {what}{'' if number == 1 else 's'}" for number, what in counts if number]
    return f"Forgotten in {', '.join(parts)}."
