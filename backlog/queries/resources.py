"""What REST reads: querysets with all that a serializer shows, so that rows add no queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery, Value
from django.http import Http404

from backlog.models import (
    Activity,
    Backlog,
    Change,
    Comment,
    Finding,
    Item,
    Job,
    Product,
    Subject,
    Team,
)
from backlog.models.items import ItemQuerySet
from backlog.queries.links import LinkedRef, linked_refs
from mlscrum.lib.numbers import whole_number


def items_of(product: Product) -> ItemQuerySet:
    """The living items of a product."""
    return with_row(Item.objects.alive().filter(product=product))


def with_row(items: ItemQuerySet) -> ItemQuerySet:
    """Items with what their resource shows of their own row.

    Of product, status, backlog and parent only the few columns that are shown: on a page of 200
    the objects of all of them would cost more than the query.
    """
    found: ItemQuerySet = items.annotate(
        product_key=F("product__key"),
        status_slug=F("status__slug"),
        status_category=F("status__category"),
        backlog_kind=F("backlog__kind"),
        parent_number=F("parent__number"),
        # Asked by row, for the planner takes the children of 200 items for a good part of all.
        a_child=Subquery(
            Item.objects.alive().filter(parent=OuterRef("pk")).order_by().values("pk")[:1]
        ),
    )
    return found


# What a resource shows of an item's own row, and what lists are ordered by.
ROW = (
    "pk", "id", "number", "kind", "title", "description", "points", "criteria", "due_date",
    "blocked_reason", "gpu_hours", "extra", "external_source", "external_id", "external_url",
    "version", "created_at", "updated_at", "done_at", "deleted_at", "rank", "backlog_id",
    "product_key", "status_slug", "status_category", "backlog_kind", "parent_number", "a_child",
)  # fmt: skip


def rows_of(items: ItemQuerySet) -> QuerySet[Item, Any]:
    """Items of `with_row` as named tuples: to make the objects takes longer than to read them."""
    return items.values_list(*ROW, named=True)


@dataclass(frozen=True)
class Surroundings:
    """What hangs on items, each by the items' ids: addresses, names, numbers, findings, links."""

    assignees: Mapping[int, Sequence[str]]
    labels: Mapping[int, Sequence[str]]
    children: Mapping[int, Sequence[int]]
    findings: Mapping[int, Sequence[tuple[int, str, str]]]
    links: Mapping[int, Sequence[LinkedRef]]


def surroundings_of(items: Sequence[Any]) -> Surroundings:
    """What hangs on these items of `with_row`, in at most five statements however many. Findings
    are (id, severity, source), in the order of their ids; children are alive."""
    ids = [item.pk for item in items]
    parents = [item.pk for item in items if item.a_child is not None]
    assigned = Item.assignees.through.objects.filter(item__in=ids)
    labelled = Item.labels.through.objects.filter(item__in=ids)
    names = assigned.values_list("item_id", Value("assignees"), "user__email").union(
        labelled.values_list("item_id", Value("labels"), "label__name"), all=True
    )
    sets: dict[str, dict[int, list[str]]] = {
        "assignees": defaultdict(list),
        "labels": defaultdict(list),
    }
    for pk, kind, name in names:
        sets[kind][pk].append(name)
    children = Item.objects.alive().filter(parent__in=parents).order_by("number")
    findings = Finding.objects.filter(item__in=ids).order_by("pk")
    return Surroundings(
        **sets,
        children=_grouped(children.values_list("parent_id", "number")) if parents else {},
        findings=_grouped(
            (pk, tuple(finding))
            for pk, *finding in findings.values_list("item_id", "pk", "severity", "source")
        ),
        links=linked_refs(ids),
    )


def items_by_ref(
    product: Product, refs: Sequence[str], *, deleted: bool = False
) -> dict[str, Item]:
    """The items of the product under these refs, by the ref as it was written; from the trash
    too where `deleted`."""
    numbers = {ref: _number(product, ref) for ref in refs}
    items = Item.objects.all() if deleted else Item.objects.alive()
    rows = {
        item.number: item
        for item in items.filter(
            product=product, number__in=[n for n in numbers.values() if n]
        ).select_related("product", "status", "backlog", "parent")
    }
    return {ref: rows[number] for ref, number in numbers.items() if number in rows}


def find_sprints(product: Product, wanted: str) -> list[Backlog]:
    """The sprint backlog of this id, or those that are active now."""
    sprints = product.backlogs.filter(kind=Backlog.Kind.SPRINT)
    if wanted == "active":
        return list(sprints.filter(state=Backlog.State.ACTIVE))
    number = whole_number(wanted)
    return [] if number is None else list(sprints.filter(pk=number))


def open_sprints_of(product: Product) -> list[Backlog]:
    """The sprint backlogs that run, then those planned, the next one first."""
    sprints = product.backlogs.filter(kind=Backlog.Kind.SPRINT)
    found = sprints.exclude(state=Backlog.State.CLOSED).select_related("team")
    return list(found.order_by("state", "starts_on", "pk"))  # active stands before planned


def comments_of(item: Item) -> QuerySet[Comment]:
    return item.comments.select_related("author")


def activity_of(item: Item) -> QuerySet[Activity]:
    """The deeds that were about the item or changed it, with what they changed of it."""
    changes = Change.objects.filter(item=item)
    return (
        Activity.objects.filter(product=item.product)
        .filter(Q(item=item) | Q(Exists(changes.filter(activity=OuterRef("pk")))))
        .select_related("user", "token")
        .prefetch_related(Prefetch("changes", queryset=changes))
    )


def findings_in(products: QuerySet[Product] | Sequence[Product]) -> QuerySet[Finding]:
    """The findings of these products."""
    aliases = Finding.objects.order_by("pk").only("merged_into")
    found = Finding.objects.filter(product__in=products).prefetch_related(
        Prefetch("aliases", queryset=aliases)
    )
    return found.select_related("product", "subject", "item__product", "resolved_by")


def find_subject(product: Product, kind: str, slug: str) -> Subject | None:
    return Subject.objects.filter(product=product, kind=kind, slug=slug).first()


def jobs_in(products: QuerySet[Product]) -> QuerySet[Job]:
    """The long work of these products."""
    return Job.objects.filter(product__in=products).select_related("product")


def find_team(product: Product, id: int) -> Team:
    """The team of this id in the product; 404 for others."""
    team = product.teams.filter(pk=id).first()
    if team is None:
        raise Http404(f"There is no team {id} in {product.key}.")
    return team


def teams_of(product: Product) -> QuerySet[Team]:
    return product.teams.prefetch_related("members__user")


def _number(product: Product, ref: str) -> int:
    key, _, digits = ref.strip().rpartition("-")
    number = whole_number(digits, digits=9) if key.upper() == product.key else None
    return number or 0


def _grouped(rows: Iterable[tuple[int, Any]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for key, value in rows:
        found[key].append(value)
    return found
