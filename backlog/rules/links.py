"""Links between items, and the circles that they must not make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

# What each kind of link says of its source, and of its target.
WORDS = {
    "blocks": ("blocks", "is blocked by"),
    "relates": ("relates to", "relates to"),
    "duplicates": ("duplicates", "is duplicated by"),
    "needs_data": ("needs data of", "is needed by"),
}


def order_of(kind: str, source: int, target: int) -> tuple[int, int] | None:
    """Which of the two has to come first, or None where the link says nothing of that.

    A blocker comes before what it blocks, and data before what needs it.
    """
    if kind == "blocks":
        return source, target
    return (target, source) if kind == "needs_data" else None


def followers(edges: Iterable[tuple[int, int]]) -> defaultdict[int, list[int]]:
    """What comes right after each; an edge (a, b) says that a comes before b."""
    following: defaultdict[int, list[int]] = defaultdict(list)
    for before, after in edges:
        following[before].append(after)
    return following


def way_back(following: Mapping[int, Sequence[int]], first: int, then: int) -> list[int]:
    """How `then` already leads to `first`, from `then` on; empty where it does not.

    With `first` before `then` such a way would be a circle.
    """
    came_from: dict[int, int | None] = {then: None}
    queue = [then]
    for place in queue:
        if place == first:
            return _steps(came_from, first)
        for after in following.get(place, ()):
            if after not in came_from:
                came_from[after] = place
                queue.append(after)
    return []


def _steps(came_from: dict[int, int | None], end: int) -> list[int]:
    steps, place = [], end if end in came_from else None
    while place is not None:
        steps.append(place)
        place = came_from[place]
    return steps[::-1]
