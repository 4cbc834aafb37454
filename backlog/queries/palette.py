"""What the command palette and the search page find: items by their words, and the latest ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backlog.models import Activity, Item, Product, User
from backlog.queries.search import ranked

ITEMS_SHOWN = 8
OTHERS_SHOWN = 5  # of the person's other products
DEEDS_READ = 60  # enough to name as many items as are shown


@dataclass(frozen=True)
class Found:
    """Items, best first, and of how many: at most 1,000, which then means that or more."""

    items: Sequence[Item]
    total: int


def find_in(product: Product, query: str, *, limit: int = ITEMS_SHOWN) -> Found:
    """The best items of this product for a query."""
    return _best(ranked(Item.objects.alive().filter(product=product), query), limit)


def find_elsewhere(
    person: User, query: str, *, outside: Product | None, limit: int = OTHERS_SHOWN
) -> Found:
    """The best items of all the person's products but this one."""
    products = Product.objects.visible_to(person)
    if outside is not None:
        products = products.exclude(pk=outside.pk)
    items = Item.objects.alive().filter(product__in=products.values("pk"))
    return _best(ranked(items, query), limit)


def latest_of(person: User, *, limit: int = ITEMS_SHOWN) -> list[Item]:
    """The items on which the person did something last, in products that they still see."""
    visible = Product.objects.visible_to(person).values("pk")
    deeds = Activity.objects.filter(user=person, item__isnull=False, product__in=visible)
    # The item may have moved on to a product that they don't see.
    deeds = deeds.filter(item__product__in=visible)
    ids = deeds.order_by("-pk").values_list("item_id", flat=True)[:DEEDS_READ]
    latest = list(dict.fromkeys(ids))
    items = _shown(latest)
    return [items[pk] for pk in latest if pk in items][:limit]


def _best(ids: Sequence[int], limit: int) -> Found:
    items = _shown(ids[:limit])
    return Found([items[pk] for pk in ids[:limit] if pk in items], len(ids))


def _shown(ids: Sequence[int]) -> dict[int, Item]:
    found: dict[int, Item] = (
        Item.objects.alive().select_related("product", "status").in_bulk(list(ids))
    )
    return found
