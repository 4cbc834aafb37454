"""Forms of the workflow: a status, where it goes, and where the items of one that goes do."""

from __future__ import annotations

from typing import Any

from django import forms

from backlog.forms.fields import HueField
from backlog.models import Category, Status


class StatusForm(forms.Form):
    """A status as a product owner wants it."""

    name = forms.CharField(max_length=40)
    category = forms.ChoiceField(
        choices=Category.choices,
        help_text="What reports count it as.",
    )
    wip_limit = forms.IntegerField(
        min_value=1,
        max_value=1000,
        required=False,
        label="WIP limit",
        help_text="More items than this in it are marked, never refused.",
    )
    hue = HueField()

    @classmethod
    def of(cls, status: Status, data: Any = None) -> StatusForm:
        """The form of a status that there is."""
        names = ("name", "category", "wip_limit", "hue")
        return cls(data, initial={name: getattr(status, name) for name in names})


class NewStatusForm(StatusForm):
    """A status to be; its colour is that of its category until somebody gives it another."""

    category = forms.ChoiceField(choices=Category.choices, initial=Category.DOING)
    hue = None  # type: ignore[assignment]  # Django's way of leaving out what was inherited


class DeleteStatusForm(forms.Form):
    """Where the items of a status go that is deleted."""

    items_to = forms.ModelChoiceField(
        Status.objects.none(), label="Its items go to", to_field_name="slug", empty_label="Choose"
    )

    def __init__(self, status: Status, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = status.product.statuses.exclude(pk=status.pk).order_by("position")
        self.fields["items_to"].queryset = others  # type: ignore[attr-defined]
