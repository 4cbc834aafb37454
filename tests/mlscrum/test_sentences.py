"""What forms say when Django refuses a field: its name, and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.template import Context, Template

from mlscrum.web.sentences import errors_in_words


class Everything(forms.Form):
    title = forms.CharField(max_length=10)
    points = forms.DecimalField(required=False, min_value=0, max_value=9999, decimal_places=1)
    days = forms.IntegerField(required=False, min_value=1)
    email = forms.EmailField(required=False, label="E-mail")
    until = forms.DateField(required=False)
    role = forms.ChoiceField(required=False, choices=[("a", "A")])
    scopes = forms.MultipleChoiceField(choices=[("a", "A")])
    ours = forms.CharField(error_messages={"required": "Say something."})


@pytest.mark.parametrize(
    ("name", "sent", "said"),
    [
        ("title", "", "Title is missing."),
        ("title", "x" * 1250, "Title may have 10 characters; this has 1,250."),
        ("title", "a\x00b", "Title holds a character that can't be stored; type it anew."),
        ("points", "many", "Points: give a number from 0 to 9999."),
        ("points", "-1", "Points: give a number from 0 to 9999."),
        ("points", "10000", "Points: give a number from 0 to 9999."),
        ("points", "1.25", "Points: give at most 1 decimal."),
        ("days", "0", "Days: give a whole number of at least 1."),
        ("days", "2.5", "Days: give a whole number of at least 1."),
        ("email", "nonsense", "E-mail: give an address such as name@example.org."),
        ("until", "tomorrow", "Until: give a date such as 2026-11-30."),
        ("role", "b", "Role: choose from what is offered."),
        ("scopes", [], "Scopes: choose at least one."),
        ("scopes", ["b"], "Scopes: choose from what is offered."),
        ("ours", "", "Say something."),
    ],
)
def test_a_refused_field_is_named_with_what_to_do(name: str, sent: Any, said: str) -> None:
    form = Everything({name: sent})
    assert errors_in_words(form[name]) == [said]


def test_fields_cut_nothing_on_the_way() -> None:
    shown = Template("{% load ui %}{{ field|control }}").render(
        Context({"field": Everything()["title"]})
    )
    assert "maxlength" not in shown
