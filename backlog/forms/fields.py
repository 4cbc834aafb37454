"""Fields that several forms share."""

from __future__ import annotations

from typing import Any

from django import forms


class WordsField(forms.CharField):
    """A list of names, separated by commas."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return [name.strip() for name in text.split(",") if name.strip()]

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value
