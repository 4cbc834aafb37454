"""Forms of archives that become products."""

from __future__ import annotations

from typing import Any

from django import forms

from backlog.models import ProductImport, User

MOST_ASKED = 200  # people; more than that are meant by their addresses alone


class ArchiveForm(forms.Form):
    """An archive of a product."""

    file = forms.FileField(
        label="Archive",
        help_text="A .zip that a product owner made under Settings, Export, here or elsewhere.",
        widget=forms.FileInput(attrs={"accept": ".zip"}),
    )


class ArrivalForm(forms.Form):
    """Under which key and name a product arrives, and who here is meant by whom there."""

    key = forms.CharField(
        max_length=10, help_text="Two to ten letters and digits; refs begin with it."
    )
    name = forms.CharField(max_length=120)

    def __init__(self, data: Any = None, *, arriving: ProductImport) -> None:
        super().__init__(data, initial={"key": arriving.key, "name": arriving.name})
        here = list(User.objects.filter(is_active=True).order_by("name", "email"))
        known = {user.email.lower(): user for user in User.objects.all()}
        self._fields_of: dict[str, str] = {}
        for number, (email, name) in enumerate(arriving.said.get("people", [])[:MOST_ASKED]):
            same = known.get(email.lower())
            nobody = f"{same} (the same address)" if same else "Nobody: the name stays, no way in"
            field = f"person_{number}"
            self._fields_of[field] = email
            self.fields[field] = forms.ChoiceField(
                label=f"{name or email} ({email})" if name else email,
                required=False,
                choices=[("", nobody), *((u.email, f"{u} ({u.email})") for u in here)],
                initial=arriving.people.get(email, ""),
            )

    @property
    def people(self) -> dict[str, str]:
        """Who was chosen, by the address in the archive."""
        return {
            email: self.cleaned_data[field]
            for field, email in self._fields_of.items()
            if self.cleaned_data.get(field)
        }
