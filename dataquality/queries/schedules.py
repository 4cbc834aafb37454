"""A schedule as its page shows it: the times to come, and what became of those that came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from dataquality.models import Dataset, Schedule, Slot
from dataquality.rules.schedules import times_after
from mlscrum.lib import clock

TIMES_SHOWN = 5
SLOTS_SHOWN = 50


@dataclass(frozen=True)
class SchedulePage:
    """`coming` are the next times by the clocks of the schedule's zone, `slots` the last fifty that
    came, newest first."""

    schedule: Schedule
    coming: Sequence[str]
    slots: Sequence[Slot]


def schedule_page(dataset: Dataset) -> SchedulePage | None:
    """The schedule of a dataset; None where nobody has set one."""
    schedule: Schedule | None = dataset.timing
    if schedule is None:
        return None
    times = times_after(schedule.cron, schedule.zone, clock.now())
    coming = [] if schedule.is_paused else islice(times, TIMES_SHOWN)
    zone = ZoneInfo(schedule.zone)
    return SchedulePage(
        schedule,
        [_in_words(at.astimezone(zone)) for at in coming],
        list(schedule.slots.select_related("run")[:SLOTS_SHOWN]),
    )


def _in_words(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b %Y, %H:%M}"
