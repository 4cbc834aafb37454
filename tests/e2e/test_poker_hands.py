"""Planning poker with the hands of three: hidden cards, a reveal, an estimate."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from backlog.models import Actor, Item, Product
from backlog.services.items import ItemDraft, create_items
from sprints.models import Ceremony, PokerVote
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.poker import pick_items, start_round, weigh
from sprints.services.seats import be_present, take_seat
from tests.conftest import Cast
from tests.e2e.ceremonies import bring_up, open_as_guest  # noqa: F401  a fixture
from tests.e2e.conftest import serious_faults


@pytest.fixture
def items(product: Product, cast: Cast) -> list[Item]:
    drafts = [ItemDraft("Second reading"), ItemDraft("Explain the features"), ItemDraft("Export")]
    return create_items(product, drafts, actor=Actor.person(cast.olga))


@pytest.fixture
def refinement(product: Product, items: list[Item], cast: Cast) -> Ceremony:
    draft = CeremonyDraft("refinement", timezone.now(), 60, title="Refinement")
    made = schedule(product, draft, actor=Actor.person(cast.olga))
    for user in (cast.olga, cast.max):
        be_present(take_seat(made, user), actor=Actor.person(user))
    return made


def address(ceremony: Ceremony) -> str:
    return f"/p/MED/ceremonies/{ceremony.pk}/poker/"


def test_three_hold_up_cards_unseen_and_see_them_revealed(
    open_page: Callable[..., Page],
    open_as_guest: Callable[..., Page],  # noqa: F811
    refinement: Ceremony,
    items: list[Item],
    cast: Cast,
) -> None:
    """On the page of the ceremony, and nobody loads it anew."""
    pages = [open_page(cast.olga), open_page(cast.max)]
    pages.append(open_as_guest(refinement, Actor.person(cast.olga)))
    for page in pages:
        page.goto(f"/p/MED/ceremonies/{refinement.pk}/")
    olga, max_, guest = tables = [page.locator("#poker") for page in pages]
    olga.get_by_role("button", name="Add MED-2").click()
    for table in tables:
        expect(table.locator(".poker-picks .ref")).to_have_text(["MED-2"])
    olga.get_by_role("button", name="Vote on MED-2").click()
    expect(olga.get_by_role("button", name="Reveal")).to_be_disabled()

    for table, card in zip(tables, ("3", "8", "5"), strict=True):
        table.locator(".poker-deck").get_by_role("button", name=card, exact=True).click()
        held = table.locator('.poker-deck [aria-pressed="true"]')
        expect(held).to_have_text(re.compile(rf"^\s*{card}\s*$"))
    max_.locator(".poker-deck").get_by_role("button", name="13", exact=True).click()
    expect(max_.locator('.poker-deck [aria-pressed="true"]')).to_have_attribute("value", "13")
    for table in tables:
        expect(table.locator(".poker-held.is-down")).to_have_count(3)
        expect(table.locator(".poker-held.is-shown")).to_have_count(0)
    expect(olga.locator(".poker-table")).to_contain_text("3 of 3 have voted")
    assert serious_faults(pages[0]) == []

    olga.locator("#poker-q").focus()  # who is about to search sees the cards all the same
    max_.get_by_role("button", name="Reveal").click()
    for table in tables:
        said = table.locator(".poker-said")
        expect(said).to_contain_text("Olga Kuznetsova (3) and Max Berger (13) say why.")
        expect(table.locator(".poker-held.is-shown")).to_have_text(
            [re.compile(rf"^\s*{card}\s*$") for card in ("3", "5", "13")]
        )
    for page in (pages[0], pages[2]):
        assert serious_faults(page) == []
    expect(guest.get_by_role("button", name="Accept")).to_have_count(0)
    expect(guest.locator("a")).to_have_count(0)
    expect(max_.locator("#poker-points")).to_have_value("5")
    max_.get_by_role("button", name="Accept").click()
    for table in tables:
        expect(table.locator(".poker-said")).to_contain_text("Accepted: 5 points")
        expect(table.locator(".poker-picks .points")).to_have_text("5")
    assert Item.objects.get(pk=items[1].pk).points == 5

    olga.get_by_role("button", name="Vote anew", exact=True).click()
    expect(guest.locator(".poker-table")).to_contain_text("Round 1: 3 to 13, median 5, accepted 5")
    assert pages[2].evaluate("document.documentElement.scrollWidth") <= 390


def test_a_vote_after_the_reveal_is_told_that_it_came_too_late(
    open_page: Callable[..., Page], refinement: Ceremony, items: list[Item], cast: Cast
) -> None:
    start_round(refinement, items[0], actor=Actor.person(cast.olga))
    olga = open_page(cast.olga)
    max_ = open_page(cast.max, tolerated="status of 4|ERR_FAILED")
    max_.route("**/live/**", lambda route: route.abort())  # hears nothing of the reveal
    for page in (olga, max_):
        page.goto(address(refinement))
    olga.locator(".poker-deck").get_by_role("button", name="5", exact=True).click()
    olga.get_by_role("button", name="Reveal").click()
    expect(olga.locator(".poker-held.is-shown")).to_have_count(1)
    max_.locator(".poker-deck").get_by_role("button", name="8", exact=True).click()
    expect(max_.locator("#toasts")).to_contain_text("your vote came too late")
    assert PokerVote.objects.count() == 1


def test_it_is_played_by_the_keyboard_and_focus_stays(
    open_page: Callable[..., Page], refinement: Ceremony, items: list[Item], cast: Cast
) -> None:
    pick_items(refinement, items[:2], actor=Actor.person(cast.olga))
    start_round(refinement, items[0], actor=Actor.person(cast.olga))
    page = open_page(cast.olga)
    page.goto(address(refinement))
    page.locator("#poker-card-1").focus()
    page.keyboard.type("13")
    expect(page.locator('.poker-deck [value="13"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator('.poker-deck [value="13"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator('.poker-deck [value="13"]')).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator('.poker-deck [value="?"]')).to_be_focused()
    page.locator(".poker-scale button").nth(3).focus()
    page.keyboard.press("Enter")
    weight = page.locator(".poker-scale button").nth(3)
    expect(weight).to_have_attribute("aria-pressed", "true")
    expect(weight).to_be_focused()


def test_items_are_found_and_what_others_do_leaves_the_search_alone(
    open_page: Callable[..., Page], refinement: Ceremony, items: list[Item], cast: Cast
) -> None:
    page = open_page(cast.sina)
    page.goto(address(refinement))
    page.locator("#poker-q").fill("export")
    found = page.locator("#poker-found")
    expect(found.locator(".ref")).to_have_text(["MED-3"])
    pick_items(refinement, items[:1], actor=Actor.person(cast.olga))
    bring_up(page, "poker")
    expect(page.locator(".poker-picks .ref")).to_have_text(["MED-1"])
    expect(page.locator("#poker-q")).to_have_value("export")
    expect(found.locator(".ref")).to_have_text(["MED-3"])
    found.get_by_role("button", name="Add MED-3").click()
    expect(page.locator(".poker-picks .ref")).to_have_text(["MED-1", "MED-3"])
    expect(found).to_be_empty()
    expect(page.locator("#poker-q")).to_be_focused()
    expect(page.locator("#poker-q")).to_have_value("")


def test_it_works_without_a_script_and_on_a_phone(
    open_page: Callable[..., Page], refinement: Ceremony, items: list[Item], cast: Cast
) -> None:
    start_round(refinement, items[0], actor=Actor.person(cast.olga))
    plain = open_page(cast.olga, java_script_enabled=False)
    plain.goto(address(refinement))
    plain.locator(".poker-deck").get_by_role("button", name="5", exact=True).click()
    expect(plain.locator('.poker-deck [aria-pressed="true"]')).to_have_attribute("value", "5")
    plain.get_by_role("button", name="Reveal").click()
    expect(plain.locator(".poker-held.is-shown")).to_have_count(1)
    plain.locator("#poker-q").fill("export")
    plain.locator("#poker-q").press("Enter")
    plain.get_by_role("button", name="Add MED-3").click()
    expect(plain).to_have_url(re.compile("/poker/find/"))
    phone = open_page(cast.olga, viewport={"width": 390, "height": 844}, color_scheme="dark")
    phone.goto(address(refinement))
    expect(phone.locator(".poker-picks .ref")).to_have_text(["MED-1", "MED-3"])
    assert serious_faults(phone) == []
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_how_far_apart_roles_are_is_read_on_a_phone(
    open_page: Callable[..., Page], refinement: Ceremony, items: list[Item], cast: Cast
) -> None:
    pick_items(refinement, items[:2], actor=Actor.person(cast.olga))
    for user, value in ((cast.olga, 1), (cast.max, 5), (cast.dora, 3)):
        seat = take_seat(refinement, user)
        weigh(refinement, items[0], seat, value, actor=Actor.person(user))
    page = open_page(cast.olga)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/p/MED/ceremonies/{refinement.pk}/")
    table = page.locator(".poker-importance .table-scroll")
    expect(table).to_contain_text("talk first")
    assert table.evaluate("part => part.scrollWidth <= part.clientWidth")
    assert serious_faults(page) == []
