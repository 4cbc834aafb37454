"""Pages of connections: the list, one of them, what lies behind it, and taking many in."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import PersonRequest, ProductRequest, View, product_page
from backlog.forms.refusals import put_errors
from backlog.models import Product
from dataquality.forms.connections import ConnectionForm, ManifestForm, ManyForm, RotateForm
from dataquality.models import Connection, ConnectionKind
from dataquality.queries.connections import (
    connection_rows,
    datasets_by_connection,
    find_connection,
    find_registration,
    open_troubles_of,
)
from dataquality.services.connections import (
    add_connection,
    change_connection,
    pause_connection,
    remove_connection,
    resume_connection,
    rotate_secret,
    test_connection,
)
from dataquality.services.many import Offer, browse, offers_of_manifest, request_registration
from mlscrum.lib.errors import DomainError
from mlscrum.web.limits import takes_files


def connection_page(permission: str, *, post: str | None = None) -> Callable[[Any], View]:
    """As `product_page`, for pages of one connection: the view gets `(request, connection)`."""

    def decorate(view: Callable[..., HttpResponseBase]) -> View:
        @wraps(view)
        def found(
            request: ProductRequest, product: Product, connection: str, **kwargs: Any
        ) -> HttpResponseBase:
            return view(request, find_connection(product, connection), **kwargs)

        return product_page(permission, post=post)(found)

    return decorate


@require_GET
@product_page("connection.view")
def connections(request: ProductRequest, product: Product) -> HttpResponse:
    return render(
        request,
        "dataquality/connections.html",
        {"rows": connection_rows(product), "may_edit": request.may("connection.edit")},
    )


@product_page("connection.edit")
def connection_new(request: ProductRequest, product: Product) -> HttpResponse:
    form = ConnectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            connection = add_connection(product, form.draft(), actor=request.actor)
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field="address")
        else:
            say_how_it_went(request, connection, "is kept")
            return _to(request, connection)
    status = 422 if form.errors else 200
    return render(request, "dataquality/connection_new.html", {"form": form}, status=status)


@connection_page("connection.view", post="connection.edit")
def connection(request: ProductRequest, connection: Connection) -> HttpResponse:
    """What it is, what uses it, and for product owners how it is changed."""
    form = ConnectionForm(request.POST or None, connection=connection)
    if request.method == "POST" and form.is_valid():
        try:
            changed = change_connection(connection, actor=request.actor, **form.changes())
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field="address")
        else:
            say_how_it_went(request, changed, "is changed")
            return _to(request, changed)
    return _shown(request, connection, form=form)


@require_POST
@connection_page("connection.edit")
def connection_test(request: ProductRequest, connection: Connection) -> HttpResponse:
    say_how_it_went(request, test_connection(connection, actor=request.actor), "was tested")
    return _to(request, connection)


@require_POST
@connection_page("connection.edit")
def connection_rotate(request: ProductRequest, connection: Connection) -> HttpResponse:
    form = RotateForm(request.POST, connection=connection)
    if form.is_valid():
        try:
            rotated = rotate_secret(connection, actor=request.actor, **form.cleaned_data)
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field="secret")
        else:
            say_how_it_went(request, rotated, "has a new secret")
            return _to(request, connection)
    return _shown(request, connection, rotate=form)


@require_POST
@connection_page("connection.edit")
def connection_pause(request: ProductRequest, connection: Connection) -> HttpResponse:
    pause_connection(connection, actor=request.actor)
    messages.info(request, f"{connection.name} is paused; nothing is read through it.")
    return _to(request, connection)


@require_POST
@connection_page("connection.edit")
def connection_resume(request: ProductRequest, connection: Connection) -> HttpResponse:
    resume_connection(connection, actor=request.actor)
    messages.success(request, f"{connection.name} is read through again.")
    return _to(request, connection)


@require_POST
@connection_page("connection.edit")
def connection_remove(request: ProductRequest, connection: Connection) -> HttpResponse:
    try:
        remove_connection(connection, actor=request.actor)
    except DomainError as error:
        messages.error(request, error.message)
        return _to(request, connection)
    messages.success(request, f"{connection.name} is removed, and its secret with it.")
    return redirect("dataquality:connections", request.product.key)


@require_GET
@connection_page("dataset.register_path")
def connection_browse(request: ProductRequest, connection: Connection) -> HttpResponse:
    """What lies behind it, to be ticked and registered."""
    offers, problem = _browsed(connection, request.product)
    form = ManyForm(product=request.product, initial={"owner": request.user})
    return _offered(request, connection, offers, form, problem=problem)


@takes_files
@require_POST
@connection_page("dataset.register_path")
def connection_manifest(request: ProductRequest, connection: Connection) -> HttpResponse:
    """The tables of a dbt project, to be ticked and registered."""
    chosen = ManifestForm(request.POST, request.FILES)
    form = ManyForm(product=request.product, initial={"owner": request.user})
    offers: list[Offer] = []
    if chosen.is_valid():
        try:
            offers = offers_of_manifest(
                connection, request.product, chosen.cleaned_data["manifest"]
            )
        except DomainError as error:
            put_errors(chosen, error, field="manifest")
    return _offered(request, connection, offers, form, manifest=chosen)


@require_POST
@connection_page("dataset.register_path")
def connection_register(request: ProductRequest, connection: Connection) -> HttpResponse:
    """Register what was ticked, in the background."""
    form = ManyForm(request.POST, product=request.product)
    entries = _entries(request.POST.getlist("entry"))
    if not entries:
        form.add_error(None, "Tick at least one to register.")
    if form.is_valid():
        wanted = form.cleaned_data
        try:
            registration = request_registration(
                connection,
                request.product,
                entries,
                actor=request.actor,
                owner=wanted["owner"],
                personal_data=wanted["personal_data"] == "yes",
                sample_policy=wanted["sample_policy"],
                schedule=form.schedule(),
            )
        except (DomainError, ValidationError) as error:
            put_errors(form, error)
        else:
            return redirect(
                "dataquality:registration", request.product.key, connection.slug, registration.pk
            )
    offers, problem = _browsed(connection, request.product)
    ticked = {json.dumps(_source(entry), sort_keys=True) for entry in entries}
    return _offered(request, connection, offers, form, problem=problem, ticked=ticked)


@require_GET
@connection_page("connection.view")
def registration(request: ProductRequest, connection: Connection, number: int) -> HttpResponse:
    """How far it is; while it is under way its fragment asks for itself."""
    found = find_registration(connection, request.product, number)
    is_htmx = bool(request.htmx)  # type: ignore[attr-defined]
    template = "_registration.html" if is_htmx else "registration.html"
    return render(
        request, f"dataquality/{template}", {"registration": found, "connection": connection}
    )


def _browsed(connection: Connection, product: Product) -> tuple[list[Offer], str]:
    try:
        return browse(connection, product), ""
    except DomainError as error:
        return [], error.message


def _offered(
    request: ProductRequest,
    connection: Connection,
    offers: list[Offer],
    form: ManyForm,
    *,
    problem: str = "",
    manifest: ManifestForm | None = None,
    ticked: set[str] | None = None,
) -> HttpResponse:
    rows = []
    for offer in offers:
        source = json.dumps(dict(offer.source), sort_keys=True)
        entry = json.dumps(_entry_of(offer), sort_keys=True)
        rows.append({"offer": offer, "entry": entry, "is_ticked": source in (ticked or ())})
    has_errors = bool(form.errors or (manifest and manifest.errors))
    return render(
        request,
        "dataquality/connection_browse.html",
        {
            "connection": connection,
            "rows": rows,
            "free": sum(offer.dataset is None for offer in offers),
            "form": form,
            "problem": problem,
            "manifest": manifest or ManifestForm(),
            "from_manifest": manifest is not None and not manifest.errors,
            "takes_manifest": connection.kind == ConnectionKind.SQL,
        },
        status=422 if has_errors else 200,
    )


def _entry_of(offer: Offer) -> dict[str, str]:
    described = {"description": offer.description} if offer.description else {}
    return {**offer.source, "name": offer.name, **described}


def _source(entry: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in entry.items() if name not in {"name", "description"}}


def _entries(sent: list[str]) -> list[dict[str, str]]:
    """What was ticked, as the page had written it; whatever else comes is left out."""
    found = []
    for text in sent[:500]:
        try:
            entry = json.loads(text)
        except ValueError:
            continue
        if isinstance(entry, dict) and all(isinstance(value, str) for value in entry.values()):
            found.append(entry)
    return found


def _shown(
    request: ProductRequest,
    connection: Connection,
    *,
    form: ConnectionForm | None = None,
    rotate: RotateForm | None = None,
) -> HttpResponse:
    may_edit = request.may("connection.edit") and connection.product_id is not None
    has_errors = bool((form and form.errors) or (rotate and rotate.errors))
    return render(
        request,
        "dataquality/connection.html",
        {
            "connection": connection,
            "datasets": datasets_by_connection(request.product, [connection]).get(
                connection.pk, []
            ),
            "troubles": open_troubles_of(request.product, connection),
            "form": form or ConnectionForm(connection=connection),
            "rotate": rotate or RotateForm(connection=connection),
            "may_edit": may_edit,
            "may_register": request.may("dataset.register_path"),
            "can_browse": connection.kind != ConnectionKind.HTTP,
        },
        status=422 if has_errors else 200,
    )


def say_how_it_went(request: PersonRequest, connection: Connection, what: str) -> None:
    """What was done to a connection, and what its test found."""
    if connection.test_error:
        messages.error(request, f"{connection.name} {what}. {connection.test_error}")
    else:
        messages.success(request, f"{connection.name} {what}, and works. {connection.test_answer}")


def _to(request: ProductRequest, connection: Connection) -> HttpResponse:
    return redirect("dataquality:connection", request.product.key, connection.slug)
