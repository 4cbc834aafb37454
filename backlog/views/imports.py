"""Pages of imports: the list, one on its way from the file to the report."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.imports import MappingForm, ReadingForm, UploadForm
from backlog.forms.refusals import put_errors
from backlog.importers.formats import FORMATS
from backlog.models import Import, Product, User
from backlog.queries.imports import (
    LEVELS,
    OUTCOMES,
    ImportCounts,
    counts_of,
    find_import,
    import_page,
    import_rows,
    lines_of,
    lines_page,
    said_of_file,
)
from backlog.services.attachments import Incoming
from backlog.services.import_reverts import request_revert
from backlog.services.imports import (
    cancel_import,
    discard_import,
    map_import,
    read_otherwise,
    receive,
    request_check,
    request_import,
)
from mlscrum.lib.errors import DomainError
from mlscrum.lib.spreadsheets import no_formula
from mlscrum.web.limits import takes_files

State = Import.State


@takes_files
@product_page("item.view", post="import.run")
def imports(request: ProductRequest, product: Product) -> HttpResponse:
    """The files that came in; POST takes in another."""
    is_sent = request.method == "POST"
    form = UploadForm(request.POST, request.FILES) if is_sent else UploadForm()
    if is_sent and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            imported = receive(
                product,
                Incoming(file.name, file.chunks()),
                actor=request.actor,
                file_format=form.cleaned_data["file_format"],
            )
        except DomainError as error:
            put_errors(form, error, field="file")
        else:
            return redirect("backlog:import", product.key, imported.pk)
    page = import_page(product, request.GET.get("page"))
    return render(
        request,
        "backlog/imports.html",
        {
            **_shell(request),
            "form": form,
            "page": page,
            "rows": import_rows(list(page)),
            "limit_mb": settings.IMPORT_LIMIT_MB,
        },
        status=422 if form.errors else 200,
    )


@product_page("item.view", post="import.run")
def one_import(request: ProductRequest, product: Product, import_id: int) -> HttpResponse:
    """One import: its mapping, its dry run, its progress or its report. POST maps it and asks
    for the dry run; while a job is under way its fragment asks for itself."""
    imported = find_import(product, import_id)
    form = None
    if request.method == "POST":
        form = _mapping_form(imported, request.POST)
        if form.is_valid():
            try:
                has_new_words = map_import(imported, form.mapping(), actor=request.actor)
                if has_new_words:
                    messages.info(
                        request, "These columns brought new words: look at how they are matched."
                    )
                    return redirect("backlog:import", product.key, imported.pk)
                request_check(imported, actor=request.actor)
                return redirect("backlog:import", product.key, imported.pk)
            except DomainError as error:
                _put_faults(form, error)
    elif _is_mapped_now(request, imported):
        form = _mapping_form(imported)
    show = request.GET.get("show", "")
    counts = counts_of(imported)
    context = {
        **_shell(request),
        "imported": imported,
        "job": imported.present_job,
        "form": form,
        "reading": ReadingForm(
            initial={name: imported.mapping.get(key) for name, key in
                     (("file_format", "format"), ("delimiter", "delimiter"))}
        ),
        "format": FORMATS[imported.mapping["format"]].name,
        "counts": counts,
        "chips": _chips(counts),
        "show": show,
        "page": None if form else lines_page(imported, show, request.GET.get("page")),
        "of_file": [] if form else said_of_file(imported),
        "may_revert": request.may("import.run") and imported.has_ended and counts.rows,
    }  # fmt: skip
    template = "backlog/_import.html" if request.htmx else "backlog/import.html"  # type: ignore[attr-defined]
    return render(request, template, context, status=422 if form and form.errors else 200)


@require_POST
@product_page("import.run")
def import_read(request: ProductRequest, product: Product, import_id: int) -> HttpResponse:
    """Read the file as another format or with another delimiter."""
    imported = find_import(product, import_id)
    form = ReadingForm(request.POST)
    if form.is_valid():
        read_otherwise(imported, actor=request.actor, **form.cleaned_data)
        messages.success(request, "Read anew; the choices start afresh.")
    else:
        messages.error(request, "Choose a format and a delimiter of the lists.")
    return redirect("backlog:import", product.key, imported.pk)


@require_POST
@product_page("import.run")
def import_start(request: ProductRequest, product: Product, import_id: int) -> HttpResponse:
    """Import the file, or the rest of it."""
    imported = find_import(product, import_id)
    request_import(imported, actor=request.actor)
    return redirect("backlog:import", product.key, imported.pk)


@require_POST
@product_page("import.run")
def import_cancel(request: ProductRequest, product: Product, import_id: int) -> HttpResponse:
    imported = find_import(product, import_id)
    cancel_import(imported, actor=request.actor)
    messages.info(request, f"{imported.filename} is being cancelled.")
    return redirect("backlog:import", product.key, imported.pk)


@require_POST
@product_page("import.run")
def import_discard(request: ProductRequest, product: Product, import_id: int) -> HttpResponse:
    """Forget a file that was not imported."""
    imported = find_import(product, import_id)
    discard_import(imported, actor=request.actor)
    messages.success(request, f"{imported.filename} is discarded; nothing of it was imported.")
    return redirect("backlog:imports", product.key)


@require_POST
@product_page("import.run")
def import_revert(request: ProductRequest, product: Product, import_id: int) -> HttpResponse:
    """Take back what the import did and nobody touched since."""
    imported = find_import(product, import_id)
    request_revert(imported, actor=request.actor)
    return redirect("backlog:import", product.key, imported.pk)


@require_GET
@product_page("item.view")
def import_report(request: ProductRequest, product: Product, import_id: int) -> HttpResponseBase:
    """What becomes or became of each row, as CSV: one line per problem."""
    imported = find_import(product, import_id)
    answer = StreamingHttpResponse(_report(imported), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="import-{imported.pk}-report.csv"'
    return answer


class _Echo:
    """A file that hands back what is written."""

    def write(self, text: str) -> str:
        return text


def _report(imported: Import) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(
        ["row", "external id", "title", "outcome", "ref", "level", "column", "code", "message"]
    )
    for line in lines_of(imported).iterator(chunk_size=500):
        ref = line.item.ref if line.item else ""
        for problem in line.problems or [{}]:
            yield writer.writerow(
                [line.row, *map(no_formula, (line.external_id, line.title)), line.outcome, ref]
                + [no_formula(problem.get(name, "")) for name in
                   ("level", "column", "code", "message")]
            )  # fmt: skip


def _mapping_form(imported: Import, data: Any = None) -> MappingForm:
    people = User.objects.filter(memberships__product=imported.product, is_active=True)
    return MappingForm(data, imported=imported, people=list(people.order_by("name", "email")))


def _is_mapped_now(request: ProductRequest, imported: Import) -> bool:
    """Whether the page asks how to map: at first, and again where somebody goes back to it."""
    if not request.may("import.run") or not imported.file:
        return False
    goes_back = imported.state == State.CHECKED and "map" in request.GET
    return imported.state == State.MAPPING or goes_back


def _put_faults(form: MappingForm, error: DomainError) -> None:
    for fault in error.errors:
        form.add_error(None, fault.detail)
    if not error.errors:
        form.add_error(None, error.message)


def _chips(counts: ImportCounts) -> list[tuple[str, str, int]]:
    """The filters of the lines: what the address says, what people read, how many."""
    names = {"error": ("with errors", counts.errors), "warning": ("with warnings", counts.warnings)}
    names |= {outcome: (outcome, getattr(counts, outcome)) for outcome in OUTCOMES}
    order = (*reversed(LEVELS), *OUTCOMES)
    return [("", "all rows", counts.rows),
            *((name, *names[name]) for name in order if names[name][1])]  # fmt: skip


def _shell(request: ProductRequest) -> dict[str, Any]:
    return {
        "tab": "imports",
        "may_import": request.may("import.run"),
    }
