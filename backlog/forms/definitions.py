"""The form of the definitions of ready and done."""

from __future__ import annotations

from typing import Any

from django import forms

from backlog.models import Product
from backlog.rules.definitions import DONE_CHECKS, READY_CHECKS

LONGEST = 10_000
NAMES = ("definition_of_ready", "ready_checks", "definition_of_done", "done_checks")


class DefinitionsForm(forms.Form):
    """Both definitions: what a machine checks, and what the team reads."""

    ready_checks = forms.MultipleChoiceField(
        choices=[(name, check.words) for name, check in READY_CHECKS.items()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Checked automatically",
    )
    definition_of_ready = forms.CharField(
        max_length=LONGEST,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        label="Read by the team",
        help_text="Markdown, one line for each thing to look at.",
    )
    done_checks = forms.MultipleChoiceField(
        choices=[(name, check.words) for name, check in DONE_CHECKS.items()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Checked automatically",
    )
    definition_of_done = forms.CharField(
        max_length=LONGEST,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        label="Read by the team",
        help_text="Markdown, one line for each thing to look at.",
    )

    def __init__(self, product: Product, data: Any = None) -> None:
        super().__init__(data, initial={name: getattr(product, name) for name in NAMES})

    def put_into(self, product: Product) -> Product:
        """The product with what was typed, not saved: for looking at it first."""
        for name in NAMES:
            setattr(product, name, self.cleaned_data[name])
        return product
