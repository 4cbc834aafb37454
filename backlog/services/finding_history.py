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


def forget_transition(finding: Finding, at: datetime, *, was: str) -> dict[int, Stood]:
    """Take back that a deed until this moment changed the state from what it was, where none has
    since: how the finding stood before it, by its id."""
    newest_first = list(FindingTransition.objects.filter(finding=finding).order_by("-pk")[:2])
    if len(newest_first) < 2:  # noqa: PLR2004  it and the one before
        return {}
    last, before = newest_first
    if last.at > at or last.state == was or before.state != was:
        return {}
    last.delete()
    return {finding.pk: Stood(before.state, before.score)}


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
