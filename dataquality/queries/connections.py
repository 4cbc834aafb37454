"""Connections as their list and pages show them, and what lies behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import Http404

from backlog.models import Finding, Product
from dataquality.models import SOURCE_OF_RUNS, Connection, Dataset, Registration
from dataquality.rules.connections import fingerprints


@dataclass(frozen=True)
class ConnectionRow:
    """A connection in the list, and the datasets that read through it."""

    connection: Connection
    datasets: Sequence[Dataset]


def find_connection(product: Product, slug: str) -> Connection:
    """The connection that this product may use, its own before a shared one, or 404."""
    found = list(Connection.objects.usable_in(product).filter(slug=slug))
    if not found:
        raise Http404(f"There is no connection {slug}.")
    return min(found, key=lambda one: one.product_id is None)


def connection_rows(product: Product) -> list[ConnectionRow]:
    """All that the product may use, by name, in two queries."""
    connections = list(Connection.objects.usable_in(product))
    used = datasets_by_connection(product, connections)
    return [ConnectionRow(one, used.get(one.pk, [])) for one in connections]


def datasets_by_connection(
    product: Product, connections: Sequence[Connection]
) -> dict[int, list[Dataset]]:
    """The product's datasets that read through these connections, by name."""
    used: dict[int, list[Dataset]] = {}
    for dataset in Dataset.objects.of(product).filter(connection__in=connections):
        used.setdefault(dataset.connection_id or 0, []).append(dataset)
    return used


def known_sources(product: Product, connection: Connection) -> dict[str, str]:
    """By source, written as `source_key` does, the slug of the dataset that reads it."""
    return {
        source_key(dataset.source): dataset.slug
        for dataset in Dataset.objects.of(product).filter(connection=connection)
    }


def source_key(source: Mapping[str, Any]) -> str:
    """A source as a text that tells it from others of its connection."""
    return "\n".join(f"{name}={source[name]}" for name in sorted(source) if source[name])


def troubles_of(product: Product, connection: Connection) -> QuerySet[Finding]:
    """What findings of a product say of a connection, settled ones included."""
    return Finding.objects.filter(
        product=product,
        source=SOURCE_OF_RUNS,
        fingerprint__in=list(fingerprints(connection.slug)),
    )


def open_troubles_of(product: Product, connection: Connection) -> list[Finding]:
    """What the connection suffers from now, with the items that were filed."""
    present = troubles_of(product, connection).filter(state=Finding.State.OPEN)
    return list(present.select_related("item__product", "item__status").order_by("priority", "pk"))


def find_registration(connection: Connection, product: Product, number: int) -> Registration:
    """A registration of many through this connection, or 404."""
    found = (
        Registration.objects.select_related("job", "connection", "requested_by")
        .filter(connection=connection, product=product, pk=number)
        .first()
    )
    if found is None:
        raise Http404(f"There is no registration {number}.")
    return found
