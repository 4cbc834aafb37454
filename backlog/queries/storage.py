"""What the installation keeps, the room it takes and for how long: each floor names its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce

from backlog.models import (
    Activity,
    AlertMessage,
    Attachment,
    Delivery,
    HostMessage,
    Import,
    Notification,
    Product,
    ProductExport,
    ProductImport,
    StoredReport,
)
from backlog.rules import keeping

NO_PRODUCT = 0


@dataclass(frozen=True)
class Room:
    """So many things; of files the bytes that they take."""

    count: int = 0
    bytes: int = 0

    def __add__(self, other: Room) -> Room:
        return Room(self.count + other.count, self.bytes + other.bytes)


@dataclass(frozen=True)
class Kept:
    """One kind of thing that is kept: whether they are files, for how long they stay, in words, and
    the room of each product's by its id."""

    name: str
    are_files: bool
    kept_for: str
    by_product: Mapping[int, Room]

    @property
    def all(self) -> Room:
        return sum(self.by_product.values(), Room())


@dataclass(frozen=True)
class ProductRoom:
    """The room that one product's files take."""

    product: Product
    files: Room


@dataclass(frozen=True)
class Storage:
    """All of it; `database` and `free` are bytes, None where nobody can say."""

    kinds: Sequence[Kept]
    products: Sequence[ProductRoom]
    database: int | None
    free: int | None
    files: Room = field(init=False)

    def __post_init__(self) -> None:
        files = (kind.all for kind in self.kinds if kind.are_files)
        object.__setattr__(self, "files", sum(files, Room()))


_sources: dict[str, tuple[int, Callable[[], Kept]]] = {}


def register(name: str, order: int, source: Callable[[], Kept]) -> None:
    """Add a kind of thing to the page, or replace the one of this name."""
    _sources[name] = (order, source)


def storage() -> Storage:
    """What is kept now: one query a kind."""
    ordered = sorted(_sources.items(), key=lambda entry: (entry[1][0], entry[0]))
    kinds = [source() for _, (_, source) in ordered]
    of_files = [kind.by_product for kind in kinds if kind.are_files]
    products = [
        ProductRoom(product, sum((rooms.get(product.pk, Room()) for rooms in of_files), Room()))
        for product in Product.objects.order_by("key")
    ]
    products.sort(key=lambda row: -row.files.bytes)
    return Storage(kinds, products, _database_bytes(), _free_bytes())


def rooms_of(rows: QuerySet[Any], product: str, *, size: str | None = None) -> dict[int, Room]:
    """How many of these rows each product has, and the sum of the column `size` where there is
    one; `product` is the path to the product's id."""
    found = (
        rows.order_by()
        .values(product)
        .annotate(n=Count("pk"), size=Coalesce(Sum(size), 0) if size else Count("pk"))
    )
    return {
        row[product]: Room(row["n"], row["size"] if size else 0)
        for row in found
        if row[product] is not None
    }


def attachments() -> Kept:
    rooms = rooms_of(Attachment.objects.all(), "item__product_id", size="bytes")
    return Kept("Attachments", True, "as long as their item", rooms)


def import_files() -> Kept:
    rooms = rooms_of(Import.objects.exclude(file=""), "product_id", size="bytes")
    return Kept(
        "Files of imports",
        True,
        f"until the import is done, or {keeping.in_words(keeping.UNFINISHED_IMPORTS)}",
        rooms,
    )


def history() -> Kept:
    return Kept(
        "Deeds of the history", False, "for ever", rooms_of(Activity.objects.all(), "product_id")
    )


def news() -> Kept:
    rooms = rooms_of(Notification.objects.all(), "item__product_id")
    return Kept("Notifications", False, "as long as their item", rooms)


def reports() -> Kept:
    rooms = rooms_of(StoredReport.objects.all(), "product_id")
    return Kept("Reports of evidence", False, "as long as what they say is needed", rooms)


def alert_messages() -> Kept:
    rooms = rooms_of(AlertMessage.objects.all(), "channel__product_id")
    return Kept("Messages of alerts", False, keeping.in_words(keeping.ALERT_MESSAGES), rooms)


def deliveries() -> Kept:
    rooms = rooms_of(Delivery.objects.all(), "webhook__product_id")
    return Kept(
        "Deliveries of webhooks", False, keeping.in_words(keeping.WEBHOOK_DELIVERIES), rooms
    )


def archives() -> Kept:
    made = ProductExport.objects.exclude(file="")
    rooms = rooms_of(made, "product_id", size="bytes")
    return Kept("Archives of products", True, keeping.in_words(keeping.ARCHIVES), rooms)


def archives_brought() -> Kept:
    """Those that are no product yet."""
    brought = ProductImport.objects.exclude(file="")
    sums = brought.order_by().aggregate(n=Count("pk"), size=Coalesce(Sum("bytes"), 0))
    room = {NO_PRODUCT: Room(sums["n"], sums["size"])}
    return Kept("Archives brought here", True, keeping.in_words(keeping.ARCHIVES), room)


def code_messages() -> Kept:
    rooms = rooms_of(HostMessage.objects.all(), "code_host__product_id")
    kept_for = keeping.in_words(keeping.CODE_MESSAGES)
    return Kept("Messages of code hosts", False, kept_for, rooms)


OWN = (
    attachments,
    archives,
    archives_brought,
    import_files,
    code_messages,
    history,
    news,
    reports,
    alert_messages,
    deliveries,
)


def _database_bytes() -> int | None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    file = Path(str(connection.settings_dict["NAME"]))
    return file.stat().st_size if file.is_file() else None


def _free_bytes() -> int | None:
    try:
        return shutil.disk_usage(settings.DATA_DIR).free
    except OSError:
        return None
