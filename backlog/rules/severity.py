"""How bad a failed check is: excess, impact, score, priority (our own scale, after EVIDENCE 0)."""

from enum import StrEnum


class Severity(StrEnum):
    """How much a check matters, as Great Expectations names it."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Priority(StrEnum):
    """P1 is the most urgent. The order of the texts is the order of the priorities."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


WEIGHTS = {Severity.CRITICAL: 3, Severity.WARNING: 2, Severity.INFO: 1}
UNKNOWN_EXCESS = 100.0  # a failure that can't be measured counts as a full one


def impact(excess: float) -> int:
    """0 (no excess), 1 (below 1 point), 2 (below 5), 3 (below 20) or 4."""
    if excess <= 0:
        return 0
    return next((i for i, bound in enumerate((1, 5, 20), start=1) if excess < bound), 4)


def score(severity: Severity, excess: float | None) -> int:
    """Score 1 to 12 of a failed check: impact (at least 1) times the severity's weight."""
    return max(1, impact(UNKNOWN_EXCESS if excess is None else excess)) * WEIGHTS[severity]


def priority(points: int) -> Priority:
    """P1 from 9, P2 from 6, P3 from 3, else P4."""
    for bound, found in ((9, Priority.P1), (6, Priority.P2), (3, Priority.P3)):
        if points >= bound:
            return found
    return Priority.P4


def worst(severities: list[Severity]) -> Severity:
    """The heaviest of several."""
    return max(severities, key=lambda severity: WEIGHTS[severity])
