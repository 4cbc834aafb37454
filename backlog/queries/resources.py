"""What REST reads: querysets with all that a serializer shows, so that rows add no queries."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

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
from mlscrum.lib.numbers import whole_number


def items_of(product: Product) -> ItemQuerySet:
    """The living items of a product."""
    return with_all(Item.objects.alive().filter(product=product))


def with_all(items: ItemQuerySet) -> ItemQuerySet:
    """Items with what their resource shows."""
    children = Item.objects.alive().only("number", "parent_id", "deleted_at")
    return items.with_row().prefetch_related("labels", Prefetch("children", queryset=children))


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
    return Finding.objects.filter(product__in=products).select_related(
        "product", "subject", "item__product", "resolved_by"
    )


def find_subject(product: Product, kind: str, slug: str) -> Subject | None:
    return Subject.objects.filter(product=product, kind=kind, slug=slug).first()


def jobs_in(products: QuerySet[Product]) -> QuerySet[Job]:
    """The long work of these products."""
    return Job.objects.filter(product__in=products).select_related("product")


def teams_of(product: Product) -> QuerySet[Team]:
    return product.teams.prefetch_related("members__user")


def _number(product: Product, ref: str) -> int:
    key, _, digits = ref.strip().rpartition("-")
    number = whole_number(digits, digits=9) if key.upper() == product.key else None
    return number or 0
