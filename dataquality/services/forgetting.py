"""Forget one person's key: whatever runs and profiles have kept of the rows that bear it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Forgotten:
    """How many kept rows, observed values and columns of profiles are gone, and how many versions
    have a file of which nobody has looked whether it holds the key."""

    rows: int
    values: int
    columns: int
    files: int


def forget_key(dataset: Dataset, column: str, value: str, *, actor: Actor) -> Forgotten:
    """Remove every kept row whose column has this value, and every kept figure that is it.

    Counts, findings and files of versions stay. The activity says how much went, never of whom.
    Raises DomainError for a column that the dataset has not, and for no value.
    """
    value = value.strip()
    if column not in dataset.column_names:
        raise DomainError("no_column", f"{dataset.name} has no column {column}.")
    if not value or len(value) > LONGEST_KEY:
        raise DomainError("no_key", f"Give the key, in up to {LONGEST_KEY:,} characters.")
    with deed(dataset.product, actor, "dataset.key_forgotten", subject=dataset.subject) as done:
        Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        rows, values = _from_results(dataset, column, value)
        columns = _from_profiles(dataset, column, value)
        done.data.update(column=column, rows=rows, values=values, columns=columns)
    files = dataset.versions.exclude(file="").count()
    return Forgotten(rows, values, columns, files)


def _from_results(dataset: Dataset, column: str, value: str) -> tuple[int, int]:
    """The rows and the observed values that are gone."""
    rows = values = 0
    kept = Result.objects.filter(run__dataset=dataset)
    for some in _in_parts(kept.exclude(sample=[], observed_value=None)):
        changed = []
        for result in some:
            sample = [row for row in result.sample if not _is(row.get(column), value)]
            is_it = column in columns_of(result.kwargs) and _holds(result.observed_value, value)
            if len(sample) == len(result.sample) and not is_it:
                continue
            rows += len(result.sample) - len(sample)
            values += is_it
            result.sample = sample
            result.observed_value = None if is_it else result.observed_value
            changed.append(result)
        Result.objects.bulk_update(changed, ["sample", "observed_value"])
    return rows, values


def _from_profiles(dataset: Dataset, column: str, value: str) -> int:
    """The columns of profiles that show figures of values no more."""
    changed = []
    for profile in Profile.objects.filter(version__dataset=dataset).select_for_update(no_key=True):
        found = [
            shown
            for shown in profile.data.get("columns", [])
            if shown["name"] == column and any(_holds(shown.get(name), value) for name in OF_VALUES)
        ]
        for shown in found:
            for name in OF_VALUES:
                shown.pop(name, None)
            shown["hidden"] = True
        suggestions = [
            one
            for one in profile.suggestions
            if column not in columns_of(one["expectation"]["kwargs"])
            or not _holds(one["expectation"]["kwargs"], value)
        ]
        if found or len(suggestions) < len(profile.suggestions):
            profile.suggestions = suggestions
            changed.append(profile)
    Profile.objects.bulk_update(changed, ["data", "suggestions"])
    return len(changed)


def _in_parts(results: QuerySet[Result]) -> Iterator[list[Result]]:
    last = 0
    fields = ("pk", "kwargs", "sample", "observed_value")
    ordered = results.only(*fields).order_by("pk").select_for_update(no_key=True)
    while some := list(ordered.filter(pk__gt=last)[:AT_ONCE]):
        yield some
        last = some[-1].pk


def _is(kept: Any, value: str) -> bool:
    return kept is not None and str(kept) == value


def _holds(kept: Any, value: str) -> bool:
    """Whether the value stands somewhere in what was kept."""
    if isinstance(kept, dict):
        return any(_holds(part, value) for part in kept.values())
    if isinstance(kept, list):
        return any(_holds(part, value) for part in kept)
    return _is(kept, value)
