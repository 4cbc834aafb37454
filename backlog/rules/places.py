"""Places in a short list that people order by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Thing = TypeVar("Thing")


def placed(present: Sequence[Thing], moving: Thing, *, before: Thing | None) -> list[Thing]:
    """The list with one of its things before another one of them, or last; before itself it stays
    where it is."""
    if before == moving:
        return list(present)
    others = [other for other in present if other != moving]
    place = len(others) if before is None else others.index(before)
    return [*others[:place], moving, *others[place:]]
