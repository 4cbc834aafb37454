"""Links between items as each of their ends sees them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from backlog.models import Category, Item, Link
from backlog.rules.links import WORDS

# How the other end of a link is called in REST.
BACK = {
    "blocks": "blocked_by",
    "relates": "relates",
    "duplicates": "duplicated_by",
    "needs_data": "data_needed_by",
}
HOLDS_BACK = {"blocked_by", "needs_data"}


def _blockers() -> QuerySet[Link]:
    """Open items that hold back the outer one: by a block, or as data that it needs."""
    is_open = ~Q(source__status__category=Category.DONE) & Q(source__deleted_at__isnull=True)
    return Link.objects.filter(is_open, kind=Link.Kind.BLOCKS, target=OuterRef("pk"))


def _missing_data() -> QuerySet[Link]:
    is_open = ~Q(target__status__category=Category.DONE) & Q(target__deleted_at__isnull=True)
    return Link.objects.filter(is_open, kind=Link.Kind.NEEDS_DATA, source=OuterRef("pk"))


# Items that a reason, or another item, holds back.
BLOCKED = ~Q(blocked_reason="") | Q(Exists(_blockers())) | Q(Exists(_missing_data()))


@dataclass(frozen=True)
class LinkEnd:
    """A link from one item's side: `kind` as REST calls it, `words` as people do."""

    link: Link
    kind: str
    words: str
    other: Item

    @property
    def holds_back(self) -> bool:
        """Whether the item waits for the other one."""
        return self.kind in HOLDS_BACK and (
            self.other.deleted_at is None and self.other.status.category != Category.DONE
        )


def links_of(items: Iterable[Item]) -> dict[int, list[LinkEnd]]:
    """The links of these items by their ids, in one query however many."""
    ids = {item.pk for item in items}
    if not ids:
        return {}
    rows = Link.objects.filter(Q(source__in=ids) | Q(target__in=ids)).select_related(
        "source__product", "source__status", "target__product", "target__status"
    )
    found: dict[int, list[LinkEnd]] = defaultdict(list)
    for link in rows:
        words, words_back = WORDS[link.kind]
        if link.source_id in ids:
            found[link.source_id].append(LinkEnd(link, link.kind, words, link.target))
        if link.target_id in ids:
            found[link.target_id].append(LinkEnd(link, BACK[link.kind], words_back, link.source))
    return found


@dataclass(frozen=True)
class LinkedRef:
    """A link from one item's side, as little of it as a list shows."""

    kind: str
    ref: str
    holds_back: bool


def linked_refs(ids: Collection[int]) -> dict[int, list[LinkedRef]]:
    """As `links_of`, by the ids of items and without an object for each end.

    Two plain statements: with all that both ends show in one, planning it took longest.
    """
    known = set(ids)
    rows = Link.objects.filter(Q(source__in=known) | Q(target__in=known))
    sides = [
        (here, name, there)
        for kind, source, target in rows.values_list("kind", "source_id", "target_id")
        for here, name, there in ((source, kind, target), (target, BACK[kind], source))
        if here in known
    ]
    if not sides:
        return {}
    others = Item.objects.filter(pk__in={there for *_, there in sides}).order_by()
    ends = {
        pk: (f"{key}-{number}", deleted_at is None and category != Category.DONE)
        for pk, key, number, deleted_at, category in others.values_list(
            "pk", "product__key", "number", "deleted_at", "status__category"
        )
    }
    found: dict[int, list[LinkedRef]] = defaultdict(list)
    for here, name, there in sides:
        ref, is_open = ends[there]
        found[here].append(LinkedRef(name, ref, name in HOLDS_BACK and is_open))
    return found


def is_blocked(item: Item, links: Sequence[LinkEnd | LinkedRef]) -> bool:
    """By a reason that somebody wrote, or by another item that is still open."""
    return bool(item.blocked_reason) or any(end.holds_back for end in links)
