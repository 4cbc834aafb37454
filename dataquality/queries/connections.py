"""Connections as their list and pages show them, and what lies behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet
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


@dataclass(frozen=True)
class SharedRow:
    """A connection of the installation, and how many datasets of each product that may use it read
    through it, by key. More of a product its administrators don't see."""

    connection: Connection
    readers: Mapping[str, int]

    @property
    def datasets(self) -> int:
        return sum(self.readers.values())


def shared_rows() -> list[SharedRow]:
    """The connections of the installation, by name, in three queries."""
    connections = Connection.objects.filter(product=None).order_by("name", "pk")
    return _with_readers(list(connections))


def find_shared(slug: str) -> SharedRow:
    """The connection of the installation with this slug, or 404."""
    found = Connection.objects.select_related("created_by").filter(product=None, slug=slug)
    rows = _with_readers(list(found))
    if not rows:
        raise Http404(f"There is no connection {slug}.")
    return rows[0]


def _with_readers(connections: Sequence[Connection]) -> list[SharedRow]:
    readers: dict[int, dict[str, int]] = {}
    shares = Connection.shared_with.through.objects.filter(connection__in=connections)
    for number, key in shares.order_by("product__key").values_list("connection", "product__key"):
        readers.setdefault(number, {})[key] = 0
    reading = (
        Dataset.objects.filter(connection__in=connections)
        .order_by("subject__product__key")
        .values_list("connection", "subject__product__key")
        .annotate(number=Count("pk"))
    )
    for number, key, datasets in reading:
        readers.setdefault(number, {})[key] = datasets
    return [SharedRow(one, readers.get(one.pk, {})) for one in connections]


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


def products_troubled_by(connection: Connection) -> list[Product]:
    """The products that have an open finding of the connection, whether or not they may still use
    it, oldest first; without those where another one has its slug."""
    troubled = Finding.objects.filter(
        source=SOURCE_OF_RUNS,
        fingerprint__in=list(fingerprints(connection.slug)),
        state=Finding.State.OPEN,
    )
    others = Connection.objects.exclude(pk=connection.pk).filter(
        slug=connection.slug, product__isnull=False
    )
    found = Product.objects.filter(pk__in=troubled.values("product"))
    if connection.product_id is not None:
        found = found.filter(pk=connection.product_id)
    return list(found.exclude(pk__in=others.values("product")).order_by("pk"))


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
