"""Forms of products, members and tokens."""

from __future__ import annotations

from django import forms

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
        fields = ("name", "goal", "definition_of_ready", "definition_of_done")
        widgets = {
            name: forms.Textarea(attrs={"rows": 3})
            for name in ("goal", "definition_of_ready", "definition_of_done")
        }
        labels = {"goal": "Product goal"}


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


class NewcomerForm(forms.Form):
    """Who somebody is who has opened an invitation."""

    name = forms.CharField(max_length=120, label="Your name")
    email = forms.EmailField(label="E-mail", help_text="You sign in with it.")
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Eight characters or more.",
    )
