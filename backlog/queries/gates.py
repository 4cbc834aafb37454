"""Whether subjects are good enough now: apps of higher floors say it for their kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backlog.models import Subject


@dataclass(frozen=True)
class GateReason:
    """Why a gate does not let through: `code` for machines, `message` for people."""

    subject: Subject
    code: str
    message: str


ReasonsOf = Callable[[Sequence[Subject]], Sequence[GateReason]]
_checks: dict[str, ReasonsOf] = {}


def register(kind: str, reasons_of: ReasonsOf) -> None:
    """Say what stands against subjects of this kind: nothing where all are good enough."""
    _checks[kind] = reasons_of


def reasons_against(subjects: Sequence[Subject]) -> list[GateReason]:
    """What stands against these subjects, in their order; kinds that no app judges pass."""
    found: list[GateReason] = []
    for kind, reasons_of in _checks.items():
        of_kind = [subject for subject in subjects if subject.kind == kind]
        if of_kind:
            found += reasons_of(of_kind)
    order = {subject.pk: place for place, subject in enumerate(subjects)}
    return sorted(found, key=lambda reason: order[reason.subject.pk])
