"""How a run stands: state, counts, and health: 100 x weight of passed / weight of judged checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from backlog.rules.evidence import Outcome
from backlog.rules.severity import WEIGHTS, Severity


@dataclass(frozen=True)
class Statistics:
    """Counts of checks by outcome; `health` is 0 to 100, None where nothing was judged."""

    total: int
    passed: int
    failed: int
    errored: int
    vacuous: int
    health: float | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def statistics(checks: Sequence[tuple[str, str]]) -> Statistics:
    """Of (outcome, severity) pairs, the guard left out. Critical weighs 3, warning 2, info 1."""
    counts = Counter(outcome for outcome, _ in checks)
    weights: Counter[str] = Counter()
    for outcome, severity in checks:
        weights[outcome] += WEIGHTS[Severity(severity)]
    judged = weights[Outcome.PASSED] + weights[Outcome.FAILED]
    return Statistics(
        total=len(checks),
        passed=counts[Outcome.PASSED],
        failed=counts[Outcome.FAILED],
        errored=counts[Outcome.ERRORED],
        vacuous=counts[Outcome.VACUOUS],
        health=100 * weights[Outcome.PASSED] / judged if judged else None,
    )


def run_state(outcomes: Iterable[str]) -> str:
    """errored where no check passed or failed, failed where any failed or errored, else passed."""
    seen = set(outcomes)
    if not seen & {Outcome.PASSED, Outcome.FAILED}:
        return "errored"
    return "failed" if seen & {Outcome.FAILED, Outcome.ERRORED} else "passed"
