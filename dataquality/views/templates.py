"""Pages of templates of suites: choose one, its columns, look at what it would do, take it."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, subject_page
from backlog.forms.refusals import put_errors
from dataquality.forms.templates import ColumnsForm, SaveTemplateForm
from dataquality.models import Dataset
from dataquality.queries.datasets import find_dataset
from dataquality.queries.suites import check_lines
from dataquality.queries.templates import find_own_template, find_template, templates_of
from dataquality.services.templates import (
    apply_template,
    preview_template,
    remove_template,
    save_template,
)
from dataquality.views.common import page_of
from dataquality.views.suite_history import tell_of_copies
from mlscrum.lib.errors import DomainError


@require_GET
@subject_page("suite.edit", find_dataset)
def suite_templates(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    return render(
        request,
        "dataquality/suite_templates.html",
        {**page_of(request, dataset, "suite"), "templates": templates_of(dataset.product)},
    )


@subject_page("suite.edit", find_dataset)
def suite_template(request: ProductRequest, dataset: Dataset, template: str) -> HttpResponse:
    """Choose columns; `preview` in the address shows what the template would add, POST adds it."""
    found = find_template(dataset.product, template)
    sent = request.POST or (request.GET if "preview" in request.GET else None)
    form = ColumnsForm(sent, template=found, dataset=dataset)
    preview = None
    if sent and form.is_valid():
        try:
            if request.method == "POST":
                copied = apply_template(dataset, found, form.chosen(), actor=request.actor)
                tell_of_copies(request, dataset, copied, done="added")
                return redirect("dataquality:suite", dataset.product.key, dataset.slug)
            preview = preview_template(dataset, found, form.chosen())
        except DomainError as error:
            form.add_error(None, error.message)
    return render(
        request,
        "dataquality/suite_template.html",
        {
            **page_of(request, dataset, "suite"),
            "template": found,
            "form": form,
            "preview": preview,
            "chosen": form.chosen() if preview else {},
        },
        status=422 if form.errors else 200,
    )


@subject_page("suite.edit", find_dataset)
def suite_as_template(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Keep checks of the suite as a template of the product."""
    form = SaveTemplateForm(request.POST or None, lines=check_lines(dataset))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            saved = save_template(
                dataset, given["name"], given["checks"], actor=request.actor, about=given["about"]
            )
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            messages.success(request, f"{saved.name} is a template now.")
            return redirect("dataquality:suite-templates", dataset.product.key, dataset.slug)
    return render(
        request,
        "dataquality/suite_as_template.html",
        {**page_of(request, dataset, "suite"), "form": form},
        status=422 if form.errors else 200,
    )


@require_POST
@subject_page("suite.edit", find_dataset)
def suite_template_remove(request: ProductRequest, dataset: Dataset, template: str) -> HttpResponse:
    found = find_own_template(dataset.product, template)
    remove_template(found, actor=request.actor)
    messages.success(request, f"The template {found.name} is gone.")
    return redirect("dataquality:suite-templates", dataset.product.key, dataset.slug)
