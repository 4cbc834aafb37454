"""Pages of datasets: the list, registering one, its overview, settings and versions."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, product_page, subject_page
from backlog.forms.refusals import put_errors
from backlog.models import Product
from backlog.queries.offers import offers
from dataquality.forms.datasets import DatasetForm, RegisterForm, VersionForm
from dataquality.models import Dataset, Profile, SourceKind, Trigger
from dataquality.queries.datasets import (
    dataset_page,
    dataset_rows,
    find_dataset,
    find_version,
    open_finding_ids,
)
from dataquality.queries.lineage import dataset_lineage
from dataquality.queries.overviews import overview_of, version_page, version_rows
from dataquality.queries.shared_data import products_to_share_with, shared_rows
from dataquality.services.datasets import register_dataset, update_dataset
from dataquality.services.demo import CLEANED_FILES, cleaned_file_of, use_cleaned_file
from dataquality.services.files import Upload, opened
from dataquality.services.profiles import request_profile
from dataquality.services.runs import request_run
from dataquality.services.values import note_values_opened
from dataquality.services.versions import Delivered, add_version, purge_version, read_again
from dataquality.views.common import holds_values, page_of, sees_values
from mlscrum.lib.errors import DomainError
from mlscrum.web.limits import takes_files


@require_GET
@product_page("dataset.view")
def datasets(request: ProductRequest, product: Product) -> HttpResponse:
    page = dataset_page(product, request.GET.get("page"))
    return render(
        request,
        "dataquality/datasets.html",
        {
            "page": page,
            "rows": dataset_rows(product, list(page)),
            "shared": shared_rows(product),
            "may_register": request.may("dataset.register"),
            "may_report": request.may("finding.report"),
            "sees_connections": request.may("connection.view"),
        },
    )


@takes_files
@product_page("dataset.register")
def dataset_new(request: ProductRequest, product: Product) -> HttpResponse:
    form = RegisterForm(
        request.POST or None,
        request.FILES or None,
        product=product,
        initial={"owner": request.user},
    )
    if request.method == "POST" and form.is_valid():
        try:
            dataset = register_dataset(
                product, form.draft(), form.chosen_source(), actor=request.actor
            )
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field=form.field_of(error))
        else:
            messages.success(request, f"{dataset.name} is registered; its profile is being made.")
            return redirect("dataquality:profile", product.key, dataset.slug)
    status = 422 if form.errors else 200
    return render(request, "dataquality/dataset_new.html", {"form": form}, status=status)


@require_GET
@holds_values
@subject_page("dataset.view", find_dataset)
def dataset(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    values = sees_values(request, dataset)
    overview = overview_of(dataset, with_values=values)
    if overview.last and overview.last.shows_values:
        note_values_opened(dataset, f"run {overview.last.run.pk}", actor=request.actor)
    return render(
        request,
        "dataquality/dataset.html",
        {
            **page_of(request, dataset, "overview"),
            "o": overview,
            "offers": offers(dataset.subject, open_finding_ids(dataset), request.may),
            "lineage": dataset_lineage(dataset),
            "may_depend": request.may("item.edit"),
        },
    )


@subject_page("dataset.edit", find_dataset)
def dataset_settings(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    products = products_to_share_with(dataset, Product.objects.visible_to(request.user))
    form = DatasetForm(request.POST or None, dataset=dataset, products=products)
    if request.method == "POST" and form.is_valid():
        try:
            update_dataset(dataset, actor=request.actor, **form.changes())
        except (DomainError, ValidationError) as error:
            put_errors(form, error, names={"batch": "batch_column"})
        else:
            messages.success(request, "Saved.")
            return redirect("dataquality:dataset", dataset.product.key, dataset.slug)
    return render(
        request,
        "dataquality/dataset_settings.html",
        {**page_of(request, dataset, "settings"), "form": form},
        status=422 if form.errors else 200,
    )


@takes_files
@subject_page("dataset.view", find_dataset, post="dataset.add_version")
def versions(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    form = VersionForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            delivered = add_version(
                dataset,
                Upload.of(form.cleaned_data["file"]),
                actor=request.actor,
                as_of=form.cleaned_data["as_of"],
            )
            return _after_delivery(request, dataset, delivered, run=form.cleaned_data["run"])
        except DomainError as error:
            put_errors(form, error, field="file")
    page = version_page(dataset, request.GET.get("page"))
    return render(
        request,
        "dataquality/versions.html",
        {
            **page_of(request, dataset, "versions"),
            "form": form,
            "page": page,
            "versions": version_rows(list(page)),
            "sees_values": sees_values(request, dataset),
            "can_read_again": dataset.source_kind != SourceKind.UPLOAD,
            "cleaned_file": (cleaned := cleaned_file_of(dataset)),
            "is_last_cleaned": cleaned == CLEANED_FILES[-1],
        },
        status=422 if form.errors else 200,
    )


@require_POST
@subject_page("dataset.add_version", find_dataset)
def version_read_again(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    delivered = read_again(dataset, actor=request.actor)
    return _after_delivery(request, dataset, delivered, run=False)


@require_POST
@subject_page("dataset.add_version", find_dataset)
def version_cleaned(request: ProductRequest, dataset: Dataset) -> HttpResponse:
    """Take a cleaned file of the demo as a version and run the checks on it."""
    name = request.POST.get("file", "")
    delivered = use_cleaned_file(dataset, actor=request.actor, name=name)
    return _after_delivery(
        request, dataset, delivered, run=request.may("run.start", dataset.subject)
    )


@require_POST
@subject_page("dataset.purge", find_dataset)
def version_purge(request: ProductRequest, dataset: Dataset, number: int) -> HttpResponse:
    """Delete the rows of a version for good; its checksum, counts and findings stay."""
    version = purge_version(find_version(dataset, number), actor=request.actor)
    messages.success(request, f"The rows of version {version.number} are gone.")
    return redirect("dataquality:versions", dataset.product.key, dataset.slug)


@require_GET
@holds_values
@subject_page("dataset.view", find_dataset)
def version_file(request: ProductRequest, dataset: Dataset, number: int) -> HttpResponseBase:
    """The file of a version, for members who may see values; who took it is noted."""
    if not sees_values(request, dataset):
        return render(request, "403.html", status=403)
    version = find_version(dataset, number)
    file = opened(version)
    note_values_opened(dataset, f"version {version.number}", actor=request.actor)
    name = f"{dataset.slug}-{version.number}.{dataset.format}"
    answer = FileResponse(file, as_attachment=True, filename=name)
    answer["Content-Type"] = "application/octet-stream"
    return answer


def _after_delivery(
    request: ProductRequest, dataset: Dataset, delivered: Delivered, *, run: bool
) -> HttpResponse:
    number = delivered.version.number
    current = dataset.current_version
    if current and current.file and not Profile.objects.filter(version=current).exists():
        request_profile(dataset, actor=request.actor)
    if delivered.created:
        messages.success(
            request, f"Version {number} is in, with {_counted(delivered.version.rows)}."
        )
    else:
        messages.info(request, f"This is the content of version {number}; nothing new came in.")
    if run and dataset.current_suite_id:
        started = request_run(
            dataset, actor=request.actor, version=delivered.version, trigger=Trigger.UPLOAD
        )
        return redirect("dataquality:run", dataset.product.key, started.pk)
    return redirect("dataquality:versions", dataset.product.key, dataset.slug)


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"
