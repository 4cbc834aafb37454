"""Pages of code hosts: those of a product, and one with the log of what it said."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.code_hosts import CodeHostForm
from backlog.forms.refusals import put_errors
from backlog.models import CodeHost, OnMerge, Product
from backlog.queries.code_hosts import (
    MESSAGES_SHOWN,
    code_host_rows,
    find_code_host,
    messages_of,
    url_of,
)
from backlog.services import code_hosts as services
from backlog.views.tabs import settings_page

EDITS = "code_host.edit"


@product_page(EDITS)
def code_hosts(request: ProductRequest, product: Product) -> HttpResponse:
    """The code hosts of a product; POST adds one, whose secret is shown once."""
    form = CodeHostForm(request.POST or None, product=product)
    if request.method == "POST" and form.is_valid():
        try:
            host, secret = services.create_code_host(product, form.draft(), actor=request.actor)
        except ValidationError as error:
            put_errors(form, error)
        else:
            return _secret_page(request, host, {"secret": secret, "is_new": True})
    context = {"rows": code_host_rows(product), "form": form}
    return _page(request, "backlog/code_hosts.html", context, 422 if form.errors else 200)


@product_page(EDITS)
def code_host(request: ProductRequest, product: Product, code_host_id: int) -> HttpResponse:
    """One code host: its address, what its pull requests do, and what it said."""
    found = find_code_host(product, code_host_id)
    form = CodeHostForm(request.POST or None, product=product, host=found)
    if request.method == "POST" and form.is_valid():
        try:
            found = services.update_code_host(found, actor=request.actor, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            messages.success(request, f"{found.name} is saved.")
            return redirect("backlog:code-host", product.key, found.pk)
    context = {
        "host": found,
        "posts_to": url_of(found),
        "form": form,
        "rows": messages_of(found, timezone.now()),
        "most": MESSAGES_SHOWN,
        "lacks_status": found.on_merge == OnMerge.STATUS and found.merged_status is None,
    }
    return _page(request, "backlog/code_host.html", context, 422 if form.errors else 200)


@require_POST
@product_page(EDITS)
def code_host_rotate(request: ProductRequest, product: Product, code_host_id: int) -> HttpResponse:
    """A new secret, shown once; the old one holds for a day beside it, unless `at_once` is 1."""
    found = find_code_host(product, code_host_id)
    secret, until = services.rotate_secret(
        found, actor=request.actor, at_once=request.POST.get("at_once") == "1"
    )
    return _secret_page(request, found, {"secret": secret, "until": until})


@require_POST
@product_page(EDITS)
def code_host_delete(request: ProductRequest, product: Product, code_host_id: int) -> HttpResponse:
    found = find_code_host(product, code_host_id)
    services.delete_code_host(found, actor=request.actor)
    messages.success(request, f"{found.name} is gone; remove the webhook there as well.")
    return redirect("backlog:code-hosts", product.key)


def _secret_page(
    request: ProductRequest, host: CodeHost, context: dict[str, object]
) -> HttpResponse:
    shown = {"host": host, "posts_to": url_of(host), **context}
    return _page(request, "backlog/code_host_secret.html", shown, 200)


def _page(
    request: ProductRequest, template: str, context: dict[str, object], status: int
) -> HttpResponse:
    answer = settings_page(request, "code-hosts", template, context, edits=EDITS, status=status)
    answer["Cache-Control"] = "no-store"  # it may hold a secret, and always an address
    return answer
