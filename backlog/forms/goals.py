"""Forms of product goals."""

from __future__ import annotations

from django import forms

TWO_LINES = forms.Textarea(attrs={"rows": 2})


class GoalForm(forms.Form):
    """What the product is to become next."""

    goal = forms.CharField(
        max_length=10_000,
        label="Goal",
        widget=TWO_LINES,
        help_text="One sentence that says what will be better, and how everybody will see it.",
    )


class FulfilForm(forms.Form):
    """The goal is reached; what showed it may be said."""

    reason = forms.CharField(
        max_length=2000, required=False, label="What showed it", widget=TWO_LINES
    )


class AbandonForm(forms.Form):
    """The goal is given up; why is asked."""

    reason = forms.CharField(max_length=2000, label="Why", widget=TWO_LINES)
