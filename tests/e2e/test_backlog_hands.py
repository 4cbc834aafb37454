"""The backlog by hand and by key: where the focus goes, what saves, and what is never lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from backlog.models import Actor, Item, Product
from backlog.services.items import ItemDraft, create_items
from tests.backlog.evidence import see
from tests.conftest import Cast
from tests.e2e.conftest import serious_faults


@pytest.fixture
def abc(product: Product, cast: Cast) -> list[Item]:
    drafts = [ItemDraft(title) for title in ("First", "Second", "Third")]
    return create_items(product, drafts, actor=Actor.person(cast.olga))


def test_the_keyboard_goes_on_where_it_was_after_a_move_and_a_taking(
    product: Product, abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    see(product, "age", "weight", "height")
    page = open_page(cast.olga)
    page.goto("/p/MED/backlog/")
    expect(page.locator("#backlog-counts")).to_contain_text("3 items")
    row = page.locator("[data-ref=MED-3] .row-link")
    row.focus()
    page.keyboard.press("m")
    page.keyboard.press("Enter")  # Top
    expect(page.locator("#backlog [data-list] li").first).to_contain_text("Third")
    expect(row).to_be_focused()

    page.get_by_role("button", name="Take MED-5 to the top").press("Enter")
    expect(page.get_by_role("button", name="Take MED-6 to the top")).to_be_focused()
    expect(page.locator("#rooms")).to_contain_text("4 open items in the product backlog")


def test_an_item_is_added_by_key_and_stays_in_sight(
    product: Product, abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max)
    page.goto("/p/MED/backlog/")
    page.get_by_label("Title of a new item").fill("Fourth")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts").get_by_role("link", name="MED-4")).to_be_visible()
    expect(page.get_by_label("Title of a new item")).to_be_focused()
    expect(page.locator("#rooms")).to_contain_text("4 open items")
    page.get_by_label("Title of a new item").blur()
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile("/items/new/"))
    expect(page.get_by_label("Title")).to_be_focused()


def test_arrow_keys_pass_over_statuses_and_enter_saves(
    product: Product, abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max)
    page.goto("/p/MED/items/MED-1/")
    status = page.get_by_label("Status")
    status.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("MED-1: In review.")
    expect(status).to_be_focused()
    abc[0].refresh_from_db()
    assert (abc[0].status.slug, abc[0].version) == ("in-review", 2)


def test_what_was_typed_is_back_after_signing_in_again(
    product: Product,
    abc: list[Item],
    cast: Cast,
    open_page: Callable[..., Page],
    settings: Any,
) -> None:
    # The server knows the real hasher alone.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    cast.max.set_password("pw")
    cast.max.save()
    page = open_page(cast.max)
    page.goto("/p/MED/items/new/")
    page.get_by_label("Title").fill("First, and better")
    page.get_by_label("Description").fill("A long thought")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Create").click()
    page.get_by_label("E-mail").fill("max@example.org")
    page.get_by_label("Password").fill("pw")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/items/new/$"))
    expect(page.get_by_text("You were signed out; nothing was saved.")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("First, and better")
    expect(page.get_by_label("Description")).to_have_value("A long thought")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="First, and better")).to_be_visible()

    page.get_by_role("textbox", name="Comment").fill("Said before")
    page.context.clear_cookies(name="sessionid")
    page.goto("/p/MED/items/MED-1/delete/")  # a page that was only opened lost nothing
    expect(page.get_by_text("nothing was saved")).to_have_count(0)


def test_a_new_item_survives_a_reload_until_it_is_there(
    product: Product, abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max)
    page.goto("/p/MED/items/new/")
    title, text = page.get_by_label("Title"), page.get_by_label("Description")
    title.fill("Fourth")
    text.fill("A long thought")
    page.get_by_label("Kind").select_option("bug")
    page.reload()
    expect(page.locator(".item-note")).to_contain_text("Your unsaved text is back.")
    expect(title).to_have_value("Fourth")
    expect(text).to_have_value("A long thought")
    expect(page.get_by_label("Kind")).to_have_value("bug")
    title.fill("")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Give it a title.").or_(page.get_by_text("required"))).to_be_visible()
    expect(text).to_have_value("A long thought")
    title.fill("Fourth, at last")
    page.route("**/items/new/", lambda route: route.fulfill(body="It broke."))
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("It broke.")).to_be_visible()
    page.unroute("**/items/new/")
    page.goto("/p/MED/items/MED-1/")  # another item than the one that was not made
    expect(page.get_by_role("heading", name="First")).to_be_visible()
    page.goto("/p/MED/items/new/")
    expect(title).to_have_value("Fourth, at last")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Fourth, at last")).to_be_visible()
    page.goto("/p/MED/items/new/")
    expect(title).to_have_value("")
    expect(text).to_have_value("")
    text.fill("Another thought")
    page.reload()
    page.get_by_role("button", name="Discard").click()
    expect(text).to_have_value("")
    page.reload()
    expect(text).to_have_value("")


def test_pages_of_the_ground_floor_fit_a_phone(
    product: Product, abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    see(product, "age", "weight")
    page = open_page(cast.olga, viewport={"width": 390, "height": 844})
    page.goto("/p/MED/items/MED-4/")
    page.locator("summary", has_text="Mute").click()
    panel = page.locator("details[open] .menu-panel").bounding_box()
    assert panel
    assert panel["x"] >= 12
    assert panel["x"] + panel["width"] <= 390 - 12
    page.goto("/p/MED/members/")
    page.locator("summary", has_text="Remove").first.click()
    panel = page.locator("details.ask[open] .menu-panel").bounding_box()
    assert panel
    assert panel["x"] >= 12
    assert panel["x"] + panel["width"] <= 390 - 12
    for path in ("items/MED-4/", "items/MED-4/move/", "members/", "findings/", "backlog/"):
        page.goto(f"/p/MED/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert not serious_faults(page)
