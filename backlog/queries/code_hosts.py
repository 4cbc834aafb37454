"""Code hosts of a product, and what they said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.http import Http404
from django.urls import reverse

from backlog.models import CodeHost, HostMessage, OnMerge, Product

MESSAGES_SHOWN = 50
BROKEN_AFTER = timedelta(minutes=1)


@dataclass(frozen=True)
class CodeHostRow:
    """A code host, what its pull requests do to items, and the last that it said."""

    host: CodeHost
    opened: str
    merged: str
    last: HostMessage | None


def code_host_rows(product: Product) -> list[CodeHostRow]:
    """The code hosts of a product by name, in three queries."""
    newest = HostMessage.objects.filter(code_host=OuterRef("pk")).order_by("-id")
    hosts = list(
        product.code_hosts.select_related("opened_status", "merged_status").annotate(
            last_id=Subquery(newest.values("pk")[:1])
        )
    )
    last = HostMessage.objects.in_bulk([host.last_id for host in hosts if host.last_id])
    done = product.statuses.filter(category="done").first()
    return [
        CodeHostRow(
            host,
            host.opened_status.name if host.opened_status else "",
            _merged(host, done.name if done else ""),
            last.get(host.last_id),
        )
        for host in hosts
    ]


def find_code_host(product: Product, code_host_id: int) -> CodeHost:
    """The code host of this product, or 404."""
    host = (
        CodeHost.objects.select_related("opened_status", "merged_status")
        .filter(product=product, pk=code_host_id)
        .first()
    )
    if host is None:
        raise Http404("There is no such code host.")
    host.product = product
    return host


def code_host_at(address: str) -> CodeHost | None:
    """The code host that posts to `/hooks/<address>/`."""
    return (
        CodeHost.objects.select_related("product", "opened_status", "merged_status", "created_by")
        .filter(address=address)
        .first()
    )


def url_of(host: CodeHost) -> str:
    """The whole address to enter there."""
    return f"{settings.BASE_URL}{reverse('hook', args=[host.address])}"


@dataclass(frozen=True)
class MessageRow:
    """A message, and how it stands in a word."""

    message: HostMessage
    state: str

    @property
    def is_fault(self) -> bool:
        return self.message.state in {HostMessage.State.REFUSED, HostMessage.State.WORKING}


def messages_of(host: CodeHost, now: datetime) -> list[MessageRow]:
    """The newest messages first."""
    return [
        MessageRow(message, _state(message, now))
        for message in host.messages.all()[:MESSAGES_SHOWN]
    ]


def _state(message: HostMessage, now: datetime) -> str:
    broke_off = message.state == HostMessage.State.WORKING and message.at < now - BROKEN_AFTER
    return "Broke off; send it again" if broke_off else message.get_state_display()


def _merged(host: CodeHost, done: str) -> str:
    if host.on_merge == OnMerge.STAY:
        return ""
    if host.on_merge == OnMerge.STATUS:
        return host.merged_status.name if host.merged_status else "a status that was deleted"
    return done
