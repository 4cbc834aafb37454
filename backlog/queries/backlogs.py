"""The product backlog as its page shows it: rows, groups with sums, what fits a sprint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Case, Count, F, Q, Sum, When
from django.utils import timezone

from backlog.models import Backlog, ExtraField, Item, Kind, Label, Product, Status, User
from backlog.models.items import ItemQuerySet
from backlog.queries.items import MIDDLE, OPEN, ItemRow, rows_of, with_all_of_a_row
from mlscrum.lib.numbers import whole_number

SLICE = 25  # rows that come at once: a screen full
MOST_OFFERED = 300  # people, labels or epics that a menu of the page offers
MOST_SOURCES = 50
NONE = "none"
FORTNIGHTS = 6
# How far the line of what fits is looked for: beyond, nobody plans a sprint.
LONGEST_SPRINT = 500


def product_backlog_items(product: Product) -> ItemQuerySet:
    """What is in the product backlog and not in the trash."""
    items: ItemQuerySet = Item.objects.alive().lying_in(product, Backlog.Kind.PRODUCT)
    return items


def slice_of(
    product: Product, items: ItemQuerySet, *, offset: int = 0, limit: int = SLICE
) -> list[ItemRow]:
    """Rows of these items in rank order, from the `offset`th on."""
    wanted = with_all_of_a_row(items).order_by("rank")[offset : offset + limit]
    return rows_of(product, wanted)


def rows_with_refs(product: Product, numbers: Iterable[int]) -> list[ItemRow]:
    """The rows of living items by their numbers, wherever they are."""
    items = Item.objects.alive().filter(product=product, number__in=list(numbers))
    return rows_of(product, with_all_of_a_row(items).order_by("rank"))


def refs_between(product: Product, items: ItemQuerySet, *, offset: int, limit: int) -> list[str]:
    """Only the refs of a slice: what a selection that spans it needs."""
    numbers = items.order_by("rank").values_list("number", flat=True)[offset : offset + limit]
    return [f"{product.key}-{number}" for number in numbers]


# Groups --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """A part of the list: its items share a value, and `value` names it in addresses.

    `of` is what they share: a kind, an epic, a person, a label, a status, or None. `items` are of
    the middle level, as everywhere, and `rows` is how many lines there are.
    """

    value: str
    label: str
    of: Any
    rows: int
    points: Decimal
    unestimated: int
    tasks: int
    epics: int

    @property
    def items(self) -> int:
        return self.rows - self.tasks - self.epics


# The epic that an item, or a task's item, stands under; an epic is with what stands under it.
EPIC = Case(
    When(kind=Kind.EPIC, then=F("pk")),
    When(parent__kind=Kind.EPIC, then=F("parent_id")),
    When(parent__parent__kind=Kind.EPIC, then=F("parent__parent_id")),
    default=None,
)


def groups_of(product: Product, items: ItemQuerySet, by: str) -> list[Group]:
    """The groups of these items with their sums, in two statements however many there are.

    `by` is one of GROUPINGS. An item of several people or labels is in a group of each.
    """
    counted = (
        items.order_by()
        .annotate(group=GROUPINGS[by].key)
        .values("group")
        .annotate(
            n=Count("pk"),
            tasks=Count("pk", filter=Q(kind=Kind.TASK)),
            epics=Count("pk", filter=Q(kind=Kind.EPIC)),
            sum_points=Sum("points", filter=MIDDLE),
            unknown=Count("pk", filter=MIDDLE & OPEN & Q(points__isnull=True)),
        )
    )
    found = {row["group"]: row for row in counted}
    named = GROUPINGS[by].named(product, [key for key in found if key is not None])
    groups = [
        _group(value, label, of, row)
        for key, (value, label, of) in named.items()
        if (row := found.get(key))
    ]
    if None in found:
        groups.append(_group(NONE, GROUPINGS[by].nothing, None, found[None]))
    return groups


def _group(value: str, label: str, of: Any, row: Mapping[str, Any]) -> Group:
    points = row["sum_points"] or Decimal(0)
    return Group(value, label, of, row["n"], points, row["unknown"], row["tasks"], row["epics"])


def in_group(product: Product, items: ItemQuerySet, by: str, value: str) -> ItemQuerySet:
    """Those of the items that are in this group; none for a value that names none."""
    return items.filter(GROUPINGS[by].holds(product, value))


Named = dict[Any, tuple[str, str, Any]]


@dataclass(frozen=True)
class Grouping:
    """How items are put together: the key of each, the name of each key, who is in a group."""

    label: str
    nothing: str
    key: Any
    named: Callable[[Product, Sequence[Any]], Named]
    holds: Callable[[Product, str], Q]


def _kinds(product: Product, keys: Sequence[Any]) -> Named:
    return {kind.value: (kind.value, str(kind.label), kind.value) for kind in Kind}


def _statuses(product: Product, keys: Sequence[Any]) -> Named:
    return {s.pk: (s.slug, s.name, s) for s in product.statuses.order_by("position")}


def _people(product: Product, keys: Sequence[Any]) -> Named:
    people = User.objects.filter(pk__in=keys).order_by("name")
    return {person.pk: (person.email, str(person), person) for person in people}


def _labels(product: Product, keys: Sequence[Any]) -> Named:
    return {label.pk: (label.name, label.name, label) for label in product.labels.all()}


def _epics(product: Product, keys: Sequence[Any]) -> Named:
    epics = Item.objects.filter(product=product, pk__in=keys).order_by("rank", "number")
    named: Named = {}
    for epic in epics:
        epic.product = product
        named[epic.pk] = (epic.ref, epic.title, epic)
    return named


def _under_epic(product: Product, value: str) -> Q:
    epics = Item.objects.filter(product=product, kind=Kind.EPIC)
    if value == NONE:
        below = Item.objects.filter(Q(parent__in=epics) | Q(parent__parent__in=epics))
        return ~Q(pk__in=below.values("pk")) & ~Q(kind=Kind.EPIC)
    number = whole_number(value.rpartition("-")[2], digits=9)
    epic = epics.filter(number=number or 0).values("pk")
    return Q(pk__in=epic) | Q(parent__in=epic) | Q(parent__parent__in=epic)


def _bearing(through: Any, column: str) -> Callable[[Product, str], Q]:
    def holds(product: Product, value: str) -> Q:
        rows = through.objects.filter(item__product=product)
        if value == NONE:
            return ~Q(pk__in=rows.values("item"))
        return Q(pk__in=rows.filter(**{f"{column}__iexact": value}).values("item"))

    return holds


GROUPINGS: Mapping[str, Grouping] = {
    "kind": Grouping("Kind", "", F("kind"), _kinds, lambda _, value: Q(kind=value)),
    "epic": Grouping("Epic", "No epic", EPIC, _epics, _under_epic),
    "status": Grouping(
        "Status", "", F("status_id"), _statuses, lambda _, value: Q(status__slug=value)
    ),
    "assignee": Grouping(
        "Assignee",
        "Nobody",
        F("assignees"),
        _people,
        _bearing(Item.assignees.through, "user__email"),
    ),
    "label": Grouping(
        "Label", "No label", F("labels"), _labels, _bearing(Item.labels.through, "label__name")
    ),
}


# What fits the next sprint ----------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """Points that a sprint holds, from few to many, and where the figure comes from."""

    low: Decimal
    high: Decimal
    source: str


@dataclass(frozen=True)
class Line:
    """Where a sprint is full in rank order: the last item that fits its `low` and its `high`."""

    span: Span
    low_ref: str
    high_ref: str


PaceOf = Callable[[Product], Span | None]
_pace_of: list[PaceOf] = []


def provide_pace(pace_of: PaceOf) -> None:
    """Tell the list what a sprint of a product holds; None where the app can't say it yet."""
    _pace_of[:] = [pace_of]


def pace(product: Product) -> Span | None:
    """What a sprint holds: as the sprints say that are over, else by what was finished of late."""
    said = (found for find in _pace_of if (found := find(product)) is not None)
    return next(said, None) or recent_pace(product)


def recent_pace(product: Product) -> Span | None:
    """Points finished per fortnight in the last twelve weeks, from the poorest to the richest.

    Whole fortnights back from now, from the first in which anything was finished on; None with
    fewer than two, for one says nothing of a range.
    """
    now = timezone.now()
    edges = [now - timedelta(weeks=2 * n) for n in range(FORTNIGHTS + 1)]
    sums = {
        f"n{n}": Sum("points", filter=Q(done_at__lte=edges[n], done_at__gt=edges[n + 1]))
        for n in range(FORTNIGHTS)
    }
    done = Item.objects.alive().filter(MIDDLE, product=product, done_at__gt=edges[-1])
    found = done.aggregate(**sums)
    points = [found[f"n{n}"] or Decimal(0) for n in range(FORTNIGHTS)]
    while points and not points[-1]:
        points.pop()
    if len(points) < 2:
        return None
    return Span(min(points), max(points), f"the last {len(points)} fortnights")


def line_of(product: Product, span: Span) -> Line | None:
    """Where the open items of the product backlog, in rank order, fill a sprint; None where all of
    them fit."""
    ranked = product_backlog_items(product).filter(MIDDLE, OPEN).order_by("rank")
    total, low, high = Decimal(0), "", ""
    for number, points in ranked.values_list("number", "points")[:LONGEST_SPRINT]:
        total += points or Decimal(0)
        if total > span.high:
            return Line(span, low or high, high)
        if total <= span.low:
            low = f"{product.key}-{number}"
        high = f"{product.key}-{number}"
    return None


# What the page's menus offer --------------------------------------------------------------------


class Offer:
    """What can be chosen on the page, for filters and for edits alike: the words that this
    product's items can bear, at most 300 of each. Each kind is read when somebody looks at it."""

    def __init__(self, product: Product) -> None:
        self._product = product

    @cached_property
    def statuses(self) -> Sequence[Status]:
        return list(self._product.statuses.order_by("position"))

    @cached_property
    def people(self) -> Sequence[User]:
        people = User.objects.filter(memberships__product=self._product).order_by("name")
        return list(people[:MOST_OFFERED])

    @cached_property
    def labels(self) -> Sequence[Label]:
        return list(self._product.labels.all()[:MOST_OFFERED])

    @cached_property
    def epics(self) -> Sequence[Item]:
        open_epics = Item.objects.alive().filter(OPEN, product=self._product, kind=Kind.EPIC)
        epics = list(
            open_epics.only("number", "title", "product_id").order_by("rank")[:MOST_OFFERED]
        )
        for epic in epics:
            epic.product = self._product
        return epics

    @cached_property
    def fields(self) -> Sequence[ExtraField]:
        return list(self._product.extra_fields.all())

    @cached_property
    def sources(self) -> Sequence[str]:
        found = self._product.findings.order_by("source").values_list("source", flat=True)
        return list(found.distinct()[:MOST_SOURCES])
