"""Keeping what can be found in step with the items' texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from backlog.models import Comment, Item, SearchText
from backlog.rules.search import LONGEST_TEXT, indexed_words


def index_items(ids: Collection[int]) -> None:
    """Write the words of these items anew, in three statements however many there are.

    The items are locked before their comments are read, so that of two who speak at once the one
    who writes last has read both; the caller holds a backlog of each, as the order of locks has it.
    """
    if not ids:
        return
    rows = list(
        Item.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=ids)
        .order_by("pk")
        .select_related("product")
        .only("number", "title", "description", "product__key")
    )
    index_written(rows)


def index_written(items: Collection[Item]) -> None:
    """Write the words of items that this transaction has written, and so has locked, anew."""
    if not items:
        return
    said: dict[int, list[str]] = defaultdict(list)
    comments = Comment.objects.filter(item__in=[item.pk for item in items]).order_by("-id")
    for item_id, text in comments.values_list("item_id", "text"):
        if sum(map(len, said[item_id])) < LONGEST_TEXT:
            said[item_id].append(text)
    _write((item.pk, [item.ref, item.title, item.description, *said[item.pk]]) for item in items)


def index_new(items: Iterable[Item]) -> None:
    """Write the words of items just made, which nobody can have spoken of yet."""
    _write((item.pk, [item.ref, item.title, item.description]) for item in items)


def _write(texts: Iterable[tuple[int, list[str]]]) -> None:
    SearchText.objects.bulk_create(
        [SearchText(item_id=pk, words=indexed_words(said)) for pk, said in texts],
        update_conflicts=True,
        unique_fields=["item"],
        update_fields=["words"],
        batch_size=1000,
    )
