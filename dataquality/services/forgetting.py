"""Forget one person's key: whatever runs and profiles have kept of the rows that bear it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import QuerySet

from backlog.models import Actor
from backlog.services.deeds import deed
from dataquality.engine.redact import OF_VALUES
from dataquality.engine.suites import columns_of
from dataquality.models import Dataset, Profile, Result
from mlscrum.lib.errors import DomainError

AT_ONCE = 500
LONGEST_KEY = 1000
COUNTED = frozenset({"top", "histogram", "spread", "outliers"})  # they hold counts as well
CUT = "…"  # ends what was kept of a longer text


@dataclass(frozen=True)
class Forgotten:
    """How many kept rows, observed values and columns of profiles are gone, and how many versions
    have a file of which nobody has looked whether it holds the key."""

    rows: int
    values: int
    columns: int
    files: int


@dataclass(frozen=True)
class Key:
    """A value of a column, however engines write it: 42 is 42.0, a day its midnight, and of a long
    text the beginning was kept."""

    column: str
    value: str

    def is_in(self, kept: Any) -> bool:
        """Whether the value stands somewhere in what was kept."""
        if isinstance(kept, dict):
            return any(self.is_in(part) for part in kept.values())
        if isinstance(kept, list):
            return any(self.is_in(part) for part in kept)
        return kept is not None and self._is(str(kept))

    def is_quoted_by(self, text: str) -> bool:
        """Whether a text speaks of the value as a word of its own."""
        word = re.escape(self.value.strip())
        return re.search(rf"(?<!\w){word}(?!\w)", text) is not None

    def _is(self, kept: str) -> bool:
        wanted = self.value.strip()
        if kept.strip() == wanted or (kept.endswith(CUT) and wanted.startswith(kept[:-1].strip())):
            return True
        number = _number(wanted)
        if number is not None:
            return number == _number(kept)
        moment = _moment(wanted)
        return moment is not None and moment == _moment(kept)


def forget_key(dataset: Dataset, column: str, value: str, *, actor: Actor) -> Forgotten:
    """Remove every kept row whose column has this value, and every kept figure that is it.

    Counts, findings and files of versions stay. The activity says how much went, never of whom.
    Raises DomainError for a column that the dataset has not, and for no value.
    """
    if column not in dataset.column_names:
        raise DomainError("no_column", f"{dataset.name} has no column {column}.")
    if not value.strip() or len(value) > LONGEST_KEY:
        raise DomainError("no_key", f"Give the key, in up to {LONGEST_KEY:,} characters.")
    with deed(dataset.product, actor, "dataset.key_forgotten", subject=dataset.subject) as done:
        Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        key = Key(column, value)
        rows, values = _from_results(dataset, key)
        columns = _from_profiles(dataset, key)
        done.data.update(column=column, rows=rows, values=values, columns=columns)
    files = dataset.versions.exclude(file="").count()
    return Forgotten(rows, values, columns, files)


def _from_results(dataset: Dataset, key: Key) -> tuple[int, int]:
    """The rows and the observed values that are gone. What a tool elsewhere said of a check goes
    where it quotes the key."""
    rows = values = 0
    kept = Result.objects.filter(run__dataset=dataset)
    for some in _in_parts(kept.exclude(sample=[], observed_value__isnull=True, message="")):
        changed = []
        for result in some:
            sample = [row for row in result.sample if not key.is_in(row.get(key.column))]
            about_it = key.column in columns_of(result.kwargs) or result.column == key.column
            is_it = about_it and key.is_in(result.observed_value)
            quotes = key.is_quoted_by(result.message)
            if len(sample) == len(result.sample) and not is_it and not quotes:
                continue
            rows += len(result.sample) - len(sample)
            values += is_it or quotes
            result.sample = sample
            result.observed_value = None if is_it else result.observed_value
            result.message = "" if quotes else result.message
            changed.append(result)
        Result.objects.bulk_update(changed, ["sample", "observed_value", "message"])
    return rows, values


def _from_profiles(dataset: Dataset, key: Key) -> int:
    """The columns of profiles that show figures of values no more."""
    changed = []
    for profile in Profile.objects.filter(version__dataset=dataset).select_for_update(no_key=True):
        found = [
            shown
            for shown in profile.data.get("columns", [])
            if shown["name"] == key.column and key.is_in(_values_of(shown))
        ]
        for shown in found:
            for name in OF_VALUES:
                shown.pop(name, None)
            shown["hidden"] = True
        suggestions = [
            one
            for one in profile.suggestions
            if key.column not in columns_of(one["expectation"]["kwargs"])
            or not key.is_in(one["expectation"]["kwargs"])
        ]
        if found or len(suggestions) < len(profile.suggestions):
            profile.suggestions = suggestions
            changed.append(profile)
    Profile.objects.bulk_update(changed, ["data", "suggestions"])
    return len(changed)


def _values_of(shown: Mapping[str, Any]) -> list[Any]:
    """The values of a column that its profile shows, without how often they occur."""
    figures = [shown.get(name) for name in OF_VALUES if name not in COUNTED]
    spread = shown.get("spread") or {}
    counted = [shown.get("top"), shown.get("histogram"), spread.get("values")]
    labels = [label for pairs in counted for label, _ in pairs or []]
    return [figures, labels, spread.get("edges")]


def _in_parts(results: QuerySet[Result]) -> Iterator[list[Result]]:
    last = 0
    fields = ("pk", "column", "kwargs", "sample", "observed_value", "message")
    ordered = results.only(*fields).order_by("pk").select_for_update(no_key=True)
    while some := list(ordered.filter(pk__gt=last)[:AT_ONCE]):
        yield some
        last = some[-1].pk


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _moment(text: str) -> datetime | None:
    """A time without its zone, as columns of dates hold it."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
