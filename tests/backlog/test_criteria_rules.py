"""Acceptance criteria line by line, and the words of every change; no database."""

from __future__ import annotations

from typing import Any

import pytest

from backlog.rules import criteria
from backlog.rules.criteria import CriterionGone, changed, parsed, written
from backlog.rules.history import Line, Names, change_in_words, lines_changed

ROWS = [("a", False), ("b", True), ("c", False)]
NAMES = Names(statuses={}, people={}, kinds={}, fields={"risk": "Risk"})


def test_a_checklist_is_read_as_markdown_writes_it() -> None:
    text = "- [x] met\n* [ ] not yet\n\n  [X]  tight \nneither\n- [ ] \n1"
    rows = [("met", True), ("not yet", False), ("tight", True), ("neither", False), ("1", False)]
    assert parsed(text) == rows
    assert parsed(written(rows)) == rows


@pytest.mark.parametrize(
    ("deed", "place", "after"),
    [
        ("tick", 0, [("a", True), ("b", True), ("c", False)]),
        ("untick", 1, [("a", False), ("b", False), ("c", False)]),
        ("up", 0, ROWS),
        ("up", 2, [("a", False), ("c", False), ("b", True)]),
        ("down", 0, [("b", True), ("a", False), ("c", False)]),
        ("down", 2, ROWS),
        ("remove", 1, [("a", False), ("c", False)]),
        ("edit", 1, [("a", False), ("new", True), ("c", False)]),
    ],
)
def test_each_deed_changes_its_line_alone(deed: str, place: int, after: list[criteria.Row]) -> None:
    assert changed(ROWS, deed, place=place, was=ROWS[place][0], text="new") == after


def test_a_line_that_others_moved_is_found_and_one_that_is_gone_is_said() -> None:
    assert changed(ROWS, "tick", place=0, was="c")[2] == ("c", True)
    with pytest.raises(CriterionGone, match="“x”"):
        changed(ROWS, "tick", place=7, was="x")


def test_several_lines_are_added_at_the_end() -> None:
    assert changed(ROWS, "add", text="- d\n- [x] e")[3:] == [("d", False), ("e", True)]


@pytest.mark.parametrize(
    ("field", "before", "after", "said"),
    [
        ("due_date", None, "2026-12-01", "set due date to 1 December 2026"),
        ("due_date", "2026-12-01", None, "cleared due date (before: 1 December 2026)"),
        ("gpu_hours", 3.0, 4.5, "set GPU-hours to 4.5 (before: 3)"),
        ("blocked_reason", "", "ethics", "marked it as blocked: ethics"),
        ("blocked_reason", "ethics", "", "unblocked it (before: ethics)"),
        ("labels", ["a", "b"], ["b", "c"], "added #c and took #a off"),
        ("links", None, "blocks MED-2", "linked it: blocks MED-2"),
        ("links", "blocks MED-2", None, "took a link away: blocks MED-2"),
        ("attachments", "a.png", None, "removed the file a.png"),
        ("comment", "x", None, "deleted a comment"),
        ("fields.risk", None, "high", "set Risk to high"),
        ("fields.risk", True, False, "set Risk to no (before: yes)"),
        ("fields.gone", 1, 2, "set gone to 2 (before: 1)"),
        ("fields.cost", 12.345678, 1234567.25, "set cost to 1234567.25 (before: 12.345678)"),
        ("gpu_hours", 120000.0, 1e16, "set GPU-hours to 10000000000000000 (before: 120000)"),
        ("external_url", "", "https://x.example", "set external url to https://x.example"),
        (
            "criteria",
            [{"text": "a", "is_met": False}, {"text": "b", "is_met": True}],
            [{"text": "a", "is_met": True}, {"text": "c", "is_met": False}],
            "criteria: met “a”; added “c”; removed “b”",
        ),
        (
            "criteria",
            [{"text": "a", "is_met": False}, {"text": "b", "is_met": False}],
            [{"text": "b", "is_met": False}, {"text": "a", "is_met": False}],
            "reordered the criteria",
        ),
    ],
)
def test_every_change_is_told_with_before_and_after(
    field: str, before: Any, after: Any, said: str
) -> None:
    assert change_in_words(field, before, after, NAMES) == said


def test_long_texts_are_told_by_their_lines() -> None:
    before = "\n".join(["same"] * 9 + ["old", "end"])
    after = "\n".join(["same"] * 9 + ["new", "end"])
    assert lines_changed(before, after) == [
        Line("", "same"), Line("", "same"), Line("-", "old"), Line("+", "new"), Line("", "end"),
    ]  # fmt: skip
    assert lines_changed("x\n" * 500, "y") == [Line("-", "500 lines"), Line("+", "1 lines")]
