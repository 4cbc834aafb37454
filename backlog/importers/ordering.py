"""The order in which a file would rank its items: its own, by Jira's rank, or by priority."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from backlog.importers.mapping import Order, compact
from backlog.importers.parsed import ImportedItem

_PRIORITIES = (
    ("blocker", "highest", "critical", "urgent", "p0", "must", "musthave", "immediate"),
    ("critical", "veryhigh", "p1"),
    ("major", "high", "p2", "should", "shouldhave", "important"),
    ("medium", "normal", "p3", "moderate", "could", "couldhave"),
    ("minor", "low", "p4"),
    ("trivial", "lowest", "verylow", "p5", "wont", "wonthave"),
)


def in_order(items: Sequence[ImportedItem], order: Order) -> list[ImportedItem]:
    """In the order that somebody chose, so that what an item stands under comes before it."""
    if order is Order.RANK:
        return parents_first(in_rank_order(items))
    if order is Order.PRIORITY:
        return parents_first(in_priority_order(items, priorities_in_order(items)))
    return parents_first(items)


def parents_first(items: Sequence[ImportedItem]) -> list[ImportedItem]:
    """The same order, but tasks right below their item, and an epic above its first item at the
    latest."""
    by_row = {item.row: item for item in items}
    tasks: dict[int, list[ImportedItem]] = {}
    for item in items:
        if _hangs_below(item, by_row):
            tasks.setdefault(by_row[item.parent_row or 0].row, []).append(item)
    placed: dict[int, ImportedItem] = {}

    def place(item: ImportedItem) -> None:
        if item.row in placed:
            return
        if item.parent_row in by_row and item.kind != "epic":
            place(by_row[item.parent_row])
        placed[item.row] = item
        for task in tasks.get(item.row, ()):
            placed.setdefault(task.row, task)

    for item in items:
        if not _hangs_below(item, by_row):
            place(item)
    return [*placed.values()]


def _hangs_below(item: ImportedItem, by_row: Mapping[int, ImportedItem]) -> bool:
    parent = by_row.get(item.parent_row or 0)
    return item.kind == "task" and parent is not None and parent.kind != "task"


def in_rank_order(items: Iterable[ImportedItem]) -> list[ImportedItem]:
    """By rank key, compared as text as LexoRank wants it; items without one come last."""
    return sorted(items, key=lambda item: (not item.rank_key, item.rank_key))


def priorities_in_order(items: Iterable[ImportedItem]) -> list[str]:
    """The priorities of a file, the most urgent first, as a proposal; unknown words come last."""
    return sorted(dict.fromkeys(item.priority for item in items if item.priority), key=_urgency)


def in_priority_order(
    items: Iterable[ImportedItem], priorities: Sequence[str]
) -> list[ImportedItem]:
    """By these priorities, and within one as in_rank_order; other words and none come last."""
    place = {word: number for number, word in enumerate(priorities)}
    return sorted(in_rank_order(items), key=lambda item: place.get(item.priority, len(priorities)))


def _urgency(word: str) -> tuple[int, int]:
    name = compact(word)
    for place, names in enumerate(_PRIORITIES):
        if name in names:
            return 0, place
    if number := re.search(r"\d{1,9}", word):
        return 1, int(number[0])
    return 2, 0
