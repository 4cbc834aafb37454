"""What machines report, and the identity of a trouble. Plain values: no database here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from backlog.rules.severity import WEIGHTS, Severity, score

MAIN_BRANCHES = ("main", "master")
MAIN_ENVIRONMENTS = ("production",)
EXECUTION = "execution"
GIVEN = "given"
OUR_SOURCES = frozenset({"gx", "freshness", "schema"})  # only we ourselves speak for them


class Outcome(StrEnum):
    """What one check said. Vacuous is success on nothing; errored is no answer at all."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    VACUOUS = "vacuous"


@dataclass(frozen=True)
class Observation:
    """One check as one report saw it.

    `check` and `identity` say what is checked, without its thresholds, and make the fingerprint;
    `fingerprint`, if given, names the same in their place. `excess` is in percentage points beyond
    what is allowed, None where it can't be measured. `evidence` holds counts, column names and
    links, never values.
    """

    check: str
    identity: Mapping[str, Any]
    title: str
    outcome: Outcome
    severity: Severity = Severity.CRITICAL
    excess: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""

    @property
    def score(self) -> int:
        """The severity score of a failure, 0 of anything else."""
        return score(self.severity, self.excess) if self.outcome == Outcome.FAILED else 0


def canonical(value: Any) -> str:
    """JSON that is the same for the same value: sorted keys, no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def fingerprint_inputs(subject_kind: str, subject_slug: str, observation: Observation) -> list[Any]:
    """What a fingerprint is made of, version first; stored beside it.

    The subject always belongs to it, so that nothing speaks of the findings of another subject.
    """
    what: list[Any] = (
        [GIVEN, observation.fingerprint]
        if observation.fingerprint
        else [observation.check, dict(observation.identity)]
    )
    return ["v1", subject_kind, subject_slug, *what]


def given_name(inputs: Sequence[Any]) -> str:
    """The name that the reporter gave the trouble; empty where check and identity make it."""
    return str(inputs[4]) if inputs[3:4] == [GIVEN] else ""


def fingerprint(inputs: Sequence[Any]) -> str:
    """16 hex digits that stay the same while the same thing is checked."""
    return hashlib.sha256(canonical(list(inputs)).encode()).hexdigest()[:16]


def is_tracked(
    context: Mapping[str, Any],
    environments: Sequence[str] = (),
    branches: Sequence[str] = (),
) -> bool:
    """Whether evidence with this context may touch findings, health, gates and curves.

    By the product's rule; by default the environment is absent or production, and the branch is
    absent or the main one. Evidence of a pull request never is.
    """
    environment, branch = context.get("environment"), context.get("branch")
    if context.get("pull_request"):
        return False
    if environment and environment not in (environments or MAIN_ENVIRONMENTS):
        return False
    return not branch or branch in (branches or MAIN_BRANCHES)


def merged(twins: Sequence[Observation]) -> Observation:
    """Checks that share an identity as one: failed if any failed, else the weakest answer.

    Severity, excess, title and evidence are those of the worst failure; green only when all are.
    """
    failed = [twin for twin in twins if twin.outcome == Outcome.FAILED]
    if failed:
        return max(failed, key=lambda twin: (twin.score, WEIGHTS[twin.severity]))
    for outcome in (Outcome.ERRORED, Outcome.VACUOUS):
        for twin in twins:
            if twin.outcome == outcome:
                return twin
    return max(twins, key=lambda twin: WEIGHTS[twin.severity])


def execution_failures(errored: Iterable[Observation], subject_name: str) -> list[Observation]:
    """One observation per error code: checks that could not run are one trouble of their source.

    The severity of the checks does not apply, for nobody knows what they would have said.
    """
    groups: dict[str, list[Observation]] = {}
    for observation in errored:
        groups.setdefault(str(observation.evidence.get("error_code", "error")), []).append(
            observation
        )
    return [
        Observation(
            check=EXECUTION,
            identity={"code": code},
            title=_execution_title(code, group, subject_name),
            outcome=Outcome.FAILED,
            severity=Severity.WARNING,
            evidence={
                "error_code": code,
                "checks": [observation.title for observation in group][:50],
                "check_count": len(group),
                **{
                    name: group[0].evidence[name]
                    for name in ("url", "message")
                    if name in group[0].evidence
                },
            },
        )
        for code, group in sorted(groups.items())
    ]


def _execution_title(code: str, group: Sequence[Observation], subject_name: str) -> str:
    what = "1 check" if len(group) == 1 else f"{len(group)} checks"
    return f"{subject_name}: {what} could not run ({code.replace('_', ' ')})"
