"""Labels as their page shows them: with the items that bear them."""

from __future__ import annotations

from django.db.models import Count, Q
from django.http import Http404

from backlog.models import Label, Product

ALIVE = Q(items__deleted_at__isnull=True)


def label_rows(product: Product) -> list[Label]:
    """The labels by name, each with `item_count`, without what lies in the trash."""
    counted = product.labels.annotate(item_count=Count("items", filter=ALIVE))
    return sorted(counted, key=lambda label: label.name.casefold())


def find_label(product: Product, label_id: int) -> Label:
    """The label of this id, with `item_count`; anything else is 404."""
    counted = product.labels.annotate(item_count=Count("items", filter=ALIVE))
    label = counted.filter(pk=label_id).first()
    if label is None:
        raise Http404("There is no such label.")
    label.product = product
    found: Label = label
    return found
