"""The form of a webhook."""

from __future__ import annotations

from typing import Any

from django import forms

from backlog.forms.fields import WordsField
from backlog.models import Webhook
from backlog.queries.events import Family, announced
from backlog.rules.webhooks import EVERYTHING
from backlog.services.webhooks import WebhookDraft


class WebhookForm(forms.Form):
    """Where messages go, and of which events."""

    name = forms.CharField(max_length=80, help_text="Such as Jenkins.")
    url = forms.CharField(
        max_length=2000,
        label="Address",
        help_text="Messages are posted there as JSON, such as "
        "https://ci.example.com/hooks/ml-scrum.",
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )
    groups = forms.MultipleChoiceField(
        required=False, label="It hears of", widget=forms.CheckboxSelectMultiple
    )
    kinds = WordsField(
        required=False,
        label="Single kinds of events",
        help_text="Such as item.created, sprint.closed; the log of a webhook names them.",
    )

    def __init__(self, *args: Any, webhook: Webhook | None = None, **kwargs: Any) -> None:
        if webhook is not None:
            kwargs.setdefault("initial", _as_it_stands(webhook))
        super().__init__(*args, **kwargs)
        self.fields["groups"].choices = [  # type: ignore[attr-defined]
            (EVERYTHING, "Everything"),
            *((_value(family), family.words) for family in announced()),
        ]
        if webhook is None:
            self.fields["groups"].initial = [EVERYTHING]

    def draft(self) -> WebhookDraft:
        """The webhook as it was filled in."""
        found = self.cleaned_data
        patterns = [pattern for value in found["groups"] for pattern in value.split(" ")]
        return WebhookDraft(found["name"], found["url"], [*patterns, *found["kinds"]])


def _value(family: Family) -> str:
    return " ".join(family.patterns)


def _as_it_stands(webhook: Webhook) -> dict[str, Any]:
    chosen = [family for family in announced() if set(family.patterns) <= set(webhook.events)]
    said = {pattern for family in chosen for pattern in family.patterns} | {EVERYTHING}
    return {
        "name": webhook.name,
        "url": webhook.url,
        "groups": [
            *([EVERYTHING] if EVERYTHING in webhook.events else []), *map(_value, chosen)
        ],
        "kinds": [pattern for pattern in webhook.events if pattern not in said],
    }  # fmt: skip
