"""The form that makes a data-assessment sprint."""

from __future__ import annotations

from typing import Any

from django import forms

from backlog.forms.fields import RowField
from backlog.models import Product, Team


class AssessmentForm(forms.Form):
    """Name, goal, days and target health. Which team is asked only where there are several."""

    name = forms.CharField(max_length=120)
    goal = forms.CharField(max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))
    team = RowField(queryset=Team.objects.none(), empty_label=None)
    starts_on = forms.DateField(
        label="First day", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    ends_on = forms.DateField(
        label="Last day", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    target_health = forms.FloatField(
        min_value=0,
        max_value=100,
        label="Target health",
        help_text="0 to 100. The goal can't be called met below it.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )

    def __init__(self, *args: Any, product: Product, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = product.teams.all()
        if len(teams) > 1:
            self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        else:
            del self.fields["team"]
