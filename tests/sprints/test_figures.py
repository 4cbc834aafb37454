"""Figures of a sprint held to a worked example and to plain counting: no database.

THE WORKED EXAMPLE, computed by hand. Two weeks, Wednesday 25 March to Tuesday 7 April 2026, of a
team in Berlin. Clocks go forward on Sunday 29 March at 01:00 UTC. Friday 3 and Monday 6 April are
holidays. Started on 25 March at 08:00 UTC (09:00 in Berlin, 04:00 in New York), closed on 7 April
at 14:00 UTC. Times below are UTC.

  item  points  what happened
  1     5       committed; done on Saturday 28 March 23:30, in Berlin Sunday 00:30, in New York
                Saturday 19:30
  2     8       committed; estimated anew to 13 on 1 April 10:00; carried over at the closing
  3     3       added on 26 March 12:00; done on 31 March 10:00
  4     5       committed; removed on 30 March 15:00
  5     3       committed; left on 27 March 09:00, came back on 31 March 08:00; done on 2 April
                12:00
  6     3       committed; done on 27 March 10:00; reopened on Sunday 29 March 22:30, in Berlin
                Monday 00:30 (by winter time it would be Sunday 23:30), in New York Sunday 18:30;
                done on 2 April 22:15, in Berlin Good Friday 00:15, in New York Thursday 18:15
  7     none    committed, never estimated; carried over at the closing

Item 2 stands under an epic, item 3 has three tasks: the caller leaves epics and tasks out, for an
epic sums its items and tasks have no points. They would count twice.

  committed    5 + 8 + 5 + 3 + 3 = 24 of six items, one of them without an estimate
  added        3 (item 3); item 5 came back and is not added
  removed      5 (item 4); item 5 came back and is not removed
  reestimated  13 - 8 = 5 (item 2)
  completed    5 + 3 + 3 + 3 = 14 (items 1, 3, 5, 6)
  remaining    13 (items 2 and 7, the latter without an estimate)
  24 + 3 - 5 + 5 = 27 = 14 + 13

The team works on 25, 26, 27, 30, 31 March, 1, 2 and 7 April: 8 days, 24 / 8 = 3 points a day.

  day       ideal  in Berlin                          scope done left  in New York, if another
  Wed 25.3.    21  as committed                          24    0   24
  Thu 26.3.    18  item 3 in, +3                         27    0   27
  Fri 27.3.    15  item 5 away, -3; item 6 done          24    3   21
  Sat 28.3.    15  nothing yet: item 1 is done at 00:30  24    3   21  24  8 16: item 1 done
  Sun 29.3.    15  item 1 done                           24    8   16  24  5 19: item 6 reopened
  Mon 30.3.    12  item 6 reopened; item 4 out, -5       19    5   14
  Tue 31.3.     9  item 5 back, +3; item 3 done          22    8   14
  Wed 1.4.      6  item 2 from 8 to 13, +5               27    8   19
  Thu 2.4.      3  item 5 done                           27   11   16  27 14 13: item 6 done, too
  Fri 3.4.      3  item 6 done at 00:15                  27   14   13
  Sat 4.4.      3  nothing, nor until Monday             27   14   13
  Tue 7.4.      0  closed                                27   14   13
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sprints.rules.days import Calendar, end_of_day
from sprints.rules.figures import (
    Amount,
    BurndownDay,
    Figures,
    Span,
    StayFact,
    TransitionFact,
    amounts,
    figures,
)

HOLIDAYS = frozenset({date(2026, 4, 3), date(2026, 4, 6)})
BERLIN = Calendar("Europe/Berlin", frozenset({0, 1, 2, 3, 4}), HOLIDAYS)


def at(month: int, day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


BEFORE, START, CLOSE = at(3, 20), at(3, 25, 8), at(4, 7, 14)
SPAN = Span(START, CLOSE, date(2026, 3, 25), date(2026, 4, 7), BERLIN)
STAYS = [
    StayFact(1, BEFORE),
    StayFact(2, BEFORE, CLOSE),
    StayFact(3, at(3, 26)),
    StayFact(4, BEFORE, at(3, 30, 15)),
    StayFact(5, BEFORE, at(3, 27, 9)),
    StayFact(5, at(3, 31, 8)),
    StayFact(6, BEFORE),
    StayFact(7, BEFORE, CLOSE),
]


def became(
    item: int, when: datetime, category: str, points: float | Decimal | None
) -> TransitionFact:
    return TransitionFact(item, when, category, None if points is None else Decimal(points))


TRANSITIONS = [
    became(1, BEFORE, "todo", 5),
    became(1, at(3, 26), "doing", 5),
    became(1, at(3, 28, 23, 30), "done", 5),
    became(2, BEFORE, "todo", 8),
    became(2, at(4, 1, 10), "doing", 13),
    became(3, at(3, 26), "todo", 3),
    became(3, at(3, 31, 10), "done", 3),
    became(4, BEFORE, "todo", 5),
    became(5, BEFORE, "todo", 3),
    became(5, at(4, 2), "done", 3),
    became(6, BEFORE, "todo", 3),
    became(6, at(3, 27, 10), "done", 3),
    became(6, at(3, 29, 22, 30), "doing", 3),
    became(6, at(4, 2, 22, 15), "done", 3),
    became(7, BEFORE, "todo", None),
]
# day, ideal, then scope, done and remaining in Berlin and in New York
TABLE = [
    (date(2026, 3, 25), 21, (24, 0, 24), (24, 0, 24)),
    (date(2026, 3, 26), 18, (27, 0, 27), (27, 0, 27)),
    (date(2026, 3, 27), 15, (24, 3, 21), (24, 3, 21)),
    (date(2026, 3, 28), 15, (24, 3, 21), (24, 8, 16)),
    (date(2026, 3, 29), 15, (24, 8, 16), (24, 5, 19)),
    (date(2026, 3, 30), 12, (19, 5, 14), (19, 5, 14)),
    (date(2026, 3, 31), 9, (22, 8, 14), (22, 8, 14)),
    (date(2026, 4, 1), 6, (27, 8, 19), (27, 8, 19)),
    (date(2026, 4, 2), 3, (27, 11, 16), (27, 14, 13)),
    (date(2026, 4, 3), 3, (27, 14, 13), (27, 14, 13)),
    (date(2026, 4, 4), 3, (27, 14, 13), (27, 14, 13)),
    (date(2026, 4, 5), 3, (27, 14, 13), (27, 14, 13)),
    (date(2026, 4, 6), 3, (27, 14, 13), (27, 14, 13)),
    (date(2026, 4, 7), 0, (27, 14, 13), (27, 14, 13)),
]


def example(now: datetime = CLOSE, span: Span = SPAN) -> Figures:
    return figures(span, STAYS, TRANSITIONS, now=now)


def points_of(day: BurndownDay) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    return day.scope, day.done, day.remaining


def day_in(found: Figures, month: int, day: int) -> BurndownDay:
    return next(row for row in found.days if row.day == date(2026, month, day))


def total(found: Figures) -> Decimal:
    return found.committed.points + found.added.points - found.removed.points + found.reestimated


def test_the_amounts_of_the_worked_example() -> None:
    found = example()
    assert found.committed == Amount(Decimal(24), items=6, unestimated=1)
    assert found.added == Amount(Decimal(3), items=1, unestimated=0)
    assert found.removed == Amount(Decimal(5), items=1, unestimated=0)
    assert found.reestimated == 5
    assert found.completed == Amount(Decimal(14), items=4, unestimated=0)
    assert found.remaining == Amount(Decimal(13), items=2, unestimated=1)


def test_amounts_alone_are_those_of_the_figures() -> None:
    alone = asdict(amounts(SPAN, STAYS, TRANSITIONS, now=CLOSE))
    drawn = {"opening": asdict(example().opening), "days": tuple(map(asdict, example().days))}
    assert alone | drawn == asdict(example())


def test_the_items_of_the_worked_example() -> None:
    found = example()
    assert found.committed_items == (1, 2, 4, 5, 6, 7)
    assert found.added_items == (3,)
    assert found.removed_items == (4,)
    assert found.done_items == (1, 3, 5, 6)
    assert found.open_items == (2, 7)


@pytest.mark.parametrize(("day", "ideal", "berlin", "new_york"), TABLE)
def test_each_day_of_the_worked_example(
    day: date, ideal: int, berlin: tuple[int, ...], new_york: tuple[int, ...]
) -> None:
    away = replace(SPAN, calendar=replace(BERLIN, zone="America/New_York"))
    (here,) = [row for row in example().days if row.day == day]
    (there,) = [row for row in example(span=away).days if row.day == day]
    assert (here.ideal, points_of(here)) == (ideal, berlin)
    assert (there.ideal, points_of(there)) == (ideal, new_york)


def test_the_days_are_all_days_and_say_which_are_worked_on() -> None:
    found = example()
    assert [row.day for row in found.days] == [row[0] for row in TABLE]
    assert [row.is_working for row in found.days] == (
        [True] * 3 + [False] * 2 + [True] * 4 + [False] * 4 + [True]
    )


def test_the_line_opens_at_the_start_with_all_that_was_committed() -> None:
    assert example().opening == BurndownDay(
        date(2026, 3, 25), True, Decimal(24), Decimal(0), Decimal(24), Decimal(24)
    )


def test_a_zone_changes_days_and_never_amounts() -> None:
    away = example(span=replace(SPAN, calendar=replace(BERLIN, zone="America/New_York")))
    assert replace(away, opening=example().opening, days=example().days) == example()


def test_a_closed_sprint_is_the_same_whenever_it_is_looked_at_and_whatever_comes_later() -> None:
    later = [
        became(2, CLOSE + timedelta(seconds=1), "done", 1),
        became(1, at(6, 1), "todo", 99),
    ]
    gone = [stay._replace(left_at=stay.left_at or at(6, 2)) for stay in STAYS]
    found = figures(SPAN, [*gone, StayFact(4, at(6, 3))], [*TRANSITIONS, *later], now=at(9, 1))
    assert found == example()


def test_the_order_of_the_facts_changes_nothing() -> None:
    shuffled = random.Random(1)
    stays, transitions = list(STAYS), list(TRANSITIONS)
    shuffled.shuffle(stays)
    shuffled.shuffle(transitions)
    assert figures(SPAN, stays, transitions, now=CLOSE) == example()


def test_an_open_sprint_shows_today_as_it_is_and_no_day_to_come() -> None:
    found = example(now=at(3, 30, 12), span=replace(SPAN, closed_at=None))
    assert points_of(day_in(found, 3, 30)) == (24, 5, 19)  # item 4 leaves at 15:00
    assert points_of(day_in(found, 3, 31)) == (None, None, None)
    assert [row.ideal for row in found.days] == [row[1] for row in TABLE]
    assert found.committed.points == 24
    assert found.completed.points == 5  # item 1; 6 is reopened
    assert found.removed_items == (5,)  # away at that moment
    assert total(found) == found.completed.points + found.remaining.points == 24


def test_a_moment_before_the_closing_reads_as_it_was_then() -> None:
    then = at(3, 30, 12)
    assert example(now=then) == example(now=then, span=replace(SPAN, closed_at=None))


def test_a_sprint_closed_early_has_no_days_after_its_closing() -> None:
    early = at(4, 1, 12)
    found = example(now=at(9, 1), span=replace(SPAN, closed_at=early))
    assert points_of(day_in(found, 4, 1)) == (27, 8, 19)
    assert {points_of(row) for row in found.days[-6:]} == {(None, None, None)}
    assert found.days[-1].ideal == 0
    assert found.open_items == (2, 5, 6, 7)


@pytest.mark.parametrize("closed_at", [at(4, 9, 9), None])
def test_a_sprint_that_ends_late_has_days_until_then_and_an_ideal_of_nothing(
    closed_at: datetime | None,
) -> None:
    stays = [stay._replace(left_at=None) if stay.left_at == CLOSE else stay for stay in STAYS]
    rows = [*TRANSITIONS, became(2, at(4, 8), "done", 13)]
    found = figures(replace(SPAN, closed_at=closed_at), stays, rows, now=at(4, 9, 9))
    assert [row.day.day for row in found.days[-3:]] == [7, 8, 9]
    assert [points_of(row) for row in found.days[-3:]] == [(27, 14, 13), (27, 27, 0), (27, 27, 0)]
    assert [row.ideal for row in found.days[-3:]] == [0, 0, 0]
    assert found.remaining == Amount(Decimal(0), items=1, unestimated=1)


def test_a_sprint_started_late_burns_its_points_on_the_days_that_are_left() -> None:
    late = replace(SPAN, started_at=at(3, 31, 6))  # a Tuesday, four working days before the end
    found = figures(late, [StayFact(1, BEFORE)], [became(1, BEFORE, "todo", 8)], now=CLOSE)
    assert points_of(day_in(found, 3, 30)) == (None, None, None)
    assert [day_in(found, 3, 30).ideal, day_in(found, 3, 31).ideal] == [8, 6]
    assert found.opening.day == date(2026, 3, 31)
    assert found.days[-1].ideal == 0


def test_a_sprint_started_before_its_first_day_is_drawn_from_its_start() -> None:
    # The 8 working days planned take 1 point each; the evening before them takes none.
    early = replace(SPAN, started_at=at(3, 24, 16))
    found = figures(early, [StayFact(1, BEFORE)], [became(1, BEFORE, "todo", 8)], now=CLOSE)
    assert (found.opening.day, found.days[0].day) == (date(2026, 3, 24), date(2026, 3, 24))
    assert [day.ideal for day in found.days[:3]] == [8, 7, 6]


def test_a_sprint_that_is_over_before_its_first_day_has_the_days_that_it_ran() -> None:
    # Started on Friday the 20th and closed on Monday the 23rd; its first day would be the 25th.
    early = replace(SPAN, started_at=at(3, 20, 13), closed_at=at(3, 23))
    rows = [became(1, BEFORE, "todo", 8), became(1, at(3, 23, 9), "done", 8)]
    found = figures(early, [StayFact(1, BEFORE)], rows, now=at(9, 1))
    drawn = [(day.day.day, *points_of(day)) for day in found.days if day.scope is not None]
    assert drawn == [(20, 8, 0, 8), (21, 8, 0, 8), (22, 8, 0, 8), (23, 8, 8, 0)]


def test_without_items_everything_is_zero() -> None:
    found = figures(SPAN, [], [], now=CLOSE)
    nothing = Amount(Decimal(0), 0, 0)
    assert (found.committed, found.added, found.removed) == (nothing, nothing, nothing)
    assert (found.completed, found.remaining, found.reestimated) == (nothing, nothing, 0)
    assert {points_of(row) for row in found.days} == {(0, 0, 0)}
    assert {row.ideal for row in found.days} == {0}


def test_without_a_working_day_nothing_is_expected_to_burn() -> None:
    span = replace(SPAN, calendar=replace(BERLIN, weekdays=frozenset()))
    assert {row.ideal for row in example(span=span).days} == {24}


def one(
    stays: Sequence[tuple[datetime, datetime | None]],
    rows: Sequence[tuple[datetime, str, float | None]],
    span: Span = SPAN,
) -> Figures:
    """The figures of a sprint with a single item."""
    return figures(
        span,
        [StayFact(1, entered_at, left_at) for entered_at, left_at in stays],
        [became(1, when, category, points) for when, category, points in rows],
        now=CLOSE,
    )


def test_what_was_added_and_removed_again_counts_in_both_with_the_points_of_each_moment() -> None:
    found = one(
        [(at(3, 26), at(3, 30))],
        [(BEFORE, "todo", 2), (at(3, 27), "todo", 5), (at(4, 1), "done", 13)],
    )
    assert (found.added.points, found.removed.points, found.reestimated) == (2, 5, 3)
    assert (found.added_items, found.removed_items) == ((1,), (1,))
    assert (found.completed.items, found.remaining.items) == (0, 0)
    assert points_of(day_in(found, 3, 27)) == (5, 0, 5)
    assert points_of(day_in(found, 3, 30)) == (0, 0, 0)


def test_points_changed_while_an_item_was_away_count_as_it_comes_back() -> None:
    found = one(
        [(BEFORE, at(3, 26)), (at(3, 30), None)], [(BEFORE, "todo", 5), (at(3, 27), "todo", 8)]
    )
    assert (found.committed.points, found.reestimated, found.remaining.points) == (5, 3, 8)
    assert points_of(day_in(found, 3, 27)) == (0, 0, 0)
    assert points_of(day_in(found, 3, 30)) == (8, 0, 8)


def test_what_was_done_before_the_start_is_committed_and_completed() -> None:
    found = one([(BEFORE, None)], [(BEFORE, "done", 5)])
    assert (found.committed.points, found.completed.points) == (5, 5)
    assert points_of(found.opening) == (5, 5, 0)


def test_what_was_estimated_during_the_sprint_shows_as_a_change_of_scope() -> None:
    found = one([(BEFORE, None)], [(BEFORE, "todo", None), (at(3, 27), "todo", 5)])
    assert found.committed == Amount(Decimal(0), items=1, unestimated=1)
    assert found.remaining == Amount(Decimal(5), items=1, unestimated=0)
    assert found.reestimated == 5


@pytest.mark.parametrize(
    ("stay", "was_in", "is_in"),
    [
        ((BEFORE, START), [], []),  # left as the sprint started
        ((START, None), ["committed"], ["remaining"]),  # entered as it started
        ((START + timedelta(seconds=1), None), ["added"], ["remaining"]),
        ((BEFORE, CLOSE), ["committed"], ["remaining"]),  # carried over by the closing
        ((BEFORE, CLOSE - timedelta(seconds=1)), ["committed", "removed"], []),
        ((BEFORE, CLOSE + timedelta(seconds=1)), ["committed"], ["remaining"]),
        ((CLOSE, None), [], []),  # too late
        ((at(3, 26), at(3, 26)), [], []),  # came and went at one moment
        ((at(3, 1), at(3, 10)), [], []),
    ],
)
def test_the_start_and_the_closing_as_limits(
    stay: tuple[datetime, datetime | None], was_in: list[str], is_in: list[str]
) -> None:
    found = one([stay], [(at(3, 1), "todo", 5)])
    names = ("committed", "added", "removed", "completed", "remaining")
    assert [name for name in names if getattr(found, name).items] == was_in + is_in


def test_an_open_sprint_shows_what_came_and_went_at_this_very_moment() -> None:
    rows = [became(1, BEFORE, "todo", 5), became(2, BEFORE, "todo", 3)]
    stays = [StayFact(1, BEFORE, at(3, 26)), StayFact(2, at(3, 26))]
    found = figures(replace(SPAN, closed_at=None), stays, rows, now=at(3, 26))
    assert (found.removed_items, found.added_items, found.open_items) == ((1,), (2,), (2,))


def test_a_clock_that_is_behind_the_start_reads_as_the_start() -> None:
    span = replace(SPAN, closed_at=None)
    assert example(START - timedelta(hours=10), span) == example(START, span)


def test_done_at_the_very_closing_is_done() -> None:
    assert one([(BEFORE, None)], [(BEFORE, "todo", 5), (CLOSE, "done", 5)]).completed.items == 1


def test_stays_that_touch_or_overlap_are_one() -> None:
    found = one(
        [(BEFORE, at(3, 26)), (at(3, 26), at(4, 1)), (at(3, 30), None)], [(BEFORE, "todo", 5)]
    )
    assert (found.added.items, found.removed.items) == (0, 0)
    assert {points_of(row) for row in found.days} == {(5, 0, 5)}


def test_an_item_without_any_transition_is_open_and_not_estimated() -> None:
    assert one([(BEFORE, None)], []).remaining == Amount(Decimal(0), items=1, unestimated=1)


HOURS = st.integers(-48, 24 * 16).map(lambda hours: START + timedelta(hours=hours))
POINTS = st.sampled_from([None, *map(Decimal, ("0", "0.5", "1", "2", "3", "5", "8"))])
ROWS = st.lists(
    st.tuples(HOURS, st.sampled_from(["todo", "doing", "done"]), POINTS),
    max_size=6,
    unique_by=lambda row: row[0],
)
# Odd moments of one sorted list begin stays, even ones end them: stays of an item never overlap.
MOMENTS = st.lists(HOURS, min_size=1, max_size=6, unique=True).map(sorted)


@given(
    stories=st.lists(st.tuples(MOMENTS, ROWS), max_size=5),
    closed_at=st.none() | HOURS.filter(lambda moment: moment > START),
    now=HOURS.filter(lambda moment: moment > START),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Auckland"]),
)
def test_scope_adds_up_and_every_day_is_what_plain_counting_finds(
    stories: list[tuple[list[datetime], list[tuple[datetime, str, Decimal | None]]]],
    closed_at: datetime | None,
    now: datetime,
    zone: str,
) -> None:
    span = replace(SPAN, closed_at=closed_at, calendar=replace(BERLIN, zone=zone))
    stays = [
        StayFact(item, moments[n], moments[n + 1] if n + 1 < len(moments) else None)
        for item, (moments, _) in enumerate(stories)
        for n in range(0, len(moments), 2)
    ]
    rows = [TransitionFact(item, *row) for item, (_, own) in enumerate(stories) for row in own]
    found = figures(span, stays, rows, now=now)
    assert total(found) == found.completed.points + found.remaining.points
    assert found.opening.scope == found.committed.points
    drawn = [row for row in found.days if row.scope is not None]
    assert drawn[-1].done == found.completed.points
    assert drawn[-1].remaining == found.remaining.points
    is_closed = closed_at is not None and closed_at <= now
    end = closed_at if closed_at is not None and is_closed else now
    for row in drawn:
        until = end_of_day(row.day, zone)
        assert (row.scope, row.done) == counted(stays, rows, until, end, is_closed), row.day


def counted(
    stays: list[StayFact],
    rows: list[TransitionFact],
    until: datetime,
    end: datetime,
    is_closed: bool,
) -> tuple[Decimal, Decimal]:
    """Scope and done just before `until`, or at the end, without any cleverness."""
    scope = done = Decimal(0)
    capped = until > end
    moment = end if capped else until - timedelta(microseconds=1)
    for stay in stays:
        came = stay.entered_at <= moment
        if capped and is_closed:
            came = stay.entered_at < moment
        left = stay.left_at is not None and stay.left_at <= moment
        if capped and is_closed:
            left = stay.left_at is not None and stay.left_at < moment
        known = [row for row in rows if row.item == stay.item and row.at <= moment]
        if came and not left and known:
            last = max(known, key=lambda row: row.at)
            scope += last.points or 0
            done += (last.points or 0) if last.category == "done" else 0
    return scope, done
