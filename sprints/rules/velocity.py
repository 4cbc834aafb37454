"""Velocity: what a team completed in its last sprints, and how far their scope and work strayed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

LAST_SPRINTS = 6
LEAST_SPRINTS = 2  # one sprint says nothing of how much they differ


@dataclass(frozen=True)
class Past:
    """A closed sprint in points, as its report has it; `split_off` went on as new items when
    items were split at its closing, and is part of what `reestimated` took away."""

    id: int
    name: str
    committed: Decimal
    completed: Decimal
    added: Decimal
    removed: Decimal
    reestimated: Decimal = Decimal(0)
    split_off: Decimal = Decimal(0)

    @property
    def scope(self) -> Decimal:
        """What was in as the closing began, done or not: before items were split."""
        return self.committed + self.added - self.removed + self.reestimated + self.split_off

    @property
    def carried_over(self) -> Decimal:
        """What of it was not done, in items as they were or split off them."""
        return self.scope - self.completed


@dataclass(frozen=True)
class Range:
    """From the worst to the best, with the middle one; in points."""

    low: Decimal
    median: Decimal
    high: Decimal


def velocity_range(completed: Sequence[Decimal]) -> Range | None:
    """The range of the last six closed sprints' completed points, oldest first; None below two.

    Low and high are the lowest and the highest, not percentiles: so few values have none to speak
    of. Even the whole range of n sprints holds the next one only with a chance of (n - 1)/(n + 1)
    where all are alike, 5 in 7 for six and 1 in 3 for two, so a narrower one would promise too
    much. An older sprint tells of a team that has changed since.
    """
    last = completed[-LAST_SPRINTS:]
    if len(last) < LEAST_SPRINTS:
        return None
    return Range(min(last), median(last), max(last))


def carry_over_share(past: Past) -> float | None:
    """How much of the scope at the closing was not done, 0 to 1; None where there was no scope."""
    return float(1 - past.completed / past.scope) if past.scope > 0 else None


def scope_change_share(past: Past) -> float | None:
    """Points added and removed after the start for each committed one; None where none were.

    Above 1 where more came and went than was committed. Re-estimates are no part of it.
    """
    return float((past.added + past.removed) / past.committed) if past.committed > 0 else None
