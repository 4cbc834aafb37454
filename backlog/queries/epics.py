"""Epics and how far they are, counted over the items that stand under them.

Every figure counts the middle level: tasks have no points, and epics no parent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, Max, Min, Q, Sum, When
from django.utils import timezone

from backlog.models import Category, Finding, Item, Kind, Product, Transition, User
from backlog.models.items import ItemQuerySet
from backlog.queries.items import MIDDLE, OPEN, ItemRow, children_of
from backlog.queries.links import BLOCKED
from backlog.rules.weeks import weeks_left

PAGE_SIZE = 50
DONE_SHOWN = 30
CHILDREN_SHOWN = 100  # of one epic; its own page has them all
PACE_WEEKS = 6


@dataclass(frozen=True)
class EpicRow:
    """An epic with the figures of its items. `started_at` is when the first of them was begun,
    `weeks` in how many the rest is done at the pace of the last six, None where nothing says so."""

    epic: Item
    ref: str
    items: int
    done_items: int
    points: Decimal
    done_points: Decimal
    unestimated: int
    blocked: int
    findings: int
    started_at: datetime | None
    finished_at: datetime | None
    changed_at: datetime
    weeks: int | None
    pace: float
    people: Sequence[User]
    today: date

    @property
    def is_done(self) -> bool:
        return self.epic.status.category == Category.DONE

    @property
    def open_items(self) -> int:
        return self.items - self.done_items

    @property
    def percent(self) -> int:
        """How much of it is done: by points where all is estimated, else by items."""
        is_estimated = self.points and not self.unestimated
        done, of = (
            (self.done_points, self.points) if is_estimated else (self.done_items, self.items)
        )
        return int(100 * done / of) if of else 0

    @property
    def duration(self) -> timedelta | None:
        """From the first begun item to the last done one, or until now where some are open."""
        if self.started_at is None:
            return None
        return (self.finished_at or timezone.now()) - self.started_at

    @property
    def is_overdue(self) -> bool:
        return (
            not self.is_done
            and self.epic.due_date is not None
            and (self.epic.due_date < self.today)
        )

    @property
    def comes_late(self) -> bool:
        """Whether the pace brings it in after its due date."""
        if self.weeks is None or self.epic.due_date is None:
            return False
        return self.today + timedelta(weeks=self.weeks) > self.epic.due_date


@dataclass(frozen=True)
class EpicsPage:
    """Open epics in the order of the backlog, and the last ones that were done."""

    rows: Sequence[EpicRow]
    done: Sequence[EpicRow]
    page: Page[Item]
    done_total: int


def epics_page(product: Product, number: str | int | None) -> EpicsPage:
    """A page of open epics, and the last that were done, in a fixed number of queries."""
    epics = (
        Item.objects.alive()
        .filter(product=product, kind=Kind.EPIC)
        .select_related("status")
        .prefetch_related("assignees")
    )
    page: Page[Item] = Paginator(epics.filter(OPEN).order_by("rank", "pk"), PAGE_SIZE).get_page(
        number
    )
    finished = epics.exclude(OPEN)
    latest = list(finished.order_by("-done_at", "-pk")[:DONE_SHOWN])
    rows = _rows(product, [*page.object_list, *latest])
    return EpicsPage(
        rows=rows[: len(page.object_list)],
        done=rows[len(page.object_list) :],
        page=page,
        done_total=finished.count(),
    )


def items_of_epic(epic: Item) -> list[ItemRow]:
    """What stands under an epic: open items first, the latest done ones last."""
    return sorted(children_of(epic), key=lambda row: row.is_done)


def _rows(product: Product, epics: Sequence[Item]) -> list[EpicRow]:
    ids = [epic.pk for epic in epics]
    children = Item.objects.alive().filter(MIDDLE, parent__in=ids)
    figures = _figures(children)
    blocked = _counted(children.filter(OPEN).filter(BLOCKED), "parent_id")
    findings = _open_findings(product, ids)
    started = _started(ids)
    people = _people(children)
    today = timezone.localdate()
    return [
        _row(
            product,
            epic,
            figures.get(epic.pk, {}),
            started.get(epic.pk),
            blocked=blocked.get(epic.pk, 0),
            findings=findings.get(epic.pk, 0),
            people=list(dict.fromkeys([*epic.assignees.all(), *people.get(epic.pk, [])])),
            today=today,
        )
        for epic in epics
    ]


def _row(
    product: Product, epic: Item, of: dict[str, Any], started: datetime | None, **more: Any
) -> EpicRow:
    epic.product = product
    items, done = of.get("items", 0), of.get("done_items", 0)
    since = _weeks_since(started)
    lately = of.get("done_lately", 0)
    return EpicRow(
        epic=epic,
        ref=epic.ref,
        items=items,
        done_items=done,
        points=of.get("points") or Decimal(0),
        done_points=of.get("done_points") or Decimal(0),
        unestimated=of.get("unestimated", 0),
        started_at=started,
        finished_at=of.get("last_done_at") if items and done == items else None,
        changed_at=max(filter(None, [epic.updated_at, of.get("changed_at")])),
        weeks=weeks_left(remaining=items - done, done=lately, weeks=since),
        pace=lately / since if since else 0,
        **more,
    )


def _weeks_since(started: datetime | None) -> float:
    """How long the pace is taken over: since the start, and at most six weeks."""
    if started is None:
        return 0
    return min(PACE_WEEKS, (timezone.now() - started) / timedelta(weeks=1))


def _figures(children: ItemQuerySet) -> dict[int, dict[str, Any]]:
    is_done = Q(status__category=Category.DONE)
    lately = timezone.now() - timedelta(weeks=PACE_WEEKS)
    rows = children.order_by().values("parent_id").annotate(
        items=Count("pk"),
        done_items=Count("pk", filter=is_done),
        done_lately=Count("pk", filter=is_done & Q(done_at__gte=lately)),
        points_all=Sum("points"),
        done_points=Sum("points", filter=is_done),
        unestimated=Count("pk", filter=~is_done & Q(points__isnull=True)),
        last_done_at=Max("done_at"),
        changed_at=Max("updated_at"),
    )  # fmt: skip
    return {row["parent_id"]: {**row, "points": row["points_all"]} for row in rows}


def _open_findings(product: Product, ids: Iterable[int]) -> dict[int, int]:
    """Open findings of each epic, of its items and of their tasks."""
    found = Finding.objects.filter(
        product=product, state=Finding.State.OPEN, item__deleted_at__isnull=True
    ).annotate(
        epic_id=Case(
            When(item__kind=Kind.EPIC, then=F("item_id")),
            When(item__parent__kind=Kind.EPIC, then=F("item__parent_id")),
            default=F("item__parent__parent_id"),
        )
    )
    return _counted(found.filter(epic_id__in=list(ids)), "epic_id")


def _started(ids: Iterable[int]) -> dict[int, datetime]:
    """When the first item of each epic was begun; what went to done at once was begun then."""
    begun = Transition.objects.filter(
        item__parent__in=list(ids),
        item__deleted_at__isnull=True,
        category__in=[Category.DOING, Category.DONE],
    ).exclude(item__kind__in=[Kind.TASK, Kind.EPIC])
    rows = begun.order_by().values_list("item__parent_id").annotate(first=Min("at"))
    return dict(rows)


def _people(children: ItemQuerySet) -> dict[int | None, list[User]]:
    """Who works on the open items of each epic, by name."""
    pairs = Item.assignees.through.objects.filter(item__in=children.filter(OPEN).values("pk"))
    found: dict[int | None, list[int]] = defaultdict(list)
    for parent_id, user_id in pairs.values_list("item__parent_id", "user_id").distinct():
        found[parent_id].append(user_id)
    users = User.objects.in_bulk({user for group in found.values() for user in group})
    return {
        parent: sorted((users[user] for user in group), key=str) for parent, group in found.items()
    }


def _counted(rows: Any, by: str) -> dict[int, int]:
    return dict(rows.order_by().values_list(by).annotate(n=Count("pk")))
