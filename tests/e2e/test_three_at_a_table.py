"""A product owner, a developer and a guest in three browsers: what one does the others see within a
second, and nobody ever reloads."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from backlog.models import Actor, Item, Product
from backlog.services.items import ItemDraft, create_items, move_items, update_item
from backlog.services.ranks import Spot
from sprints.models import Ceremony, Outcome
from sprints.services import ceremonies
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.sprints import create_sprint, start_sprint
from tests.conftest import Cast
from tests.e2e.ceremonies import open_as_guest  # noqa: F401  a fixture

Open = Callable[..., Page]


@pytest.fixture
def table(
    cast: Cast,
    product: Product,
    open_page: Open,
    open_as_guest: Open,  # noqa: F811
) -> Callable[[str], tuple[Ceremony, Page, Page, Page]]:
    """A running ceremony of a kind, open before Olga, Max and a guest."""

    def seated(kind: str, days: int = 0) -> tuple[Ceremony, Page, Page, Page]:
        olga = Actor.person(cast.olga)
        at = timezone.now() + timedelta(days=days)
        made = schedule(product, CeremonyDraft(kind, at, 60), actor=olga)
        ceremony = ceremonies.open_ceremony(made, actor=olga)
        pages = (open_page(cast.olga), open_page(cast.max), open_as_guest(ceremony, olga))
        for page in pages:
            page.goto(f"/p/MED/ceremonies/{ceremony.pk}/")
            expect(page.locator("#ceremony-people")).to_be_visible()
            page.evaluate("document.body.dataset.reloads = 'none'")
        return ceremony, *pages

    return seated


def never_reloaded(*pages: Page) -> None:
    for page in pages:
        expect(page.locator("body")).to_have_attribute("data-reloads", "none")


def deck(page: Page) -> Locator:
    return page.locator(".poker-deck")


def test_poker_is_seen_by_all_and_told_by_nobody_before_the_reveal(
    table: Callable[[str], tuple[Ceremony, Page, Page, Page]], product: Product, cast: Cast
) -> None:
    create_items(product, [ItemDraft("Second reading")], actor=Actor.person(cast.olga))
    _, olga, max_, guest = table("refinement")
    expect(olga.get_by_title("Max Berger is here")).to_be_visible()
    olga.get_by_role("button", name="Add MED-1").click()
    olga.get_by_role("button", name="Vote on MED-1").click()
    for page, points in ((olga, "3"), (max_, "8"), (guest, "5")):
        deck(page).get_by_role("button", name=points, exact=True).click()
    for page in (olga, max_, guest):
        expect(page.locator(".poker-table")).to_contain_text("3 of 3 have voted")
        expect(page.locator(".poker-held.is-shown")).to_have_count(0)
    olga.get_by_role("button", name="Reveal").click()
    for page in (olga, max_, guest):
        expect(page.locator(".poker-held.is-shown")).to_have_count(3)
    max_.get_by_role("button", name="Accept").click()
    for page in (olga, max_, guest):
        expect(page.locator(".poker-said")).to_contain_text("Accepted: 5 points")
    assert Item.objects.get().points == 5
    never_reloaded(olga, max_, guest)


def test_what_a_guest_says_becomes_an_item_before_everybody(
    table: Callable[[str], tuple[Ceremony, Page, Page, Page]], product: Product
) -> None:
    _, olga, max_, guest = table("review")
    guest.locator("summary", has_text="Add an insight").first.click()
    words = guest.get_by_role("textbox", name=re.compile("insight", re.I)).first
    words.fill("The peak hour begins at half past six")
    guest.locator(".block-say[open]").get_by_role("button", name="Add", exact=True).click()
    for page in (olga, max_):
        expect(page.locator("#outcomes")).to_contain_text("half past six")
    olga.get_by_role("button", name=re.compile("Make an item of")).click()
    for page in (olga, max_):
        expect(page.locator("#outcomes .ref")).to_have_text("MED-1")
    expect(guest.locator("#outcomes .outcome-became")).to_contain_text("The peak hour")
    expect(guest.locator("#outcomes a.ref")).to_have_count(0)
    assert Outcome.objects.get().item == Item.objects.get()
    never_reloaded(olga, max_, guest)


def test_a_retrospective_from_hidden_cards_to_an_action_that_returns(
    table: Callable[..., tuple[Ceremony, Page, Page, Page]], product: Product, cast: Cast
) -> None:
    retro, olga, max_, guest = table("retrospective")
    olga.get_by_label("Mad, sad, glad").check()
    olga.get_by_role("button", name="Use this format").click()
    for page, text in ((max_, "Slow tests"), (guest, "Tests that flake")):
        field = page.get_by_label("A card for “Sad”")
        field.fill(text)
        field.press("Enter")
        expect(page.locator(".retro-text")).to_have_text([text])
    expect(olga.locator(".retro-hidden")).to_have_text("2 cards of others")
    expect(max_.locator(".retro-hidden")).to_have_text("1 card of others")
    olga.get_by_role("button", name="Reveal and group").click()
    for page in (olga, max_, guest):
        expect(page.locator(".retro-text")).to_have_count(2)
    olga.locator(".retro-text", has_text="Slow tests").drag_to(
        olga.locator(".retro-group", has_text="Tests that flake")
    )
    for page in (olga, max_, guest):
        expect(page.locator(".retro-group.is-group .retro-text")).to_have_count(2)
    olga.get_by_role("button", name="Start the vote").click()
    for page in (max_, guest):
        page.get_by_role("button", name=re.compile("^Vote for")).click()
        expect(page.locator(".retro-says")).to_contain_text("votes left")
    expect(olga.locator(".retro-votes")).to_have_count(0)
    olga.get_by_role("button", name="Show the votes").click()
    for page in (olga, max_, guest):
        expect(page.locator(".retro-votes").first).to_contain_text("2 votes")
    olga.get_by_label("What will be done?").fill("Split the slow tests")
    olga.get_by_label("Owner").first.select_option(label="Max Berger")
    olga.get_by_role("button", name="Agree").click()
    for page in (max_, guest):
        expect(page.locator(".retro-action")).to_contain_text("Split the slow tests")
        expect(page.locator("#outcomes")).to_contain_text("Split the slow tests")
    never_reloaded(olga, max_, guest)

    ceremonies.close(retro, actor=Actor.person(cast.olga))
    _, next_time, *_ = table("retrospective", days=14)
    returned = next_time.locator(".block", has_text="Actions of last time")
    expect(returned).to_contain_text("Split the slow tests")


def test_the_daily_follows_what_is_done_elsewhere(
    cast: Cast, product: Product, open_page: Open
) -> None:
    olga = Actor.person(cast.olga)
    [item] = create_items(product, [ItemDraft("Second reading")], actor=olga)
    today = timezone.localdate()
    sprint = create_sprint(
        product.teams.get(), actor=olga, starts_on=today, ends_on=today + timedelta(days=9),
        goal="Doctors see why.",
    )  # fmt: skip
    move_items(product, [item], actor=olga, spot=Spot.bottom(), to=sprint.backlog)
    start_sprint(sprint, actor=olga)
    draft = CeremonyDraft("daily", timezone.now(), 15, sprint=sprint)
    daily = ceremonies.open_ceremony(schedule(product, draft, actor=olga), actor=olga)
    page = open_page(cast.max)
    page.goto(f"/p/MED/ceremonies/{daily.pk}/")
    page.evaluate("document.body.dataset.reloads = 'none'")
    page.get_by_role("button", name="Take part").click()
    page.get_by_label("Next").fill("The second reading")
    update_item(item, actor=olga, blocked_reason="No GPU is free")
    expect(page.locator("#daily")).to_contain_text("No GPU is free")
    expect(page.get_by_label("Next")).to_have_value("The second reading")
    never_reloaded(page)
