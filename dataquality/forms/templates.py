"""Forms of templates of suites: which columns go into their places, and one made of a suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from dataquality.models import Dataset
from dataquality.queries.suites import CheckLine
from dataquality.rules.templates import Slot, Template


class ColumnsForm(forms.Form):
    """The columns for each place of a template; those that their names speak for are chosen
    already."""

    def __init__(self, *args: Any, template: Template, dataset: Dataset, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.template = template
        for slot in template.slots:
            self.fields[slot.key] = _columns_field(slot, dataset.schema)

    def chosen(self) -> dict[str, list[str]]:
        """The columns by the key of their place, without empty places."""
        found: dict[str, list[str]] = {}
        for slot in self.template.slots:
            value = self.cleaned_data.get(slot.key)
            if value:
                found[slot.key] = list(value) if slot.is_many else [str(value)]
        return found


class SaveTemplateForm(forms.Form):
    """A name, and which checks of the suite."""

    name = forms.CharField(max_length=120)
    about = forms.CharField(
        max_length=500, required=False, label="What it is for", widget=forms.Textarea({"rows": 2})
    )
    checks = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one check."},
    )

    def __init__(self, *args: Any, lines: Sequence[CheckLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["checks"].choices = [  # type: ignore[attr-defined]
            (str(line.position), f"{line.column}: {line.words}" if line.column else line.words)
            for line in lines
        ]
        self.initial.setdefault("checks", [str(line.position) for line in lines])

    def clean_checks(self) -> list[int]:
        return [int(position) for position in self.cleaned_data["checks"]]


def _columns_field(slot: Slot, schema: Sequence[Mapping[str, Any]]) -> forms.Field:
    choices = [(name, name) for name in slot.fitting(schema)]
    likely = slot.likely(schema)
    said = "" if choices else f"It has no column of {' or '.join(slot.types)}."
    common: dict[str, Any] = {"required": False, "label": slot.label, "help_text": said}
    if slot.is_many:
        widget = forms.CheckboxSelectMultiple
        return forms.MultipleChoiceField(choices=choices, initial=likely, widget=widget, **common)
    first = likely[0] if likely else ""
    return forms.ChoiceField(choices=[("", "None"), *choices], initial=first, **common)
