"""The glossary by hand and by key: a word is proposed, contested and agreed, and explained."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from backlog.models import Actor, Product
from backlog.services.items import ItemDraft, create_item
from backlog.services.terms import agree_term, propose_term, say
from tests.conftest import Cast
from tests.e2e.conftest import serious_faults

GLOSSARY = "/p/MED/glossary/"


def test_a_word_is_proposed_contested_and_agreed_by_keyboard(
    product: Product, cast: Cast, open_page: Callable[..., Page]
) -> None:
    dora = open_page(cast.dora)
    dora.goto("/p/MED/backlog/")
    dora.keyboard.press("g")
    dora.keyboard.press("t")
    expect(dora.get_by_role("heading", name="Glossary")).to_be_visible()
    dora.get_by_label("Word", exact=True).press_sequentially("peak hour")
    dora.keyboard.press("Tab")
    dora.keyboard.type("The busiest hour of a day.")
    dora.keyboard.press("Enter")
    expect(dora.get_by_role("heading", name="peak hour")).to_be_visible()
    dora.get_by_role("link", name="Say where it differs").press("Enter")
    dora.get_by_label("Trade").first.press_sequentially("planner")
    dora.keyboard.press("Tab")
    dora.keyboard.type("7 to 8 in the morning")
    dora.get_by_role("button", name="Save").press("Enter")
    expect(dora.locator(".term-meanings")).to_contain_text("7 to 8 in the morning")
    assert not serious_faults(dora)
    address = dora.url

    vera = open_page(cast.vera)
    vera.goto(address)
    expect(vera.get_by_role("button", name="We agree on this")).to_have_count(0)
    vera.locator("#contest > summary").press("Enter")
    vera.get_by_label("What is wrong with it").press_sequentially("In summer it is noon.")
    vera.get_by_role("button", name="Contest").press("Enter")
    expect(vera.locator("#talk")).to_contain_text("In summer it is noon.")
    expect(vera.locator(".page-meta")).to_contain_text("contested")

    dora.goto(GLOSSARY)
    expect(dora.locator(".room-badge", has_text="contested words")).to_contain_text("1")
    dora.get_by_role("link", name="peak hour").press("Enter")
    dora.get_by_label("What we agree that it means").fill("7 to 9 on working days.")
    dora.get_by_role("button", name="We agree on this").press("Enter")
    expect(dora.locator(".term-definition")).to_have_text("7 to 9 on working days.")
    expect(dora.locator(".term-versions")).to_contain_text("The busiest hour of a day.")
    expect(dora.locator(".term-versions > li").first).to_contain_text("Dora Anyango agreed on it")


def test_a_word_is_explained_in_an_old_item_by_key_and_by_pointer(
    product: Product, cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga = Actor.person(cast.olga)
    text = "Slow at Peak hours, see `peak hour`.\n\nAlso the rush hour, and recall."
    item = create_item(product, ItemDraft("Model it", description=text), actor=olga)
    term = propose_term(product, "peak hour", "One hour.", actor=olga, synonyms=["rush hour"])
    recall = propose_term(product, "recall", "Found <b>of all</b>.", actor=olga)
    agree_term(term, actor=olga, definition="7 to 9 on working days.")

    page = open_page(cast.vera)
    page.goto(f"/p/MED/items/{item.ref}/")
    words = page.locator("#description a.term")
    expect(words).to_have_text(["Peak hours", "recall"])
    card = page.get_by_role("tooltip")
    words.first.focus()
    expect(card).to_contain_text("7 to 9 on working days.")
    expect(card).to_contain_text("agreed")
    expect(words.first).to_have_attribute("aria-describedby", "term-card")
    assert not serious_faults(page)
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(words.first).to_be_focused()
    page.keyboard.press("Tab")
    expect(words.last).to_be_focused()
    expect(card).to_contain_text("Found <b>of all</b>.")
    page.keyboard.press("Tab")
    expect(card).to_be_hidden()

    words.first.hover()
    expect(card).to_contain_text("7 to 9 on working days.")
    card.hover()
    expect(card).to_be_visible()
    page.mouse.move(5, 5)
    expect(card).to_be_hidden()

    words.last.press("Enter")
    expect(page.get_by_role("heading", name="recall")).to_be_visible()
    expect(page).to_have_url(f"{page.url.split('/p/')[0]}{GLOSSARY}{recall.pk}/")
    expect(page.get_by_role("link", name=item.ref)).to_be_visible()


def test_escape_puts_the_card_away_and_the_panel_stays(
    product: Product, cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga = Actor.person(cast.olga)
    propose_term(product, "recall", "Found of all.", actor=olga)
    create_item(product, ItemDraft("Read it", description="The recall of it."), actor=olga)
    page = open_page(cast.olga)
    page.goto("/p/MED/backlog/")
    page.get_by_role("link", name="Read it").click()
    word = page.locator("#panel a.term")
    word.focus()
    card = page.get_by_role("tooltip")
    expect(card).to_contain_text("Found of all.")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(page.locator("#panel")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_the_glossary_fits_its_screen(
    product: Product, cast: Cast, open_page: Callable[..., Page], width: int
) -> None:
    olga = Actor.person(cast.olga)
    long_word = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnung"
    term = propose_term(product, long_word, "x" * 300, actor=olga, synonyms=["Mütze"],
                        meanings={"planner": "y " * 200, "z" * 60: "w"})  # fmt: skip
    say(term, f"About {long_word}", actor=olga)
    page = open_page(cast.olga, viewport={"width": width, "height": 844}, color_scheme="dark")
    for path in ("", f"{term.pk}/", f"{term.pk}/edit/", "import/"):
        page.goto(f"{GLOSSARY}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not serious_faults(page)
