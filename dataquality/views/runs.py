"""Pages of runs: start one, watch it, read what it found, decide on what waits."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, subject_page
from backlog.queries.offers import offers
from dataquality.models import Dataset, Run
from dataquality.queries.comparisons import (
    comparable_runs,
    compare_runs,
    find_comparable,
    run_before,
)
from dataquality.queries.datasets import find_dataset
from dataquality.queries.overviews import run_details, run_rows
from dataquality.queries.runs import batches_seen, effects_of, runs_of
from dataquality.rules.batches import NEWEST
from dataquality.serializers.exports import run_table
from dataquality.services.runs import cancel_run, file_awaiting, request_run, retry_run
from dataquality.services.values import note_values_opened
from dataquality.views.common import holds_values, page_of, run_page, sees_values
from mlscrum.lib.numbers import whole_number
from mlscrum.web.tables import table_answer


@subject_page("dataset.view", find_dataset, post="run.start")
def runs(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """The history of a dataset's runs; POST starts one."""
    if request.method == "POST":
        batch = request.POST.get("batch", "").strip() or NEWEST
        run = request_run(dataset, actor=request.actor, batch=batch)
        return redirect("dataquality:run", dataset.product.key, run.pk)
    return render(
        request,
        "dataquality/runs.html",
        {
            **page_of(request, dataset, "runs"),
            "page": run_rows(dataset, request.GET.get("page")),
            "batches": batches_seen(dataset) if dataset.batch else [],
        },
    )


@require_GET
@subject_page("dataset.view", find_dataset)
def runs_export(request: ProductRequest, dataset: Dataset) -> HttpResponseBase:
    """All runs of a dataset as a file, the newest first: figures, never a row of data."""
    found = runs_of(dataset.product, dataset=dataset).order_by("-pk")
    return table_answer(run_table(dataset.product, found), request.GET.get("format", "csv"))


@require_GET
@holds_values
@subject_page("dataset.view", find_dataset)
def runs_compare(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Two runs side by side: `run` and, before it, `with`; by default the last two."""
    offered = comparable_runs(dataset)
    now = before = None
    wanted = request.GET.get("run")
    if wanted or offered:
        now = find_comparable(dataset, whole_number(wanted)) if wanted else offered[0]
        earlier = request.GET.get("with")
        before = find_comparable(dataset, whole_number(earlier)) if earlier else run_before(now)
    found = None
    if now and before and before.pk > now.pk:
        before, now = now, before  # the earlier one is the earlier one, however they were chosen
    if now and before:
        found = compare_runs(before, now, with_values=sees_values(request, dataset))
        if found.shows_values:
            what = f"runs {before.pk} and {now.pk}"
            note_values_opened(dataset, what, actor=request.actor)
    return render(
        request,
        "dataquality/runs_compare.html",
        {
            **page_of(request, dataset, "runs"),
            "offered": offered, "now": now, "before": before, "c": found,
        },
    )  # fmt: skip


@require_GET
@holds_values
@run_page("dataset.view")
def run(request: ProductRequest, run: Run) -> HttpResponse:
    """The run; while it is under way its fragment asks for itself every second."""
    values = sees_values(request, run.dataset)
    details = run_details(run, with_values=values)
    if details.shows_values:
        note_values_opened(run.dataset, f"run {run.pk}", actor=request.actor)
    template = "dataquality/_run.html" if request.htmx else "dataquality/run.html"  # type: ignore[attr-defined]
    return render(
        request,
        template,
        {
            "run": run,
            **page_of(request, run.dataset, "runs"),
            "d": details,
            "effects": effects_of(run),
            "before": run_before(run) if run.is_finished else None,
            "offers": offers(run.dataset.subject, details.open_findings, request.may),
            "may_decide": request.may("finding.triage", run.dataset.subject),
        },
    )


@require_POST
@run_page("run.start")
def run_cancel(request: ProductRequest, run: Run) -> HttpResponse:
    cancel_run(run, actor=request.actor)
    messages.info(request, f"Run {run.pk} is being cancelled.")
    return redirect("dataquality:run", run.dataset.product.key, run.pk)


@require_POST
@run_page("run.start")
def run_retry(request: ProductRequest, run: Run) -> HttpResponse:
    again = retry_run(run, actor=request.actor)
    return redirect("dataquality:run", run.dataset.product.key, again.pk)


@require_POST
@run_page("finding.triage")
def run_decide(request: ProductRequest, run: Run) -> HttpResponse:
    """File, accept or only watch what a first run found; `check` names results by position."""
    sent = map(whole_number, request.POST.getlist("check"))
    chosen = [number for number in sent if number is not None]
    if not chosen:
        messages.error(request, "Choose at least one finding.")
        return redirect("dataquality:run", run.dataset.product.key, run.pk)
    choice = request.POST.get("choice", "")
    decided = file_awaiting(run, actor=request.actor, choice=choice, checks=chosen)
    messages.success(request, f"Decided on {decided} finding{'' if decided == 1 else 's'}.")
    return redirect("dataquality:run", run.dataset.product.key, run.pk)
