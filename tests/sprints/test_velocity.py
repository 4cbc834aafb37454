"""Velocity and shares of closed sprints: plain values, no database."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from sprints.rules.velocity import (
    Past,
    Range,
    carry_over_share,
    scope_change_share,
    velocity_range,
)


def points(*values: float) -> list[Decimal]:
    return [Decimal(str(value)) for value in values]


def past(
    committed: int, completed: int, added: int = 0, removed: int = 0, reestimated: int = 0
) -> Past:
    return Past(1, "Sprint 1", *points(committed, completed, added, removed, reestimated))


@pytest.mark.parametrize(
    ("completed", "expected"),
    [
        ([], None),
        ([20], None),
        ([20, 10], (10, 15, 20)),
        ([0, 0, 0], (0, 0, 0)),
        ([20.5, 10, 30], (10, 20.5, 30)),
        ([1, 99, 20, 21, 22, 23, 24, 25], (20, 22.5, 25)),  # the first two are too old
    ],
)
def test_the_range_is_of_the_last_six_sprints(
    completed: list[float], expected: tuple[float, float, float] | None
) -> None:
    assert velocity_range(points(*completed)) == (Range(*points(*expected)) if expected else None)


def test_carry_over_is_what_of_the_last_scope_was_not_done() -> None:
    # The worked example of test_figures: 24 + 3 - 5 + 5 = 27, of which 14 were done.
    worked = past(24, 14, added=3, removed=5, reestimated=5)
    assert worked.scope == 27
    assert carry_over_share(worked) == pytest.approx(13 / 27)
    # 8 split with 3 done: the 5 that went on are re-estimated away, and carried over all the same.
    split = replace(past(16, 8, reestimated=-5), split_off=Decimal(5))
    assert (split.scope, split.carried_over) == (16, 8)
    assert carry_over_share(split) == 0.5
    assert carry_over_share(past(10, 10)) == 0
    assert carry_over_share(past(10, 0)) == 1


def test_scope_change_is_what_came_and_went_for_each_committed_point() -> None:
    assert scope_change_share(past(24, 14, added=3, removed=5)) == pytest.approx(8 / 24)
    assert scope_change_share(past(10, 10)) == 0
    assert scope_change_share(past(4, 4, added=10)) == 2.5


def test_a_sprint_without_scope_has_no_shares() -> None:
    assert carry_over_share(past(0, 0)) is None
    assert carry_over_share(past(5, 0, removed=5)) is None
    assert scope_change_share(past(0, 5, added=5)) is None
