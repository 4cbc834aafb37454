"""Forms of a team: its name and members, and when it works."""

from __future__ import annotations

import calendar
import zoneinfo
from typing import Any

import holidays
from django import forms
from django.utils.functional import lazy

from backlog.forms.fields import RowsField
from backlog.models import Member, Product, Team
from sprints.queries.calendars import WorkingTime

Choice = tuple[str, str]


class MembersField(RowsField):
    """Members of the product, by their names."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.user)


class TeamForm(forms.Form):
    """A team: how it is called, and who is in it."""

    name = forms.CharField(max_length=80)
    members = MembersField(
        Member.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, product: Product, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = product.members.select_related("user").order_by("user__name")
        self.fields["members"].queryset = members  # type: ignore[attr-defined]

    @classmethod
    def of(cls, team: Team, data: Any = None) -> TeamForm:
        """The form of a team that there is."""
        initial = {"name": team.name, "members": [member.pk for member in team.members.all()]}
        return cls(team.product, data, initial=initial)


def _zones() -> list[Choice]:
    return [(zone, zone.replace("_", " ")) for zone in sorted(zoneinfo.available_timezones())]


def _countries() -> list[Choice]:
    names = holidays.registry.COUNTRIES
    known = holidays.list_supported_countries(include_aliases=False)
    classes = {row[1]: row[0] for row in names.values()}
    called = [(code, _spaced(classes.get(code, code))) for code in known]
    return [("", "No public holidays"), *sorted(called, key=lambda choice: choice[1])]


def _spaced(name: str) -> str:
    """The name of a class as words: UnitedKingdom is United Kingdom."""
    return "".join(f" {c}" if i and c.isupper() else c for i, c in enumerate(name))


class CalendarForm(forms.Form):
    """When a team works; the public holidays are those of the holidays library."""

    zone = forms.ChoiceField(
        label="Time zone", choices=lazy(_zones, list), help_text="Where its days begin and end."
    )
    weekdays = forms.TypedMultipleChoiceField(
        choices=[(str(n), calendar.day_name[n]) for n in range(7)],
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one day of the week."},
    )
    country = forms.ChoiceField(
        label="Public holidays of", required=False, choices=lazy(_countries, list)
    )
    subdivision = forms.CharField(
        label="Part of the country",
        required=False,
        max_length=10,
        help_text="Its code by ISO 3166-2, such as BY for Bavaria; empty for the whole country.",
    )
    sprint_days = forms.IntegerField(
        label="Days of a sprint",
        min_value=1,
        max_value=60,
        help_text="From the first day to the last, weekends counted: 14 are two weeks.",
    )

    @classmethod
    def of(cls, working: WorkingTime, data: Any = None) -> CalendarForm:
        """The form of the calendar that a team has."""
        initial = {
            "zone": working.zone,
            "weekdays": [str(day) for day in sorted(working.weekdays)],
            "country": working.country,
            "subdivision": working.subdivision,
            "sprint_days": working.sprint_days,
        }
        return cls(data, initial=initial)
