"""Deeds on calendars: when a team works."""

from __future__ import annotations

import zoneinfo
from typing import Any

import holidays
from django.core.exceptions import ValidationError

from backlog.models import Actor, Team
from backlog.services.deeds import deed
from sprints.models import TeamCalendar

LAST_WEEKDAY = 6


def set_calendar(team: Team, *, actor: Actor, **fields: Any) -> TeamCalendar:
    """Say when a team works: `zone`, `country`, `subdivision`, `weekdays`, `sprint_days`.

    Sprints that exist keep their zone; closed ones keep all. Raises ValidationError for a zone,
    country or weekday that there is not.
    """
    with deed(team.product, actor, "team.calendar_set") as done:
        found = TeamCalendar.objects.filter(team=team).first()
        calendar = found or TeamCalendar(team_id=team.pk)  # the team holds no draft of it
        for name, value in fields.items():
            setattr(calendar, name, value)
        calendar.country = calendar.country.strip().upper()
        calendar.subdivision = calendar.subdivision.strip().upper()
        calendar.full_clean(exclude=["team"], validate_constraints=False)
        _check(calendar)
        calendar.weekdays = sorted(set(calendar.weekdays))
        calendar.save()
        done.data |= {"team": team.pk, "name": team.name}
    return calendar


def _check(calendar: TeamCalendar) -> None:
    if calendar.zone not in zoneinfo.available_timezones():
        why = "Choose a time zone by its IANA name, such as Europe/Berlin."
        raise ValidationError({"zone": why})
    days = calendar.weekdays
    is_known = isinstance(days, list) and all(
        isinstance(day, int) and not isinstance(day, bool) and 0 <= day <= LAST_WEEKDAY
        for day in days
    )
    if not is_known or not days:
        why = "Name at least one weekday by its number: 0 is Monday, 6 is Sunday."
        raise ValidationError({"weekdays": why})
    known = holidays.list_supported_countries(include_aliases=False)
    if calendar.country and calendar.country not in known:
        why = "Choose a country by its two letters (ISO 3166), such as DE; or leave it empty."
        raise ValidationError({"country": why})
    if calendar.subdivision and calendar.subdivision not in known.get(calendar.country, ()):
        offered = ", ".join(known.get(calendar.country, ())[:20]) or "none"
        why = f"That is no part of this country whose holidays are known: {offered}."
        raise ValidationError({"subdivision": why})
