"""Forms of products, members and tokens."""

from __future__ import annotations

from typing import Any

from django import forms

from backlog.forms.fields import WordsField
from backlog.models import Product, Role, Scope
from backlog.services.tokens import MAX_DAYS


class NewProductForm(forms.Form):
    """A new product; the key is given once."""

    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autofocus": True}))
    key = forms.CharField(
        max_length=10,
        help_text="Two to ten letters and digits, such as MED; refs begin with it and it never "
        "changes.",
    )
    goal = forms.CharField(
        required=False, label="Product goal", widget=forms.Textarea(attrs={"rows": 3})
    )


class ProductForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at runtime
    """What a product owner says about the product."""

    class Meta:
        model = Product
        fields = ("name",)


class EvidencePolicyForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at runtime
    """What evidence may do to the backlog of the product."""

    tracked_branches = WordsField(
        required=False,
        label="Branches that count",
        help_text="Separated by commas. Evidence of other branches is stored and touches nothing; "
        "left empty, main and master count.",
    )
    tracked_environments = WordsField(
        required=False,
        label="Environments that count",
        help_text="Separated by commas; left empty, production counts.",
    )

    class Meta:
        model = Product
        fields = ("place", "file_from", "first_run_limit", "assign_owner", "on_green",
                  "on_green_status", "tracked_branches", "tracked_environments")  # fmt: skip
        labels = {
            "place": "Where filed items go",
            "file_from": "File items from priority",
            "first_run_limit": "Ask before a first run files more than",
            "assign_owner": "Assign what is filed to the owner of the dataset",
            "on_green": "When the evidence turns green",
            "on_green_status": "Status",
        }
        help_texts = {
            "file_from": "Findings below it wait in triage.",
            "assign_owner": "The owner is told once of all that a report files.",
            "on_green": "Items of other kinds than data assessment, ethics and task are asked "
            "about, unless a status is named.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        statuses = self.instance.statuses.order_by("position")
        self.fields["on_green_status"].queryset = statuses  # type: ignore[attr-defined]


class MemberForm(forms.Form):
    """Somebody is invited by e-mail."""

    email = forms.EmailField(label="E-mail")
    role = forms.ChoiceField(choices=Role.choices, initial=Role.DEVELOPER)


class TokenForm(forms.Form):
    """A token of the product, for CI."""

    name = forms.CharField(max_length=80, help_text="What uses it, such as nightly checks.")
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in Scope if scope != Scope.ADMIN],
        initial=[Scope.READ, Scope.EVIDENCE],
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.IntegerField(min_value=1, max_value=MAX_DAYS, initial=90, label="Days it lives")


class MyTokenForm(TokenForm):
    """A token of a person, whose rights it has."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in Scope],
        initial=[Scope.READ],
        widget=forms.CheckboxSelectMultiple,
        help_text="What it may be used for, as far as you may.",
    )


class NewcomerForm(forms.Form):
    """Who somebody is who has opened an invitation."""

    name = forms.CharField(max_length=120, label="Your name")
    email = forms.EmailField(label="E-mail", help_text="You sign in with it.")
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Eight characters or more.",
    )
