"""Whether a dataset is good enough now: one yes or no with its reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from backlog.rules.evidence import Outcome
from backlog.rules.severity import WEIGHTS, Severity


class State(StrEnum):
    """Unknown is not passed."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Reason:
    """Why a gate is shut; `finding` and `item` (a ref) where there is one."""

    code: str
    detail: str
    finding: int | None = None
    item: str | None = None


@dataclass(frozen=True)
class Check:
    """One check of the judged run."""

    outcome: str
    severity: str
    words: str
    finding: int | None = None
    item: str | None = None


@dataclass(frozen=True)
class OpenFinding:
    """An open, unmuted finding of P1 or P2."""

    id: int
    priority: str
    title: str
    item: str | None = None


@dataclass(frozen=True)
class Facts:
    """What a gate is decided by. Ages are in seconds, None where there is no run or no limit."""

    run_state: str | None
    by_present_suite: bool
    waits_for_approval: bool
    health: float | None
    age_s: float | None
    max_age_s: float | None
    checks: Sequence[Check] = ()
    findings: Sequence[OpenFinding] = ()


class Verdict(NamedTuple):
    state: State
    reasons: list[Reason]


def dataset_gate(facts: Facts, fail_on: str = Severity.CRITICAL) -> Verdict:
    """Passed when the last run of the present suite is fresh, everything at or above `fail_on`
    passed, and no P1 or P2 is open. A failure outweighs whatever is unknown.
    """
    unknown = list(_unknown(facts, fail_on))
    failed = [*_broken(facts, fail_on), *_open(facts)]
    if failed:
        return Verdict(State.FAILED, [*failed, *unknown])
    return Verdict(State.UNKNOWN if unknown else State.PASSED, unknown)


def _unknown(facts: Facts, fail_on: str) -> Iterator[Reason]:
    if facts.run_state is None:
        yield Reason("never_run", "No run that counts has checked this version; run the checks.")
        return
    if facts.run_state in {"queued", "running"}:
        yield Reason("running", "The run is still under way; ask again when it has finished.")
        return
    if facts.run_state == "errored":
        yield Reason("errored", "The last run could not be carried out; see its page.")
    if not facts.by_present_suite:
        yield Reason("old_suite", "The suite has changed since the last run; run the checks.")
    if facts.waits_for_approval:
        yield Reason("unapproved", "The suite has changed since it was approved; approve it.")
    if facts.health is None and facts.run_state != "errored":
        yield Reason("nothing_judged", "No check of the last run found anything to judge.")
    for check in _that_matter(facts, fail_on):
        if check.outcome == Outcome.VACUOUS:
            yield Reason(
                "vacuous", f"{check.words} had nothing to check.", check.finding, check.item
            )
    if facts.max_age_s is not None and facts.age_s is not None and facts.age_s > facts.max_age_s:
        yield Reason("stale", "The last run is older than the freshness limit; run the checks.")


def _broken(facts: Facts, fail_on: str) -> Iterator[Reason]:
    for check in _that_matter(facts, fail_on):
        if check.outcome == Outcome.FAILED:
            yield Reason("failed", f"{check.words} failed.", check.finding, check.item)
        elif check.outcome == Outcome.ERRORED:
            yield Reason(
                "could_not_run", f"{check.words} could not run.", check.finding, check.item
            )


def _that_matter(facts: Facts, fail_on: str) -> list[Check]:
    least = WEIGHTS[Severity(fail_on)]
    return [check for check in facts.checks if WEIGHTS[Severity(check.severity)] >= least]


def _open(facts: Facts) -> Iterator[Reason]:
    for finding in facts.findings:
        yield Reason(
            "open_finding",
            f"{finding.priority} is open: {finding.title}",
            finding.id,
            finding.item,
        )
