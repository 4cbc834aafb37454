"""Pages of suites: the checks in words, one check as a form, the whole as JSON."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, subject_page
from backlog.services.conversions import PARAMETER, Origin, note_made, origin_of
from dataquality.engine import suites as rules
from dataquality.engine.catalogue import Entry, find
from dataquality.engine.redact import COUNTING
from dataquality.forms.suites import CheckForm, SuiteForm, as_yaml, suite_text, whereabouts
from dataquality.models import Dataset
from dataquality.queries.datasets import find_dataset
from dataquality.queries.evidence import INTO
from dataquality.queries.suites import check_lines, orphaned_findings, type_choices
from dataquality.queries.thresholds import suggested_threshold
from dataquality.services.suites import present_expectations, retire, save_suite
from dataquality.services.values import note_values_opened
from dataquality.views.common import holds_values, page_of, sees_values
from mlscrum.lib.errors import DomainError
from mlscrum.lib.numbers import whole_number

MOST_VERSIONS = 200  # that are offered as a reference


@require_GET
@subject_page("dataset.view", find_dataset)
def suite(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    return render(
        request,
        "dataquality/suite.html",
        {
            **page_of(request, dataset, "suite"),
            "lines": check_lines(dataset),
            "suite": dataset.current_suite,
            "groups": type_choices(),
            "orphans": orphaned_findings(dataset),
            "may_retire": request.may("finding.triage", dataset.subject),
            "origin": _origin(request, dataset),
        },
    )


@require_POST
@subject_page("finding.triage", find_dataset)
def suite_retire(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Mark the chosen findings obsolete, as far as their checks are gone still."""
    chosen = set(request.POST.getlist("finding"))
    orphans = [found for found in orphaned_findings(dataset) if str(found.pk) in chosen]
    retired = retire(dataset, orphans, actor=request.actor)
    what = "1 finding is" if retired == 1 else f"{retired} findings are"
    messages.success(request, f"{what} obsolete.")
    return redirect("dataquality:suite", dataset.product.key, dataset.slug)


@holds_values
@subject_page("suite.edit", find_dataset)
def suite_add(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Add a check of the type that the query names; without one, choose it on the suite's page."""
    wanted = request.GET.get("type", "")
    if not wanted:
        return redirect("dataquality:suite", dataset.product.key, dataset.slug)
    return _check_page(request, dataset, _entry(wanted), len(present_expectations(dataset)))


@holds_values
@subject_page("suite.edit", find_dataset)
def suite_edit(request: ProductRequest, dataset: Dataset, position: int) -> HttpResponse:
    present = _present(dataset, position)[position]
    return _check_page(request, dataset, _entry(present["type"]), position, present)


@require_POST
@subject_page("suite.edit", find_dataset)
def suite_remove(request: ProductRequest, dataset: Dataset, position: int) -> HttpResponse:
    present = _present(dataset, position)
    rest = [*present[:position], *present[position + 1 :]]
    return _replaced(request, dataset, rest, f"Removed: {rules.words(present[position])}.")


@require_POST
@subject_page("suite.edit", find_dataset)
def suite_apart(request: ProductRequest, dataset: Dataset, position: int) -> HttpResponse:
    """Let a check have a finding of its own."""
    present = _present(dataset, position)
    words = rules.words(present[position])
    wanted = rules.kept_apart(present, position)
    return _replaced(
        request, dataset, wanted, f"From the next run on a finding of its own: {words}."
    )


def _replaced(
    request: ProductRequest, dataset: Dataset, wanted: list[dict[str, Any]], said: str
) -> HttpResponse:
    try:
        save_suite(dataset, wanted, actor=request.actor, based_on=_number(request))
    except DomainError as error:
        details = [f"{whereabouts(e.pointer)}: {e.detail}" for e in error.errors]
        messages.error(request, " ".join([error.message, *details]))
    else:
        messages.success(request, said + _about_orphans(dataset))
    return redirect("dataquality:suite", dataset.product.key, dataset.slug)


@subject_page("dataset.view", find_dataset, post="suite.edit")
def suite_json(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """The whole suite as JSON, or YAML where the query says so; saving replaces it."""
    is_yaml = request.GET.get("as") == "yaml"
    written = as_yaml if is_yaml else suite_text
    initial = {
        "suite": written(present_expectations(dataset)),
        "based_on": _suite_number(dataset),
    }
    form = SuiteForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        sent: list[Any] = form.cleaned_data["suite"]
        try:
            saved = save_suite(
                dataset, sent, actor=request.actor, based_on=form.cleaned_data["based_on"]
            )
        except DomainError as error:
            form.put_errors(error.errors)
            if not error.errors:
                form.add_error(None, error.message)
        else:
            said = f"Saved as suite {saved.number}."
            messages.success(request, said + _about_orphans(dataset))
            return redirect("dataquality:suite", dataset.product.key, dataset.slug)
    return render(
        request,
        "dataquality/suite_json.html",
        {
            **page_of(request, dataset, "suite"),
            "form": form,
            "is_yaml": is_yaml,
        },
        status=422 if form.errors else 200,
    )


def _check_page(
    request: ProductRequest,
    dataset: Dataset,
    entry: Entry,
    position: int,
    present: dict[str, Any] | None = None,
) -> HttpResponse:
    suggested = None
    if present is not None:
        values = sees_values(request, dataset)
        suggested = suggested_threshold(dataset, present, position, with_values=values)
        if suggested is not None and values and not COUNTING.search(entry.type):
            note_values_opened(dataset, f"limits of check {position + 1}", actor=request.actor)
    takes_it = suggested is not None and request.method == "GET" and "history" in request.GET
    form = CheckForm(
        request.POST or None,
        proposed=suggested.kwargs if suggested is not None and takes_it else None,
        entry=entry,
        schema=dataset.schema,
        present=present,
        based_on=_suite_number(dataset),
        versions=list(dataset.versions.values_list("number", flat=True)[:MOST_VERSIONS]),
    )
    if request.method == "POST" and form.is_valid() and _saved(request, dataset, form, position):
        return redirect("dataquality:suite", dataset.product.key, dataset.slug)
    return render(
        request,
        "dataquality/suite_check.html",
        {
            **page_of(request, dataset, "suite"),
            "form": form,
            "entry": entry,
            "position": position,
            "is_new": present is None,
            "suggested": suggested,
            "takes_it": takes_it,
            "origin": _origin(request, dataset) if present is None else None,
        },
        status=422 if form.errors else 200,
    )


def _saved(request: ProductRequest, dataset: Dataset, form: CheckForm, position: int) -> bool:
    """Whether the suite with this check in its place was saved; else the form says why not."""
    wanted = rules.with_types(form.expectation(), dataset.schema)
    whole = present_expectations(dataset)
    whole[position : position + 1] = [wanted]
    try:
        save_suite(dataset, whole, actor=request.actor, based_on=form.cleaned_data["based_on"])
    except DomainError as error:
        form.put_errors(error.errors, position)
        if not error.errors:
            form.add_error(None, error.message)
        return False
    words = rules.words(wanted)
    origin = _origin(request, dataset)
    if origin is not None and position == len(whole) - 1:
        url = reverse("dataquality:suite", args=[dataset.product.key, dataset.slug])
        made = {"words": f"{dataset.name}: {words}", "url": url}
        note_made(dataset.product, origin, INTO, made, actor=request.actor)
    messages.success(request, f"Saved: {words}." + _about_orphans(dataset))
    return True


def _origin(request: ProductRequest, dataset: Dataset) -> Origin | None:
    """The words that the address says a check is to be made of."""
    asked = whole_number(request.GET.get(PARAMETER, ""))
    return origin_of(dataset.product, asked) if asked is not None else None


def _about_orphans(dataset: Dataset) -> str:
    """What saving has left behind, where it left anything."""
    titles = [finding.title for finding in orphaned_findings(dataset)]
    if not titles:
        return ""
    return f" Decide on the findings whose checks are gone: {'; '.join(titles[:5])}."


def _present(dataset: Dataset, position: int) -> list[dict[str, Any]]:
    present = present_expectations(dataset)
    if position >= len(present):
        raise Http404(f"There is no check {position + 1}.")
    return present


def _entry(kind: str) -> Entry:
    entry = find(kind)
    if entry is None or not entry.on_files:
        raise Http404("There is no such expectation for files.")
    return entry


def _suite_number(dataset: Dataset) -> int:
    return dataset.current_suite.number if dataset.current_suite else 0


def _number(request: ProductRequest) -> int | None:
    return whole_number(request.POST.get("based_on", ""))
