"""The past of a suite: what each version changed, approval, an old one brought back, copies."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, subject_page
from dataquality.engine.suite_changes import compare
from dataquality.forms.suites import CopyChecksForm, as_yaml, suite_text
from dataquality.models import Dataset
from dataquality.queries.datasets import find_dataset
from dataquality.queries.suites import check_lines, find_suite, suite_history
from dataquality.services.suites import Copied, approve_suite, bring_back, copy_checks
from dataquality.views.common import page_of
from mlscrum.lib.errors import DomainError
from mlscrum.lib.numbers import whole_number

FILES = {"json": (suite_text, "application/json"), "yaml": (as_yaml, "application/yaml")}


@require_GET
@subject_page("dataset.view", find_dataset)
def history(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Every version with what it changed; with `from`, two of them against each other."""
    lines = suite_history(dataset)
    start, end = (whole_number(request.GET.get(name, "")) for name in ("from", "to"))
    older = find_suite(dataset, start) if start is not None else None
    newer = find_suite(dataset, end) if end is not None else dataset.current_suite
    changes = None
    if older is not None and newer is not None:
        changes = compare(older.expectations, newer.expectations)
    return render(
        request,
        "dataquality/suite_history.html",
        {
            **page_of(request, dataset, "suite"),
            "lines": lines,
            "older": older,
            "newer": newer,
            "changes": changes,
            "may_approve": request.may("suite.approve", dataset.subject),
            "reader": request.user,
        },
    )


@require_POST
@subject_page("suite.approve", find_dataset)
def suite_approve(request: ProductRequest, dataset: Dataset, number: int) -> HttpResponse:
    try:
        approve_suite(find_suite(dataset, number), actor=request.actor)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"Suite {number} is approved.")
    return redirect("dataquality:suite-history", dataset.product.key, dataset.slug)


@require_POST
@subject_page("suite.edit", find_dataset)
def suite_bring_back(request: ProductRequest, dataset: Dataset, number: int) -> HttpResponse:
    try:
        shown = whole_number(request.GET.get("based_on", ""))
        saved = bring_back(find_suite(dataset, number), actor=request.actor, based_on=shown)
    except DomainError as error:
        details = [e.detail for e in error.errors[:3]]
        messages.error(request, " ".join([error.message, *details]))
    else:
        messages.success(request, f"The checks of suite {number} are suite {saved.number} now.")
    return redirect("dataquality:suite-history", dataset.product.key, dataset.slug)


@require_GET
@subject_page("dataset.view", find_dataset)
def suite_file(request: ProductRequest, dataset: Dataset, form: str) -> HttpResponse:
    """The suite in force as a file, as Great Expectations and the editor read it."""
    text, kind = FILES[form]
    suite = dataset.current_suite
    name = f"{slugify(dataset.name) or 'suite'}-suite-{suite.number if suite else 0}.{form}"
    return HttpResponse(
        text(suite.expectations if suite else []),
        content_type=f"{kind}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@subject_page("dataset.view", find_dataset)
def suite_copy(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Choose checks, and another dataset of the product that takes them."""
    others = [
        other
        for other in Dataset.objects.of(dataset.product).exclude(pk=dataset.pk)
        if request.may("suite.edit", other.subject)
    ]
    form = CopyChecksForm(request.POST or None, lines=check_lines(dataset), targets=others)
    if request.method == "POST" and form.is_valid():
        target = find_dataset(dataset.product, form.cleaned_data["target"])
        try:
            copied = copy_checks(dataset, target, form.cleaned_data["checks"], actor=request.actor)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            tell_of_copies(request, target, copied)
            return redirect("dataquality:suite", dataset.product.key, target.slug)
    return render(
        request,
        "dataquality/suite_copy.html",
        {**page_of(request, dataset, "suite"), "form": form, "others": others},
        status=422 if form.errors else 200,
    )


def tell_of_copies(
    request: ProductRequest, target: Dataset, copied: Copied, *, done: str = "copied"
) -> None:
    """Say what was copied, or otherwise `done`, and why the rest was not."""
    number = len(copied.copied)
    if number:
        checks = "1 check was" if number == 1 else f"{number} checks were"
        messages.success(request, f"{checks} {done} to {target.name}.")
    if copied.known:
        messages.info(request, f"{len(copied.known)} stood there already.")
    for words, why in copied.unfit[:5]:
        messages.warning(request, f"Not {done}: {words}. {why}")
    if len(copied.unfit) > 5:
        messages.warning(request, f"{len(copied.unfit) - 5} more do not fit its columns.")
