"""Items as the pages show them: rows of the backlog, of the inbox and of the trash; one item."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Prefetch, Q, Sum
from django.http import Http404
from django.utils import timezone

from backlog.models import (
    Backlog,
    Category,
    Comment,
    Finding,
    Item,
    Kind,
    Label,
    Product,
    Status,
    User,
)
from backlog.models.items import ItemQuerySet
from backlog.queries.findings import EvidenceBadge, evidence_badge
from mlscrum.web.rooms import Badge

PAGE_SIZE = 200  # rows; more would make the page heavy
INBOX_ROWS = 5  # what is planned stands below it
ANCHORS_OFFERED = 500
TRASH_DAYS = 30
# Every figure counts the middle level: epics sum their items and tasks have no points.
MIDDLE = ~Q(kind__in=[Kind.EPIC, Kind.TASK])
OPEN = ~Q(status__category=Category.DONE)


@dataclass(frozen=True)
class Counts:
    """What the product backlog holds: open items of the middle level, their points, the rest."""

    items: int
    points: Decimal
    unestimated: int
    tasks: int
    epics: int
    done: int


@dataclass(frozen=True)
class ItemRow:
    """An item in a list. The points of an epic are the sum of its items."""

    item: Item
    ref: str
    evidence: EvidenceBadge | None
    points: Decimal | None
    is_sum: bool
    parent_ref: str
    is_done: bool


@dataclass(frozen=True)
class BacklogPage:
    """One page of the product backlog in rank order."""

    rows: Sequence[ItemRow]
    page: Page[Item]
    counts: Counts
    with_done: bool


@dataclass(frozen=True)
class InboxPage:
    """Filed items that wait for the product owner, at most as many as the page shows."""

    rows: Sequence[ItemRow]
    total: int

    @property
    def more(self) -> int:
        return self.total - len(self.rows)


def find_item(product: Product, ref: str) -> Item:
    """The item of this ref, in the trash or not; anything else is 404."""
    match = re.fullmatch(r"([A-Za-z0-9]+)-([1-9][0-9]{0,8})", ref.strip())
    found = None
    if match and match[1].upper() == product.key:
        found = (
            Item.objects.select_related("status", "backlog", "parent", "created_by")
            .prefetch_related("assignees")
            .filter(product=product, number=int(match[2]))
            .first()
        )
    if found is None:
        raise Http404(f"There is no item {ref}.")
    found.product = product
    if found.parent is not None:
        found.parent.product = product
    item: Item = found
    return item


def backlog_counts(product: Product) -> Counts:
    """Figures of the product backlog, in one query."""
    items = Item.objects.alive().filter(
        backlog__product=product, backlog__kind=Backlog.Kind.PRODUCT
    )
    found = items.aggregate(
        open_items=Count("pk", filter=OPEN & MIDDLE),
        open_points=Sum("points", filter=OPEN & MIDDLE),
        unestimated=Count("pk", filter=OPEN & MIDDLE & Q(points__isnull=True)),
        tasks=Count("pk", filter=OPEN & Q(kind=Kind.TASK)),
        epics=Count("pk", filter=OPEN & Q(kind=Kind.EPIC)),
        done=Count("pk", filter=Q(status__category=Category.DONE)),
    )
    return Counts(
        items=found["open_items"],
        points=found["open_points"] or Decimal(0),
        unestimated=found["unestimated"],
        tasks=found["tasks"],
        epics=found["epics"],
        done=found["done"],
    )


def open_items_badge(product: Product) -> Badge | None:
    """Open items of the product backlog, for the navigation."""
    items = Item.objects.alive().filter(OPEN, MIDDLE)
    n = items.filter(backlog__product=product, backlog__kind=Backlog.Kind.PRODUCT).count()
    return (
        Badge(n, f"{n} open {'item' if n == 1 else 'items'} in the product backlog") if n else None
    )


def backlog_page(product: Product, *, number: str | int | None, with_done: bool) -> BacklogPage:
    """A page of the product backlog; done items are hidden unless asked for."""
    items = _listed(product, Backlog.Kind.PRODUCT)
    if not with_done:
        items = items.filter(OPEN)
    page: Page[Item] = Paginator(items, PAGE_SIZE).get_page(number)
    return BacklogPage(
        rows=_rows(product, page.object_list),
        page=page,
        counts=backlog_counts(product),
        with_done=with_done,
    )


def inbox_page(product: Product, *, everything: bool = False) -> InboxPage:
    """Items that evidence filed and nobody has taken yet, in the order of the inbox."""
    items = _listed(product, Backlog.Kind.INBOX).filter(OPEN)
    return InboxPage(
        rows=_rows(product, items[: PAGE_SIZE if everything else INBOX_ROWS]),
        total=items.count(),
    )


def waiting_in_inbox(product: Product) -> list[Item]:
    """All open items of the inbox, in its order."""
    items = Item.objects.alive().filter(
        OPEN, backlog__product=product, backlog__kind=Backlog.Kind.INBOX
    )
    return list(items.select_related("product", "backlog", "status").order_by("rank"))


def trash_page(product: Product, number: str | int | None) -> Page[Item]:
    """What was deleted in the last 30 days and can come back, the latest first."""
    since = timezone.now() - timedelta(days=TRASH_DAYS)
    items = (
        Item.objects.filter(product=product, deleted_at__gte=since)
        .select_related("product", "status")
        .order_by("-deleted_at", "-number")
    )
    page: Page[Item] = Paginator(items, PAGE_SIZE).get_page(number)
    return page


def neighbour(item: Item, *, upwards: bool, with_done: bool) -> Item | None:
    """The item next to this one in the list as it is shown, or None at its end.

    Its own tasks are passed over, for they move along.
    """
    near = Item.objects.alive().filter(backlog=item.backlog)
    near = near.exclude(parent=item, kind=Kind.TASK)
    if not with_done:
        near = near.filter(OPEN)
    if upwards:
        found: Item | None = near.filter(rank__lt=item.rank).order_by("-rank").first()
    else:
        found = near.filter(rank__gt=item.rank).order_by("rank").first()
    if found is not None:
        found.product = item.product
    return found


def anchors_for(item: Item) -> list[Item]:
    """Open items of the product backlog beside which this one can go, in rank order."""
    items = Item.objects.alive().filter(
        OPEN, backlog__product=item.product, backlog__kind=Backlog.Kind.PRODUCT
    )
    found = items.exclude(pk=item.pk).select_related("product").order_by("rank")
    return list(found[:ANCHORS_OFFERED])


def children_of(item: Item) -> list[ItemRow]:
    """What stands under the item, in the order of its number."""
    children = (
        Item.objects.alive()
        .filter(parent=item)
        .select_related("status", "parent")
        .prefetch_related("assignees", _WITH_FINDINGS)
        .order_by("number")
    )
    return _rows(item.product, children)


def points_under(children: Iterable[ItemRow]) -> Decimal | None:
    """The sum of what is estimated among these; None where nothing is."""
    estimated = [row.points for row in children if row.points is not None]
    return sum(estimated, Decimal(0)) if estimated else None


def comments_of(item: Item) -> list[Comment]:
    """What people and the evidence said, oldest first."""
    return list(item.comments.select_related("author"))


def statuses_of(product: Product) -> list[Status]:
    """The workflow in its order."""
    return list(product.statuses.order_by("position"))


PLAIN = ("kind", "title", "description", "points", "status", "parent", "due_date",
         "blocked_reason", "gpu_hours", "external_url", "criteria")  # fmt: skip
SETS = ("assignees", "labels")
EXTRA = "fields."  # what the name of a product's own field begins with among an item's fields


def plain(value: Any) -> Any:
    """A field's value in the form that changes keep: slugs, refs, e-mails, names, numbers."""
    if isinstance(value, Status):
        return value.slug
    if isinstance(value, Item):
        return value.ref
    if isinstance(value, User):
        return value.email
    if isinstance(value, Label):
        return value.name
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Iterable) and not isinstance(value, str | dict):
        rows = [plain(row) for row in value]
        return sorted(rows) if all(isinstance(row, str) for row in rows) else rows
    return value


def values_of(
    item: Item,
    names: Iterable[str] = (*PLAIN, *SETS),
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """These fields of the item in the plain form that changes keep; `given` stands in for sets
    that are not written yet."""
    given = given or {}
    return {
        name: plain(given[name] if name in given and name in SETS else _value(item, name))
        for name in names
    }


def values_at(item: Item, version: int, names: Iterable[str] = (*PLAIN, *SETS)) -> dict[str, Any]:
    """These fields as they stood at a version, in the plain form that changes keep."""
    values = values_of(item, names)
    later = item.changes.filter(version__gt=version, field__in=values).order_by("-id")
    for change in later:
        values[change.field] = change.before
    return values


def _value(item: Item, name: str) -> Any:
    if name.startswith(EXTRA):
        return item.extra.get(name.removeprefix(EXTRA))
    return getattr(item, name).all() if name in SETS else getattr(item, name)


_WITH_FINDINGS = Prefetch(
    "findings", queryset=Finding.objects.select_related("subject").order_by("priority", "-score")
)


def _listed(product: Product, kind: str) -> ItemQuerySet:
    items: ItemQuerySet = (
        Item.objects.alive()
        .filter(backlog__product=product, backlog__kind=kind)
        .select_related("status", "parent")
        .prefetch_related("assignees", _WITH_FINDINGS)
        .order_by("rank")
    )
    return items


def _rows(product: Product, found: Iterable[Item]) -> list[ItemRow]:
    items = list(found)
    sums = _sums([item for item in items if item.kind == Kind.EPIC])
    for item in items:
        item.product = product
    return [_row(product, item, sums.get(item.pk)) for item in items]


def _row(product: Product, item: Item, total: Decimal | None) -> ItemRow:
    is_epic = item.kind == Kind.EPIC
    return ItemRow(
        item=item,
        ref=item.ref,
        evidence=evidence_badge(item.findings.all()),
        points=total if is_epic else item.points,
        is_sum=is_epic,
        parent_ref=f"{product.key}-{item.parent.number}" if item.parent else "",
        is_done=item.status.category == Category.DONE,
    )


def _sums(epics: Sequence[Item]) -> dict[int, Decimal]:
    """The points under each of these epics."""
    if not epics:
        return {}
    children = Item.objects.alive().filter(MIDDLE, parent__in=[epic.pk for epic in epics])
    sums = children.values("parent_id").annotate(total=Sum("points"))
    return {row["parent_id"]: row["total"] for row in sums.order_by() if row["total"] is not None}
