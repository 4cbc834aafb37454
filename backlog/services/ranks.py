"""Places in a backlog: keys between neighbours, under the lock of the backlog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from django.db.models import OuterRef, Subquery

from backlog.models import Backlog, Item, Product
from backlog.models.items import ItemQuerySet
from backlog.services.deeds import happen_now, remember
from mlscrum.lib import ranks
from mlscrum.lib.errors import Conflict


class Where(StrEnum):
    TOP = "top"
    BOTTOM = "bottom"
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Spot:
    """Where somebody wants items to go: an end of the backlog, or beside another item."""

    where: Where
    anchor: Item | None = None

    @classmethod
    def top(cls) -> Spot:
        return cls(Where.TOP)

    @classmethod
    def bottom(cls) -> Spot:
        return cls(Where.BOTTOM)

    @classmethod
    def before(cls, anchor: Item) -> Spot:
        return cls(Where.BEFORE, anchor)

    @classmethod
    def after(cls, anchor: Item) -> Spot:
        return cls(Where.AFTER, anchor)


# The item next above each, read along with it in one statement.
ABOVE = Subquery(
    Item.objects.filter(backlog=OuterRef("backlog"), rank__lt=OuterRef("rank"))
    .order_by("-rank")
    .values("pk")[:1]
)


class Placed(NamedTuple):
    """Where one item was before a deed and where it is after it, as the activity keeps it.

    All by id, keys as they were. Nothing before for a new item, nothing after for one that went
    into the trash or to another product; `above` is the item that stood next above it before.
    """

    item: int
    from_backlog: int | None
    from_rank: str | None
    above: int | None
    to_backlog: int | None
    to_rank: str | None


def place_of(item: Item) -> Placed:
    """Where an item is, before a deed moves it; it was read with `above=ABOVE`."""
    above: int | None = getattr(item, "above", None)
    return Placed(item.pk, item.backlog_id, item.rank, above, None, None)


def note_places(items: Iterable[Item], before: Mapping[int, Placed] | None = None) -> None:
    """Let the deed under way tell where these items are now, and where they were before."""
    for item in items:
        was = (before or {}).get(item.pk) or Placed(item.pk, None, None, None, None, None)
        is_here = item.rank is not None
        now = was._replace(to_backlog=item.backlog_id if is_here else None, to_rank=item.rank)
        remember("moved", list(now))


def lock_backlogs(*backlogs: Backlog) -> dict[int, Backlog]:
    """The backlogs by id, locked in the order of their ids until the transaction ends.

    The deed under way happens now, after all that it has waited for.
    """
    wanted = sorted({backlog.pk for backlog in backlogs})
    rows = Backlog.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    locked = {row.pk: row for row in rows}
    happen_now()
    return locked


def lock_all_backlogs(*products: Product) -> None:
    """Make every other deed on the products' items wait until the transaction ends.

    The deed under way happens now, after all that it has waited for.
    """
    rows = Backlog.objects.select_for_update(no_key=True).filter(product__in=products)
    list(rows.order_by("pk"))
    happen_now()


def keys_for(backlog: Backlog, spot: Spot, count: int) -> list[str]:
    """`count` free ascending keys at the spot of a locked backlog.

    Items that are on their way count as neighbours too, so that no new key is one still in use.
    Raises Conflict with the present neighbours where the anchor has left the backlog.
    """
    keys = ranks.between(*_neighbours(backlog, spot), count)
    if max((len(key) for key in keys), default=0) <= ranks.LONGEST:
        return keys
    rebalance(backlog)
    return ranks.between(*_neighbours(backlog, spot), count)


def rebalance(backlog: Backlog) -> None:
    """Give all items of a locked backlog short keys in their present order.

    Neither version nor updated_at change, for nobody changed an item.
    """
    items = list(Item.objects.filter(backlog=backlog, rank__isnull=False).order_by("rank"))
    keys = ranks.fresh(items[-1].rank if items else None, len(items))
    for item, key in zip(items, keys, strict=True):
        item.rank = key
    # Descending, so that no row ever meets a key that is still in use.
    Item.objects.bulk_update(items[::-1], ["rank"], batch_size=500)
    remember("rebalanced", backlog.pk)


def _neighbours(backlog: Backlog, spot: Spot) -> tuple[str | None, str | None]:
    ranked = Item.objects.filter(backlog=backlog, rank__isnull=False)
    if spot.anchor is None:
        if spot.where == Where.TOP:
            return None, _rank(ranked.order_by("rank"))
        return _rank(ranked.order_by("-rank")), None
    upwards = spot.where == Where.BEFORE
    anchor = Subquery(ranked.filter(pk=spot.anchor.pk).values("rank"))
    beyond = ranked.filter(rank__lte=anchor) if upwards else ranked.filter(rank__gte=anchor)
    found = beyond.order_by("-rank" if upwards else "rank").values_list("rank", flat=True)[:2]
    here, other = [*found, None, None][:2]
    if here is None:
        raise _anchor_left(backlog, spot.anchor, ranked)
    return (other, here) if upwards else (here, other)


def _rank(items: ItemQuerySet) -> str | None:
    return items.values_list("rank", flat=True).first()


def _anchor_left(backlog: Backlog, anchor: Item, ranked: ItemQuerySet) -> Conflict:
    first = ranked.select_related("product").order_by("rank")[:10]
    return Conflict(
        "anchor_left",
        f"{anchor.ref} is no longer in {backlog.name}; look again and choose another place.",
        neighbours=[item.ref for item in first],
    )
