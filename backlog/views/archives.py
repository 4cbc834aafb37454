"""Pages of whole products that leave as an archive, and of archives that become products."""

from __future__ import annotations

from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import PersonRequest, ProductRequest, administrator_page, product_page
from backlog.forms.archives import ArchiveForm, ArrivalForm
from backlog.forms.refusals import put_errors
from backlog.models import Product
from backlog.queries.archives import arriving_page, export_page, find_arriving, find_export
from backlog.services.attachments import Incoming
from backlog.services.product_exports import delete_export, opened_export, request_export
from backlog.services.product_imports import discard_import, receive_archive, start_import
from mlscrum.lib.errors import DomainError
from mlscrum.web.files import file_answer
from mlscrum.web.limits import takes_files


@product_page("product.export")
def exports(request: ProductRequest, product: Product) -> HttpResponse:
    """The archives of the product; POST asks for another."""
    if request.method == "POST":
        request_export(product, actor=request.actor)
        messages.success(request, "The archive is being made; you can leave this page.")
        return redirect("backlog:exports", product.key)
    page = export_page(product, request.GET.get("page"))
    context = {
        "tab": "exports",
        "product": product,
        "page": page,
        "is_under_way": any(export.is_under_way for export in page),
    }
    template = "backlog/_exports.html" if request.htmx else "backlog/exports.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@require_GET
@product_page("product.export")
def export_file(request: ProductRequest, product: Product, export_id: int) -> FileResponse:
    """An archive, to download."""
    export = find_export(product, export_id)
    answer = file_answer(opened_export(export), f"{product.key}-{export.pk}.zip")
    answer["Cache-Control"] = "private, no-store"
    return answer


@require_POST
@product_page("product.export")
def export_delete(request: ProductRequest, product: Product, export_id: int) -> HttpResponse:
    """Take an archive away, or stop making it."""
    delete_export(find_export(product, export_id), actor=request.actor)
    messages.success(request, "The archive is gone.")
    return redirect("backlog:exports", product.key)


@takes_files
@administrator_page
def product_imports(request: PersonRequest) -> HttpResponse:
    """Archives that came in; POST takes in another."""
    is_sent = request.method == "POST"
    form = ArchiveForm(request.POST, request.FILES) if is_sent else ArchiveForm()
    if is_sent and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            arriving = receive_archive(Incoming(file.name, file.chunks()), user=request.user)
        except DomainError as error:
            put_errors(form, error, field="file")
        else:
            return redirect("backlog:product-import", arriving.pk)
    context = {"form": form, "page": arriving_page(request.GET.get("page"))}
    status = 422 if form.errors else 200
    return render(request, "backlog/product_imports.html", context, status=status)


@administrator_page
def product_import(request: PersonRequest, import_id: int) -> HttpResponse:
    """One archive: what it is to become, how far that is, what became of it. POST starts it."""
    arriving = find_arriving(import_id)
    form = None
    if arriving.state in {"new", "failed", "cancelled"} and arriving.file:
        posted = request.POST if request.method == "POST" else None
        form = ArrivalForm(posted, arriving=arriving)
        if posted is not None and form.is_valid():
            try:
                start_import(
                    arriving,
                    key=form.cleaned_data["key"],
                    name=form.cleaned_data["name"],
                    people=form.people,
                )
            except DomainError as error:
                field = "key" if error.code in {"key_taken", "bad_key"} else None
                form.add_error(field, error.message)
            else:
                return redirect("backlog:product-import", arriving.pk)
    context = {"arriving": arriving, "job": arriving.job, "form": form}
    template = "backlog/_product_import.html" if request.htmx else "backlog/product_import.html"  # type: ignore[attr-defined]
    return render(request, template, context, status=422 if form and form.errors else 200)


@require_POST
@administrator_page
def product_import_discard(request: PersonRequest, import_id: int) -> HttpResponse:
    """Forget an archive; a product that it became stays."""
    discard_import(find_arriving(import_id))
    messages.success(request, "The archive is forgotten.")
    return redirect("backlog:product-imports")
