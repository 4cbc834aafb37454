"""Forms of labels."""

from __future__ import annotations

from typing import Any

from django import forms

from backlog.forms.fields import HueField, RowField
from backlog.models import Label


class LabelForm(forms.Form):
    """A label: its word and its colour."""

    name = forms.CharField(max_length=40)
    hue = HueField()

    @classmethod
    def of(cls, label: Label, data: Any = None) -> LabelForm:
        """The form of a label that there is."""
        return cls(data, initial={"name": label.name, "hue": label.hue})


class MergeForm(forms.Form):
    """Which label the items get instead."""

    into = RowField(Label.objects.none(), label="Into", empty_label="Choose")

    def __init__(self, label: Label, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = label.product.labels.exclude(pk=label.pk)
        self.fields["into"].queryset = others  # type: ignore[attr-defined]
