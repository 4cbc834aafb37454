"""The pages of subjects and the health they aim at: apps of higher floors tell of theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from backlog.models import Subject

AddressOf = Callable[[Subject], str]
TargetsOf = Callable[[Sequence[Subject]], Mapping[int, float]]
ColumnsOf = Callable[[Sequence[Subject]], Mapping[int, Sequence[str]]]
_addresses: dict[str, AddressOf] = {}
_targets: dict[str, TargetsOf] = {}
_columns: dict[str, ColumnsOf] = {}


def register(
    kind: str,
    address_of: AddressOf,
    *,
    health_targets: TargetsOf | None = None,
    columns: ColumnsOf | None = None,
) -> None:
    """Say where the page of a subject of this kind stands, which health some of them should reach,
    and which columns they have, by their ids."""
    _addresses[kind] = address_of
    if health_targets is not None:
        _targets[kind] = health_targets
    if columns is not None:
        _columns[kind] = columns


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


def columns_of(subjects: Sequence[Subject]) -> dict[int, Sequence[str]]:
    """The names of the columns that each of the subjects has, by their ids; in a statement for each
    kind."""
    found: dict[int, Sequence[str]] = {}
    for kind, columns in _columns.items():
        of_kind = [subject for subject in subjects if subject.kind == kind]
        if of_kind:
            found |= columns(of_kind)
    return found
