"""The calendar of a team, with the public holidays of its country."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import holidays
from django.conf import settings

from backlog.models import Team
from sprints.models import TeamCalendar
from sprints.models.calendars import WEEKDAYS
from sprints.rules.days import Calendar

USUAL_DAYS = 14


@dataclass(frozen=True)
class WorkingTime:
    """When a team works: `weekdays` counts from Monday, 0; `sprint_days` is its cadence."""

    zone: str
    country: str
    subdivision: str
    weekdays: frozenset[int]
    sprint_days: int

    @property
    def tzinfo(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.zone)

    def between(self, first: date, last: date) -> Calendar:
        """For the rules: with the holidays that fall into these days."""
        years = range(first.year, last.year + 1)
        days = _holidays(self.country, self.subdivision, years[0], years[-1])
        return Calendar(
            zone=self.zone,
            weekdays=self.weekdays,
            holidays=frozenset(day for day in days if first <= day <= last),
        )


def calendar_of(team: Team) -> WorkingTime:
    """The team's own calendar, else Monday to Friday where the site is."""
    return _working_time(getattr(team, "calendar", None))  # no statement where it was read


def calendars_of(teams: Iterable[Team]) -> dict[int, WorkingTime]:
    """As `calendar_of`, of several teams in one statement, by their ids."""
    ids = [team.pk for team in teams]
    own = {calendar.team_id: calendar for calendar in TeamCalendar.objects.filter(team__in=ids)}
    return {pk: _working_time(own.get(pk)) for pk in ids}


def next_holidays(working: WorkingTime, today: date, most: int) -> list[tuple[date, str]]:
    """The next public holidays of the calendar with their names, within two years."""
    if not working.country:
        return []
    found = holidays.country_holidays(
        working.country,
        subdiv=working.subdivision or None,
        years=range(today.year, today.year + 2),
    )
    return sorted((day, name) for day, name in found.items() if day >= today)[:most]


def _working_time(own: TeamCalendar | None) -> WorkingTime:
    if own is None:
        return WorkingTime(settings.TIME_ZONE, "", "", frozenset(WEEKDAYS), USUAL_DAYS)
    return WorkingTime(
        own.zone, own.country, own.subdivision, frozenset(own.weekdays), own.sprint_days
    )


@lru_cache(maxsize=256)
def _holidays(country: str, subdivision: str, first: int, last: int) -> frozenset[date]:
    if not country:
        return frozenset()
    found = holidays.country_holidays(
        country, subdiv=subdivision or None, years=range(first, last + 1)
    )
    return frozenset(found)
