"""Undo by key and by button, the trash by keys alone, and the way to another product."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from backlog.models import Actor, Item, Product
from backlog.services.items import (
    ItemDraft,
    comment,
    create_items,
    move_items,
    trash_items,
    update_item,
)
from backlog.services.products import create_product
from backlog.services.ranks import Spot
from tests.conftest import Cast
from tests.e2e.conftest import serious_faults

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def abc(product: Product, cast: Cast) -> list[Item]:
    drafts = [ItemDraft(title) for title in ("First", "Second", "Third")]
    return create_items(product, drafts, actor=Actor.person(cast.olga))


def test_ctrl_z_takes_back_the_last_deed_and_tells_the_page_but_never_within_a_field(
    product: Product, abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga = Actor.person(cast.olga)
    update_item(abc[0], actor=olga, title="Changed")
    move_items(product, [abc[2]], actor=olga, spot=Spot.top())
    page = open_page(cast.olga)
    page.goto("/p/MED/backlog/")
    page.evaluate(
        "() => { window.told = []; document.addEventListener('items:changed',"
        " ({detail}) => window.told.push(detail)); }"
    )
    field = page.get_by_label("Title of a new item")
    field.fill("Half a thought")
    field.press("Control+z")
    expect(page.locator("#toasts [data-notice]")).to_have_count(0)
    field.blur()
    page.keyboard.press("Control+z")
    expect(page.locator("#toasts")).to_contain_text("Undone: MED-3 is back where it was.")
    page.keyboard.press("Control+z")
    expect(page.locator("#toasts")).to_contain_text("Undone: MED-1 has its title back.")
    assert page.evaluate("window.told") == [
        {"refs": ["MED-3"], "moved": True},
        {"refs": ["MED-1"], "moved": False},
    ]


def test_a_comment_is_deleted_after_a_question_and_comes_back_by_ctrl_z(
    product: Product, abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    acts = Actor.person(cast.max)
    update_item(abc[1], actor=acts, title="Changed")
    comment(abc[0], "Quorum", actor=acts)
    page = open_page(cast.max)
    page.goto("/p/MED/items/MED-1/")
    page.keyboard.press("Control+z")
    toasts, comments = page.locator("#toasts"), page.locator("#comments")
    expect(toasts).to_contain_text("Undo leaves your comment on MED-1; edit or delete it there.")
    page.get_by_label("Edit your comment").click()
    comments.get_by_text("Delete…").click()
    expect(comments).to_contain_text("Delete your comment?")
    comments.get_by_role("button", name="Delete", exact=True).click()
    expect(toasts).to_contain_text("Your comment on MED-1 is gone; the history keeps it.")
    expect(comments).not_to_contain_text("Quorum")
    page.keyboard.press("Control+z")
    expect(toasts).to_contain_text("Undone: your comment on MED-1 is back.")
    expect(comments).to_contain_text("Quorum")
    assert Item.objects.get(pk=abc[1].pk).title == "Changed"


def test_only_the_message_of_the_last_deed_offers_to_take_it_back(
    product: Product, abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max)
    page.goto("/p/MED/items/MED-1/")
    toasts, undo = page.locator("#toasts"), page.locator("#toasts [data-undo]")
    page.get_by_label("Status").select_option("in-progress")
    expect(toasts).to_contain_text("MED-1: In progress.")
    expect(undo).to_have_count(1)
    page.get_by_label("Points").fill("5")
    page.get_by_label("Points").press("Enter")
    expect(toasts).to_contain_text("MED-1: 5 points.")
    expect(toasts).to_contain_text("MED-1: In progress.")
    expect(undo).to_have_count(1)
    expect(toasts.locator("[data-notice]", has=page.locator("[data-undo]"))).to_contain_text(
        "5 points"
    )
    page.get_by_label("Status").select_option("in-review")
    expect(toasts).to_contain_text("MED-1: In review.")
    page.get_by_label("Points").blur()
    page.keyboard.press("Control+z")  # the button of what is undone already goes too
    expect(toasts).to_contain_text("Undone: MED-1 has its status back.")
    expect(undo).to_have_count(0)


def test_the_trash_is_emptied_by_keys_alone_and_the_message_takes_it_back(
    product: Product, abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    trash_items(product, abc, actor=Actor.person(cast.max))
    page = open_page(cast.olga)
    page.goto("/p/MED/trash/")
    for key in ("j", "x", "j", "Shift+X", "r"):
        page.keyboard.press(key)
    expect(page.locator("#toasts")).to_contain_text("2 items are back")
    expect(page.locator("[data-row]")).to_have_count(1)
    page.locator("#toasts").get_by_role("button", name="Undo").press("Enter")
    expect(page.locator("[data-row]")).to_have_count(3)
    expect(page.locator("#toasts")).to_contain_text("Undone: 2 items are in the trash.")


def test_an_item_goes_to_another_product_by_keyboard(
    product: Product, abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    create_product(key="SHOP", name="Recommender", owner=cast.olga, actor=Actor.system())
    page = open_page(cast.olga)
    page.goto("/p/MED/items/MED-1/transfer/")
    page.get_by_role("button", name="Next").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Move MED-1 to Recommender?")
    page.get_by_role("button", name="Move to Recommender").press("Enter")
    expect(page.locator("#toasts")).to_contain_text("SHOP-1: moved to Recommender.")
    page.goto("/p/MED/items/MED-1/")
    expect(page).to_have_url(re.compile("/p/SHOP/items/SHOP-1/$"))


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_neither_page_has_a_serious_fault_or_scrolls_sideways(
    product: Product,
    abc: list[Item],
    cast: Cast,
    open_page: Callable[..., Page],
    viewport: dict[str, int],
) -> None:
    create_product(key="SHOP", name="Recommender", owner=cast.olga, actor=Actor.system())
    trash_items(product, abc[1:], actor=Actor.person(cast.max))
    page = open_page(cast.olga, viewport=viewport)
    faults = []
    for path in (
        "/p/MED/trash/",
        "/p/MED/items/MED-1/transfer/",
        "/p/MED/items/MED-1/transfer/?product=SHOP&how=move",
    ):
        page.goto(path)
        faults += serious_faults(page)
        wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wider <= 0, path
    assert faults == []
