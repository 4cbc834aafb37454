"""Pages of the connections that belong to the installation, for its administrators."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backlog.access.pages import PersonRequest, View, administrator_page
from backlog.forms.refusals import put_errors
from dataquality.forms.connections import (
    ConnectionForm,
    RotateForm,
    SharedConnectionForm,
    ShareForm,
)
from dataquality.models import Connection
from dataquality.queries.connections import SharedRow, find_shared, shared_rows
from dataquality.services.connections import (
    change_connection,
    pause_connection,
    remove_connection,
    resume_connection,
    rotate_secret,
    share_connection,
    share_with,
    test_connection,
)
from dataquality.views.connections import say_how_it_went
from mlscrum.lib.errors import DomainError


def shared_page(view: Callable[..., HttpResponseBase]) -> View:
    """As `administrator_page`, for pages of one connection: the view gets `(request, row)`."""

    @wraps(view)
    def found(request: PersonRequest, shared: str) -> HttpResponseBase:
        return view(request, find_shared(shared))

    return administrator_page(found)


@require_GET
@administrator_page
def connections(request: PersonRequest) -> HttpResponse:
    return render(request, "dataquality/shared_connections.html", {"rows": shared_rows()})


@administrator_page
def connection_new(request: PersonRequest) -> HttpResponse:
    form = SharedConnectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = share_connection(
                form.draft(), form.cleaned_data["shared_with"], actor=request.actor
            )
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field="address")
        else:
            say_how_it_went(request, made, "is kept")
            return _to(made)
    status = 422 if form.errors else 200
    return render(request, "dataquality/shared_connection_new.html", {"form": form}, status=status)


@shared_page
def connection(request: PersonRequest, row: SharedRow) -> HttpResponse:
    """What it is, who uses it, and how it is changed."""
    form = ConnectionForm(request.POST or None, connection=row.connection)
    if request.method == "POST" and form.is_valid():
        try:
            changed = change_connection(row.connection, actor=request.actor, **form.changes())
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field="address")
        else:
            say_how_it_went(request, changed, "is changed")
            return _to(changed)
    return _shown(request, row, form=form)


@require_POST
@shared_page
def connection_share(request: PersonRequest, row: SharedRow) -> HttpResponse:
    """Say anew which products may use it."""
    form = ShareForm(request.POST)
    if form.is_valid():
        try:
            share_with(row.connection, form.cleaned_data["shared_with"], actor=request.actor)
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field="shared_with")
        else:
            messages.success(request, "Saved.")
            return _to(row.connection)
    return _shown(request, row, share=form)


@require_POST
@shared_page
def connection_test(request: PersonRequest, row: SharedRow) -> HttpResponse:
    tested = test_connection(row.connection, actor=request.actor)
    say_how_it_went(request, tested, "was tested")
    return _to(row.connection)


@require_POST
@shared_page
def connection_rotate(request: PersonRequest, row: SharedRow) -> HttpResponse:
    form = RotateForm(request.POST, connection=row.connection)
    if form.is_valid():
        try:
            rotated = rotate_secret(row.connection, actor=request.actor, **form.cleaned_data)
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field="secret")
        else:
            say_how_it_went(request, rotated, "has a new secret")
            return _to(row.connection)
    return _shown(request, row, rotate=form)


@require_POST
@shared_page
def connection_pause(request: PersonRequest, row: SharedRow) -> HttpResponse:
    pause_connection(row.connection, actor=request.actor)
    messages.info(request, f"{row.connection.name} is paused; nothing is read through it.")
    return _to(row.connection)


@require_POST
@shared_page
def connection_resume(request: PersonRequest, row: SharedRow) -> HttpResponse:
    resume_connection(row.connection, actor=request.actor)
    messages.success(request, f"{row.connection.name} is read through again.")
    return _to(row.connection)


@require_POST
@shared_page
def connection_remove(request: PersonRequest, row: SharedRow) -> HttpResponse:
    try:
        remove_connection(row.connection, actor=request.actor)
    except DomainError as error:
        messages.error(request, error.message)
        return _to(row.connection)
    messages.success(request, f"{row.connection.name} is removed, and its secret with it.")
    return redirect("dataquality:shared-connections")


def _shown(request: PersonRequest, row: SharedRow, **forms: Any) -> HttpResponse:
    connection = row.connection
    context = {
        "form": ConnectionForm(connection=connection),
        "rotate": RotateForm(connection=connection),
        "share": ShareForm(initial={"shared_with": list(row.readers)}),
    } | forms
    has_errors = any(form.errors for form in forms.values())
    return render(
        request,
        "dataquality/shared_connection.html",
        {"row": row, "connection": connection, **context},
        status=422 if has_errors else 200,
    )


def _to(connection: Connection) -> HttpResponse:
    return redirect("dataquality:shared-connection", connection.slug)
