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
        return ", ".join([*self.read_as_null, *(word for word, _ in self.null_words)])

    @property
    def most_common(self) -> tuple[str, int] | None:
        """Of a column of categories, the value that stands most often and how often."""
        top = self.data.get("top")
        return (str(top[0][0]), int(top[0][1])) if top and top[0][1] > 1 else None


@dataclass(frozen=True)
class SuggestionRow:
    """A suggested check; `taken_as` says in which words the suite holds it already."""

    position: int
    words: str
    column: str
    severity: str
    reason: str
    breaks_now: int | None
    taken_as: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether the data of today passes it."""
        return self.breaks_now == 0


@dataclass(frozen=True)
class ProfilePage:
    """The profile of the current version, or how the making of it stands.

    Until there is one the last earlier profile is shown, of `version`, without suggestions.
    """

    profile: Profile | None
    version: int | None
    rows: int
    columns: Sequence[ColumnRow]
    suggestions: Sequence[SuggestionRow]
    holds_values: bool
    is_of_earlier: bool = False
    types: Sequence[str] = TYPES

    @property
    def offered(self) -> int:
        """How many suggestions the suite does not hold yet."""
        return sum(not suggestion.taken_as for suggestion in self.suggestions)

    @property
    def is_being_made(self) -> bool:
        return self.profile is not None and self.profile.state in {"queued", "running"}

    @property
    def progress(self) -> float:
        job = self.profile.job if self.profile else None
        return job.progress if job else 0.0


def find_profile(dataset: Dataset) -> Profile | None:
    """The profile of the current version, with its job; of a database, which each run reads anew,
    the last one that was made."""
    profiles = Profile.objects.select_related("job", "version")
    if dataset.is_live:
        return profiles.filter(version__dataset=dataset).order_by("-version__number").first()
    return profiles.filter(version=dataset.current_version_id).first()


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
    shown_of = profile if profile and profile.data else _earlier_profile(dataset)
    shown = contents_of(shown_of, with_values=with_values)
    if version is None or shown_of is None or shown is None:
        return ProfilePage(profile, version.number if version else None, 0, [], [], False)
    is_of_earlier = shown_of is not profile
    suggested = [] if is_of_earlier else shown.suggestions
    rows = int(shown.data["rows"])
    words = {column["name"]: column.get("null_words", []) for column in dataset.schema}
    present = dataset.current_suite.expectations if dataset.current_suite else []
    taken = [(suites.check_of(expectation), suites.words(expectation)) for expectation in present]
    return ProfilePage(
        profile=profile,
        version=shown_of.version.number,
        rows=rows,
        columns=[_column(column, rows, words) for column in shown.data["columns"]],
        suggestions=sorted(
            (_suggestion(position, each, taken) for position, each in enumerate(suggested)),
            key=lambda row: bool(row.taken_as),
        ),
        is_of_earlier=is_of_earlier,
        holds_values=any(_distribution(column) for column in shown.data["columns"]),
    )


def _earlier_profile(dataset: Dataset) -> Profile | None:
    return (
        Profile.objects.select_related("version")
        .filter(version__dataset=dataset, finished_at__isnull=False)
        .exclude(version=dataset.current_version_id)
        .order_by("-version__seen_at", "-pk")
        .first()
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
    position: int, suggestion: Mapping[str, Any], taken: Sequence[tuple[Any, str]]
) -> SuggestionRow:
    expectation = suggestion["expectation"]
    check = suites.check_of(expectation)
    return SuggestionRow(
        position=position,
        words=suites.words(expectation),
        column=str(expectation["kwargs"].get("column", "")),
        severity=expectation["severity"],
        reason=suggestion["reason"],
        breaks_now=suggestion["breaks_now"],
        taken_as=next((words for known, words in taken if known == check), ""),
    )
