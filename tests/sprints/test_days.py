"""Days and where they end, across clocks that change: plain values, no database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sprints.rules.days import Calendar, all_days, day_of, end_of_day, working_days

EASTER = frozenset({date(2026, 4, 3), date(2026, 4, 6)})
BERLIN = Calendar("Europe/Berlin", frozenset({0, 1, 2, 3, 4}), EASTER)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # clocks skipped midnight until 2018
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # changes by half an hour
    "Pacific/Apia",  # had no 30 December 2011
]


def test_working_days_leave_out_weekends_and_holidays() -> None:
    found = working_days(date(2026, 3, 25), date(2026, 4, 7), BERLIN)
    assert [f"{day:%d.%m.}" for day in found] == (
        ["25.03.", "26.03.", "27.03.", "30.03.", "31.03.", "01.04.", "02.04.", "07.04."]
    )


def test_first_and_last_day_are_included_and_may_be_the_same() -> None:
    monday, sunday = date(2026, 3, 30), date(2026, 3, 29)
    assert working_days(monday, monday, BERLIN) == [monday]
    assert working_days(sunday, sunday, BERLIN) == []
    assert all_days(sunday, monday) == [sunday, monday]


def test_there_are_no_days_where_the_last_comes_first() -> None:
    assert working_days(date(2026, 3, 31), date(2026, 3, 30), BERLIN) == []


def test_a_team_may_work_from_sunday_to_thursday() -> None:
    calendar = Calendar("Asia/Riyadh", frozenset({6, 0, 1, 2, 3}))
    found = working_days(date(2026, 3, 27), date(2026, 3, 29), calendar)
    assert found == [date(2026, 3, 29)]


def test_the_day_is_that_of_the_zone() -> None:
    moment = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    assert day_of(moment, "Europe/Berlin") == date(2026, 3, 29)
    assert day_of(moment, "America/New_York") == date(2026, 3, 28)


@pytest.mark.parametrize(
    ("day", "zone", "end"),
    [
        # Winter time the evening before the change, summer time the evening of it.
        (date(2026, 3, 28), "Europe/Berlin", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (date(2026, 3, 29), "Europe/Berlin", datetime(2026, 3, 29, 22, tzinfo=UTC)),
        (date(2026, 10, 25), "Europe/Berlin", datetime(2026, 10, 25, 23, tzinfo=UTC)),
        (date(2026, 3, 29), "America/New_York", datetime(2026, 3, 30, 4, tzinfo=UTC)),
        # 4 November 2018 began at 01:00 in São Paulo: 00:00 to 00:59 were skipped.
        (date(2018, 11, 3), "America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
        # After 29 December 2011 came the 31st in Samoa.
        (date(2011, 12, 29), "Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ],
)
def test_a_day_ends_with_the_first_moment_of_the_next(day: date, zone: str, end: datetime) -> None:
    assert end_of_day(day, zone) == end
    assert end_of_day(day, zone).utcoffset() == timedelta(0)


@given(day=st.dates(date(2000, 1, 1), date(2035, 1, 1)), zone=st.sampled_from(ZONES))
@example(day=date(2018, 11, 3), zone="America/Sao_Paulo")
@example(day=date(2026, 3, 29), zone="Europe/Berlin")
def test_the_moment_before_the_end_is_of_the_day_and_the_end_is_not(day: date, zone: str) -> None:
    end = end_of_day(day, zone)
    if (zone, day) != ("Pacific/Apia", date(2011, 12, 30)):
        assert day_of(end - timedelta(microseconds=1), zone) == day
    assert day_of(end, zone) > day


@pytest.mark.parametrize(("day", "hours"), [(28, 24), (29, 23)])
def test_the_day_of_the_change_has_23_hours(day: int, hours: int) -> None:
    start = end_of_day(date(2026, 3, day - 1), "Europe/Berlin")
    end = end_of_day(date(2026, 3, day), "Europe/Berlin")
    assert end - start == timedelta(hours=hours)
