"""Channels of alerts and what was sent, as their page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Max
from django.http import Http404

from backlog.models import AlertChannel, AlertMessage, AlertRule, Product

MESSAGES_SHOWN = 30


@dataclass(frozen=True)
class ChannelRow:
    """A channel with its rules in words and the last message that went to it."""

    channel: AlertChannel
    hears: Sequence[str]
    last: AlertMessage | None


def channel_rows(product: Product) -> list[ChannelRow]:
    """The channels by name, in a number of queries that is fixed."""
    channels = product.alert_channels.prefetch_related("rules__owner")
    newest = (
        AlertMessage.objects.filter(channel__product=product)
        .order_by()
        .values("channel")
        .annotate(newest=Max("pk"))
        .values("newest")
    )
    last = {message.channel_id: message for message in AlertMessage.objects.filter(pk__in=newest)}
    return [
        ChannelRow(
            channel, [rule_words(rule) for rule in channel.rules.all()], last.get(channel.pk)
        )
        for channel in channels
    ]


def rule_words(rule: AlertRule) -> str:
    """`critical and worse of everybody's data`, more or less."""
    least = "critical findings" if rule.severity == "critical" else f"{rule.severity} and above"
    least = "all findings" if rule.severity == "info" else least
    return f"{least} of {rule.owner}" if rule.owner else least


def messages_of(product: Product) -> list[AlertMessage]:
    """What was sent or waits, newest first."""
    return list(
        AlertMessage.objects.filter(channel__product=product).select_related("channel")[
            :MESSAGES_SHOWN
        ]
    )


def find_channel(product: Product, channel_id: int) -> AlertChannel:
    """The channel of this product, or 404."""
    channel = product.alert_channels.prefetch_related("rules__owner").filter(pk=channel_id).first()
    if channel is None:
        raise Http404("There is no such channel.")
    channel.product = product
    return channel
