"""Forms of imports: choose a file, say how it is read, map it."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.conf import settings
from django.forms import BoundField

from backlog.importers.dates import DateOrder
from backlog.importers.formats import FORMATS
from backlog.importers.mapping import Column, Mapping, Order, Target
from backlog.models import Import, Kind, User

MOST_COLUMNS = 300  # rows of the table; further columns stay as they were proposed
MOST_WORDS = 200
ACCEPTED = ".csv,.tsv,.txt,.json,.zip,text/csv,application/json,application/zip"
FORMAT_CHOICES = [
    ("", "Detect from the file"),
    *((each.slug, each.name) for each in FORMATS.values()),
]
DELIMITER_CHOICES = [
    ("", "Detect from the file"),
    (",", "Comma"),
    (";", "Semicolon"),
    ("\t", "Tab"),
    ("|", "Vertical bar"),
]
ORDER_NAMES = {
    Order.FILE: "As in the file",
    Order.RANK: "By the file's rank",
    Order.PRIORITY: "By priority, this once",
}
DATE_NAMES = {
    DateOrder.DAY_FIRST: "Day first",
    DateOrder.MONTH_FIRST: "Month first",
    DateOrder.YEAR_FIRST: "Year first",
}
# What a column may be for, as people read it; links name their type behind a colon.
TARGET_CHOICES = [
    ("drop", "Leave out"),
    ("Item", [
        ("title", "Title"), ("description", "Description"), ("kind", "Kind"),
        ("status", "Status"), ("status_category", "Category of the status"),
        ("points", "Points"), ("role_points", "Points of a role, summed"),
        ("assignees", "Assignees"), ("labels", "Labels"),
        ("priority", "Priority"), ("rank", "Rank"), ("due_date", "Due date"),
        ("criteria", "Acceptance criteria"), ("comments", "Comments"),
        ("blocked_reason", "Blocked because"), ("gpu_hours", "GPU-hours"),
        ("sprint", "Former sprint"),
    ]),
    ("Identity and time", [
        ("external_id", "External id"), ("issue_id", "Second id"),
        ("external_url", "External address"), ("created_at", "Created at"),
        ("done_at", "Done at"),
    ]),
    ("Tree and links", [
        ("parent", "Parent"), ("links:blocks", "Blocks"), ("links:blocked_by", "Is blocked by"),
        ("links:relates", "Relates to"), ("links:duplicates", "Duplicates"),
        ("links:duplicated_by", "Is duplicated by"), ("links:needs_data", "Needs data of"),
    ]),
    ("Field of the product", [("extra", "Field of its own"), ("extra_hours", "Field of hours")]),
]  # fmt: skip


class UploadForm(forms.Form):
    """A file to import."""

    file = forms.FileField(allow_empty_file=True)
    file_format = forms.ChoiceField(choices=FORMAT_CHOICES, required=False, label="Format")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit = settings.IMPORT_LIMIT_MB
        file = self.fields["file"]
        file.help_text = (
            f"CSV with a header row, JSON, or an archive with one of them, up to {limit} MB. "
            "Nothing is imported yet."
        )
        file.widget.attrs.update({"accept": ACCEPTED, "data-limit-mb": str(limit)})


class ReadingForm(forms.Form):
    """How the file is read, where that was found out wrong."""

    file_format = forms.ChoiceField(choices=FORMAT_CHOICES[1:], label="Format")
    delimiter = forms.ChoiceField(choices=DELIMITER_CHOICES, required=False)


@dataclass(frozen=True)
class MappedColumn:
    """Columns of one name as one row of the table."""

    name: str
    times: int
    filled: int
    example: str
    field: BoundField


@dataclass(frozen=True)
class MappedWord:
    word: str
    count: int
    field: BoundField


class MappingForm(forms.Form):
    """What the columns and words of a file mean here, as it was proposed or chosen before."""

    order = forms.ChoiceField(
        label="Order of new items",
        help_text="They go to the bottom of the backlog; what is there already keeps its place.",
    )
    date_order = forms.ChoiceField(label="Dates")
    time_zone = forms.CharField(
        max_length=60, label="Time zone of the file", help_text="Such as Europe/Berlin."
    )
    site_url = forms.CharField(
        max_length=500,
        required=False,
        label="Address of the site",
        help_text="Such as https://you.atlassian.net: each item links to where it comes from.",
    )
    source = forms.CharField(
        max_length=60,
        label="Source",
        help_text="Importing again finds items by the source and their external id.",
    )

    def __init__(self, *args: Any, imported: Import, people: Sequence[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.base = Mapping.from_json(imported.mapping)
        self.found = imported.found
        self.groups = _grouped(self.base, self.found)
        words = self.found["words"]
        self.words = {
            "status": [each["word"] for each in words["statuses"]][:MOST_WORDS],
            "kind": [each["word"] for each in words["kinds"]][:MOST_WORDS],
            "person": [each["word"] for each in words["people"]][:MOST_WORDS],
            "points": [each["word"] for each in words["points"]][:MOST_WORDS],
        }
        self._ask_for_the_whole()
        for group in self.groups:
            self.fields[f"column-{group[0].index}"] = forms.ChoiceField(
                choices=TARGET_CHOICES, label=group[0].name, initial=_value_of(group[0])
            )
        statuses = imported.product.statuses.order_by("position")
        self._ask_for_words(
            "status", self.base.statuses,
            [(status.slug, status.name) for status in statuses],
        )  # fmt: skip
        self._ask_for_words("kind", self.base.kinds, Kind.choices)
        members = [("", "Nobody"), *((user.email.casefold(), str(user)) for user in people)]
        self._ask_for_words(
            "person", {word: email.casefold() for word, email in self.base.people.items()}, members
        )
        for place, word in enumerate(self.words["points"]):
            self.fields[f"points-{place}"] = forms.DecimalField(
                min_value=0, max_value=9999, max_digits=5, decimal_places=1, required=False,
                label=word, initial=self.base.points.get(word),
            )  # fmt: skip

    def columns(self) -> Iterator[MappedColumn]:
        facts = {each["index"]: each for each in self.found["columns"]}
        for group in self.groups:
            mine = [facts[column.index] for column in group if column.index in facts]
            yield MappedColumn(
                name=group[0].name,
                times=len(group),
                filled=max(each["filled"] for each in mine),
                example=next((each["example"] for each in mine if each["example"]), ""),
                field=self[f"column-{group[0].index}"],
            )

    def statuses(self) -> Iterator[MappedWord]:
        return self._mapped("status", "statuses")

    def kinds(self) -> Iterator[MappedWord]:
        return self._mapped("kind", "kinds")

    def people(self) -> Iterator[MappedWord]:
        return self._mapped("person", "people")

    def points(self) -> Iterator[MappedWord]:
        return self._mapped("points", "points")

    def whole(self) -> list[BoundField]:
        """The fields about the file as a whole."""
        return [self[name] for name in ("order", "date_order", "time_zone", "site_url", "source")]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        titles = [group[0].name for group in self.groups
                  if cleaned.get(f"column-{group[0].index}") == "title"]  # fmt: skip
        if len(titles) != 1:
            named = ", ".join(titles) or "none"
            self.add_error(None, f"One column is the title, not {named}: choose one.")
        return cleaned

    def mapping(self) -> Mapping:
        """The mapping with what the person chose."""
        cleaned = self.cleaned_data
        chosen = {
            column.index: _chosen(column, cleaned[f"column-{group[0].index}"])
            for group in self.groups
            for column in group
        }
        points = self._answers("points")
        return replace(
            self.base,
            columns=tuple(chosen.get(each.index, each) for each in self.base.columns),
            order=Order(cleaned["order"]),
            date_order=DateOrder(cleaned["date_order"]),
            time_zone=cleaned["time_zone"],
            site_url=cleaned["site_url"].strip(),
            source=cleaned["source"].strip(),
            statuses=self.base.statuses | self._answers("status"),
            kinds=self.base.kinds | self._answers("kind"),
            people=self.base.people | self._answers("person"),
            points={**self.base.points, **points},
        )

    def _ask_for_the_whole(self) -> None:
        targets = {column.target for column in self.base.columns}
        orders = [Order.FILE]
        orders += [Order.RANK] if Target.RANK in targets else []
        orders += [Order.PRIORITY] if Target.PRIORITY in targets else []
        if self.base.order not in orders:
            orders.append(self.base.order)
        self._choose("order", [(each.value, ORDER_NAMES[each]) for each in orders])
        dates = self.found["dates"]
        options = [
            (
                each["order"],
                f"{DATE_NAMES[DateOrder(each['order'])]}: {dates['example']} is {each['read_as']}"
                if each["read_as"]
                else DATE_NAMES[DateOrder(each["order"])],
            )
            for each in dates["options"]
        ]
        named = {order for order, _ in options}
        options += [
            (order.value, name) for order, name in DATE_NAMES.items() if order.value not in named
        ]
        self._choose("date_order", options)
        for name in ("order", "date_order", "time_zone", "site_url", "source"):
            self.fields[name].initial = getattr(self.base, name)

    def clean_time_zone(self) -> str:
        name = str(self.cleaned_data["time_zone"]).strip()
        if name not in zoneinfo.available_timezones():
            raise forms.ValidationError("Write a time zone such as Europe/Berlin.")
        return name

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def _ask_for_words(
        self, kind: str, chosen: dict[str, str], choices: Sequence[tuple[str, Any]]
    ) -> None:
        for place, word in enumerate(self.words[kind]):
            self.fields[f"{kind}-{place}"] = forms.ChoiceField(
                choices=choices, label=word, initial=chosen.get(word, ""), required=False
            )

    def _mapped(self, kind: str, words: str) -> Iterator[MappedWord]:
        counts = {each["word"]: each["count"] for each in self.found["words"][words]}
        for place, word in enumerate(self.words[kind]):
            yield MappedWord(word, counts[word], self[f"{kind}-{place}"])

    def _answers(self, kind: str) -> dict[str, str]:
        answers = {
            word: self.cleaned_data.get(f"{kind}-{place}")
            for place, word in enumerate(self.words[kind])
        }
        return {word: "" if value is None else str(value) for word, value in answers.items()}


def _grouped(mapping: Mapping, found: dict[str, Any]) -> list[list[Column]]:
    """Filled columns, those of the same name and use together, in the order of the file."""
    filled = {each["index"] for each in found["columns"] if each["filled"]}
    groups: dict[tuple[str, str, str], list[Column]] = {}
    for column in mapping.columns:
        if column.index in filled:
            key = (column.name.casefold(), column.target, column.detail)
            groups.setdefault(key, []).append(column)
    return list(groups.values())[:MOST_COLUMNS]


def _value_of(column: Column) -> str:
    return f"links:{column.detail}" if column.target is Target.LINKS else column.target.value


def _chosen(column: Column, value: str) -> Column:
    """The column with another use; what was proposed of its detail stays where the use does."""
    if value == _value_of(column):
        return column
    name, _, detail = value.partition(":")
    target = Target(name)
    if target in {Target.EXTRA, Target.EXTRA_HOURS}:
        was_extra = column.target in {Target.EXTRA, Target.EXTRA_HOURS}
        detail = column.detail if was_extra and column.detail else column.name
    return replace(column, target=target, detail=detail, order=0)
