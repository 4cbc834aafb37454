"""Many items at once, as people write or copy them: one line each, children indented.

`- [ ] Clean the ages (5) #data @dora` is an item of 5 points with a label and a person.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

LONGEST_TITLE = 250
MOST_LINES = 5000
MOST_POINTS = Decimal(9999)
_BULLET = re.compile(r"^(?:[-*+•]|\d{1,4}[.)])(?:\s+|$)")
_BOX = re.compile(r"^\[( |x|X)?\](?:\s+|$)")
_POINTS = re.compile(r"(?:^|\s)\((\d+(?:[.,]\d+)?)\)(?=\s|$)")
_WORTH = re.compile(r"\d{1,4}(?:[.,]\d)?")
_LABEL = re.compile(r"(?:^|\s)#([\w][\w./-]{0,39})(?=\s|$)")
_PERSON = re.compile(r"(?:^|\s)@([\w][\w.+@-]{0,79})(?=\s|$)")
TAB = 4  # blanks that a tab stands for


@dataclass(frozen=True)
class PastedLine:
    """A line as an item. `parent` is the place in the list of the line it stands under, if any;
    `problems` say why it can't be made as it stands."""

    number: int
    title: str
    kind: str
    points: Decimal | None = None
    labels: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    parent: int | None = None
    is_done: bool = False
    problems: tuple[str, ...] = field(default=())


def parse(text: str, *, kind: str = "story") -> list[PastedLine]:
    """The lines of a text as items of this kind, indented ones as tasks under the line above.

    Blank lines are left out, and bullets without words. Below an epic, indented lines are stories
    and theirs are tasks.
    """
    found: list[PastedLine] = []
    above: list[tuple[int, int]] = []  # indents and places of the lines that this may stand under
    for number, raw in enumerate(text.expandtabs(TAB).splitlines(), start=1):
        line = raw.strip()
        if not line:
            continue
        indent = len(raw) - len(raw.lstrip())
        while above and above[-1][0] >= indent:
            above.pop()
        if not _BOX.sub("", _BULLET.sub("", line)):
            continue
        parent = above[-1][1] if above else None
        if parent is not None and found[parent].kind == "task":
            parent = found[parent].parent  # a task has no children, so it stands beside that one
        found.append(_line(number, line, _kind(kind, found, parent), parent))
        above.append((indent, len(found) - 1))
    return found


def _kind(kind: str, found: Sequence[PastedLine], parent: int | None) -> str:
    if parent is None:
        return kind
    return "story" if found[parent].kind == "epic" else "task"


def _line(number: int, line: str, kind: str, parent: int | None) -> PastedLine:
    rest = _BULLET.sub("", line)
    box = _BOX.match(rest)
    rest = _BOX.sub("", rest)
    labels, rest = _taken(_LABEL, rest)
    people, rest = _taken(_PERSON, rest)
    points, rest = _taken(_POINTS, rest)
    title = " ".join(rest.split())
    wrong = [each for each in points if not _WORTH.fullmatch(each)]
    worth = Decimal(points[-1].replace(",", ".")) if points and not wrong else None
    return PastedLine(
        number=number,
        title=title,
        kind=kind,
        points=worth,
        labels=tuple(dict.fromkeys(labels)),
        people=tuple(dict.fromkeys(people)),
        parent=parent,
        is_done=bool(box and (box[1] or "").lower() == "x"),
        problems=(*_problems(title, kind, points, worth), *map(_no_points, wrong)),
    )


def _no_points(typed: str) -> str:
    return (
        f"({typed}) can't be points: they are at most {MOST_POINTS}, with one decimal. Leave the "
        "brackets out if it is a part of the title."
    )


def _taken(pattern: re.Pattern[str], text: str) -> tuple[list[str], str]:
    """What the pattern finds, and the text without it."""
    found = pattern.findall(text)
    return found, pattern.sub(" ", text) if found else text


def _problems(title: str, kind: str, points: Sequence[str], worth: Decimal | None) -> list[str]:
    problems = []
    if not title:
        problems.append("It has no title.")
    if len(title) > LONGEST_TITLE:
        problems.append(f"The title is longer than {LONGEST_TITLE} signs.")
    if len(points) > 1:
        problems.append("It names points more than once.")
    if worth is not None and kind in {"epic", "task"}:
        problems.append("Epics and tasks have no points of their own; leave them out.")
    return problems
