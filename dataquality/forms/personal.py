"""The form that forgets a key."""

from __future__ import annotations

from typing import Any

from django import forms

from dataquality.models import Dataset
from dataquality.services.forgetting import LONGEST_KEY


class ForgetKeyForm(forms.Form):
    """A column and the value in it that is one person's; key columns are offered first."""

    column = forms.ChoiceField(label="Column")
    value = forms.CharField(
        label="Key",
        max_length=LONGEST_KEY,
        help_text="Exactly as it stands in the data. It is written down nowhere.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, dataset: Dataset, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = dict.fromkeys([*dataset.key_columns, *dataset.column_names])
        self.fields["column"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
