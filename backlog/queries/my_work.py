"""What concerns one person across all products that they are in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Prefetch
from django.utils import timezone

from backlog.models import (
    Activity,
    ActorKind,
    Category,
    Change,
    Finding,
    Item,
    Product,
    Status,
    User,
)
from backlog.models.items import ItemQuerySet
from backlog.queries.findings import EvidenceBadge, evidence_badge
from backlog.queries.history import BY_EVIDENCE, code_host_in_words
from backlog.queries.items import OPEN
from backlog.queries.links import LinkEnd, links_of
from backlog.queries.notifications import names_in, told_by
from backlog.rules.weeks import end_of_week

LATELY = timedelta(days=7)
MOST_ASSIGNED = 300
MOST_DONE = 30
MOST_WAITING = 20
MOST_WATCHED = 20
CHANGES_READ = 400  # of what is watched; enough to name as many items as are shown


@dataclass(frozen=True)
class WorkRow:
    """An item that concerns the person, the statuses it can get, and what holds it back."""

    item: Item
    ref: str
    statuses: Sequence[Status]
    may_edit: bool
    evidence: EvidenceBadge | None
    is_overdue: bool
    blocked_by: Sequence[LinkEnd]

    @property
    def is_done(self) -> bool:
        return self.item.status.category == Category.DONE

    @property
    def is_blocked(self) -> bool:
        return bool(self.item.blocked_reason or self.blocked_by)


@dataclass(frozen=True)
class WatchedRow:
    """An item that the person watches, and what somebody else did to it last."""

    item: Item
    ref: str
    who: str
    words: str
    change: Change


@dataclass(frozen=True)
class MyWork:
    """Each open item stands in one group only; `more` of the person's own are not listed."""

    waiting: Sequence[WorkRow]
    due: Sequence[WorkRow]
    doing: Sequence[WorkRow]
    todo: Sequence[WorkRow]
    watched: Sequence[WatchedRow]
    done: Sequence[WorkRow]
    open_count: int
    more: int


def my_work(person: User, *, editable: Collection[int]) -> MyWork:
    """What is assigned to the person, waits for their yes, was changed by others, and is done.

    `editable` are the ids of the products whose items the person may edit. The number of queries
    depends on neither products nor items.
    """
    today = timezone.localdate()
    visible = Item.objects.alive().filter(product__members__user=person)
    mine = visible.filter(assignees=person)
    total = mine.filter(OPEN).count()
    open_items = _listed(mine.filter(OPEN).order_by(
        "product__name", "product__key", "backlog__kind", "rank"
    ))[:MOST_ASSIGNED]  # fmt: skip
    since = timezone.now() - LATELY
    done = _listed(mine.filter(done_at__gte=since).order_by("-done_at", "pk"))[:MOST_DONE]
    recovered = Finding.objects.filter(recovered=True, product__in=editable)
    waiting = _listed(
        visible.filter(OPEN, pk__in=recovered.values("item")).order_by("product__name", "rank")
    )[:MOST_WAITING]
    assigned = list(open_items)
    rows = _rows([*assigned, *done, *waiting], editable=editable, today=today)
    asked = [rows[item.pk] for item in waiting]
    return MyWork(
        **_grouped([rows[item.pk] for item in assigned if item not in waiting], today),
        waiting=asked,
        watched=_watched(person, visible, without=[*assigned, *waiting, *done]),
        done=[rows[item.pk] for item in done],
        open_count=total,
        more=total - len(assigned),
    )


def _listed(items: ItemQuerySet) -> ItemQuerySet:
    findings = Finding.objects.select_related("subject").order_by("priority", "-score")
    listed: ItemQuerySet = items.select_related(
        "product", "status", "backlog", "parent"
    ).prefetch_related(Prefetch("findings", queryset=findings))
    return listed


def _grouped(rows: Sequence[WorkRow], today: date) -> dict[str, list[WorkRow]]:
    due = [row for row in rows if row.item.due_date and row.item.due_date <= end_of_week(today)]
    rest = [row for row in rows if row not in due]
    return {
        "due": sorted(due, key=lambda row: row.item.due_date or today),
        "doing": [row for row in rest if row.item.status.category == Category.DOING],
        "todo": [row for row in rest if row.item.status.category == Category.TODO],
    }


def _rows(items: Sequence[Item], *, editable: Collection[int], today: date) -> dict[int, WorkRow]:
    links = links_of(items)
    statuses: dict[int, list[Status]] = defaultdict(list)
    products = {item.product_id for item in items}
    for status in Status.objects.filter(product__in=products).order_by("position"):
        statuses[status.product_id].append(status)
    return {
        item.pk: WorkRow(
            item=item,
            ref=item.ref,
            statuses=statuses[item.product_id],
            may_edit=item.product_id in editable,
            evidence=evidence_badge(item.findings.all()),
            is_overdue=item.due_date is not None and item.due_date < today,
            blocked_by=[end for end in links.get(item.pk, []) if end.holds_back],
        )
        for item in items
    }


def _watched(person: User, visible: ItemQuerySet, *, without: Iterable[Item]) -> list[WatchedRow]:
    """What others changed lately of the items that the person watches and does not work on."""
    own = {item.pk for item in without}
    changes = (
        Change.objects.filter(
            item__in=visible.filter(watchers=person).values("pk"),
            activity__at__gte=timezone.now() - LATELY,
        )
        .exclude(activity__user=person)
        .exclude(field="created")
        .select_related(
            "activity__user",
            "activity__token",
            "activity__code_host",
            "item__product",
            "item__status",
        )  # fmt: skip
        .order_by("-pk")[:CHANGES_READ]
    )
    deeds: dict[int, list[Change]] = defaultdict(list)
    for change in changes:
        deed = deeds[change.item_id]
        if change.item_id not in own and (not deed or deed[0].activity_id == change.activity_id):
            deed.append(change)
    last = [deed for deed in deeds.values() if deed][:MOST_WATCHED]
    names = names_in(_products(deed[0].item for deed in last))
    return [
        WatchedRow(
            item=deed[0].item,
            ref=deed[0].item.ref,
            who=_who(deed[0].activity),
            words=told_by(deed, names[deed[0].item.product_id]),
            change=deed[0],
        )
        for deed in last
    ]


def _products(items: Iterable[Item]) -> list[Product]:
    return list({item.product_id: item.product for item in items}.values())


def _who(activity: Activity) -> str:
    if activity.token is not None:
        return f"{activity.token.name} (token)"
    if activity.user is not None:
        return str(activity.user)
    if activity.actor_kind == ActorKind.CODE_HOST:
        return code_host_in_words(activity)
    return "The evidence" if activity.kind in BY_EVIDENCE else "ML Scrum"
