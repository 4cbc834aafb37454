"""What a report says of each finding: twins merged, checks that could not run grouped."""

from __future__ import annotations

from typing import Any

from backlog.rules import evidence as rules
from backlog.rules.evidence import Observation, Outcome
from backlog.services.findings.reports import EvidenceReport


class Reading:
    """One observation per fingerprint.

    `prints` are the fingerprints of the report's observations in their order, an errored one being
    that of its execution failure; `inputs` what fingerprints are made of; `errored_checks` those of
    the checks behind each execution failure; `reported` all that the report asked, `judged` those
    that it has an answer of.
    """

    def __init__(self, report: EvidenceReport) -> None:
        self.report = report
        self.inputs: dict[str, list[Any]] = {}
        self.errored_checks: dict[str, list[str]] = {}
        self.prints: list[str] = []
        self.seen = self._seen()
        self.judged = {
            print_
            for print_, observation in self.seen.items()
            if observation.check != rules.EXECUTION and is_answer(observation)
        }

    def _seen(self) -> dict[str, Observation]:
        groups: dict[str, list[Observation]] = {}
        observations = self.report.observations
        for observation in observations:
            print_ = self._print(observation)
            self.prints.append(print_)
            groups.setdefault(print_, []).append(observation)
        self.reported = frozenset(groups)
        seen = {print_: rules.merged(twins) for print_, twins in groups.items()}
        errored = [o for o in observations if o.outcome == Outcome.ERRORED]
        name = self.report.subject.name if self.report.subject else self.report.source
        for failure in rules.execution_failures(errored, name):
            code_print = self._print(failure)
            seen[code_print] = failure
            for position, observation in enumerate(observations):
                code = str(observation.evidence.get("error_code", "error"))
                if observation.outcome == Outcome.ERRORED and code == failure.identity["code"]:
                    self.errored_checks.setdefault(code_print, []).append(self.prints[position])
                    self.prints[position] = code_print
        return seen

    def _print(self, observation: Observation) -> str:
        subject = self.report.subject
        inputs = rules.fingerprint_inputs(
            subject.kind if subject else "", subject.slug if subject else "", observation
        )
        print_ = rules.fingerprint(inputs)
        self.inputs[print_] = inputs
        return print_


def is_answer(observation: Observation) -> bool:
    """Whether the check said yes or no: an errored or vacuous one touches no finding."""
    return observation.outcome in {Outcome.PASSED, Outcome.FAILED}
