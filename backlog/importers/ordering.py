"""The order in which a file would rank its items: by Jira's rank, or once by priority."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from backlog.importers.mapping import compact
from backlog.importers.parsed import ImportedItem

_PRIORITIES = (
    ("blocker", "highest", "critical", "urgent", "p0", "must", "musthave", "immediate"),
    ("critical", "veryhigh", "p1"),
    ("major", "high", "p2", "should", "shouldhave", "important"),
    ("medium", "normal", "p3", "moderate", "could", "couldhave"),
    ("minor", "low", "p4"),
    ("trivial", "lowest", "verylow", "p5", "wont", "wonthave"),
)


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
