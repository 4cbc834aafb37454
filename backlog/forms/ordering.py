"""Where a row of a short ordered list is to go: dragged before another, or one place up or down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from mlscrum.lib.errors import Conflict


class HasSlug(Protocol):
    """A row that is known by its slug."""

    @property
    def slug(self) -> str: ...


Row = TypeVar("Row", bound=HasSlug)


def wanted_neighbour(row: Row, present: Sequence[Row], data: Mapping[str, str]) -> Row | None:
    """The row before which this one is to stand, None for the end of the list.

    The page says `up`, `down`, or `before` with a slug, empty for the end. Raises Conflict where
    that one has gone.
    """
    slugs = [other.slug for other in present]
    here = slugs.index(row.slug)
    if "up" in data:
        return present[max(here - 1, 0)]
    if "down" in data:
        return present[here + 2] if here + 2 < len(present) else None
    before = data.get("before", "")
    if not before:
        return None
    if before not in slugs:
        raise Conflict("row_gone", "What it was dropped before is no longer there; look again.")
    return present[slugs.index(before)]
