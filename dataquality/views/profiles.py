"""The profile page: what the data looks like, and the checks that this suggests."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, subject_page
from backlog.queries.terms import terms_of_columns
from dataquality.models import Dataset
from dataquality.queries.datasets import find_dataset, find_version
from dataquality.queries.lineage import column_uses
from dataquality.queries.profiles import profile_of
from dataquality.queries.version_comparisons import comparison_of, versions_to_compare
from dataquality.services.datasets import change_schema
from dataquality.services.profiles import request_profile
from dataquality.services.suites import accept_suggestions
from dataquality.services.values import note_values_opened
from dataquality.views.common import first_message, holds_values, page_of, sees_values
from mlscrum.lib.errors import DomainError
from mlscrum.lib.numbers import whole_number


@require_GET
@holds_values
@subject_page("dataset.view", find_dataset)
def profile(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """The profile of a version, by default of the current one; while it is made the fragment asks
    for itself."""
    values = sees_values(request, dataset)
    number = _number(request, "version")
    version = find_version(dataset, number) if number is not None else None
    page = profile_of(dataset, with_values=values, version=version)
    if values and page.holds_values:
        note_values_opened(dataset, f"profile {page.version}", actor=request.actor)
    is_htmx = bool(request.htmx)  # type: ignore[attr-defined]
    return render(
        request,
        "dataquality/_profile.html" if is_htmx else "dataquality/profile.html",
        {
            **page_of(request, dataset, "profile"),
            "p": page,
            "terms": terms_of_columns(dataset.subject),
            "uses": column_uses(dataset),
        },
    )


@require_GET
@holds_values
@subject_page("dataset.view", find_dataset)
def profile_compare(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Two versions side by side, `from` and `to`."""
    values = sees_values(request, dataset)
    shown: dict[str, object] = {
        **page_of(request, dataset, "profile"),
        "numbers": list(dataset.versions.values_list("number", flat=True).order_by("-number")),
    }
    try:
        before, after = versions_to_compare(
            dataset, _number(request, "from"), _number(request, "to")
        )
    except DomainError as error:
        return render(request, "dataquality/compare.html", {**shown, "problem": error.message})
    found = comparison_of(dataset, before, after, with_values=values)
    if values and found.holds_values:
        what = f"profiles {before.number} and {after.number}"
        note_values_opened(dataset, what, actor=request.actor)
    return render(request, "dataquality/compare.html", {**shown, "c": found})


@require_POST
@subject_page("dataset.edit", find_dataset)
def profile_again(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Make the profile of the `version` that is named anew, or of the current one."""
    number = whole_number(request.POST.get("version", ""), digits=9)
    version = find_version(dataset, number) if number is not None else None
    request_profile(dataset, actor=request.actor, version=version)
    found = redirect("dataquality:profile", dataset.product.key, dataset.slug)
    if version is not None and version.pk != dataset.current_version_id:
        found["Location"] += f"?version={version.number}"
    return found


@require_POST
@subject_page("suite.edit", find_dataset)
def profile_accept(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Add suggestions to the suite: the `only` one whose button was pressed, those whose
    `position` was sent, or all of them."""
    named = request.POST.getlist("only") or request.POST.getlist("position")
    sent = [number for number in map(whole_number, named) if number is not None]
    wants_all = "all" in request.POST
    if not sent and not wants_all:
        messages.error(request, "Choose at least one suggestion.")
        return redirect("dataquality:profile", dataset.product.key, dataset.slug)
    before = len(dataset.current_suite.expectations) if dataset.current_suite else 0
    suite = accept_suggestions(dataset, None if wants_all else sent, actor=request.actor)
    if request.htmx:  # type: ignore[attr-defined]
        return _row_of(request, dataset, sent)
    added = len(suite.expectations) - before
    messages.success(request, "1 check was added." if added == 1 else f"{added} checks were added.")
    return redirect("dataquality:profile", dataset.product.key, dataset.slug)


@require_POST
@subject_page("dataset.edit", find_dataset)
def profile_schema(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Read one column as another type, or some of its words as missing."""
    name = request.POST.get("column", "")
    change: dict[str, object] = {}
    if request.POST.get("type"):
        change["type"] = request.POST["type"]
    if "null_words" in request.POST:
        words = re.split(r"[,\s]+", request.POST["null_words"])
        change["null_words"] = [word for word in words if word]
    try:
        reread = change_schema(dataset, columns={name: change}, actor=request.actor)
    except (DomainError, ValidationError) as error:
        messages.error(request, first_message(error))
    else:
        said = f"{name} is read anew; its profile is being made."
        if reread.checks:
            said += f" Changed with it: {'; '.join(reread.checks)}."
        messages.success(request, said)
    return redirect("dataquality:profile", dataset.product.key, dataset.slug)


def _number(request: ProductRequest, name: str) -> int | None:
    """The number of a version that the address names; else None, or 404 for what is none."""
    text = request.GET.get(name, "")
    number = whole_number(text, digits=9)
    if text and number is None:
        raise Http404(f"There is no version {text[:20]}.")
    return number


def _row_of(request: ProductRequest, dataset: Dataset, positions: Sequence[int]) -> HttpResponse:
    """The rows of suggestions that were just added, without a new page, so that what else was
    chosen stays chosen."""
    page = profile_of(dataset, with_values=sees_values(request, dataset))
    rows = [row for row in page.suggestions if row.position in positions]
    return render(
        request,
        "dataquality/_suggestion_rows.html",
        {**page_of(request, dataset, "profile"), "p": page, "suggestions": rows},
    )
