"""Definitions of ready and done: the checks that a machine can make, and what an item lacks.

A product chooses which checks count. They warn and never forbid: the Scrum Guide knows no
definition of ready, and whether the increment is done is the team's word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Facts:
    """What the checks look at.

    `blockers` and `data` are refs of what the item waits for, the latter of data that is not
    validated yet; `findings` and `under` count what is open of it.
    """

    kind: str
    is_described: bool = False
    criteria: int = 0
    criteria_met: int = 0
    is_estimated: bool = False
    in_epic: bool = False
    blocked_reason: str = ""
    blockers: Sequence[str] = ()
    data: Sequence[str] = ()
    people: int = 0
    under: int = 0
    findings: int = 0


@dataclass(frozen=True)
class Check:
    """One check: its name in words, and what an item lacks by it, or an empty text.

    It concerns all kinds but those that are `spared`.
    """

    words: str
    lacks: Callable[[Facts], str]
    spared: frozenset[str] = frozenset()

    def concerns(self, kind: str) -> bool:
        return kind not in self.spared


@dataclass(frozen=True)
class Answer:
    """What one check says of an item; `lack` is empty where it is met."""

    check: str
    words: str
    lack: str

    @property
    def is_met(self) -> bool:
        return not self.lack


def _counted(count: int, one: str, many: str) -> str:
    return "" if not count else f"{count} {one if count == 1 else many}"


def _blocked(facts: Facts) -> str:
    reason = f"blocked ({facts.blocked_reason})" if facts.blocked_reason else ""
    others = f"blocked by {_listed(facts.blockers)}" if facts.blockers else ""
    return ", ".join(filter(None, (reason, others)))


def _data(facts: Facts) -> str:
    verb = "isn't" if len(facts.data) == 1 else "aren't"
    return f"data of {_listed(facts.data)} {verb} validated" if facts.data else ""


def _criteria_open(facts: Facts) -> str:
    words = ("acceptance criterion open", "acceptance criteria open")
    return _counted(facts.criteria - facts.criteria_met, *words)


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


NOT_ESTIMATED = "not estimated"  # what an item lacks by the check `estimated`

# A task is a step of its item's work, and an epic the sum of its items: not all checks make sense.
_SMALL = frozenset({"task"})
_OUTER = frozenset({"epic", "task"})

READY_CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "described": Check(
            "It has a description", lambda f: "" if f.is_described else "no description", _SMALL
        ),
        "criteria": Check(
            "It has acceptance criteria",
            lambda f: "" if f.criteria else "no acceptance criteria",
            _SMALL,
        ),
        "estimated": Check(
            "It is estimated",
            lambda f: "" if f.is_estimated else NOT_ESTIMATED,
            _OUTER,
        ),
        "unblocked": Check("Nothing blocks it", _blocked),
        "data": Check("The data it needs is validated", _data),
        "in_epic": Check("It belongs to an epic", lambda f: "" if f.in_epic else "no epic", _OUTER),
        "assigned": Check("Somebody is assigned", lambda f: "" if f.people else "nobody assigned"),
    }
)
DONE_CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "criteria_met": Check("All its acceptance criteria are met", _criteria_open),
        "no_findings": Check(
            "No finding of it is open",
            lambda f: _counted(f.findings, "finding open", "findings open"),
        ),
        "tasks_done": Check(
            "All that stands under it is done",
            lambda f: _counted(f.under, "item under it open", "items under it open"),
            _SMALL,
        ),
        "unblocked": Check("Nothing blocks it", _blocked),
        "assigned": Check("Somebody is assigned", lambda f: "" if f.people else "nobody assigned"),
        "estimated": Check(
            "It is estimated",
            lambda f: "" if f.is_estimated else NOT_ESTIMATED,
            _OUTER,
        ),
    }
)
CHECKS: Mapping[str, Mapping[str, Check]] = MappingProxyType(
    {"doing": READY_CHECKS, "done": DONE_CHECKS}
)
_MARKER = re.compile(r"^(?:#{1,6}\s+)?(?:(?:[-*+•]|\d{1,3}[.)])(?:\s+|$))?(?:\[[ xX]?\](?:\s+|$))?")


def answers(facts: Facts, category: str, chosen: Sequence[str]) -> list[Answer]:
    """What the chosen checks say of an item that enters a category, in the order of the checks.

    Names that no check bears are passed over, for a check may go where a product had chosen it.
    """
    return [
        Answer(name, check.words, check.lacks(facts))
        for name, check in CHECKS.get(category, {}).items()
        if name in chosen and check.concerns(facts.kind)
    ]


def missing(facts: Facts, category: str, chosen: Sequence[str]) -> list[str]:
    """What an item lacks to enter a category: "not estimated", "2 acceptance criteria open"."""
    return [answer.lack for answer in answers(facts, category, chosen) if not answer.is_met]


def lines_of(text: str) -> list[str]:
    """The lines of a definition without their bullets, numbers and boxes: a list to read."""
    return [
        line for line in (_MARKER.sub("", raw.strip()).strip() for raw in text.splitlines()) if line
    ]


def is_gate(before: str, after: str) -> bool:
    """Whether a change of category is one of the two moments: pulled to be worked on, finished.

    What is reopened or goes on to the next status of its category passes no gate.
    """
    return (before, after) in {("todo", "doing"), ("todo", "done"), ("doing", "done")}


def warning(lacks: Mapping[str, Sequence[str]], category: str, shown: int = 3) -> list[str]:
    """Sentences on items, by ref, that enter a category and lack something; one where many do."""
    if not lacks:
        return []
    told = [(ref, ", ".join(words)) for ref, words in lacks.items()]
    if len(told) <= shown:
        what = "isn't ready" if category == "doing" else "isn't done by your definition"
        return [f"{ref} {what}: {words}." for ref, words in told]
    what = "aren't ready" if category == "doing" else "aren't done by your definition"
    such = ", ".join(f"{ref} ({words})" for ref, words in told[:shown])
    return [f"{len(told)} items {what}, such as {such}."]
