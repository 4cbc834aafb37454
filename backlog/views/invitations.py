"""The pages behind one-time links: joining a product, and the first administrator's welcome."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from backlog.access.pages import public
from backlog.forms.people import NewcomerForm
from backlog.forms.refusals import put_errors
from backlog.models import Invitation, User
from backlog.queries.people import is_member, opened_invitation
from backlog.services.invitations import accept_as, accept_as_newcomer

BACKEND = "django.contrib.auth.backends.ModelBackend"


@public
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Join a product: as who is signed in, or with a new account. Members don't use it up."""
    found = opened_invitation(token, to_product=True)
    product = found.product
    assert product is not None
    if isinstance(request.user, User):
        if is_member(product, request.user):
            return render(request, "registration/invitation_idle.html", {"invitation": found})
        if request.method == "POST":
            accept_as(found, request.user)
            messages.success(request, f"Welcome to {product.name}.")
            return redirect("backlog:backlog", product.key)
        return render(request, "registration/invitation.html", {"invitation": found})
    return _newcomer(request, found, "registration/invitation.html")


@public
@never_cache
def welcome(request: HttpRequest, token: str) -> HttpResponse:
    """The first administrator says who they are."""
    return _newcomer(
        request, opened_invitation(token, to_product=False), "registration/welcome.html"
    )


def _newcomer(request: HttpRequest, found: Invitation, template: str) -> HttpResponse:
    form = NewcomerForm(request.POST or None, initial={"email": found.email})
    if request.method == "POST" and form.is_valid():
        try:
            user = accept_as_newcomer(found, **form.cleaned_data)
        except ValidationError as error:
            put_errors(form, error)
        else:
            login(request, user, backend=BACKEND)
            return redirect("home")
    return render(
        request,
        template,
        {"invitation": found, "form": form},
        status=422 if form.errors else 200,
    )
