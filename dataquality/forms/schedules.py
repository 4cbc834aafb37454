"""Forms of schedules: when a dataset is checked by itself."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import lazy

from dataquality.models import LIVE_KINDS, Dataset, SourceKind
from dataquality.rules.schedules import plain
from dataquality.services.schedules import ScheduleDraft, check_times

CRON_HELP = (
    "Minute, hour, day, month, day of the week: 0 6 * * * is six every morning, 0 6 * * MON-FRI "
    "on workdays. Or @hourly, @daily, @weekly, @monthly."
)
TIMES = {"date", "datetime"}


def _zones() -> list[tuple[str, str]]:
    return [(zone, zone.replace("_", " ")) for zone in sorted(zoneinfo.available_timezones())]


class CronField(forms.CharField):
    """Times in the five fields of cron."""

    def __init__(self, **kwargs: Any) -> None:
        look = {"class": "mono", "placeholder": "0 6 * * *", "spellcheck": "false",
                "autocomplete": "off"}  # fmt: skip
        super().__init__(max_length=100, widget=forms.TextInput(attrs=look), **kwargs)


class ZoneField(forms.ChoiceField):
    """The clocks that times go by."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=lazy(_zones, list), label="Time zone", **kwargs)


class TimesFields(forms.Form):
    """When what is being registered is checked by itself; empty where by hand."""

    cron = CronField(required=False, label="Check it at", help_text=f"{CRON_HELP} Empty: by hand.")
    zone = ZoneField(required=False, initial="UTC")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("cron"):
            try:
                check_times(plain(cleaned["cron"]), cleaned.get("zone") or "UTC")
            except ValidationError as error:
                self.add_error(None, error)
        return cleaned

    def schedule(self) -> ScheduleDraft | None:
        """When it is to be checked; None where nobody said."""
        given = self.cleaned_data
        if not given["cron"]:
            return None
        return ScheduleDraft(cron=given["cron"], zone=given["zone"] or "UTC")


class ScheduleForm(forms.Form):
    """The schedule of one dataset."""

    cron = CronField(
        label="Check it at", help_text=CRON_HELP, error_messages={"required": "Say when."}
    )
    zone = ZoneField()
    only_new = forms.BooleanField(
        required=False, label="Only where there is new data", initial=True
    )
    watch_column = forms.ChoiceField(required=False, label="New rows are known by")
    paused = forms.BooleanField(required=False, label="Paused")

    def __init__(self, *args: Any, dataset: Dataset, **kwargs: Any) -> None:
        schedule = dataset.timing
        if schedule is not None:
            names = ("cron", "zone", "only_new", "watch_column")
            kwargs["initial"] = {name: getattr(schedule, name) for name in names} | {
                "paused": schedule.is_paused
            }
        else:
            kwargs["initial"] = {"zone": "UTC", "only_new": True}
        super().__init__(*args, **kwargs)
        self.fields["only_new"].help_text = HOW_NEWS_IS_SEEN[SourceKind(dataset.source_kind)]
        columns = [column["name"] for column in dataset.schema if column["type"] in TIMES]
        if dataset.is_live and columns:
            self.fields["watch_column"].choices = [  # type: ignore[attr-defined]
                ("", "their number alone"),
                *((name, f"their number and the newest {name}") for name in columns),
            ]
        else:
            del self.fields["watch_column"]
        if schedule is None:
            del self.fields["paused"]

    def draft(self) -> ScheduleDraft:
        """The schedule as the form describes it."""
        return ScheduleDraft(**self.cleaned_data)


HOW_NEWS_IS_SEEN = {
    SourceKind.UPLOAD: "A version that people have uploaded is checked once by each suite.",
    SourceKind.PATH: "Known by size and time of the file, without reading it.",
    SourceKind.URL: "Known by what the server says of the file, without fetching it.",
    SourceKind.S3: "Known by the tags of the objects, without fetching them.",
    **dict.fromkeys(
        LIVE_KINDS, "Else each time starts a run, also for rows that were changed in place."
    ),
}
