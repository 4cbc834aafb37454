"""Capacity: how full something is, and what days off take away."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from sprints.rules.capacity import Load, available, load_of, parts_of

WEEK = [date(2026, 3, day) for day in range(2, 7)]


@pytest.mark.parametrize(
    ("used", "capacity", "load"),
    [
        ("5", None, None),
        ("0", "10", Load.ROOM),
        ("8.9", "10", Load.ROOM),
        ("9", "10", Load.NEAR),
        ("10", "10", Load.NEAR),
        ("10.1", "10", Load.OVER),
        ("0", "0", Load.ROOM),
        ("0.5", "0", Load.OVER),
    ],
)
def test_a_capacity_is_nearly_full_from_nine_tenths_on_and_over_above_all_of_it(
    used: str, capacity: str | None, load: Load | None
) -> None:
    assert load_of(Decimal(used), None if capacity is None else Decimal(capacity)) == load


def test_a_day_off_takes_its_part_away_and_one_without_work_takes_nothing() -> None:
    assert available(Decimal(10), WEEK, []) == Decimal(10)
    assert available(Decimal(10), WEEK, [WEEK[0]]) == Decimal(8)
    assert available(Decimal(10), WEEK, [date(2026, 3, 7)]) == Decimal(10)
    assert available(Decimal(10), WEEK, WEEK) == 0
    assert available(Decimal(1), WEEK[:3], WEEK[:1]) == Decimal("0.7")
    assert available(None, WEEK, [WEEK[0]]) is None
    assert available(Decimal(10), [], [WEEK[0]]) == Decimal(10)


def test_several_people_share_an_item_equally() -> None:
    assert parts_of(Decimal(5), 2) == Decimal("2.5")
