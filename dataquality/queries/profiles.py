"""The profile page's content: columns with their pictures, and the suggestions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataquality.engine import redact, suites
from dataquality.engine.profiling import Profiled
from dataquality.engine.reading import TYPES
from dataquality.models import Dataset, DatasetVersion, Profile
from dataquality.queries.pictures import Bar, Box, bars, box

MIDNIGHT = "T00:00:00"
NOTHING_BUT_COUNTS = redact.Policy(sample="none", personal_data=True)


@dataclass(frozen=True)
class ColumnRow:
    """A column of the profile. `bars` is its distribution, empty where values stay hidden."""

    data: Mapping[str, Any]
    null_percent: float
    bars: Sequence[Bar]
    null_words: Sequence[tuple[str, int]]
    read_as_null: Sequence[str]
    box: Box | None = None

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
    def outliers(self) -> int:
        """How many numbers are beyond the far fences of the box plot."""
        found = self.data.get("outliers") or {}
        return int(found.get("below", 0)) + int(found.get("above", 0))

    @property
    def ends(self) -> tuple[Any, Any] | None:
        """The smallest and the largest value; of days the days alone."""
        if self.data.get("min") is None:
            return None
        ends = (self.data["min"], self.data["max"])
        if self.data["type"] == "date":
            return str(ends[0]).removesuffix(MIDNIGHT), str(ends[1]).removesuffix(MIDNIGHT)
        return ends

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
class Gap:
    """Columns that miss a value in the same rows, and in how many."""

    columns: Sequence[str]
    rows: int
    percent: float


@dataclass(frozen=True)
class ProfilePage:
    """The profile of a version, or how the making of it stands.

    Until the current version has one the last earlier profile is shown, of `version`. Suggestions
    are of the current version alone. `profiled` are the numbers of versions that have one.
    """

    profile: Profile | None
    version: int | None
    rows: int
    columns: Sequence[ColumnRow]
    suggestions: Sequence[SuggestionRow]
    holds_values: bool
    is_of_earlier: bool = False
    types: Sequence[str] = TYPES
    gaps: Sequence[Gap] = ()
    profiled: Sequence[int] = ()
    asked_for: int | None = None

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


def find_profile(dataset: Dataset, version: DatasetVersion | None = None) -> Profile | None:
    """The profile of a version with its job, by default of the current one; of a database, which
    each run reads anew, then the last one that was made."""
    profiles = Profile.objects.select_related("job", "version")
    if version is not None:
        return profiles.filter(version=version).first()
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


def profiled_versions(dataset: Dataset) -> list[int]:
    """The numbers of the versions that have a profile, newest first."""
    made = Profile.objects.filter(version__dataset=dataset, finished_at__isnull=False)
    return list(made.order_by("-version__number").values_list("version__number", flat=True))


def profile_of(
    dataset: Dataset, *, with_values: bool, version: DatasetVersion | None = None
) -> ProfilePage:
    """The profile of a version, by default of the current one, as this reader may see it."""
    of_another = version is not None and version.pk != dataset.current_version_id
    asked = version if of_another else None
    version, profile = asked or dataset.current_version, find_profile(dataset, asked)
    shown_of = profile
    if asked is None and not (profile and profile.data):
        shown_of = _earlier_profile(dataset)
    shown = contents_of(shown_of, with_values=with_values)
    profiled, number = profiled_versions(dataset), version.number if version else None
    if version is None or shown_of is None or shown is None:
        return ProfilePage(
            profile,
            number,
            0,
            [],
            [],
            False,
            profiled=profiled,
            asked_for=asked.number if asked else None,
        )
    is_of_earlier = shown_of is not profile
    suggested = [] if is_of_earlier or asked is not None else shown.suggestions
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
        gaps=[
            Gap(gap["columns"], gap["rows"], 100 * gap["rows"] / rows)
            for gap in shown.data.get("missing_together", [])
        ],
        profiled=profiled,
        asked_for=asked.number if asked else None,
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
        box=_box(column),
    )


def _box(column: Mapping[str, Any]) -> Box | None:
    """From whisker to whisker: the whiskers end at the far fences, or where the values do."""
    fences, quantiles = column.get("outliers"), column.get("quantiles")
    if not fences or not quantiles or column["max"] == column["min"]:
        return None
    least, most = column["min"], column["max"]
    low, high = max(least, fences["low"]), min(most, fences["high"])
    quarters = [quantiles[share] for share in ("0.25", "0.5", "0.75")]
    return box([low, *quarters, high], least, most)


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
