"""What lies in the trash and can still come back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.paginator import Page, Paginator
from django.utils import timezone

from backlog.models import Change, Item, Product
from backlog.queries.search import found_by

PAGE_SIZE = 200
KEPT_FOR = timedelta(days=30)


def is_gone(item: Item) -> bool:
    """Whether an item was deleted so long ago that it can't come back."""
    return item.deleted_at is not None and item.deleted_at < timezone.now() - KEPT_FOR


@dataclass(frozen=True)
class TrashRow:
    """An item in the trash: who put it there, and until when it can come back."""

    item: Item
    who: str
    until: datetime


@dataclass(frozen=True)
class TrashPage:
    """One page of the trash, the latest first; `query` is what was looked for."""

    rows: list[TrashRow]
    page: Page[Item]
    query: str


def trash_page(product: Product, number: str | int | None, query: str = "") -> TrashPage:
    """What was deleted in the last 30 days, in a fixed number of queries."""
    items = (
        Item.objects.filter(product=product, deleted_at__gte=timezone.now() - KEPT_FOR)
        .select_related("status")
        .order_by("-deleted_at", "-number")
    )
    if query:
        items = found_by(items, query)
    page: Page[Item] = Paginator(items, PAGE_SIZE).get_page(number)
    deletions = (
        Change.objects.filter(item__in=[item.pk for item in page], field="deleted", after=True)
        .select_related("activity__user", "activity__token")
        .order_by("id")
    )
    deeds = {change.item_id: change.activity for change in deletions}
    rows = []
    for item in page:
        item.product = product
        deed = deeds.get(item.pk)
        token = f"{deed.token.name} (token)" if deed and deed.token else ""
        user = str(deed.user) if deed and deed.user else ""
        assert item.deleted_at is not None
        rows.append(TrashRow(item, token or user or "ML Scrum", item.deleted_at + KEPT_FOR))
    return TrashPage(rows, page, query)
