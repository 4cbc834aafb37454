"""Forms of the fields that a product adds to its items."""

from __future__ import annotations

from typing import Any

from django import forms

from backlog.models import ExtraField
from backlog.queries.extra_fields import KIND_WORDS


class LinesField(forms.CharField):
    """A list, one line each."""

    widget = forms.Textarea(attrs={"rows": 5})

    def clean(self, value: Any) -> Any:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


class ExtraFieldForm(forms.Form):
    """A field that there is: how it is called, and what can be chosen."""

    name = forms.CharField(max_length=60)
    choices = LinesField(
        required=False,
        help_text="One a line, in the order in which they are offered. Items keep what they hold.",
    )

    def __init__(self, field: ExtraField, data: Any = None) -> None:
        super().__init__(data, initial={"name": field.name, "choices": field.choices})
        if field.kind != "choice":
            del self.fields["choices"]


class NewExtraFieldForm(forms.Form):
    """A field to be; its kind is given once."""

    name = forms.CharField(max_length=60, help_text="Such as Customer value.")
    kind = forms.ChoiceField(
        choices=list(KIND_WORDS.items()), help_text="It can't be changed later."
    )
    choices = LinesField(
        required=False, help_text="For a choice of a list: two or more, one a line."
    )
