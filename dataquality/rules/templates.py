"""Suites that fit many datasets: checks with places for columns, and those that come with us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataquality.rules.columns import named_columns, with_columns

Expectation = Mapping[str, Any]
TIMES = ("date", "datetime")
NUMBERS = ("integer", "number")
SPREAD = (*NUMBERS, "text", "boolean")  # what has a distribution that can be compared
EMAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+"
PHONE = r"(\+|00)[1-9][0-9 ()/-]{7,}[0-9]"


@dataclass(frozen=True)
class Slot:
    """A place for columns, which stands in checks as `{key}`. Columns of these `types` fit, any
    where there are none; `is_many` takes several, each of which gets the checks. `hints` are parts
    of names that such columns often have."""

    key: str
    label: str
    types: tuple[str, ...] = ()
    is_many: bool = False
    hints: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        return "{" + self.key + "}"

    def fitting(self, schema: Sequence[Mapping[str, Any]]) -> list[str]:
        """The names of the columns that can be chosen for it, in order."""
        return [
            str(column["name"])
            for column in schema
            if not self.types or column["type"] in self.types
        ]

    def likely(self, schema: Sequence[Mapping[str, Any]]) -> list[str]:
        """Those of them that their names speak for; one at most where it takes one."""
        named = [
            name
            for name in self.fitting(schema)
            if any(hint in name.lower() for hint in self.hints)
        ]
        return named if self.is_many else named[:1]


@dataclass(frozen=True)
class Template:
    """A suite with places for columns. `is_own`: a product has made it; others come with us."""

    slug: str
    name: str
    about: str
    slots: Sequence[Slot]
    expectations: Sequence[Expectation]
    is_own: bool = False


def filled(template: Template, chosen: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The checks with these columns in their places, in order; a check with a place for which no
    column was chosen is left out."""
    columns = {slot.mark: list(chosen.get(slot.key, ())) for slot in template.slots}
    return [
        {
            **expectation,
            "kwargs": with_columns(expectation["kwargs"], lambda name: choice.get(name, name)),  # noqa: B023  called at once
        }
        for expectation in template.expectations
        for choice in _choices(named_columns(expectation["kwargs"]), columns)
    ]


def _choices(named: Sequence[str], columns: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Every way to put one column in each place that is named."""
    ways: list[dict[str, str]] = [{}]
    for mark in named:
        if mark in columns:
            ways = [{**way, mark: column} for way in ways for column in columns[mark]]
    return ways


def generalised(
    expectations: Sequence[Expectation], schema: Sequence[Mapping[str, Any]]
) -> tuple[list[Slot], list[dict[str, Any]]]:
    """Checks of one dataset as a template has them: a place for each column that they name, which
    fits columns of its type."""
    types = {str(column["name"]): str(column["type"]) for column in schema}
    slots: dict[str, Slot] = {}

    def place(name: str) -> str:
        if name not in slots:
            kind = types.get(name)
            slots[name] = Slot(
                f"c{len(slots) + 1}", name, (kind,) if kind else (), hints=(name.lower(),)
            )
        return slots[name].mark

    general = [
        {**expectation, "kwargs": with_columns(expectation["kwargs"], place)}
        for expectation in expectations
    ]
    return list(slots.values()), general


def _check(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity, "meta": {}}


SHIPPED: Sequence[Template] = (
    Template(
        "tabular-basics",
        "Tabular basics",
        "What nearly every table should keep to: its key tells rows apart, what is needed is "
        "there, and distributions stay.",
        (
            Slot("key", "Key that tells rows apart", hints=("id", "key", "uuid")),
            Slot("needed", "Columns that are needed", is_many=True),
            Slot("steady", "Columns whose distribution should stay", SPREAD, is_many=True),
        ),
        (
            _check("column_values_to_not_be_null", column="{key}"),
            _check("column_values_to_be_unique", column="{key}"),
            _check("column_values_to_not_be_null", "warning", column="{needed}", mostly=0.95),
            _check("column_psi_to_be_less_than", "warning", column="{steady}"),
        ),
    ),
    Template(
        "time-series",
        "Time series",
        "One row for each time, of each series where there are several; figures without gaps and "
        "without wild outliers.",
        (
            Slot("time", "Time of a row", TIMES, hints=("time", "date", "at", "day")),
            Slot("series", "What tells series apart", hints=("sensor", "station", "series")),
            Slot("figures", "Measured figures", NUMBERS, is_many=True),
        ),
        (
            _check("column_values_to_not_be_null", column="{time}"),
            _check("compound_columns_to_be_unique", column_list=["{series}", "{time}"]),
            _check("column_values_to_not_be_null", "warning", column="{figures}", mostly=0.95),
            _check("column_outliers_to_be_few", "warning", column="{figures}", mostly=0.99),
        ),
    ),
    Template(
        "classification-labels",
        "Classification labels",
        "Every example has one label of several, appears once, and the shares of labels stay.",
        (
            Slot("example", "What tells examples apart", hints=("id", "key", "file", "path")),
            Slot("label", "Label", SPREAD, hints=("label", "class", "target", "category")),
            Slot("split", "Training, validation or test", hints=("split", "fold", "subset")),
        ),
        (
            _check("column_values_to_be_unique", column="{example}"),
            _check("column_values_to_not_be_null", column="{label}"),
            _check("column_unique_value_count_to_be_between", column="{label}", min_value=2),
            _check("column_psi_to_be_less_than", "warning", column="{label}"),
            _check("column_values_to_not_be_null", column="{split}"),
        ),
    ),
    Template(
        "personal-data",
        "Personal data",
        "Free text without addresses and numbers of people, pseudonyms that look like ones, and "
        "dates of birth that can be.",
        (
            Slot("text", "Free text", ("text",), is_many=True,
                 hints=("note", "comment", "text", "remark", "description")),
            Slot("pseudonym", "Pseudonyms (hashes)", ("text",), is_many=True,
                 hints=("hash", "pseudonym")),
            Slot("birth", "Date of birth", TIMES, hints=("birth", "dob")),
        ),
        (
            _check("column_values_to_not_match_regex", column="{text}", regex=EMAIL),
            _check("column_values_to_not_match_regex", "warning", column="{text}", regex=PHONE),
            _check("column_values_to_match_regex", column="{pseudonym}",
                   regex="^[0-9a-fA-F]{16,128}$"),
            _check("column_values_to_be_between", "warning", column="{birth}",
                   min_value="1900-01-01"),
        ),
    ),
)  # fmt: skip
