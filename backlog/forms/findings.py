"""Forms of findings: mute, resolve, set the priority."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from django import forms
from django.utils import timezone

from backlog.forms.fields import RowsField
from backlog.models import Finding, Product
from backlog.queries.findings import in_triage
from backlog.rules.severity import Priority

# Green is said by evidence alone, and what is accepted is muted.
REASONS = [
    choice
    for choice in Finding.Reason.choices
    if choice[0] not in {Finding.Reason.GREEN, Finding.Reason.ACCEPTED}
]


def end_of_day(day: date) -> datetime:
    """The last moment of a day in the reader's zone."""
    return timezone.make_aware(datetime.combine(day, time.max))


class MuteForm(forms.Form):
    """Count it silently for a while."""

    until = forms.DateField(
        required=False,
        label="Until",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: without an end.",
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
    note = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}), label="Note"
    )


class PriorityForm(forms.Form):
    """A person's own priority."""

    priority = forms.ChoiceField(choices=[(p, p) for p in Priority])


class TriageForm(forms.Form):
    """What becomes of several findings at once."""

    CHOICES = [
        ("file", "File items"),
        ("accept", "Accept today's level"),
        ("watch", "Watch only"),
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

    def __init__(self, product: Product, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        waiting = in_triage(product).select_related("product", "subject")
        self.fields["finding"].queryset = waiting  # type: ignore[attr-defined]
