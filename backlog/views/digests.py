"""What a person wants to be told, and how it goes out to them."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from backlog.access.pages import PersonRequest, signed_in
from backlog.forms.digests import NewsForm
from backlog.forms.refusals import put_errors
from backlog.queries.digests import choices_of, digest_of
from backlog.services.digests import choose_levels, end_digest, keep_digest, try_out
from mlscrum.lib.errors import DomainError


@signed_in
def notification_choices(request: PersonRequest) -> HttpResponse:
    """How much of each product reaches the person, and the digest of what they have not read."""
    rows, digest = choices_of(request.user), digest_of(request.user)
    form = NewsForm(request.POST or None, rows=rows, digest=digest)
    if request.method == "POST" and form.is_valid():
        try:
            _keep(request, form)
        except (DomainError, ValidationError) as error:
            put_errors(form, error, field="chat")
        else:
            messages.success(request, "Your choices are kept.")
            return redirect("notification-choices")
    context = {"form": form, "digest": digest}
    status = 422 if form.errors else 200
    return render(request, "backlog/notification_choices.html", context, status=status)


@require_POST
@signed_in
def notification_trial(request: PersonRequest) -> HttpResponse:
    """Send a digest at once, to see that it arrives."""
    try:
        try_out(request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "A digest of all that you have not read is on its way.")
    return redirect("notification-choices")


@transaction.atomic
def _keep(request: PersonRequest, form: NewsForm) -> None:
    choose_levels(request.user, form.levels())
    wanted = form.cleaned_data
    if not wanted["every"]:
        end_digest(request.user)
        return
    keep_digest(
        request.user,
        every=wanted["every"],
        hour=wanted["hour"],
        by_mail=wanted["by_mail"],
        chat=form.chat_address(),
    )
