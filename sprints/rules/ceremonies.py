"""When the ceremonies of a sprint take place and how long they last, as the Scrum Guide has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

PLANNING, DAILY, REVIEW = "planning", "daily", "review"
RETROSPECTIVE, REFINEMENT = "retrospective", "refinement"
# Scrum Guide 2020: the longest time boxes, in minutes, for a sprint of one month.
OF_A_MONTH = {PLANNING: 8 * 60, REVIEW: 4 * 60, RETROSPECTIVE: 3 * 60}
MONTH_DAYS = 28  # four weeks, so that a sprint of two weeks gets half of each
DAILY_MINUTES = 15
REFINEMENT_MINUTES = 60  # the Guide gives it no box: an hour is a habit, not a rule
STEP_MINUTES = 15
MORNING, STAND_UP, EVENING = time(9, 0), time(9, 30), time(17, 0)

# For those who have never been to one.
IN_PLAIN_WORDS = {
    REFINEMENT: "The team looks at what may come next, asks what it means, and says how big it is.",
    PLANNING: "The team chooses what it does until the end of the sprint, and what for.",
    DAILY: "A few minutes each day: what was done, what comes next, and what is in the way.",
    REVIEW: "The team shows what it has finished and asks those who know the field what it means.",
    RETROSPECTIVE: "The team looks back at how it works, and agrees on what it does differently.",
}


def time_box(kind: str, days: int) -> int:
    """The minutes proposed for a ceremony of a sprint of so many calendar days: shorter sprints get
    their share of a month's box, in steps of 15 minutes, and none gets more than that."""
    if kind == DAILY:
        return DAILY_MINUTES
    if kind not in OF_A_MONTH:
        return REFINEMENT_MINUTES
    share = OF_A_MONTH[kind] * min(max(days, 1), MONTH_DAYS) / MONTH_DAYS
    return max(STEP_MINUTES, round(share / STEP_MINUTES) * STEP_MINUTES)


@dataclass(frozen=True)
class Slot:
    """A ceremony as it is proposed: its kind, when it begins by the clock of the team, and how many
    minutes it takes."""

    kind: str
    starts: datetime
    minutes: int


def proposed(first: date, last: date, working: Sequence[date]) -> list[Slot]:
    """All ceremonies of a sprint: planning on its first working day, a daily on each other one, and
    review and retrospective, one after the other, at the end of the last.

    `working` are its working days in order; where it has none, its first and last day stand for
    them. The moments are naive, by the clock of the team.
    """
    days = (last - first).days + 1
    each = list(working) or sorted({first, last})
    slots = [Slot(PLANNING, datetime.combine(each[0], MORNING), time_box(PLANNING, days))]
    slots += [Slot(DAILY, datetime.combine(day, STAND_UP), DAILY_MINUTES) for day in each[1:]]
    retrospective, review = time_box(RETROSPECTIVE, days), time_box(REVIEW, days)
    over = datetime.combine(each[-1], EVENING)
    looks_back = over - timedelta(minutes=retrospective)
    slots += [
        Slot(REVIEW, looks_back - timedelta(minutes=review), review),
        Slot(RETROSPECTIVE, looks_back, retrospective),
    ]
    return slots
