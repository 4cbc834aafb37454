"""Forms of a person's own account: signing in, the password, the profile."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm

from backlog.models import User


class SignInForm(AuthenticationForm):
    """E-mail and password. The address is put in one spelling, so that attempts are counted."""

    error_messages = {
        "invalid_login": "E-mail and password don't fit together. Try again.",
        "inactive": "This account is closed. Ask an administrator.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"] = forms.EmailField(
            label="E-mail",
            widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
        )

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).lower()


class NewPasswordForm(PasswordChangeForm):
    """The old password, and the new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = "Password now"
        self.fields["new_password1"].label = "New password"
        self.fields["new_password2"].label = "New password again"
        self.fields["new_password2"].help_text = ""


class ProfileForm(forms.Form):
    """Who a person is, and in which zone they read times."""

    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(
        label="E-mail",
        help_text="You sign in with it.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = forms.CharField(
        required=False,
        label="Password now",
        help_text="Only to change the e-mail address.",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    time_zone = forms.ChoiceField(
        required=False, help_text="Dates and times are shown in this zone."
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        initial = {"name": user.name, "email": user.email, "time_zone": user.time_zone}
        super().__init__(*args, **{**kwargs, "initial": initial})
        zone = self.fields["time_zone"]
        assert isinstance(zone, forms.ChoiceField)
        zone.choices = _zones(user.time_zone)
        if user.is_demo:
            self.fields["email"].disabled = True
            self.fields["email"].help_text = "Demo people keep their address."
            del self.fields["password"]

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


def _zones(chosen: str) -> list[tuple[str, str]]:
    """Zones by the name of a place, the installation's own first, and the one already chosen."""
    names = {name for name in zoneinfo.available_timezones() if name.partition("/")[0] in AREAS}
    listed = sorted(names | ({chosen} - {""}))
    places = [(name, name.replace("_", " ")) for name in listed]
    return [("", f"As the installation ({settings.TIME_ZONE})"), ("UTC", "UTC"), *places]


AREAS = {
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe",
    "Indian", "Pacific",
}  # fmt: skip
