"""What a board says of its columns and cards."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from sprints.rules.boards import age_in_words, entered_at, is_old, spark, wip_state


@pytest.mark.parametrize(
    ("count", "limit", "said"),
    [(2, None, ""), (2, 3, ""), (3, 3, "at"), (4, 3, "over"), (0, 1, "")],
)
def test_a_limit_is_told_when_it_is_reached_and_when_it_is_passed(
    count: int, limit: int | None, said: str
) -> None:
    assert wip_state(count, limit) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "< 1 h"),
        (3599, "< 1 h"),
        (3600, "1 h"),
        (86_399, "23 h"),
        (86_400, "1 d"),
        (9e5, "10 d"),
    ],
)
def test_an_age_is_said_in_one_unit(seconds: float, said: str) -> None:
    assert age_in_words(seconds) == said


def test_five_days_in_a_column_are_old() -> None:
    assert is_old(5 * 86_400)
    assert not is_old(5 * 86_400 - 1)


def test_an_age_begins_when_the_present_status_was_entered_for_the_last_time() -> None:
    def day(number: int) -> datetime:
        return datetime(2026, 3, number, tzinfo=UTC)

    todo, doing = 1, 2
    assert entered_at([]) is None
    assert entered_at([(day(1), todo), (day(2), doing)]) == day(2)
    # New points on the third day are no new status; the way back and forth counts anew.
    assert entered_at([(day(1), todo), (day(2), doing), (day(3), doing)]) == day(2)
    assert entered_at([(day(1), doing), (day(2), todo), (day(3), doing)]) == day(3)
    assert entered_at([(day(1), None), (day(2), None)]) == day(1)  # of a status that was deleted


def test_the_small_burndown_spans_all_days_and_ends_today() -> None:
    drawn = spark(Decimal(8), [(Decimal(4), Decimal(6)), (Decimal(0), None)])
    assert drawn is not None
    assert drawn.ideal == "0,0 60,14 120,28"
    assert drawn.remaining == "0,0 60,7"
    assert drawn.end == (60.0, 7.0)


def test_there_is_no_small_burndown_without_points_or_days() -> None:
    assert spark(Decimal(0), [(Decimal(0), Decimal(0))]) is None
    assert spark(Decimal(8), []) is None


def test_days_before_a_late_start_leave_the_line_where_it_is() -> None:
    drawn = spark(Decimal(4), [(Decimal(4), None), (Decimal(0), Decimal(2))])
    assert drawn is not None
    assert drawn.remaining == "0,0 120,14"
