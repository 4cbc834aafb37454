"""Forms of findings: mute, resolve, set the priority."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from django import forms
from django.utils import timezone

from backlog.forms.fields import RowsField
from backlog.models import Finding, Product, User
from backlog.queries.triage import mergeable, undecided
from backlog.rules.severity import Priority
from backlog.services.findings import Choice
from mlscrum.lib.numbers import whole_number

# Green is said by evidence alone.
REASONS = [choice for choice in Finding.Reason.choices if choice[0] != Finding.Reason.GREEN]
# What is accepted is muted, of which a form may have a choice of its own.
SETTLING = [choice for choice in REASONS if choice[0] != Finding.Reason.ACCEPTED]


def end_of_day(day: date) -> datetime:
    """The last moment of a day in the reader's zone."""
    return timezone.make_aware(datetime.combine(day, time.max))


class MuteForm(forms.Form):
    """Count it silently for a while, or as long as it gets no worse."""

    until = forms.DateField(
        required=False,
        label="Until the end of",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Then it is open again by itself. Empty: without an end.",
    )
    cap = forms.FloatField(
        required=False,
        min_value=0,
        max_value=1e9,
        label="As long as it is at most",
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
        help_text="Percentage points beyond what is allowed. Worse than that, it is open again.",
    )

    def moment(self) -> datetime | None:
        """When the mute ends, None for never."""
        day = self.cleaned_data["until"]
        return end_of_day(day) if day else None


class ResolveForm(forms.Form):
    """Resolve by hand, and why."""

    reason = forms.ChoiceField(
        choices=REASONS, label="Because", error_messages={"required": "Choose a reason."}
    )
    until = forms.DateField(
        required=False,
        label="Accepted until",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Only for what is accepted: it is muted until the end of that day.",
    )
    of = forms.CharField(
        required=False,
        max_length=40,
        label="Duplicate of",
        help_text="Only for a duplicate: the item of the other, such as MED-12, or the number in"
        " its address. It is merged into that one.",
    )
    note = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}), label="Note"
    )

    def __init__(self, product: Product, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.product = product

    def clean_of(self) -> Finding | None:
        return _other(self.product, self.cleaned_data["of"])

    def clean(self) -> None:
        super().clean()
        reason = self.cleaned_data.get("reason")
        if reason == Finding.Reason.ACCEPTED and not self.cleaned_data.get("until"):
            self.add_error("until", "Say until when it is accepted; then it is open again.")
        if reason == Finding.Reason.DUPLICATE and not self.cleaned_data.get("of"):
            self.add_error("of", "Say of which it is a duplicate.")

    def wanted(self) -> dict[str, Any]:
        """What the service takes."""
        day = self.cleaned_data["until"]
        return {
            "reason": self.cleaned_data["reason"],
            "note": self.cleaned_data["note"],
            "until": end_of_day(day) if day else None,
            "duplicate_of": self.cleaned_data["of"],
        }


class PriorityForm(forms.Form):
    """A person's own priority."""

    priority = forms.ChoiceField(choices=[(p, p) for p in Priority])


class DecideForm(forms.Form):
    """What becomes of several findings at once; each choice reads the fields that it needs."""

    CHOICES = [
        ("file", "File items"),
        ("accept", "Accept today's level"),
        ("watch", "Watch only"),
        ("mute", "Mute"),
        ("resolve", "Resolve"),
        ("merge", "Merge"),
        ("assign", "Assign"),
        ("priority", "Priority"),
        ("obsolete", "Obsolete"),
        ("keep", "Keep watching"),
        ("confirm", "Confirm done"),
    ]

    choice = forms.ChoiceField(
        choices=CHOICES, error_messages={"required": "Choose what becomes of them."}
    )
    finding = RowsField(
        queryset=Finding.objects.none(),
        error_messages={
            "required": "Choose at least one finding.",
            "invalid_choice": "One of these findings no longer waits; look again.",
        },
    )
    until = forms.DateField(
        required=False,
        label="Until the end of",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Then open again by itself. Empty: without an end.",
    )
    cap = forms.FloatField(
        required=False,
        min_value=0,
        max_value=1e9,
        label="As long as it is at most",
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
        help_text="Percentage points beyond what is allowed.",
    )
    reason = forms.ChoiceField(
        required=False,
        choices=[choice for choice in REASONS if choice[0] != Finding.Reason.DUPLICATE],
        label="Because",
    )
    accepted_until = forms.DateField(
        required=False,
        label="Accepted until",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Only for what is accepted.",
    )
    note = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}), label="Note"
    )
    into = forms.CharField(
        required=False,
        max_length=40,
        label="Duplicate of",
        help_text="An item such as MED-12, or the number in the address of a finding. Empty: all"
        " chosen become one.",
    )
    person = forms.ModelChoiceField(
        queryset=User.objects.none(), required=False, label="To", empty_label="Nobody"
    )
    priority = forms.ChoiceField(
        required=False, choices=[(p, p) for p in Priority], label="Priority"
    )

    def __init__(self, product: Product, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.product = product
        waiting = undecided(product).select_related("product", "subject", "item__product")
        self.fields["finding"].queryset = waiting  # type: ignore[attr-defined]
        people = User.objects.filter(memberships__product=product, is_active=True)
        self.fields["person"].queryset = people.order_by("name")  # type: ignore[attr-defined]

    def clean_into(self) -> Finding | None:
        return _other(self.product, self.cleaned_data["into"])

    def clean(self) -> None:
        super().clean()
        choice, data = self.cleaned_data.get("choice"), self.cleaned_data
        if choice == "resolve" and not data.get("reason"):
            self.add_error("reason", "Choose a reason.")
        is_accepted = choice == "resolve" and data.get("reason") == Finding.Reason.ACCEPTED
        if is_accepted and not data.get("accepted_until"):
            self.add_error("accepted_until", "Say until when it is accepted.")
        if choice == "priority" and not data.get("priority"):
            self.add_error("priority", "Choose P1, P2, P3 or P4.")

    def wanted(self) -> Choice:
        """The choice as the service takes it."""
        data = self.cleaned_data
        resolves = data["choice"] == "resolve"
        day = data["accepted_until"] if resolves else data["until"]
        return Choice(
            name=data["choice"],
            until=end_of_day(day) if day else None,
            cap=data["cap"],
            reason=data["reason"],
            note=data["note"],
            into=data["into"] if data["choice"] == "merge" else None,
            person=data["person"],
            priority=data["priority"],
        )


def _other(product: Product, name: str) -> Finding | None:
    """The finding that somebody names by its item or its number; raises where there is none."""
    text = name.strip().upper().lstrip("#")
    if not text:
        return None
    key, _, number = text.rpartition("-")
    digits = whole_number(number)
    if digits is None or key not in {"", product.key}:
        raise forms.ValidationError("Write an item such as MED-12, or the number of a finding.")
    known = mergeable(product)
    found = known.filter(item__number=digits) if key else known.filter(pk=digits)
    first = found.order_by("state", "priority", "pk").first()
    if first is None:
        raise forms.ValidationError(f"There is no open finding {name.strip()} to merge into.")
    return first
