"""Forms of ceremonies: when they are, what they talk about, what comes of them, who comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.forms.refusals import put_errors
from backlog.models import Kind, Product, User
from backlog.queries.agendas import part_called, part_of, parts_for
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Ceremony, Outcome, Sprint
from sprints.models.ceremonies import LONGEST_MINUTES, LONGEST_NOTICE
from sprints.models.reminders import MOST_DAYS, Notice
from sprints.services.agendas import LONGEST_POINT, MOST_POINTS, Point
from sprints.services.ceremonies import CeremonyDraft

MOMENT = "%Y-%m-%dT%H:%M"  # as browsers write it


class MomentInput(forms.DateTimeInput):
    """A day and an hour by the reader's clock, chosen in the browser's own calendar."""

    input_type = "datetime-local"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format=MOMENT, **kwargs)


class DayInput(forms.DateInput):
    """A day, chosen in the browser's own calendar."""

    input_type = "date"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m-%d", **kwargs)


class CeremonyForm(forms.Form):
    """A ceremony that is planned or runs; the times are those of the reader's clock."""

    kind = forms.ChoiceField(choices=Ceremony.Kind.choices)
    title = forms.CharField(
        max_length=120, required=False, help_text="Empty: it is called by its kind."
    )
    sprint = forms.ModelChoiceField(
        Sprint.objects.none(), required=False, empty_label="of no sprint"
    )
    starts_at = forms.DateTimeField(
        label="Begins", widget=MomentInput(), input_formats=[MOMENT, f"{MOMENT}:%S"]
    )
    minutes = forms.IntegerField(
        min_value=1, max_value=LONGEST_MINUTES, help_text="The time box that the clock counts down."
    )
    place = forms.CharField(
        max_length=300, required=False, help_text="A room, or the address of a call."
    )
    remind_minutes = forms.IntegerField(
        label="Remind before",
        required=False,
        min_value=0,
        max_value=LONGEST_NOTICE,
        help_text="Minutes before the start, here and by e-mail. Empty: nobody is reminded.",
    )

    def __init__(self, product: Product, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        found = Sprint.objects.select_related("backlog").filter(backlog__product=product)
        self.fields["sprint"].queryset = found.order_by("-backlog__starts_on")  # type: ignore[attr-defined]

    @classmethod
    def of(cls, ceremony: Ceremony, data: Any = None) -> CeremonyForm:
        """The form of one that there is; its kind stays."""
        names = ("kind", "title", "sprint", "starts_at", "minutes", "place", "remind_minutes")
        initial = {name: getattr(ceremony, name) for name in names}
        form = cls(ceremony.product, data, initial=initial)
        form.fields["kind"].disabled = True
        form.fields["base_version"] = _base_version(ceremony.version)
        return form

    @property
    def draft(self) -> CeremonyDraft:
        return CeremonyDraft(**self.cleaned_data)

    @property
    def changes(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "kind"}


class SlotForm(forms.Form):
    """One ceremony of those that are proposed for a sprint."""

    is_wanted = forms.BooleanField(required=False, initial=True, label="Schedule")
    kind = forms.ChoiceField(choices=Ceremony.Kind.choices, widget=forms.HiddenInput)
    starts_at = forms.DateTimeField(
        label="Begins", widget=MomentInput(), input_formats=[MOMENT, f"{MOMENT}:%S"]
    )
    minutes = forms.IntegerField(min_value=1, max_value=LONGEST_MINUTES)

    @property
    def word(self) -> str:
        value = self["kind"].value()
        return str(dict(Ceremony.Kind.choices).get(value, value))

    def draft(self, sprint: Sprint, place: str, *, remind_minutes: int | None) -> CeremonyDraft:
        return CeremonyDraft(
            kind=self.cleaned_data["kind"],
            starts_at=self.cleaned_data["starts_at"],
            minutes=self.cleaned_data["minutes"],
            sprint=sprint,
            place=place,
            remind_minutes=remind_minutes,
        )


SlotsForm = forms.formset_factory(SlotForm, extra=0, max_num=60, absolute_max=60)


class NotesForm(forms.Form):
    """The notes of a point; how long they may be the service says."""

    text = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}),
        label="Notes",
        help_text="Markdown.",
    )
    base_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class OutcomeForm(forms.Form):
    """What somebody says: an insight, a decision or an action; of a guest an insight, for guests
    neither see who is a member nor give members work."""

    kind = forms.ChoiceField(choices=Outcome.Kind.choices)
    text = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
        label="What",
        error_messages={
            "required": "Say what came up.",
            "max_length": "What came up may have %(limit_value)d characters; this has"
            " %(show_value)d.",
        },
    )
    sort = forms.ChoiceField(
        choices=Outcome.Sort.choices, required=False, initial=Outcome.Sort.IDEA
    )
    owner = forms.ModelChoiceField(User.objects.none(), required=False, empty_label="nobody yet")
    due_date = forms.DateField(required=False, widget=DayInput(), label="Due")

    def __init__(
        self, product: Product, data: Any = None, *, is_guest: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        if is_guest:
            insight = Outcome.Kind.INSIGHT
            self.fields["kind"].choices = [(insight.value, insight.label)]  # type: ignore[attr-defined]
            del self.fields["owner"], self.fields["due_date"]
            return
        people = User.objects.filter(memberships__product=product).order_by("name")
        self.fields["owner"].queryset = people  # type: ignore[attr-defined]

    @classmethod
    def of(cls, outcome: Outcome, data: Any = None, *, is_guest: bool = False) -> OutcomeForm:
        """The form of one that is there; what it is stays."""
        names = ("kind", "text", "sort", "owner", "due_date")
        initial = {name: getattr(outcome, name) for name in names}
        form = cls(outcome.ceremony.product, data, is_guest=is_guest, initial=initial)
        form.fields["kind"].choices = [(outcome.kind, outcome.get_kind_display())]  # type: ignore[attr-defined]
        form.fields["kind"].disabled = True
        form.fields["base_version"] = _base_version(outcome.version)
        if outcome.kind != Outcome.Kind.ACTION:
            for name in ("owner", "due_date"):
                form.fields.pop(name, None)
        if outcome.kind != Outcome.Kind.INSIGHT:
            del form.fields["sort"]
        return form


class DeclineForm(forms.Form):
    """Why nothing is made of it."""

    reason = forms.CharField(max_length=500, label="Why nothing is made of it")


class ConvertForm(forms.Form):
    """Where the item goes, and what kind it is."""

    to = forms.ChoiceField(choices=[("inbox", "Inbox"), ("top", "Top of the backlog")])
    kind = forms.ChoiceField(
        choices=[choice for choice in Kind.choices if choice[0] not in {Kind.TASK, Kind.EPIC}],
        required=False,
    )


class GuestLinkForm(forms.Form):
    """A way in without an account."""

    trade = forms.CharField(
        max_length=60,
        required=False,
        label="Trade",
        help_text="Whom the guests speak for, such as City planning. It counts as an invited role.",
    )
    expires_at = forms.DateTimeField(
        label="Ends", widget=MomentInput(), input_formats=[MOMENT, f"{MOMENT}:%S"]
    )
    is_observer = forms.BooleanField(required=False, label="Observers: they look and say nothing")


class GuestForm(forms.Form):
    """How a guest wants to be called."""

    name = forms.CharField(
        max_length=120, label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name"})
    )


class NoticeForm(forms.Form):
    """How long ahead people are reminded."""

    ceremony_minutes = forms.IntegerField(
        label="Of ceremonies",
        required=False,
        min_value=0,
        max_value=LONGEST_NOTICE,
        help_text="Minutes before the start, of those scheduled from now on; each can have its own."
        " Empty: nobody is reminded.",
    )
    action_days = forms.IntegerField(
        label="Of actions",
        required=False,
        min_value=0,
        max_value=MOST_DAYS,
        help_text="Days before an action is due; its owner is reminded here and by e-mail."
        " Empty: never.",
    )

    @classmethod
    def of(cls, notice: Notice, data: Any = None) -> NoticeForm:
        """The form of what holds in a product."""
        initial = {"ceremony_minutes": notice.ceremony_minutes, "action_days": notice.action_days}
        return cls(data, initial=initial, auto_id="notice-%s")


SHOWING = ", showing "


class AgendaForm(forms.Form):
    """An agenda as lines: the words, the minutes in brackets, and what it shows. A point that is
    called as a part of the page shows that; others say what they show, if anything."""

    points = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 9, "dir": "auto"}), label="Points"
    )

    def __init__(self, kind: str, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.titles = [part.title for part in parts_for(kind)]
        said = "One a line, with its minutes in brackets. Empty: the usual agenda."
        if self.titles:
            named = ", ".join(f"“{title}”" for title in self.titles)
            said += (
                f" Points with these names bring what they are about: {named}."
                f" By another name: “Our own words (5){SHOWING}{self.titles[0]}”."
            )
        self.fields["points"].help_text = said

    @classmethod
    def written(cls, points: Sequence[Point]) -> str:
        """The points as lines that `clean_points` reads."""
        return "\n".join(
            point.title + (f" ({point.minutes})" if point.minutes else "") + cls._shown(point)
            for point in points
        )

    @staticmethod
    def _shown(point: Point) -> str:
        by_name, part = part_called(point.title), part_of(point.slot)
        if by_name == part:
            return ""
        return f"{SHOWING}{part.title}" if part else f"{SHOWING}nothing"

    def clean_points(self) -> list[Point]:
        lines = [line.strip() for line in self.cleaned_data["points"].splitlines() if line.strip()]
        if len(lines) > MOST_POINTS:
            raise forms.ValidationError(f"An agenda has at most {MOST_POINTS} points.")
        return [self._read(line) for line in lines]

    def _read(self, line: str) -> Point:
        words, says, name = line.rpartition(SHOWING)
        words = words.strip() if says else line
        minutes = None
        head, bracket, tail = words.rpartition("(")
        if bracket and tail.endswith(")") and tail[:-1].strip().isdecimal():
            number = tail[:-1].strip()
            if len(number) > 4 or not 1 <= int(number) <= LONGEST_POINT:
                raise forms.ValidationError(f"“{line}”: say 1 to {LONGEST_POINT} minutes.")
            words, minutes = head.strip(), int(number)
        part = part_called(name.strip() if says else words)
        if says and part is None and name.strip() != "nothing":
            there = ", ".join(f"“{title}”" for title in self.titles) or "nothing"
            why = f"“{name.strip()}” is not there to be shown. After “showing” stands: {there}."
            raise forms.ValidationError(why)
        return Point(words, minutes, part.slot if part else "")


class BlockForm(forms.Form):
    """One more point."""

    title = forms.CharField(max_length=120, label="Point")
    minutes = forms.IntegerField(required=False, min_value=1, max_value=LONGEST_POINT)


def put_refusal(form: forms.Form, error: DomainError | ValidationError) -> int:
    """Show what was refused with what was typed; the status that says so. Where somebody else was
    first, the next sending is meant to replace what they wrote."""
    put_errors(form, error)
    if not isinstance(error, Conflict):
        return 422
    if "version" in error.extra:
        form.data = form.data.copy()  # type: ignore[attr-defined]
        form.data["base_version"] = str(error.extra["version"])  # type: ignore[index]
    return error.status


def _base_version(version: int) -> forms.IntegerField:
    """What the form began from, so that who comes second is told."""
    return forms.IntegerField(required=False, widget=forms.HiddenInput, initial=version)


def as_typed(moment: datetime) -> datetime:
    """An aware moment by the reader's clock, as the inputs show it."""
    return timezone.localtime(moment.astimezone(UTC))
