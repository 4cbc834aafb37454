"""Flow, held to tables that were computed by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from sprints.rules.days import all_days
from sprints.rules.figures import StayFact, TransitionFact
from sprints.rules.flow import Step, cumulative_flow, cycle_times, percentile

LONDON = "Europe/London"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Three items from Thursday 26 to Tuesday 31 March 2026; London's clocks change on Sunday 29, so
# that Saturday ends at 00:00 UTC, and Sunday at 23:00 UTC.
#
#   1 (3 points)  in from Thu 08:00, doing Fri 09:00, done Sun 22:59 UTC: still on Sunday
#   2 (5 points)  in from Thu 09:00, doing Sun 23:00 UTC: on Monday already; 8 points Tue 10:00
#   3 (unestimated) in from Fri 10:00, deleted Mon 12:00, restored Tue 12:00, done Tue 13:00
#
#   day       todo     doing    done
#   Thu 26    1 2
#   Fri 27    2 3      1
#   Sat 28    2 3      1
#   Sun 29    2 3               1
#   Mon 30             2        1
#   Tue 31             2        1 3
STAYS = [
    StayFact(1, at("2026-03-26 08:00"), at("2026-03-27 09:00")),  # from the backlog …
    StayFact(1, at("2026-03-27 09:00")),  # … to a sprint at the same moment
    StayFact(2, at("2026-03-26 09:00")),
    StayFact(3, at("2026-03-27 10:00"), at("2026-03-30 12:00")),
    StayFact(3, at("2026-03-31 12:00")),
]
STEPS = [
    Step(1, at("2026-03-26 08:00"), "todo", Decimal(3)),
    Step(1, at("2026-03-27 09:00"), "doing", Decimal(3)),
    Step(1, at("2026-03-29 22:59"), "done", Decimal(3)),
    Step(2, at("2026-03-26 09:00"), "todo", Decimal(5)),
    Step(2, at("2026-03-29 23:00"), "doing", Decimal(5)),
    Step(2, at("2026-03-31 10:00"), "doing", Decimal(8)),
    Step(3, at("2026-03-27 10:00"), "todo", None),
    Step(3, at("2026-03-31 13:00"), "done", None),
]
BY_HAND = [
    ("2026-03-26", {"todo": 2}, {"todo": 8}),
    ("2026-03-27", {"todo": 2, "doing": 1}, {"todo": 5, "doing": 3}),
    ("2026-03-28", {"todo": 2, "doing": 1}, {"todo": 5, "doing": 3}),
    ("2026-03-29", {"todo": 2, "done": 1}, {"todo": 5, "done": 3}),
    ("2026-03-30", {"doing": 1, "done": 1}, {"doing": 5, "done": 3}),
    ("2026-03-31", {"doing": 1, "done": 2}, {"doing": 8, "done": 3}),
]


def test_the_flow_is_that_of_a_table_computed_by_hand() -> None:
    days = all_days(date(2026, 3, 26), date(2026, 3, 31))
    found = cumulative_flow(STAYS, STEPS, days=days, zone=LONDON)
    assert [(str(d.day), dict(d.items), dict(d.points)) for d in found] == BY_HAND


def test_days_that_begin_later_still_know_what_came_before() -> None:
    later = cumulative_flow(STAYS, STEPS, days=[date(2026, 3, 31)], zone=LONDON)
    assert dict(later[0].items) == {"doing": 1, "done": 2}


def test_where_the_day_ends_decides_to_which_one_a_move_belongs() -> None:
    days = [date(2026, 3, 29)]
    (in_london,) = cumulative_flow(STAYS, STEPS, days=days, zone=LONDON)
    (in_utc,) = cumulative_flow(STAYS, STEPS, days=days, zone="UTC")
    assert dict(in_london.items) == {"todo": 2, "done": 1}
    assert dict(in_utc.items) == {"todo": 1, "doing": 1, "done": 1}


def test_a_stay_of_no_length_counts_nothing_and_an_open_one_lasts_until_the_next() -> None:
    stays = [
        StayFact(1, at("2026-03-26 08:00"), at("2026-03-26 08:00")),
        StayFact(2, at("2026-03-26 08:00")),  # done in a closed sprint …
        StayFact(2, at("2026-03-27 08:00"), at("2026-03-28 08:00")),  # … taken up, thrown away
    ]
    steps = [Step(n, at("2026-03-26 08:00"), "todo", None) for n in (1, 2)]
    days = all_days(date(2026, 3, 26), date(2026, 3, 28))
    found = cumulative_flow(stays, steps, days=days, zone="UTC")
    assert [dict(day.items) for day in found] == [{"todo": 1}, {"todo": 1}, {}]


def moved(item: int, *rows: tuple[str, str]) -> list[TransitionFact]:
    return [TransitionFact(item, at(moment), category, None) for moment, category in rows]


# By hand, from the first moment in progress to the last time that it became done:
#   1  Thu 09:00 to Fri 21:00                         1.5 days
#   2  Thu 09:00 to Mon 09:00 over a weekend; done first on Friday, then reopened   4 days
#   3  done at once, never in progress                none
#   4  still in progress                              none
#   5  done Fri 09:00 after a day; points changed on Monday    1 day
ROWS = [
    *moved(1, ("2026-03-26 08:00", "todo"), ("2026-03-26 09:00", "doing"),
           ("2026-03-27 21:00", "done")),
    *moved(2, ("2026-03-26 09:00", "doing"), ("2026-03-27 09:00", "done"),
           ("2026-03-28 09:00", "todo"), ("2026-03-30 09:00", "done")),
    *moved(3, ("2026-03-26 08:00", "todo"), ("2026-03-26 09:00", "done")),
    *moved(4, ("2026-03-26 08:00", "doing")),
    *moved(5, ("2026-03-26 09:00", "doing"), ("2026-03-27 09:00", "done"),
           ("2026-03-30 09:00", "done")),
]  # fmt: skip


def test_cycle_times_run_from_the_first_start_to_the_last_end() -> None:
    found = cycle_times(reversed(ROWS))
    assert [(time.item, time.days) for time in found.times] == [(5, 1.0), (1, 1.5), (2, 4.0)]
    assert found.unstarted == (3,)


def test_a_day_on_which_the_clocks_change_is_as_long_as_it_was() -> None:
    zone = ZoneInfo(LONDON)
    rows = [
        TransitionFact(1, datetime(2026, 3, 28, 12, tzinfo=zone), "doing", None),
        TransitionFact(1, datetime(2026, 3, 29, 12, tzinfo=zone), "done", None),
    ]
    (found,) = cycle_times(rows).times
    assert found.days == pytest.approx(23 / 24)


@pytest.mark.parametrize(
    ("share", "by_hand"),
    [(0.5, 3.0), (0.85, 8.0), (0.95, 8.0), (0.2, 1.0), (0.21, 2.0), (0.0, 1.0), (1.0, 8.0)],
)
def test_a_percentile_is_a_value_that_came(share: float, by_hand: float) -> None:
    # Of five each is a fifth: 0.85 x 5 = 4.25, so the fifth; 0.5 x 5 = 2.5, so the third.
    assert percentile([8.0, 3.0, 1.0, 5.0, 2.0], share) == by_hand


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile([], 0.5) is None
