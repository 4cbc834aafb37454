"""Weeks as people plan by them, and how long a rest takes at the pace of the last ones."""

from __future__ import annotations

from datetime import date, timedelta
from math import ceil

LEAST_DONE = 3  # fewer say nothing of a pace
LEAST_WEEKS = 2


def end_of_week(day: date) -> date:
    """The Sunday of the week that the day is in."""
    return day + timedelta(days=6 - day.weekday())


def weeks_left(*, remaining: int, done: int, weeks: float) -> int | None:
    """In how many whole weeks so many items are done, at the pace of `done` items in `weeks`.

    None where that can't be said: nothing remains, or the pace rests on too little.
    """
    if remaining < 1 or done < LEAST_DONE or weeks < LEAST_WEEKS:
        return None
    return ceil(round(remaining * weeks / done, 1))  # some minutes make no further week
