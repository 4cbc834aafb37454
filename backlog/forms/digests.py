"""The form of what a person wants to be told, and how it also goes out to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms

from backlog.models import Digest, NewsChoice
from backlog.queries.digests import ChoiceRow

NEVER = ""


class NewsForm(forms.Form):
    """One choice for each product, and the digest."""

    every = forms.ChoiceField(
        choices=[(NEVER, "Never"), *Digest.Every.choices],
        required=False,
        label="Send me what I have not read",
    )
    hour = forms.TypedChoiceField(
        choices=[(hour, f"{hour:02d}:00") for hour in range(24)],
        coerce=int,
        initial=8,
        label="At",
        help_text="In the time zone of your profile. Every hour, it comes as the hour begins.",
    )
    by_mail = forms.BooleanField(required=False, initial=True, label="By mail")
    chat = forms.CharField(
        required=False,
        max_length=1000,
        label="To a chat of my own",
        help_text="As apprise knows it: slack://…, workflows://… (Teams), mmosts://… (Mattermost), "
        "or the address of a Slack or Teams webhook. It is encrypted and never shown again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}, render_value=False),
    )
    no_chat = forms.BooleanField(required=False, label="Forget the chat")

    def __init__(
        self, *args: Any, rows: Sequence[ChoiceRow], digest: Digest | None, **kwargs: Any
    ) -> None:
        if digest is not None:
            told = {name: getattr(digest, name) for name in ("every", "hour", "by_mail")}
            kwargs.setdefault("initial", told)
        super().__init__(*args, **kwargs)
        self._levels = {f"level_{row.product.pk}": row for row in rows}
        for name, row in self._levels.items():
            self.fields[name] = forms.ChoiceField(
                choices=NewsChoice.Level.choices,
                initial=row.level,
                label=f"{row.product.key} {row.product.name}",
            )
        if digest is not None and digest.chat_address:
            self.fields[
                "chat"
            ].help_text = f"It goes to {digest.chat_service}. Left empty, it stays so."
        else:
            del self.fields["no_chat"]

    def level_fields(self) -> Iterator[forms.BoundField]:
        """The fields of the products."""
        return (self[name] for name in self._levels)

    def digest_fields(self) -> Iterator[forms.BoundField]:
        """The other fields."""
        return (field for field in self if field.name not in self._levels)

    def levels(self) -> dict[int, str]:
        """What was chosen otherwise than it stands, by the product's id."""
        return {
            row.product.pk: self.cleaned_data[name]
            for name, row in self._levels.items()
            if self.cleaned_data[name] != row.level
        }

    def chat_address(self) -> str | None:
        """The new address, an empty one to forget it, None to leave it."""
        if self.cleaned_data.get("no_chat"):
            return ""
        return self.cleaned_data["chat"].strip() or None
