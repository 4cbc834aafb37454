"""How findings were dealt with: time to resolve, how many came back. Plain values in and out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

OPEN, MUTED, RESOLVED = "open", "muted", "resolved"


@dataclass(frozen=True)
class Turn:
    """From a moment on a finding was in this state; turns come in the order of their writing."""

    finding: int
    at: datetime
    state: str
    severity: str


@dataclass(frozen=True)
class Figures:
    """`median_hours` from being open to resolved, of all and by severity, None without any;
    `reopened` of the `resolved` ones came back, which as a share is `reopen_rate`; `flips` is how
    often the evidence turned from red to green or back."""

    resolved: int
    reopened: int
    median_hours: float | None
    by_severity: Mapping[str, float | None] = field(default_factory=dict)
    flips: int = 0

    @property
    def reopen_rate(self) -> float | None:
        """Share 0 to 1; None where nothing was resolved."""
        return self.reopened / self.resolved if self.resolved else None


def figures(
    turns: Iterable[Turn], *, since: datetime, severities: Iterable[str], flips: int = 0
) -> Figures:
    """What the turns of some findings come to, of all that was resolved since.

    A finding that is muted is still not resolved. Which ended as obsolete was never fixed and does
    not count.
    """
    opened: dict[int, datetime] = {}
    state: dict[int, str] = {}
    hours: dict[str, list[float]] = {severity: [] for severity in severities}
    counted: set[int] = set()  # whose last resolution lies in the time asked for
    resolved = reopened = 0
    for turn in turns:
        was, state[turn.finding] = state.get(turn.finding), turn.state
        if turn.state in {OPEN, MUTED}:
            if was not in {OPEN, MUTED}:
                opened[turn.finding] = turn.at
                reopened += was == RESOLVED and turn.finding in counted
                counted.discard(turn.finding)
        elif turn.state == RESOLVED and was in {OPEN, MUTED} and turn.at >= since:
            resolved += 1
            counted.add(turn.finding)
            took = turn.at - opened[turn.finding]
            hours.setdefault(turn.severity, []).append(max(0.0, took.total_seconds() / 3600))
    everything = [each for group in hours.values() for each in group]
    return Figures(
        resolved=resolved,
        reopened=reopened,
        median_hours=median(everything) if everything else None,
        by_severity={name: median(each) if each else None for name, each in hours.items()},
        flips=flips,
    )


def duration_in_words(hours: float | None) -> str:
    """Such as 40 min, 5 h or 3.5 d; a dash where there is none."""
    if hours is None:
        return "–"
    if hours < 1:
        return f"{max(1, round(hours * 60))} min"
    return f"{hours:.3g} h" if hours < 48 else f"{hours / 24:.3g} d"
