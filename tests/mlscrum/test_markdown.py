"""Markdown of people: what becomes a link, and what never does."""

from __future__ import annotations

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
