"""Links between items as each of their ends sees them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q

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


def is_blocked(item: Item, links: Sequence[LinkEnd]) -> bool:
    """By a reason that somebody wrote, or by another item that is still open."""
    return bool(item.blocked_reason) or any(end.holds_back for end in links)
