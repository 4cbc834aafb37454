"""Acceptance criteria as a checklist that is changed line by line. Plain values in and out."""

from __future__ import annotations

import re
from collections.abc import Sequence

Row = tuple[str, bool]  # the text, and whether it is met
DEEDS = ("add", "tick", "untick", "edit", "up", "down", "remove")
_LINE = re.compile(r"^\s*(?:[-*+]\s+)?(?:\[(?P<mark>[ xX])\]\s*)?(?P<text>.*?)\s*$")


class CriterionGone(ValueError):
    """The line that was meant is not there any more; the message says what to do."""


def parsed(text: str) -> list[Row]:
    """One criterion a line, as Markdown writes checklists: `- [x] met`, `[ ] not yet`, `neither`.

    Lines without a text are left out.
    """
    found = (_LINE.match(line) for line in text.splitlines())
    return [
        (match["text"], (match["mark"] or "").lower() == "x")
        for match in found
        if match and match["text"]
    ]


def written(rows: Sequence[Row]) -> str:
    """The checklist as `parsed` reads it."""
    return "\n".join(f"[{'x' if is_met else ' '}] {text}" for text, is_met in rows)


def changed(
    rows: Sequence[Row], deed: str, *, place: int = 0, was: str = "", text: str = ""
) -> list[Row]:
    """The checklist after one deed on the line at `place` that read `was`.

    Where others have moved that line meanwhile it is found by its text; raises CriterionGone where
    it is gone. `add` puts each line of `text` at the end; `edit` puts `text` in the line's place.
    """
    if deed == "add":
        return [*rows, *parsed(text)]
    at, after = _place_of(rows, place, was), list(rows)
    if deed in {"tick", "untick"}:
        after[at] = (rows[at][0], deed == "tick")
    elif deed == "edit":
        after[at] = (text, rows[at][1])
    elif deed == "remove":
        del after[at]
    else:
        beside = at + (1 if deed == "down" else -1)
        if 0 <= beside < len(rows):
            after[at], after[beside] = after[beside], after[at]
    return after


def _place_of(rows: Sequence[Row], place: int, was: str) -> int:
    if 0 <= place < len(rows) and rows[place][0] == was:
        return place
    for at, (text, _) in enumerate(rows):
        if text == was:
            return at
    raise CriterionGone(
        f"Somebody else has changed or removed “{was}” meanwhile; look at the list as it is now."
    )
