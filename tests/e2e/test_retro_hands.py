"""A retrospective with the hands of three: hidden cards, groups, votes, an action that returns."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from backlog.models import Actor, Item, Product
from sprints.models import Ceremony, Outcome, RetroCard
from sprints.services.ceremonies import CeremonyDraft, close, open_ceremony, schedule
from sprints.services.retros import go_to, group_card, write_card
from sprints.services.seats import take_seat
from tests.conftest import Cast
from tests.e2e.ceremonies import bring_up, open_as_guest  # noqa: F401  a fixture
from tests.e2e.conftest import serious_faults


@pytest.fixture
def retro(product: Product, cast: Cast) -> Ceremony:
    return held(product, 0, cast)


def held(product: Product, days: int, cast: Cast) -> Ceremony:
    starts_at = timezone.now() + timedelta(days=days)
    draft = CeremonyDraft("retrospective", starts_at, 90, title=f"Retrospective {days}")
    return schedule(product, draft, actor=Actor.person(cast.olga))


def address(ceremony: Ceremony, door: str = "") -> str:
    return f"/p/MED/ceremonies/{ceremony.pk}/retro/{door}"


def write(page: Locator, column: str, text: str) -> None:
    field = page.get_by_label(f"A card for “{column}”")
    field.fill(text)
    field.press("Enter")
    expect(page.locator(".retro-text", has_text=text)).to_be_visible()


def test_three_look_back(
    open_page: Callable[..., Page],
    open_as_guest: Callable[..., Page],  # noqa: F811
    retro: Ceremony,
    product: Product,
    cast: Cast,
) -> None:
    """On the page of the ceremony, and nobody loads it anew."""
    pages = [open_page(cast.sina), open_page(cast.max)]
    pages.append(open_as_guest(retro, Actor.person(cast.olga)))
    for page in pages:
        page.goto(f"/p/MED/ceremonies/{retro.pk}/")
    sina, max_, guest = boards = [page.locator("#retro") for page in pages]
    sina.get_by_label("Mad, sad, glad").check()
    sina.get_by_label("Votes per person").fill("2")
    sina.get_by_role("button", name="Use this format").click()
    for board in boards:
        expect(board.locator(".retro-column h3")).to_have_text(["Mad", "Sad", "Glad"])

    write(max_, "Sad", "Slow tests")
    expect(max_.get_by_label("A card for “Sad”")).to_have_value("")
    expect(max_.get_by_label("A card for “Sad”")).to_be_focused()
    sina.get_by_label("A card for “Mad”").fill("Half a thou")
    write(max_, "Glad", "Pairing")
    write(guest, "Sad", "Tests that flake")
    expect(sina.locator(".retro-hidden")).to_have_text(["2 cards of others", "1 card of others"])
    expect(sina.get_by_label("A card for “Mad”")).to_have_value("Half a thou")
    expect(sina.locator(".retro-card")).to_have_count(0)
    expect(guest.locator(".retro-text")).to_have_text(["Tests that flake"])
    for page in (pages[0], pages[2]):
        assert serious_faults(page) == []

    sina.get_by_role("button", name="Reveal and group").click()
    for board in boards:
        expect(board.locator(".retro-text")).to_have_count(3)
    expect(max_.locator(".retro-card.is-mine")).to_have_count(2)
    onto = sina.locator(".retro-group", has_text="Tests that flake")
    sina.locator(".retro-text", has_text="Slow tests").drag_to(onto)
    for board in boards:
        expect(board.locator(".retro-group.is-group .retro-text")).to_have_count(2)
    title = sina.get_by_label("Title of the group")
    title.fill("Tests hurt")
    title.press("Enter")
    expect(guest.get_by_label("Title of the group")).to_have_value("Tests hurt")
    assert serious_faults(pages[0]) == []

    sina.get_by_role("button", name="Start the vote").click()
    for board in (max_, guest):
        vote = board.get_by_role("button", name="Vote for “Tests hurt”")
        vote.click()
        expect(board.locator(".retro-says")).to_contain_text("1 of 2 votes left")
        vote.click()
        expect(board.locator(".retro-says")).to_contain_text("0 of 2 votes left")
        expect(vote).to_be_disabled()
    guest.get_by_role("button", name="Take a vote back from “Tests hurt”").click()
    expect(guest.locator(".retro-says")).to_contain_text("1 of 2 votes left")
    expect(sina.locator(".retro-votes")).to_have_count(0)
    expect(sina.locator(".retro-mine").first).to_contain_text("0")

    sina.get_by_role("button", name="Show the votes").click()
    for board in boards:
        expect(board.locator(".retro-votes").first).to_contain_text("3 votes")
        expect(board.locator(".retro-ranked h4").first).to_have_text("Tests hurt")
    sina.get_by_label("What will be done?").fill("Split the slow tests")
    sina.get_by_label("Owner").select_option(label="Max Berger")
    sina.get_by_role("button", name="Agree").click()
    expect(sina.get_by_label("What will be done?")).to_have_value("")
    sina.get_by_role("button", name="Make an item of: Split the slow tests").click()
    for board in boards:
        expect(board.locator(".retro-action")).to_contain_text("Split the slow tests")
        expect(board.locator(".retro-action .ref")).to_have_text("MED-1")
    for page in (pages[0], pages[2]):
        assert serious_faults(page) == []

    item = Item.objects.get()
    assert Outcome.objects.get().item == item
    Item.objects.filter(pk=item.pk).update(status=product.statuses.get(slug="done"))
    open_ceremony(retro, actor=Actor.person(cast.olga))
    close(retro, actor=Actor.person(cast.olga))
    expect(sina.get_by_title("Your card")).to_have_count(0)
    expect(max_.get_by_title("Your card")).to_have_count(0)  # not even they know them any more
    following = held(product, 14, cast)
    pages[1].goto(f"/p/MED/ceremonies/{following.pk}/")
    agenda = pages[1].locator("#agenda")
    expect(agenda).to_contain_text("Split the slow tests")
    expect(agenda).to_contain_text("MED-1")


def test_cards_are_grouped_by_the_keyboard_and_a_menu_is_not_closed_by_others(
    open_page: Callable[..., Page], retro: Ceremony, cast: Cast
) -> None:
    seat = take_seat(retro, cast.max)
    cards = [write_card(retro, seat, 0, text) for text in ("Slow", "Late", "Loud")]
    go_to(retro, "group", actor=Actor.person(cast.olga), seen="write")
    page = open_page(cast.max)
    page.goto(address(retro))
    late = page.locator(".retro-card", has=page.get_by_text("Late", exact=True))
    menu = late.locator("details[id^=retro-move]")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu.get_by_role("button", name="Loud")).to_be_visible()

    group_card(retro, seat, cards[0].pk, cards[2].pk)
    bring_up(page, "retro")
    expect(page.locator(".retro-group.is-group")).to_have_count(1)
    expect(menu.get_by_role("button", name="Loud")).to_be_visible()
    menu.get_by_role("button", name="Loud").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".retro-group.is-group .retro-text")).to_have_count(3)
    expect(page.locator("details[open]")).to_have_count(0)
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    menu.get_by_role("button", name="On its own").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".retro-group.is-group .retro-text")).to_have_count(2)


def test_a_refusal_stands_there_once_and_goes_when_the_same_form_succeeds(
    open_page: Callable[..., Page], retro: Ceremony, cast: Cast
) -> None:
    page = open_page(cast.sina)
    page.goto(f"/p/MED/ceremonies/{retro.pk}/")
    refusals = page.locator("#toasts .notice-error")
    page.get_by_role("radio", name="Own columns").check()
    for columns, said in (("", "1 to 6"), ("", "1 to 6"), ("K" * 99, "at most")):
        page.get_by_role("textbox", name="Own columns").fill(columns)
        with page.expect_response(re.compile("/retro/set-up/")):
            page.get_by_role("button", name="Use this format").click()
        expect(refusals).to_have_count(1)
        expect(refusals).to_contain_text(said)
    page.get_by_role("textbox", name="Own columns").fill("Keep\nDrop")
    page.get_by_role("button", name="Use this format").click()
    expect(page.locator(".retro-column h3")).to_have_text(["Keep", "Drop"])
    expect(refusals).to_have_count(0)


def test_what_is_typed_into_an_own_card_stays_while_others_do_something(
    open_page: Callable[..., Page], retro: Ceremony, cast: Cast
) -> None:
    write_card(retro, take_seat(retro, cast.max), 0, "Slow")
    page = open_page(cast.max)
    page.goto(address(retro))
    page.get_by_title("Your card").click()
    page.get_by_label("Your card", exact=True).fill("Slow tests on Mondays")
    write_card(retro, take_seat(retro, cast.dora), 0, "Late")
    bring_up(page, "retro")
    expect(page.locator(".retro-hidden")).to_have_text("1 card of others")
    expect(page.get_by_label("Your card", exact=True)).to_have_value("Slow tests on Mondays")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".retro-text")).to_have_text("Slow tests on Mondays")
    expect(page.locator("details[open]")).to_have_count(0)
    page.get_by_title("Your card").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".retro-card")).to_have_count(0)
    assert RetroCard.objects.count() == 1


def test_it_works_without_a_script_and_on_a_phone(
    open_page: Callable[..., Page], retro: Ceremony, cast: Cast
) -> None:
    plain = open_page(cast.sina, java_script_enabled=False)
    plain.goto(address(retro))
    plain.get_by_label("A card for “Stop”").fill("Meetings")
    plain.get_by_role("button", name="Add a card to “Stop”").click()
    expect(plain.locator(".retro-text")).to_have_text("Meetings")
    plain.get_by_label("A card for “Stop”").fill("Long meetings")
    plain.get_by_role("button", name="Add a card to “Stop”").click()
    plain.get_by_role("button", name="Reveal and group").click()
    first, other = (card.text for card in RetroCard.objects.all())
    plain.get_by_label("Group", exact=True).select_option(label=first)
    plain.get_by_label("with", exact=True).select_option(label=other)
    plain.get_by_role("button", name="Group", exact=True).click()
    expect(plain.locator(".retro-group.is-group .retro-text")).to_have_count(2)
    plain.get_by_role("button", name="Start the vote").click()
    plain.get_by_role("button", name=f"Vote for “{other}”").click()
    plain.get_by_role("button", name="Show the votes").click()
    expect(plain.locator(".retro-votes")).to_contain_text("1 vote")
    phone = open_page(cast.sina, viewport={"width": 390, "height": 844}, color_scheme="dark")
    phone.goto(address(retro))
    expect(phone.locator(".retro-votes")).to_contain_text("1 vote")
    assert serious_faults(phone) == []
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
