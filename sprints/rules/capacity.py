"""Capacity: what a person can give on the days that are left, and how full something is."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from enum import StrEnum

NEAR = Decimal("0.9")  # from this share on there is no room for a surprise
TENTH = Decimal("0.1")


class Load(StrEnum):
    """How full a capacity is: with room, nearly full, or over it."""

    ROOM = "room"
    NEAR = "near"
    OVER = "over"


def load_of(used: Decimal, capacity: Decimal | None) -> Load | None:
    """How full a capacity is; None where nobody has said what it is."""
    if capacity is None:
        return None
    if used > capacity:
        return Load.OVER
    return Load.NEAR if used and used >= capacity * NEAR else Load.ROOM


def available(
    amount: Decimal | None, working: Collection[date], away: Collection[date]
) -> Decimal | None:
    """What is left of an amount for a whole sprint by the working days that a person is there, in
    tenths; None stays None.

    A sprint without working days gives all of it, for then somebody works on other days.
    """
    if amount is None or not working:
        return amount
    there = sum(1 for day in working if day not in away)
    return (amount * there / len(working)).quantize(TENTH)


def parts_of(amount: Decimal, among: int) -> Decimal:
    """What falls to each of several people who share an item: equal parts, as nothing says who
    does more of it."""
    return amount / among
