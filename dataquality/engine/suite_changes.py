"""What one state of a suite changed against another, check by check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backlog.rules.evidence import canonical
from dataquality.engine import suites

Expectation = Mapping[str, Any]


@dataclass(frozen=True)
class FieldChange:
    """One setting of a check, before and after; empty where it has or had none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class CheckChange:
    """A check that was added, removed or changed, as it reads now, or last did."""

    kind: str
    words: str
    column: str
    severity: str
    fields: Sequence[FieldChange] = ()


@dataclass(frozen=True)
class SuiteChanges:
    """All that differs: changed checks first, then new ones, then those that are gone."""

    changed: Sequence[CheckChange]
    added: Sequence[CheckChange]
    removed: Sequence[CheckChange]
    is_reordered: bool

    @property
    def checks(self) -> list[CheckChange]:
        return [*self.changed, *self.added, *self.removed]

    @property
    def words(self) -> str:
        """In short: "2 added, 1 changed"."""
        counts = (("added", self.added), ("removed", self.removed), ("changed", self.changed))
        said = [f"{len(checks)} {what}" for what, checks in counts if checks]
        return ", ".join(said) or ("only their order" if self.is_reordered else "nothing")


def compare(before: Sequence[Expectation], after: Sequence[Expectation]) -> SuiteChanges:
    """What has become of the checks from one suite to the other.

    A check is the same while what it looks at is, whatever its thresholds and severity: so is its
    finding. Of several such, those that are alike altogether belong together first.
    """
    left = [*before]
    pairs: list[tuple[Expectation, Expectation]] = []
    fresh: list[Expectation] = []
    for new in after:
        if new in left:
            left.remove(new)
        else:
            fresh.append(new)
    added: list[Expectation] = []
    for new in fresh:
        old = next((old for old in left if _identity(old) == _identity(new)), None)
        if old is None:
            added.append(new)
        else:
            left.remove(old)
            pairs.append((old, new))
    return SuiteChanges(
        changed=[_change("changed", new, _fields(old, new)) for old, new in pairs],
        added=[_change("added", new) for new in added],
        removed=[_change("removed", old) for old in left],
        is_reordered=_order(before, after) != _order(after, before),
    )


def _order(of: Sequence[Expectation], among: Sequence[Expectation]) -> list[str]:
    there = {_identity(expectation) for expectation in among}
    return [name for name in map(_identity, of) if name in there]


def _identity(expectation: Expectation) -> str:
    return canonical(suites.check_of(expectation))


def _change(kind: str, expectation: Expectation, fields: Sequence[FieldChange] = ()) -> CheckChange:
    return CheckChange(
        kind,
        suites.words(expectation),
        ", ".join(suites.columns_of(expectation["kwargs"])),
        expectation["severity"],
        fields,
    )


def _fields(old: Expectation, new: Expectation) -> list[FieldChange]:
    before, after = _settings(old), _settings(new)
    return [
        FieldChange(name, _said(before.get(name)), _said(after.get(name)))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _settings(expectation: Expectation) -> dict[str, Any]:
    return {
        **expectation["kwargs"],
        "severity": expectation["severity"],
        **{f"meta.{name}": value for name, value in expectation["meta"].items()},
    }


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(suites.value, value))
    return canonical(value) if isinstance(value, dict) else suites.value(value)
