"""The workflow as its page shows it: statuses in their order, and how many items stand in each."""

from __future__ import annotations

from django.db.models import Count, Q
from django.http import Http404

from backlog.models import Item, Product, Status

ALIVE = Q(items__deleted_at__isnull=True)


def status_rows(product: Product) -> list[Status]:
    """The statuses in their order, each with `item_count`, without what lies in the trash."""
    counted = product.statuses.annotate(item_count=Count("items", filter=ALIVE))
    return list(counted.order_by("position"))


def find_status(product: Product, slug: str) -> Status:
    """The status of this slug; anything else is 404."""
    status = product.statuses.filter(slug=slug).first()
    if status is None:
        raise Http404("There is no such status.")
    status.product = product
    return status


def items_in(status: Status) -> int:
    """How many items stand in the status, without what lies in the trash."""
    return int(Item.objects.alive().filter(status=status).count())
