"""Pages of webhooks: those of a product, and one with the log of what was sent to it."""

from __future__ import annotations

from dataclasses import asdict

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.refusals import put_errors
from backlog.forms.webhooks import WebhookForm
from backlog.models import Delivery, Product
from backlog.queries.webhooks import (
    count_of,
    deliveries_of,
    find_delivery,
    find_webhook,
    is_sending,
    webhook_rows,
)
from backlog.services import webhooks as services
from backlog.views.tabs import settings_page
from mlscrum.lib.errors import DomainError
from mlscrum.lib.numbers import whole_number

EDITS = "webhook.edit"
AT = {"events": "groups"}


@product_page(EDITS)
def webhooks(request: ProductRequest, product: Product) -> HttpResponse:
    """The webhooks of a product; POST adds one, whose secret is shown once."""
    form, secret = WebhookForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            _, secret = services.create_webhook(product, form.draft(), actor=request.actor)
        except ValidationError as error:
            put_errors(form, error, names=AT)
        else:
            form = WebhookForm()
    context = {"rows": webhook_rows(product), "form": form, "secret": secret}
    return _page(request, "backlog/webhooks.html", context, 422 if form.errors else 200)


@product_page(EDITS)
def webhook(request: ProductRequest, product: Product, webhook_id: int) -> HttpResponse:
    """One webhook: its address and events, and the messages of the last 30 days."""
    found = find_webhook(product, webhook_id)
    form = WebhookForm(request.POST or None, webhook=found)
    if request.method == "POST" and form.is_valid():
        try:
            wanted = asdict(form.draft())
            found = services.update_webhook(found, actor=request.actor, **wanted)
        except ValidationError as error:
            put_errors(form, error, names=AT)
        else:
            messages.success(request, f"{found.name} is saved.")
            return redirect("backlog:webhook", product.key, found.pk)
    state = request.GET.get("state", "")
    state = state if state in Delivery.State.values else ""
    context = {
        "webhook": found,
        "form": form,
        "rows": deliveries_of(found, state),
        "total": count_of(found, state),
        "is_sending": is_sending(found, timezone.now()),
        "state": state,
        "states": Delivery.State.choices,
    }
    if request.htmx and request.method == "GET":  # type: ignore[attr-defined]
        return _page(request, "backlog/_webhook_log.html", context, 200)
    return _page(request, "backlog/webhook.html", context, 422 if form.errors else 200)


@require_POST
@product_page(EDITS)
def webhook_rotate(request: ProductRequest, product: Product, webhook_id: int) -> HttpResponse:
    """A new secret, shown once; the old one holds for a day beside it."""
    found = find_webhook(product, webhook_id)
    secret, until = services.rotate_secret(found, actor=request.actor)
    context = {"webhook": found, "secret": secret, "until": until}
    return _page(request, "backlog/webhook_secret.html", context, 200)


@require_POST
@product_page(EDITS)
def webhook_ping(request: ProductRequest, product: Product, webhook_id: int) -> HttpResponse:
    """Send a trial message; the log says how it went."""
    found = find_webhook(product, webhook_id)
    try:
        services.ping(found, actor=request.actor)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.info(request, f"A trial message to {found.name} is on its way; see the log.")
    return redirect("backlog:webhook", product.key, found.pk)


@require_POST
@product_page(EDITS)
def webhook_replay(request: ProductRequest, product: Product, webhook_id: int) -> HttpResponse:
    """Send the message `delivery` once more, or without it all that were not received."""
    found = find_webhook(product, webhook_id)
    again = None
    if "delivery" in request.POST:
        number = whole_number(request.POST["delivery"])
        if number is None:
            raise Http404("There is no such message.")
        again = find_delivery(found, number)
    try:
        count = services.replay(found, again, actor=request.actor)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        which = "1 message goes" if count == 1 else f"{count} messages go"
        messages.info(request, f"{which} out now; see the log.")
    return redirect("backlog:webhook", product.key, found.pk)


@require_POST
@product_page(EDITS)
def webhook_switch(request: ProductRequest, product: Product, webhook_id: int) -> HttpResponse:
    """POST `on=1` switches it on, without it off."""
    found = find_webhook(product, webhook_id)
    if request.POST.get("on"):
        services.switch_on(found, actor=request.actor)
        messages.success(request, f"{found.name} hears of what happens from now on.")
    else:
        services.switch_off(found, actor=request.actor)
        messages.success(request, f"{found.name} is told nothing any more.")
    return redirect("backlog:webhook", product.key, found.pk)


@require_POST
@product_page(EDITS)
def webhook_delete(request: ProductRequest, product: Product, webhook_id: int) -> HttpResponse:
    found = find_webhook(product, webhook_id)
    services.delete_webhook(found, actor=request.actor)
    messages.success(request, f"{found.name} is gone.")
    return redirect("backlog:webhooks", product.key)


def _page(
    request: ProductRequest, template: str, context: dict[str, object], status: int
) -> HttpResponse:
    answer = settings_page(request, "webhooks", template, context, edits=EDITS, status=status)
    answer["Cache-Control"] = "no-store"  # it may hold a secret, and always an address
    return answer
