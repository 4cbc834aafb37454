"""Which sprints of another tool can come along, and how items went through them: no database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from backlog.importers.parsed import ImportedSprint
from sprints.rules.past_sprints import (
    ONE_SECOND,
    Days,
    Fault,
    Path,
    Span,
    fault_of,
    overlapping,
    path_of,
    span_of,
)

BERLIN = "Europe/Berlin"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIRST, LAST = date(2026, 3, 23), date(2026, 4, 3)
TOLD = ImportedSprint("Sprint 1", "t#1", FIRST, LAST, is_closed=True)
# From Monday 00:00 by winter time to Friday 23:59:59 by summer time.
SPAN = Span(
    datetime(2026, 3, 22, 23, tzinfo=UTC), datetime(2026, 4, 3, 21, 59, 59, tzinfo=UTC)
)  # fmt: skip


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, None),
        ({"starts_on": None}, Fault.UNDATED),
        ({"starts_on": None, "ends_on": None, "is_closed": False}, Fault.UNDATED),
        ({"ends_on": None, "is_closed": False}, Fault.OPEN),
        ({"is_closed": False}, Fault.OPEN),
        ({"ends_on": date(2026, 3, 22)}, Fault.TURNED),
        ({"ends_on": FIRST}, None),
        ({"starts_on": date(1926, 3, 23), "ends_on": date(1926, 4, 3)}, Fault.TOO_OLD),
        ({"starts_on": LAST - timedelta(days=60)}, Fault.TOO_LONG),
        ({"starts_on": LAST - timedelta(days=59)}, None),
        ({"ends_on": date(2026, 5, 1)}, Fault.AHEAD),
        ({"ends_on": date(2026, 5, 1), "closed_at": NOW - ONE_SECOND}, None),
        ({"ends_on": date(2026, 4, 30)}, None),
    ],
)
def test_only_what_is_over_and_dated_comes_along(
    changed: dict[str, object], fault: Fault | None
) -> None:
    told = replace(TOLD, **changed)  # type: ignore[arg-type]
    assert fault_of(told, zone=BERLIN, now=NOW) == fault


def test_a_sprint_lasts_from_its_first_moment_to_its_last_where_the_team_is() -> None:
    assert span_of(TOLD, zone=BERLIN) == SPAN


@pytest.mark.parametrize(
    ("closed_at", "counts"),
    [
        (datetime(2026, 4, 1, 15, tzinfo=UTC), True),  # early
        (datetime(2026, 4, 7, 15, tzinfo=UTC), True),  # late
        (datetime(2026, 3, 20, 15, tzinfo=UTC), False),  # before it began
        (datetime(2027, 4, 7, 15, tzinfo=UTC), False),  # somebody tidied up a year later
    ],
)
def test_when_it_was_closed_counts_where_that_can_be(closed_at: datetime, counts: bool) -> None:
    found = span_of(replace(TOLD, closed_at=closed_at), zone=BERLIN)
    assert found.closed_at == (closed_at if counts else SPAN.closed_at)


@pytest.mark.parametrize(
    ("first", "last", "is_overlap"),
    [
        (date(2026, 4, 3), date(2026, 4, 17), False),  # begins as the other ends
        (date(2026, 3, 9), date(2026, 3, 23), False),
        (date(2026, 4, 2), date(2026, 4, 17), True),
        (date(2026, 3, 25), date(2026, 3, 26), True),
        (FIRST, LAST, True),
        (date(2026, 4, 6), date(2026, 4, 17), False),
    ],
)
def test_two_sprints_share_at_most_the_day_between_them(
    first: date, last: date, is_overlap: bool
) -> None:
    other = Days("Sprint 1", FIRST, LAST)
    assert overlapping(Days("X", first, last), [other]) == (other if is_overlap else None)


def test_a_day_twice_is_one_sprint_too_many() -> None:
    day = Days("Hack day", FIRST, FIRST)
    assert overlapping(replace_name(day, "Again"), [day]) == day


def replace_name(days: Days, name: str) -> Days:
    return days._replace(name=name)


@pytest.mark.parametrize(
    ("created_at", "done_at", "entered_at", "finished"),
    [
        (at(1), at(27), SPAN.started_at, at(27)),  # planned, done
        (at(23), at(27), SPAN.started_at, at(27)),  # written down on the first day: planned
        (at(25), at(27), at(25), at(27)),  # came in later
        (None, at(27), SPAN.started_at, at(27)),
        (at(1), None, SPAN.started_at, SPAN.closed_at),  # done, nobody says when
        (at(1), SPAN.closed_at, SPAN.started_at, SPAN.closed_at),
        (at(1), SPAN.closed_at + ONE_SECOND, SPAN.started_at, None),  # done too late
        (at(1), at(10), SPAN.started_at, at(10)),  # done before it began
        (datetime(2026, 4, 9, tzinfo=UTC), at(27), SPAN.closed_at - ONE_SECOND, at(27)),
    ],
)
def test_an_item_comes_in_and_is_done_when_the_source_says(
    created_at: datetime | None,
    done_at: datetime | None,
    entered_at: datetime,
    finished: datetime | None,
) -> None:
    path = path_of(SPAN, zone=BERLIN, created_at=created_at, is_done=True, done_at=done_at)
    assert (path.entered_at, path.done_at) == (entered_at, finished)
    assert path.planned_at <= path.entered_at
    assert path.done_at is None or path.planned_at < path.done_at


def test_what_is_not_done_is_carried_over() -> None:
    path = path_of(SPAN, zone=BERLIN, created_at=at(1), is_done=False, done_at=None)
    assert path == Path(SPAN.started_at, SPAN.started_at, None)
    assert not path.is_done
