"""Pasted lines, mentions, circles of links and extra fields: plain values, no database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlog.rules import extra_fields, links, mentions, paste
from backlog.rules.places import placed


def test_a_pasted_line_says_points_labels_and_people() -> None:
    (line,) = paste.parse("- [ ] Clean the ages (5) #data #age @dora please")
    assert line.title == "Clean the ages please"
    assert line.points == Decimal(5)
    assert line.labels == ("data", "age")
    assert line.people == ("dora",)
    assert not line.is_done and not line.problems


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Plain", "Plain"),
        ("* starred", "starred"),
        ("12. numbered", "numbered"),
        ("[x] done", "done"),
        ("-dash without a blank", "-dash without a blank"),
        ("Mail max@example.org about C#", "Mail max@example.org about C#"),
        ("f(5) stays", "f(5) stays"),
        ("Since (1995a)", "Since (1995a)"),
    ],
)
def test_bullets_and_boxes_go_and_the_rest_stays(text: str, title: str) -> None:
    assert paste.parse(text)[0].title == title


def test_indented_lines_stand_under_the_line_above() -> None:
    text = "Story\n  first task\n\tsecond task\nOther\n    its task\n"
    lines = paste.parse(text)
    assert [line.kind for line in lines] == ["story", "task", "task", "story", "task"]
    assert [line.parent for line in lines] == [None, 0, 0, None, 3]
    epic = paste.parse("Epic\n  Story\n    Task", kind="epic")
    assert [(line.kind, line.parent) for line in epic] == [
        ("epic", None),
        ("story", 0),
        ("task", 1),
    ]


def test_what_can_not_be_made_is_said_by_line() -> None:
    lines = paste.parse("(5)\nTwice (3) (5)\nStory\n  Task (2)\n" + "x" * 251)
    assert [bool(line.problems) for line in lines] == [True, True, False, True, True]
    assert lines[0].problems == ("It has no title.",)
    assert [line.number for line in lines] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("bullet", ["- ", "-", "*", "1.", "- [ ]", "[x]"])
def test_a_bullet_without_words_is_left_out(bullet: str) -> None:
    lines = paste.parse(f"Story\n{bullet}\n  Other")
    assert [(line.title, line.number, line.parent) for line in lines] == [
        ("Story", 1, None),
        ("Other", 3, None),
    ]


@pytest.mark.parametrize("typed", ["99999", "1,25", "0.125"])
def test_figures_in_brackets_that_can_not_be_points_are_said(typed: str) -> None:
    (line,) = paste.parse(f"Count all rows ({typed})")
    assert line.title == "Count all rows" and line.points is None
    assert line.problems[0].startswith(f"({typed}) can't be points")


@given(st.text(max_size=400))
def test_any_text_can_be_pasted(text: str) -> None:
    for place, line in enumerate(paste.parse(text)):
        assert line.parent is None or line.parent < place
        assert line.parent is None or paste.parse(text)[line.parent].kind != "task"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@max look", ["max"]),
        ("see (@Dora.Anyango), @max and @max", ["dora.anyango", "max"]),
        ("max@example.org is an address", []),
        ("@max@example.org is a person", ["max@example.org"]),
        ("`@max` and\n```\n@dora\n```", []),
        ("@ nobody", []),
    ],
)
def test_mentions_are_names_after_an_at_sign(text: str, names: list[str]) -> None:
    assert mentions.mentioned(text) == names


def test_a_handle_that_two_could_claim_means_neither() -> None:
    known = mentions.handles(
        [("max@a.org", "Max Berger"), ("max@b.org", "Max Muster"), ("dora@a.org", "Dora Anyango")]
    )
    assert "max" not in known
    assert known["max.berger"] == known["max@a.org"] == "max@a.org"
    assert known["dora"] == known["doraanyango"] == "dora@a.org"


def test_a_link_that_would_close_a_circle_shows_the_way_back() -> None:
    edges = [(1, 2), (2, 3), (3, 4), (9, 1)]
    assert links.way_back(links.followers(edges), first=4, then=1) == [1, 2, 3, 4]
    assert links.way_back(links.followers(edges), first=1, then=4) == []
    assert links.way_back({}, first=7, then=7) == [7]


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=25))
def test_links_that_are_let_in_one_by_one_never_make_a_circle(
    wanted: list[tuple[int, int]],
) -> None:
    taken: list[tuple[int, int]] = []
    for first, then in wanted:
        if not links.way_back(links.followers(taken), first, then):
            taken.append((first, then))
    left = set(taken)
    while left:  # without circles there is always one that nothing comes before
        heads = {a for a, _ in left} - {b for _, b in left}
        assert heads
        left = {(a, b) for a, b in left if a not in heads}


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("text", "  hello ", "hello"),
        ("text", "", None),
        ("number", "3,5", 3.5),
        ("number", 4.0, 4),
        ("choice", "high", "high"),
        ("date", "2026-12-01", "2026-12-01"),
        ("checkbox", "on", True),
        ("checkbox", False, False),
    ],
)
def test_values_of_extra_fields_are_kept_as_json(kind: str, value: Any, kept: Any) -> None:
    assert extra_fields.kept(kind, value, ["high", "low"]) == kept


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 5),
        ("text", "x" * 1001),
        ("number", "many"),
        ("number", float("inf")),
        ("number", True),
        ("choice", "medium"),
        ("date", "1.12.2026"),
        ("checkbox", "perhaps"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(kind: str, value: Any) -> None:
    with pytest.raises(extra_fields.BadValue):
        extra_fields.kept(kind, value, ["high", "low"])


def test_a_thing_is_placed_before_another_or_last() -> None:
    assert placed("abc", "c", before="a") == ["c", "a", "b"]
    assert placed("abc", "a", before=None) == ["b", "c", "a"]
    assert placed("abc", "b", before="b") == ["a", "b", "c"]
