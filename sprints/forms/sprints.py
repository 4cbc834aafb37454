"""Forms of a sprint: planned or changed, started, cancelled, and what its people can give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core import signing
from django.forms import BoundField

from backlog.forms.fields import RowField, RowsField
from backlog.models import Product, Subject, Team, User
from mlscrum.lib.errors import Conflict
from sprints.models import Sprint
from sprints.services.sprints import ShareLine, next_days, next_name, seen_fields

SHOWN = "sprints.shown"  # the salt of what a page says that it showed
OF_ASSESSMENT = ("subjects", "target_health")
OF_SHARES = ("points", "gpu_hours", "days_off")


def packed(shown: Mapping[str, Any], page: str) -> str:
    """What a page shows, to be sent back with it."""
    return signing.dumps(shown, salt=f"{SHOWN}.{page}", compress=True)


def unpacked(data: Mapping[str, str] | None, page: str) -> dict[str, Any] | None:
    """What the page showed that was sent; None where it doesn't say, or not as we wrote it."""
    try:
        found: dict[str, Any] = signing.loads((data or {}).get("shown", ""), salt=f"{SHOWN}.{page}")
    except signing.BadSignature:
        return None
    return found


class DayInput(forms.DateInput):
    """A day, chosen in the browser's own calendar."""

    input_type = "date"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%d", **kwargs)


class SprintForm(forms.Form):
    """A sprint that is planned or runs."""

    name = forms.CharField(max_length=120)
    goal = forms.CharField(
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="In a sentence: what is it for? It is asked for when the sprint starts.",
    )
    starts_on = forms.DateField(label="First day", widget=DayInput())
    ends_on = forms.DateField(label="Last day", widget=DayInput())
    kind = forms.ChoiceField(choices=Sprint.Kind.choices, initial=Sprint.Kind.DELIVERY)
    subjects = RowsField(
        Subject.objects.none(),
        label="Datasets",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Those that a data assessment is about.",
    )
    target_health = forms.FloatField(
        label="Target health",
        required=False,
        min_value=0,
        max_value=100,
        help_text="In per cent: what each of these datasets must reach before the goal is met.",
    )
    capacity_points = forms.DecimalField(
        label="Capacity in points",
        required=False,
        min_value=0,
        max_digits=7,
        decimal_places=1,
        help_text="Empty: what its people give together.",
    )
    capacity_gpu_hours = forms.DecimalField(
        label="Capacity in GPU-hours",
        required=False,
        min_value=0,
        max_digits=9,
        decimal_places=1,
        help_text="Empty: what its people give together.",
    )

    def __init__(self, product: Product, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seen: dict[str, Any] = {}
        self.is_stale = False
        datasets = product.subjects.filter(kind=Subject.Kind.DATASET).order_by("name")
        self.fields["subjects"].queryset = datasets  # type: ignore[attr-defined]

    @classmethod
    def of(cls, sprint: Sprint, data: Any = None) -> SprintForm:
        """The form of a sprint that there is; what decides over a running one is fixed."""
        names = ("goal", "kind", "capacity_points", "capacity_gpu_hours", "target_health")
        initial = {name: _plain(getattr(sprint, name)) for name in names}
        initial |= {
            name: getattr(sprint.backlog, name) for name in ("name", "starts_on", "ends_on")
        }
        initial["subjects"] = [row.subject_id for row in sprint.subjects.all()]
        form = cls(sprint.backlog.product, data, initial=initial)
        subjects = sorted(initial["subjects"])
        shown = unpacked(data, "sprint")
        has_started = sprint.backlog.started_at is not None
        now = {**seen_fields(sprint), "subjects": subjects, "has_started": has_started}
        form.seen = now if shown is None else shown
        if has_started and form.seen.get("has_started", True):
            form.fix()
        return form

    def fix(self) -> None:
        """Let what decides over a running sprint be read alone. Not before a person was shown that
        it runs: what was chosen before the start is refused, never silently dropped."""
        for name in ("kind", *OF_ASSESSMENT):
            self.fields[name].disabled = True

    @property
    def shown(self) -> str:
        """What the page shows, to be sent back with it."""
        return packed(self.seen, "sprint")

    def service_fields(self) -> dict[str, Any]:
        """What was sent, as the services take it."""
        return dict(self.cleaned_data)

    def changes(self) -> dict[str, Any]:
        """What was sent of a sprint that there is, with what had been shown of it."""
        sent = self.service_fields()
        if sorted(subject.pk for subject in sent["subjects"]) == self.seen["subjects"]:
            del sent["subjects"]  # left as they were seen
        return {**sent, "seen": self.seen}

    def put_conflicts(self, error: Conflict) -> None:
        """Say at each field what somebody else saved; sent again, what was typed holds."""
        self.is_stale = True
        rows: Any = error.extra.get("conflicts", ())
        for row in rows:
            self.seen[row["field"]] = row["theirs"]
            self.add_error(row["field"], f"Saved meanwhile: {_said(row['theirs'])}.")
        if error.code == "runs":
            self.seen["has_started"] = True
            self.fix()
        self.add_error(None, error.message)


class NewSprintForm(SprintForm):
    """A sprint to be, with the name and the days that the team's cadence proposes."""

    team = RowField(Team.objects.none(), empty_label=None)
    field_order = ("team",)

    def __init__(self, product: Product, *args: Any, team: Team, **kwargs: Any) -> None:
        first, last = next_days(team)
        proposed = {
            "team": team,
            "name": next_name(team),
            "starts_on": first,
            "ends_on": last,
        }
        kwargs["initial"] = {**proposed, **kwargs.get("initial", {})}
        super().__init__(product, *args, **kwargs)
        self.fields["team"].queryset = product.teams.all()  # type: ignore[attr-defined]
        if product.teams.count() == 1:  # pages name teams only from the second on
            self.fields["team"].widget = forms.HiddenInput()


def _plain(value: Any) -> Any:
    """A number without needless decimals: 12 for 12.0."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def _said(value: Any) -> str:
    if value in (None, ""):
        return "nothing"
    return f"{value:g}" if isinstance(value, float) else f"“{value}”"


class StartForm(forms.Form):
    """What a start asks for: the goal."""

    goal = forms.CharField(
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say in a sentence what the sprint is for."},
    )


class CancelForm(forms.Form):
    """Why a sprint has become pointless."""

    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why it is cancelled; the next planning will ask."},
    )


@dataclass(frozen=True)
class ShareRow:
    """One member's fields, with the days of the sprint on which that member works."""

    person: User
    points: BoundField
    gpu_hours: BoundField
    days_off: BoundField


class SharesForm(forms.Form):
    """What each member can give to a sprint: points, GPU-hours, and the days off."""

    def __init__(
        self,
        people: Sequence[User],
        days: Sequence[date],
        *args: Any,
        given: Mapping[int, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.people = people
        self.is_stale = False
        self.days = {day.isoformat() for day in days}
        shown = unpacked(self.data, "shares")
        now = {
            str(pk): [_plain(share.points), _plain(share.gpu_hours), share.days_off]
            for pk, share in given.items()
        }
        self.seen = now if shown is None else shown
        choices = [(day.isoformat(), f"{day:%a} {day.day} {day:%b}") for day in days]
        for person in people:
            share = given.get(person.pk)
            name = f"{person.pk}"
            self.fields[f"points-{name}"] = forms.DecimalField(
                label=f"Points of {person}",
                required=False,
                min_value=0,
                max_digits=6,
                decimal_places=1,
                initial=_plain(share.points) if share else None,
            )
            self.fields[f"gpu_hours-{name}"] = forms.DecimalField(
                label=f"GPU-hours of {person}",
                required=False,
                min_value=0,
                max_digits=8,
                decimal_places=1,
                initial=_plain(share.gpu_hours) if share else None,
            )
            self.fields[f"days_off-{name}"] = forms.MultipleChoiceField(
                label=f"Days off of {person}",
                required=False,
                choices=choices,
                widget=forms.CheckboxSelectMultiple,
                initial=share.days_off if share else [],
            )

    def rows(self) -> list[ShareRow]:
        """The fields by person."""
        return [
            ShareRow(person, *(self[f"{name}-{person.pk}"] for name in OF_SHARES))
            for person in self.people
        ]

    @property
    def shown(self) -> str:
        """What the page shows, to be sent back with it."""
        return packed(self.seen, "shares")

    def edits(self) -> list[tuple[ShareLine, ShareLine]]:
        """What was shown and what was sent of those whose fields were changed on the page."""
        found = []
        for person in self.people:
            points, hours, days = (self.cleaned_data[f"{n}-{person.pk}"] for n in OF_SHARES)
            wanted = _line(person, points, hours, days)
            seen = _line(person, *self.seen.get(str(person.pk), (None, None, ())))
            offered = [day for day in seen.gives[2] if day in self.days]
            if wanted.gives != (seen.points, seen.gpu_hours, offered):
                found.append((seen, wanted))
        return found

    def put_conflicts(self, error: Conflict) -> None:
        """Say at each person what somebody else saved; sent again, what was typed holds."""
        self.is_stale = True
        rows: Any = error.extra.get("conflicts", ())
        for row in rows:
            theirs: ShareLine = row["theirs"]
            pk, days = theirs.user.pk, theirs.gives[2]
            self.seen[str(pk)] = [_plain(theirs.points), _plain(theirs.gpu_hours), days]
            why = (
                f"Saved meanwhile: {_plain(theirs.points) or 'no'} points,"
                f" {_plain(theirs.gpu_hours) or 'no'} GPU-hours,"
                f" days off: {', '.join(days) or 'none'}."
            )
            self.add_error(f"points-{pk}", why)
        self.add_error(None, error.message)


def _line(person: User, points: Any, hours: Any, days: Sequence[str]) -> ShareLine:
    return ShareLine(
        person,
        None if points is None else Decimal(points),
        None if hours is None else Decimal(hours),
        [date.fromisoformat(day) for day in days],
    )
