"""How findings came and went: a row whenever the state or the score of one changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from backlog.models import Finding, FindingTransition


class Stood(NamedTuple):
    """What history keeps of a finding."""

    state: str
    score: int


def standing_now(findings: Iterable[Finding]) -> dict[int, Stood]:
    """How findings stand by now, by their ids: to be remembered before a deed changes them."""
    return {finding.pk: Stood(finding.state, finding.score) for finding in findings}


def note_transitions(
    findings: Iterable[Finding], at: datetime, *, before: Mapping[int, Stood] | None = None
) -> None:
    """Add a row for each finding that stands otherwise than `before`; a new one stood nowhere."""
    stood = before or {}
    FindingTransition.objects.bulk_create(
        FindingTransition(finding=finding, at=at, state=finding.state, score=finding.score)
        for finding in findings
        if stood.get(finding.pk) != Stood(finding.state, finding.score)
    )
