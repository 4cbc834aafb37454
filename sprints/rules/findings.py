"""The burndown of findings: how many were open at each moment, and how heavy they were in sum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class FindingFact:
    """From a moment on a finding was open or not, with this severity score (1 to 12)."""

    finding: int
    at: datetime
    is_open: bool
    score: int


@dataclass(frozen=True)
class OpenFindings:
    """How many findings are open, and the sum of their severity scores S (EVIDENCE.md, 0)."""

    count: int
    score: int


def open_at(facts: Iterable[FindingFact], moments: Sequence[datetime]) -> list[OpenFindings]:
    """What was open at each of the ascending moments, whatever happened at it included.

    The facts come in the order in which they were written down; one whose clock ran behind that
    of the fact before it counts from the moment of that one. In O(n log n) of the facts.
    """
    rows = sorted(_in_time(facts), key=lambda row: row[0])  # stable: the order of writing stays
    standing: dict[int, int] = {}
    found, place = [], 0
    for moment in moments:
        while place < len(rows) and rows[place][0] <= moment:
            fact = rows[place][1]
            standing.pop(fact.finding, None)
            if fact.is_open:
                standing[fact.finding] = fact.score
            place += 1
        found.append(OpenFindings(len(standing), sum(standing.values())))
    return found


def moves(facts: Iterable[FindingFact], since: datetime, until: datetime) -> tuple[int, int]:
    """How often findings came to be open after `since` and until `until`, and ceased to be, so
    that what `open_at` says of the first, plus these, less those, is what it says of the second.

    The facts as in `open_at`, with all that came before of each finding.
    """
    standing: set[int] = set()
    opened = closed = 0
    for at, fact in sorted(_in_time(facts), key=lambda row: row[0]):
        if at > until:
            break
        was_open = fact.finding in standing
        if fact.is_open:
            standing.add(fact.finding)
        else:
            standing.discard(fact.finding)
        if at > since:
            opened += fact.is_open and not was_open
            closed += was_open and not fact.is_open
    return opened, closed


def _in_time(facts: Iterable[FindingFact]) -> Iterable[tuple[datetime, FindingFact]]:
    """Each fact with the moment from which it holds: never before the last of its finding."""
    last: dict[int, datetime] = {}
    for fact in facts:
        at = max(fact.at, last.get(fact.finding, fact.at))
        last[fact.finding] = at
        yield at, fact
