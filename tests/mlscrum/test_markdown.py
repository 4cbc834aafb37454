"""Markdown of people: what becomes a link, and what never does."""

from __future__ import annotations

import time

import pytest

from mlscrum.lib.markdown import render_markdown


def link_of(ref: str) -> str | None:
    return f"/p/MED/items/{ref}/" if ref.startswith("MED-") else None


@pytest.mark.parametrize("text", ["See MED-2.", "(MED-2)", "**MED-2**", "MED-2, then", "- MED-2"])
def test_a_ref_in_running_text_is_a_link(text: str) -> None:
    html = render_markdown(text, link_of=link_of)
    assert 'href="/p/MED/items/MED-2/"' in html
    assert ">MED-2</a>" in html


@pytest.mark.parametrize(
    "text",
    [
        "`MED-2`",
        "    MED-2",
        "SHOP-2",
        "MED-0",
        "MED-2x",
        "XMED-2",
        "med-2",
        "MED-2-1",
        "http://example.org/MED-2",
    ],
)
def test_what_only_looks_like_a_ref_stays_text(text: str) -> None:
    assert "/p/MED/" not in render_markdown(text, link_of=link_of)


def test_a_ref_inside_a_link_leads_where_the_link_does() -> None:
    html = render_markdown("[about MED-2](https://example.org)", link_of=link_of)
    assert html.count("<a ") == 1
    assert "https://example.org" in html


def test_scripts_and_raw_html_are_text() -> None:
    html = render_markdown("<script>x</script> MED-2 <b>", link_of=link_of)
    assert "<script>" not in html
    assert "<b>" not in html


def test_without_a_product_nothing_is_linked() -> None:
    assert "<a" not in render_markdown("MED-2")


def person_of(handle: str) -> str | None:
    return {"max": "Max Berger", "max@example.org": "Max Berger"}.get(handle)


@pytest.mark.parametrize(
    "text", ["Ask @max.", "(@max)", "@max, or", "**@max**", "@max@example.org"]
)
def test_who_is_mentioned_is_marked(text: str) -> None:
    assert '<mark title="Max Berger">@max' in render_markdown(text, person_of=person_of)


@pytest.mark.parametrize("text", ["`@max`", "a@max", "@maxine", "@nobody", "[@max](https://x.org)"])
def test_what_only_looks_like_a_mention_stays_text(text: str) -> None:
    assert "<mark" not in render_markdown(text, person_of=person_of)
    assert "<mark" not in render_markdown("@max")


def test_boxes_are_ticked_or_not_and_mark_their_list() -> None:
    html = render_markdown("- [ ] a\n- [x] **b**\n  1. [X] c\n- d\n\n[ ] e")
    assert html.count('<li class="task-list-item"><label><input type="checkbox" disabled') == 3
    assert html.count(" checked") == 2
    assert html.count("contains-task-list") == 2
    assert "<strong>b</strong></label>" in html
    assert "<li>d</li>" in html
    assert "[ ] e" in html


def test_a_box_that_is_a_link_by_its_definition_stays_one() -> None:
    html = render_markdown("- [x] a\n\n[x]: https://example.org")
    assert ">x</a> a</label>" in html


WIDE = "|" + "a|" * 100 + "\n|" + "-|" * 100 + "\n" + "|\n" * 90 + "\n"


@pytest.mark.parametrize(
    "text",
    ["- [ ] a\n" * 12_500, WIDE * 100, ("a\n" * 3 + "|-|-\n") * 9_000, "|a|b\n|-|-\n|\n\n" * 7_000],
)
def test_a_long_text_takes_no_longer_than_its_length_says(text: str) -> None:
    begun = time.process_time()
    html = render_markdown(text[:100_000])
    assert time.process_time() - begun < 10  # the first took a minute, the second minutes
    assert len(html) < 2_000_000


def test_tables_beyond_ten_thousand_cells_are_shown_as_they_are_written() -> None:
    html = render_markdown(WIDE * 3)
    assert html.count("<table>") == 1
    assert "|a|a|" in html
