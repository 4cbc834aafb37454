"""The form of a product's scale for planning poker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from sprints.rules.poker import label_of


class ScaleForm(forms.Form):
    """The cards, as people write them."""

    cards = forms.CharField(
        label="Cards",
        max_length=200,
        help_text="Numbers parted by spaces, such as 0 ½ 1 2 3 5 8. The cards ? for “I can't say”"
        " and the cup for “let us pause” are always there.",
    )

    @classmethod
    def of(cls, scale: Sequence[str], data: Any = None) -> ScaleForm:
        """The form of a scale that there is."""
        return cls(data, initial={"cards": " ".join(label_of(card) for card in scale)})
