"""Pages of alerts: the channels of a product, one channel, and what was sent."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from backlog.access.pages import ProductRequest, product_page
from backlog.forms.alerts import ChannelForm
from backlog.forms.refusals import put_errors
from backlog.models import Product
from backlog.queries.alerts import channel_rows, find_channel, messages_of
from backlog.services import alerts as services
from backlog.views.tabs import settings_page

EDITS = "alert.edit"
AT = {"rules": "everybodys", "owner": "owners"}


@product_page(EDITS)
def alerts(request: ProductRequest, product: Product) -> HttpResponse:
    """The channels and the log of what was sent; POST adds a channel."""
    form = ChannelForm(request.POST if request.method == "POST" else None, product=product)
    if request.method == "POST" and form.is_valid():
        try:
            channel = services.create_channel(product, form.draft(), actor=request.actor)
        except ValidationError as error:
            put_errors(form, error, names=AT)
        else:
            messages.success(request, f"{channel.name} is there; send it a trial message.")
            return redirect("backlog:alerts", product.key)
    context = {"rows": channel_rows(product), "messages_sent": messages_of(product), "form": form}
    status = 422 if form.errors else 200
    return settings_page(
        request, "alerts", "backlog/alerts.html", context, edits=EDITS, status=status
    )


@product_page(EDITS)
def alert_channel(request: ProductRequest, product: Product, channel_id: int) -> HttpResponse:
    """One channel: its rules and hours; a new address takes the place of the old one."""
    channel = find_channel(product, channel_id)
    form = ChannelForm(
        request.POST if request.method == "POST" else None, product=product, channel=channel
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.update_channel(channel, form.draft(), actor=request.actor)
        except ValidationError as error:
            put_errors(form, error, names=AT)
            channel = find_channel(product, channel_id)
        else:
            messages.success(request, f"{channel.name} is saved.")
            return redirect("backlog:alerts", product.key)
    context = {"channel": channel, "form": form}
    status = 422 if form.errors else 200
    return settings_page(
        request, "alerts", "backlog/alert_channel.html", context, edits=EDITS, status=status
    )


@require_POST
@product_page(EDITS)
def alert_test(request: ProductRequest, product: Product, channel_id: int) -> HttpResponse:
    """Send a trial message; the log says how it went."""
    channel = find_channel(product, channel_id)
    services.test_channel(channel, actor=request.actor)
    messages.info(request, f"A trial message to {channel.name} is on its way; see below.")
    return redirect("backlog:alerts", product.key)


@require_POST
@product_page(EDITS)
def alert_delete(request: ProductRequest, product: Product, channel_id: int) -> HttpResponse:
    channel = find_channel(product, channel_id)
    services.delete_channel(channel, actor=request.actor)
    messages.success(request, f"{channel.name} is gone.")
    return redirect("backlog:alerts", product.key)
