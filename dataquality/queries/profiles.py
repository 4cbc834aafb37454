"""The profile page's content: columns with their pictures, and the suggestions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataquality.engine import redact, suites
from dataquality.engine.profiling import Profiled
from dataquality.engine.reading import TYPES
from dataquality.models import Dataset, Profile
from dataquality.queries.pictures import Bar, bars

NOTHING_BUT_COUNTS = redact.Policy(sample="none", personal_data=True)


@dataclass(frozen=True)
class ColumnRow:
    """A column of the profile. `bars` is its distribution, empty where values stay hidden."""

    data: Mapping[str, Any]
    null_percent: float
    bars: Sequence[Bar]
    null_words: Sequence[tuple[str, int]]
    read_as_null: Sequence[str]

    @property
    def nearly_number(self) -> bool:
        """Whether a column of texts would be numbers if its null words were read as missing."""
        present = self.data["rows"] - self.data["nulls"] - sum(n for _, n in self.null_words)
        return bool(0 < present <= int(self.data.get("reads_as_number") or 0))

    @property
    def all_null_words(self) -> str:
        """What is read as missing already, and what should be."""
        return " ".join([*self.read_as_null, *(word for word, _ in self.null_words)])


@dataclass(frozen=True)
class SuggestionRow:
    """A suggested check; `is_taken` where the suite holds it already."""

    position: int
    words: str
    column: str
    severity: str
    reason: str
    breaks_now: int | None
    is_taken: bool


@dataclass(frozen=True)
class ProfilePage:
    """The profile of the current version, or how the making of it stands."""

    profile: Profile | None
    version: int | None
    rows: int
    columns: Sequence[ColumnRow]
    suggestions: Sequence[SuggestionRow]
    holds_values: bool
    types: Sequence[str] = TYPES

    @property
    def is_being_made(self) -> bool:
        job = self.profile.job if self.profile else None
        return job is not None and not job.is_finished

    @property
    def progress(self) -> float:
        job = self.profile.job if self.profile else None
        return job.progress if job else 0.0


def find_profile(dataset: Dataset) -> Profile | None:
    """The profile of the current version, with its job."""
    return Profile.objects.select_related("job").filter(version=dataset.current_version_id).first()


def contents_of(profile: Profile | None, *, with_values: bool) -> Profiled | None:
    """What this reader may see of it: without the permission counts, and no suggestions, for
    their bounds are values too. None before it was made."""
    if profile is None or not profile.data:
        return None
    if with_values:
        return Profiled(profile.data, profile.suggestions)
    safe = redact.profile(Profiled(profile.data), NOTHING_BUT_COUNTS)
    return Profiled(safe.data)


def profile_of(dataset: Dataset, *, with_values: bool) -> ProfilePage:
    """The profile as this reader may see it."""
    version, profile = dataset.current_version, find_profile(dataset)
    shown = contents_of(profile, with_values=with_values)
    if version is None or shown is None:
        return ProfilePage(profile, version.number if version else None, 0, [], [], False)
    rows = int(shown.data["rows"])
    words = {column["name"]: column.get("null_words", []) for column in dataset.schema}
    present = dataset.current_suite.expectations if dataset.current_suite else []
    taken = [suites.check_of(expectation) for expectation in present]
    return ProfilePage(
        profile=profile,
        version=version.number,
        rows=rows,
        columns=[_column(column, rows, words) for column in shown.data["columns"]],
        suggestions=[
            _suggestion(position, suggestion, taken)
            for position, suggestion in enumerate(shown.suggestions)
        ],
        holds_values=any(_distribution(column) for column in shown.data["columns"]),
    )


def _column(column: Mapping[str, Any], rows: int, words: Mapping[str, Sequence[str]]) -> ColumnRow:
    return ColumnRow(
        data=column,
        null_percent=100 * column["nulls"] / rows if rows else 0.0,
        bars=bars(_distribution(column)),
        null_words=list((column.get("null_like") or {}).items()),
        read_as_null=words.get(column["name"], []),
    )


def _distribution(column: Mapping[str, Any]) -> list[tuple[str, int]]:
    pairs = column.get("histogram") or column.get("top") or []
    return [(str(label), int(count)) for label, count in pairs]


def _suggestion(
    position: int, suggestion: Mapping[str, Any], taken: Sequence[Any]
) -> SuggestionRow:
    expectation = suggestion["expectation"]
    return SuggestionRow(
        position=position,
        words=suites.words(expectation),
        column=str(expectation["kwargs"].get("column", "")),
        severity=expectation["severity"],
        reason=suggestion["reason"],
        breaks_now=suggestion["breaks_now"],
        is_taken=suites.check_of(expectation) in taken,
    )
