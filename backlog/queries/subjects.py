"""The pages of subjects and the health they aim at: apps of higher floors tell of theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backlog.models import Finding, Subject

AddressOf = Callable[[Subject], str]
TargetsOf = Callable[[Sequence[Subject]], Mapping[int, float]]
ColumnsOf = Callable[[Sequence[Subject]], Mapping[int, Sequence[str]]]
HoursOf = Callable[[Sequence[Subject]], Mapping[int, float]]
RuleOf = Callable[[Finding], str]
_addresses: dict[str, AddressOf] = {}
_targets: dict[str, TargetsOf] = {}
_columns: dict[str, ColumnsOf] = {}
_hours: dict[str, HoursOf] = {}
_rules: dict[str, RuleOf] = {}


def register(
    kind: str,
    address_of: AddressOf,
    *,
    health_targets: TargetsOf | None = None,
    columns: ColumnsOf | None = None,
    expected_hours: HoursOf | None = None,
    rule_of: RuleOf | None = None,
) -> None:
    """Say where the page of a subject of this kind stands, which health some of them should reach,
    which columns they have and how often evidence is expected, by their ids, and where the rule
    behind a finding is edited."""
    _addresses[kind] = address_of
    if health_targets is not None:
        _targets[kind] = health_targets
    if columns is not None:
        _columns[kind] = columns
    if expected_hours is not None:
        _hours[kind] = expected_hours
    if rule_of is not None:
        _rules[kind] = rule_of


def address_of(subject: Subject) -> str:
    """Where the subject's page stands; empty where no app shows it."""
    found = _addresses.get(subject.kind)
    return found(subject) if found else ""


def health_targets_of(subjects: Sequence[Subject]) -> dict[int, float]:
    """The health, 0 to 100, that each of the subjects should reach, by their ids, without those
    for which nobody has set one; in a statement for each kind."""
    found: dict[int, float] = {}
    for kind, targets_of in _targets.items():
        of_kind = [subject for subject in subjects if subject.kind == kind]
        if of_kind:
            found |= targets_of(of_kind)
    return found


def expected_hours_of(subjects: Sequence[Subject]) -> dict[int, float]:
    """Within how many hours new evidence of each subject is expected, by their ids, without those
    of which none is; in a statement for each kind."""
    found: dict[int, float] = {}
    for kind, hours_of in _hours.items():
        of_kind = [subject for subject in subjects if subject.kind == kind]
        if of_kind:
            found |= hours_of(of_kind)
    return found


def rule_of(finding: Finding) -> str:
    """Where the rule behind a finding is edited; empty where no app does."""
    found = _rules.get(finding.subject.kind) if finding.subject else None
    return found(finding) if found else ""


def columns_of(subjects: Sequence[Subject]) -> dict[int, Sequence[str]]:
    """The names of the columns that each of the subjects has, by their ids; in a statement for each
    kind."""
    found: dict[int, Sequence[str]] = {}
    for kind, columns in _columns.items():
        of_kind = [subject for subject in subjects if subject.kind == kind]
        if of_kind:
            found |= columns(of_kind)
    return found
