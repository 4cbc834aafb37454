"""Items as the pages show them: rows of the backlog, of the inbox and of the trash; one item."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Prefetch, Q, Sum, Window
from django.db.models.functions import RowNumber
from django.http import Http404

from backlog.models import (
    Backlog,
    Category,
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
from backlog.queries.links import LinkedRef, linked_refs
from mlscrum.web.rooms import Badge

PAGE_SIZE = 200  # rows; more would make the page heavy
MOST_COUNTED = 1000
INBOX_ROWS = 5  # what is planned stands below it
ANCHORS_OFFERED = 500
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
class Total:
    """What stands under an item, of the middle level: the points, those of them that are done, and
    how many open items lack an estimate."""

    points: Decimal | None = None
    done_points: Decimal = Decimal(0)
    unestimated: int = 0


@dataclass(frozen=True)
class ItemRow:
    """An item in a list. The points of an epic are the sum of its items, with `unestimated` more;
    `blocked` says why it waits, and is empty where it doesn't."""

    item: Item
    ref: str
    evidence: EvidenceBadge | None
    points: Decimal | None
    is_sum: bool
    unestimated: int
    parent_ref: str
    is_done: bool
    blocked: str
    criteria_met: int

    @property
    def label_names(self) -> str:
        """Joined by commas, which no name of a label holds."""
        return ",".join(label.name for label in self.item.labels.all())

    @property
    def emails(self) -> str:
        """Of the people who are assigned, joined by commas."""
        return ",".join(person.email for person in self.item.assignees.all())


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
    items = Item.objects.alive().lying_in(product, Backlog.Kind.PRODUCT)
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
    found = Item.objects.alive().lying_in(product, Backlog.Kind.PRODUCT).filter(OPEN, MIDDLE)
    # On every page, so it must not grow with the backlog.
    n = found.order_by()[:MOST_COUNTED].count()
    is_more = n == MOST_COUNTED
    said = f"{n:,} or more" if is_more else str(n)
    meaning = f"{said} open {'item' if n == 1 else 'items'} in the product backlog"
    return Badge(n, meaning, is_more=is_more) if n else None


def inbox_page(product: Product, *, everything: bool = False) -> InboxPage:
    """Items that evidence filed and nobody has taken yet, in the order of the inbox; what stands
    under an epic that waits there is taken with it, and not listed by itself."""
    items = _listed(product, Backlog.Kind.INBOX).filter(OPEN)
    items = items.exclude(
        parent__kind=Kind.EPIC, parent__backlog__kind=Backlog.Kind.INBOX, parent__deleted_at=None
    )
    most = PAGE_SIZE if everything else INBOX_ROWS
    rows = rows_of(product, items[: most + 1])
    total = len(rows) if len(rows) <= most else items.count()
    return InboxPage(rows=rows[:most], total=total)


def waiting_in_inbox(product: Product) -> list[Item]:
    """All open items of the inbox, in its order."""
    items = Item.objects.alive().lying_in(product, Backlog.Kind.INBOX).filter(OPEN)
    return list(items.select_related("product", "backlog", "status").order_by("rank"))


def anchors_for(item: Item, homes: Sequence[Backlog]) -> list[Item]:
    """Open items of these backlogs beside which this one can go, in rank order: the sprints' first,
    a share of each, for a long backlog would leave them no room; its own fill the rest."""
    found = Item.objects.alive().filter(OPEN).exclude(pk=item.pk)
    found = found.select_related("product", "backlog")
    sprints = [home for home in homes if home.kind == Backlog.Kind.SPRINT]
    place = Window(RowNumber(), partition_by="backlog", order_by="rank")
    of_sprints = found.filter(backlog__in=sprints).annotate(place=place)
    shares = of_sprints.filter(place__lte=ANCHORS_OFFERED // len(homes))
    near = list(shares.order_by("backlog__state", "backlog__starts_on", "backlog", "rank"))
    others = found.filter(backlog__in=[home for home in homes if home not in sprints])
    return near + list(others.order_by("rank")[: ANCHORS_OFFERED - len(near)])


def children_of(item: Item, *, most: int | None = None) -> list[ItemRow]:
    """What stands under the item, in the order of its number; at most so many."""
    children = Item.objects.alive().filter(parent=item).order_by("number")
    return rows_of(item.product, with_all_of_a_row(children)[:most])


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


def _value(item: Item, name: str) -> Any:
    if name.startswith(EXTRA):
        return item.extra.get(name.removeprefix(EXTRA))
    return getattr(item, name).all() if name in SETS else getattr(item, name)


WITH_FINDINGS = Prefetch(
    "findings", queryset=Finding.objects.select_related("subject").order_by("priority", "-score")
)


def _listed(product: Product, kind: Backlog.Kind) -> ItemQuerySet:
    items: ItemQuerySet = with_all_of_a_row(Item.objects.alive().lying_in(product, kind))
    return items.order_by("rank")


# Of an item what is long, and of its parent all that no row shows.
UNSEEN = [
    "description",
    *(
        f"parent__{field.name}"
        for field in Item._meta.concrete_fields
        if field.name not in {"id", "product", "number", "title", "kind"}
    ),
]


def with_all_of_a_row(items: ItemQuerySet) -> ItemQuerySet:
    """With what `rows_of` reads of each, in a number of queries that never grows."""
    found: ItemQuerySet = (
        items.select_related("status", "parent")
        .defer(*UNSEEN)
        .prefetch_related("assignees", "labels", WITH_FINDINGS)
    )
    return found


def rows_of(product: Product, found: Iterable[Item]) -> list[ItemRow]:
    """Items of a product, from `with_all_of_a_row`, as rows of a list."""
    items = list(found)
    totals = totals_under([item for item in items if item.kind == Kind.EPIC])
    for item in items:
        item.product = product
    links = linked_refs([item.pk for item in items])
    return [
        _row(product, item, totals.get(item.pk, Total()), links.get(item.pk, ())) for item in items
    ]


def totals_under(epics: Sequence[Item]) -> dict[int, Total]:
    """What stands under each of these epics, by their ids."""
    if not epics:
        return {}
    children = Item.objects.alive().filter(MIDDLE, parent__in=[epic.pk for epic in epics])
    sums = children.values("parent_id").annotate(
        total=Sum("points"),
        done=Sum("points", filter=~OPEN),
        unestimated=Count("pk", filter=Q(points__isnull=True) & OPEN),
    )
    return {
        row["parent_id"]: Total(row["total"], row["done"] or Decimal(0), row["unestimated"])
        for row in sums.order_by()
    }


def _row(product: Product, item: Item, total: Total, links: Sequence[LinkedRef]) -> ItemRow:
    is_epic = item.kind == Kind.EPIC
    return ItemRow(
        item=item,
        ref=item.ref,
        evidence=evidence_badge(item.findings.all()),
        points=total.points if is_epic else item.points,
        is_sum=is_epic,
        unestimated=total.unestimated,
        parent_ref=f"{product.key}-{item.parent.number}" if item.parent else "",
        is_done=item.status.category == Category.DONE,
        blocked=_why_blocked(item, links),
        criteria_met=sum(1 for criterion in item.criteria if criterion.get("is_met")),
    )


def _why_blocked(item: Item, links: Sequence[LinkedRef]) -> str:
    waits_for = [link.ref for link in links if link.holds_back]
    reasons = [item.blocked_reason] if item.blocked_reason else []
    return "; ".join([*reasons, *([f"waits for {', '.join(waits_for)}"] if waits_for else [])])
