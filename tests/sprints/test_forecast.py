"""Forecasts: chances that can be counted by hand, the same each time; no database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sprints.rules.forecast import (
    MOST_SPRINTS,
    Between,
    Done,
    FinishDates,
    SprintCounts,
    done_within,
    ended_by,
    expected_range,
    finish_dates,
    sprints_until,
)

STEADY = [Decimal(10)] * 4
PASTS = st.lists(st.decimals(0, 99, places=1), min_size=3, max_size=12)


def test_a_team_that_always_completes_the_same_is_sure() -> None:
    assert sprints_until(Decimal(30), STEADY) == SprintCounts(3, 3, 3)
    assert sprints_until(Decimal("30.1"), STEADY) == SprintCounts(4, 4, 4)
    assert done_within(3, STEADY) == Done(Decimal(30), Decimal(30), Decimal(30))
    assert expected_range(1, STEADY) == Between(Decimal(10), Decimal(10))


def test_chances_are_those_that_can_be_counted() -> None:
    # One sprint completes 0 or 10, each with a chance of a half: n sprints complete nothing with
    # 1/2, 1/4, 1/8, 1/16, 1/32. So 85 % need three (87.5 %) and 95 % need five (96.9 %).
    past = [0, 10, 0, 10]
    assert sprints_until(10, past, draws=100_000) == SprintCounts(1, 3, 5)
    # Of four sprints 0, 1, 2, 3, 4 are good ones with 1, 4, 6, 4, 1 sixteenths: at least one with
    # 93.75 %, at least two with 68.75 %.
    assert done_within(4, past, draws=100_000) == Done(Decimal(20), Decimal(10), Decimal(0))
    # None with 6.25 % and up to three with 93.75 %, so the middle 80 % is one to three.
    assert expected_range(4, past, draws=100_000) == Between(Decimal(10), Decimal(30))


def test_tenths_of_points_add_up() -> None:
    tenths = [Decimal("0.1")] * 3
    assert sprints_until(Decimal("0.3"), tenths) == SprintCounts(3, 3, 3)
    assert done_within(3, tenths) == Done(Decimal("0.3"), Decimal("0.3"), Decimal("0.3"))


def test_items_are_forecast_as_points_are() -> None:
    assert sprints_until(7, [2, 3, 2, 5]) == sprints_until(
        Decimal(7), [Decimal(2), Decimal(3), Decimal(2), Decimal(5)]
    )


@pytest.mark.parametrize("past", [[], [5], [5, 8], [0, 0, 0, 0]])
def test_too_little_past_gives_no_forecast(past: list[int]) -> None:
    assert sprints_until(10, past) is None
    assert done_within(2, past) is None
    assert expected_range(1, past) is None


@pytest.mark.parametrize("remaining", [0, -3])
def test_nothing_remaining_takes_no_sprint(remaining: int) -> None:
    assert sprints_until(remaining, [5, 8, 3]) == SprintCounts(0, 0, 0)


def test_no_sprints_complete_nothing() -> None:
    assert done_within(0, [5, 8, 3]) == Done(Decimal(0), Decimal(0), Decimal(0))


def test_what_the_first_sprint_has_done_is_taken_off_its_own_draw_alone() -> None:
    # Always 5. It has done 15, so it gives no more, and the next gives the 5 that remain: two.
    # It has done 2, so it gives 3 more: of 8 it leaves 5 to the next, of 3 nothing.
    fives = [5, 5, 5]
    assert sprints_until(5, fives, done=15) == SprintCounts(2, 2, 2)
    assert sprints_until(8, fives, done=2) == SprintCounts(2, 2, 2)
    assert sprints_until(3, fives, done=2) == SprintCounts(1, 1, 1)
    assert sprints_until(0, fives, done=15) == SprintCounts(0, 0, 0)


def test_the_first_sprint_completes_no_less_than_it_has_done() -> None:
    # Always 5: 15 done in the first stay 15, and the second adds 5; 2 done still become 5.
    fives = [5, 5, 5]
    assert done_within(0, fives, done=15) == Done(*[Decimal(15)] * 3)
    assert done_within(1, fives, done=15) == Done(*[Decimal(15)] * 3)
    assert done_within(2, fives, done=15) == Done(*[Decimal(20)] * 3)
    assert done_within(2, fives, done=2) == Done(*[Decimal(10)] * 3)


def test_what_is_out_of_sight_has_no_number() -> None:
    assert sprints_until(MOST_SPRINTS, [1, 1, 1]) == SprintCounts(*[MOST_SPRINTS] * 3)
    assert sprints_until(MOST_SPRINTS + 1, [1, 1, 1]) == SprintCounts(None, None, None)
    counts = sprints_until(3, [0] * 200 + [1])
    assert counts is not None and counts.p50 is None and counts.p95 is None


def test_dates_are_the_ends_of_sprints() -> None:
    dates = partial(finish_dates, ends=[date(2026, 4, 7)], length_days=14)
    assert dates(SprintCounts(1, 3, None)) == FinishDates(date(2026, 4, 7), date(2026, 5, 5), None)
    assert dates(SprintCounts(0, 0, 1)).p50 == date(2026, 3, 24)


def test_what_is_planned_ends_as_planned_and_the_cadence_goes_on_from_there() -> None:
    ends = [date(2026, 12, 18), date(2027, 1, 22)]
    found = finish_dates(SprintCounts(1, 2, 3), ends=ends, length_days=14)
    assert found == FinishDates(date(2026, 12, 18), date(2027, 1, 22), date(2027, 2, 5))
    days = ["2026-12-17", "2026-12-18", "2027-01-21", "2027-01-22", "2027-02-04", "2027-02-05"]
    ended = partial(ended_by, ends=ends, length_days=14)
    assert [ended(date.fromisoformat(day)) for day in days] == [0, 1, 1, 2, 2, 3]


@given(past=PASTS, remaining=st.decimals(0, 300, places=1), seed=st.integers(0, 9))
def test_equal_input_gives_equal_output_and_more_certainty_takes_longer(
    past: list[Decimal], remaining: Decimal, seed: int
) -> None:
    counts = sprints_until(remaining, past, seed=seed, draws=200)
    assert counts == sprints_until(remaining, list(past), seed=seed, draws=200)
    if counts is None:
        assert not any(past)
        return
    known = [MOST_SPRINTS + 1 if n is None else n for n in (counts.p50, counts.p85, counts.p95)]
    assert known == sorted(known)


@given(past=PASTS.filter(any), sprints=st.integers(1, 5), seed=st.integers(0, 9))
def test_more_certainty_promises_less_and_never_what_no_past_reaches(
    past: list[Decimal], sprints: int, seed: int
) -> None:
    done = done_within(sprints, past, seed=seed, draws=200)
    assert done is not None
    assert sprints * min(past) <= done.p95 <= done.p85 <= done.p50 <= sprints * max(past)
