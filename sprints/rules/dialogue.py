"""Figures of the dialogue in a sprint's ceremonies (EVIDENCE.md, section 5). Plain values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

DAY_S = 86_400


@dataclass(frozen=True)
class InsightFact:
    """An insight: the role of who said it, when it was said, when it was converted, whether that
    made an item, and whether it was declined."""

    role: str
    said_at: datetime
    converted_at: datetime | None = None
    became_item: bool = False
    is_declined: bool = False


@dataclass(frozen=True)
class Dialogue:
    """What the ceremonies of a sprint gave. Shares are 0 to 100; None where there is nothing to
    divide by. `median_days` is from insight to item."""

    insights: int
    converted: int
    declined: int
    invited: tuple[str, ...]
    contributed: tuple[str, ...]
    median_days: float | None
    contested_terms: int

    @property
    def waiting(self) -> int:
        return self.insights - self.converted - self.declined

    @property
    def coverage(self) -> float | None:
        """Of the roles that were invited, the share that contributed."""
        return 100 * len(self.contributed) / len(self.invited) if self.invited else None

    @property
    def conversion(self) -> float | None:
        """Of the insights that were not declined, the share that became work: a reasoned no is an
        answer, and what still waits is not."""
        open_to_it = self.insights - self.declined
        return 100 * self.converted / open_to_it if open_to_it else None

    @property
    def silent(self) -> tuple[str, ...]:
        """The roles that were invited and said nothing."""
        return tuple(role for role in self.invited if role not in self.contributed)


def dialogue(
    insights: Sequence[InsightFact],
    *,
    invited: Collection[str],
    contributed: Collection[str],
    contested_terms: int = 0,
) -> Dialogue:
    """The figures. Whoever contributed counts as invited, and roles are told apart by their names
    without regard to case."""
    known = _by_name([*invited, *contributed])
    spoke = {role.casefold() for role in contributed}
    days = [
        (fact.converted_at - fact.said_at).total_seconds() / DAY_S
        for fact in insights
        if fact.converted_at is not None and fact.became_item
    ]
    return Dialogue(
        insights=len(insights),
        converted=sum(fact.converted_at is not None for fact in insights),
        declined=sum(fact.is_declined for fact in insights),
        invited=tuple(known.values()),
        contributed=tuple(known[name] for name in known if name in spoke),
        median_days=median(days) if days else None,
        contested_terms=contested_terms,
    )


def _by_name(roles: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for role in sorted(roles):
        found.setdefault(role.casefold(), role)
    return found
