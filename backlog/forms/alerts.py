"""The form of a channel of alerts."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms

from backlog.forms.fields import RowsField
from backlog.models import AlertChannel, Product, User
from backlog.rules.severity import WEIGHTS, Severity
from backlog.services.alerts import ChannelDraft, RuleDraft

LEAST = [
    (Severity.CRITICAL.value, "Critical ones"),
    (Severity.WARNING.value, "Warnings and critical ones"),
    (Severity.INFO.value, "All"),
]


class ChannelForm(forms.Form):
    """Where a message goes, what it is about, and when it waits."""

    name = forms.CharField(max_length=80, help_text="Such as #data-quality.")
    address = forms.CharField(
        max_length=1000,
        help_text="As apprise knows it: slack://…, workflows://… (Teams), mmosts://… (Mattermost), "
        "mailtos://…, or the address of a Slack or Teams webhook. It is encrypted and never shown "
        "again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}, render_value=False),
    )
    everybodys = forms.ChoiceField(
        choices=[("", "None"), *LEAST],
        initial=Severity.CRITICAL.value,
        required=False,
        label="Findings of all data",
    )
    owned = forms.ChoiceField(
        choices=LEAST,
        initial=Severity.WARNING.value,
        required=False,
        label="Findings of data that these people own",
    )
    owners = RowsField(queryset=User.objects.none(), required=False, label="Owners")
    quiet_from = forms.TimeField(
        required=False,
        label="Quiet from",
        help_text="Until then messages wait, and come as one.",
        widget=forms.TimeInput(attrs={"type": "time"}),
    )
    quiet_until = forms.TimeField(
        required=False, label="Quiet until", widget=forms.TimeInput(attrs={"type": "time"})
    )
    time_zone = forms.ChoiceField(initial="UTC", label="In the zone")
    is_active = forms.BooleanField(required=False, initial=True, label="It hears of findings")

    def __init__(
        self, *args: Any, product: Product, channel: AlertChannel | None = None, **kwargs: Any
    ) -> None:
        if channel is not None:
            kwargs.setdefault("initial", _as_it_stands(channel))
        super().__init__(*args, **kwargs)
        people = User.objects.filter(memberships__product=product).order_by("name", "email")
        self.fields["owners"].queryset = people  # type: ignore[attr-defined]
        self.fields["time_zone"].choices = [  # type: ignore[attr-defined]
            (zone, zone) for zone in sorted(available_timezones())
        ]
        if channel is not None:
            self.fields["address"].required = False
            self.fields["address"].help_text = "Left empty, the present one stays."

    def draft(self) -> ChannelDraft:
        """The channel as the form describes it."""
        wanted = self.cleaned_data
        rules = [RuleDraft(wanted["owned"] or Severity.WARNING, who) for who in wanted["owners"]]
        if wanted["everybodys"]:
            rules.insert(0, RuleDraft(wanted["everybodys"]))
        return ChannelDraft(
            name=wanted["name"],
            rules=rules,
            address=wanted["address"] or None,
            is_active=wanted["is_active"],
            quiet_from=wanted["quiet_from"],
            quiet_until=wanted["quiet_until"],
            time_zone=wanted["time_zone"],
        )


def _as_it_stands(channel: AlertChannel) -> dict[str, Any]:
    rules = list(channel.rules.all())
    of_all = [rule.severity for rule in rules if rule.owner is None]
    of_owners = [rule.severity for rule in rules if rule.owner is not None]
    plain = ("name", "quiet_from", "quiet_until", "time_zone", "is_active")
    return {name: getattr(channel, name) for name in plain} | {
        "everybodys": _mildest(of_all),
        "owned": _mildest(of_owners) or Severity.WARNING.value,
        "owners": [rule.owner for rule in rules if rule.owner is not None],
    }


def _mildest(severities: list[str]) -> str:
    return min(severities, key=lambda one: WEIGHTS[Severity(one)], default="")
