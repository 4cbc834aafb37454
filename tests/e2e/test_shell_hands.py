"""The shell by hand and by key: the palette, the keys and their sheet, the bell, three pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from backlog.models import Actor, Item, Kind, Product
from backlog.queries.notifications import unread_count
from backlog.services.items import ItemDraft, comment, create_items, update_item
from backlog.services.notifications import watch
from backlog.services.products import create_product
from tests.backlog.evidence import see
from tests.conftest import Cast
from tests.e2e.conftest import serious_faults

KEY_LIST = """
  document.querySelector("main").insertAdjacentHTML("beforeend",
    '<ul hidden data-key-list="Backlog list"><li data-keys="j">Next item</li></ul>')
"""


@pytest.fixture
def abc(product: Product, cast: Cast) -> list[Item]:
    olga = Actor.person(cast.olga)
    shop = create_product(key="SHOP", name="Recommender", owner=cast.olga, actor=olga)
    create_items(shop, [ItemDraft("Threshold for baskets")], actor=olga)
    titles = ("Threshold by clinic", "Worklist", "Export of the worklist")
    return create_items(product, [ItemDraft(title) for title in titles], actor=olga)


def active_option(page: Page) -> Any:
    return page.locator("#palette [role=option][aria-selected=true]")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_palette_finds_opens_and_commands_by_keyboard_alone(
    abc: list[Item], cast: Cast, open_page: Callable[..., Page], width: int, theme: str
) -> None:
    page = open_page(cast.olga, viewport={"width": width, "height": 844}, color_scheme=theme)
    page.goto("/p/MED/backlog/")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search items, rooms and commands")
    expect(field).to_be_focused()
    expect(page.locator("#palette")).to_contain_text("Rooms")
    expect(page.get_by_role("option", name="Create an item")).to_be_attached()
    assert not serious_faults(page)
    page.keyboard.type("thresh")
    options = page.locator("#palette [data-group] [role=option]")
    expect(options).to_have_count(2)
    expect(active_option(page)).to_contain_text("MED-1")
    page.keyboard.press("ArrowDown")
    expect(active_option(page)).to_contain_text("SHOP-1")
    page.keyboard.press("ArrowDown")  # and around
    expect(active_option(page)).to_contain_text("MED-1")
    chosen = active_option(page).get_attribute("id")
    assert field.get_attribute("aria-activedescendant") == chosen
    assert not serious_faults(page)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/p/MED/items/MED-1/$"))

    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("dark")
    expect(active_option(page)).to_have_text("Theme: dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.locator("#palette")).to_be_hidden()

    page.keyboard.press("Control+k")
    page.keyboard.type("shop set")
    expect(active_option(page)).to_contain_text("Settings")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/p/SHOP/settings/$"))


def test_enter_waits_for_the_answer_to_what_was_typed(
    abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.olga)
    page.goto("/p/MED/backlog/")
    page.keyboard.press("Control+k")
    page.keyboard.type("MED-3")
    page.keyboard.press("Enter")  # before any answer is there
    expect(page).to_have_url(re.compile("/p/MED/items/MED-3/$"))


def test_the_palette_says_where_nothing_is_found_or_no_server_is(
    abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.olga)
    page.goto("/p/MED/backlog/")
    page.get_by_role("link", name="Search").click()
    page.keyboard.type("zzz")
    expect(page.locator("#palette")).to_contain_text("No item holds these words")
    expect(page.locator("#palette [role=listbox]")).to_be_hidden()
    assert not serious_faults(page)
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    page.route("**/search/**", lambda route: route.fulfill(status=404))
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_contain_text("only commands of this page are listed")
    page.keyboard.type("sign out")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/sign-in/"))


def test_keys_go_to_rooms_and_create_but_never_from_a_field_or_a_dialog(
    abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.olga)
    page.goto("/p/MED/backlog/")
    for keys, landed in (("ge", "/p/MED/epics/"), ("gd", "/p/MED/data/"), ("gb", "/p/MED/backlog/"),
                         ("gw", "/my-work/"), ("gn", "/notifications/")):  # fmt: skip
        page.goto("/p/MED/backlog/")
        page.keyboard.type(keys)
        expect(page).to_have_url(re.compile(f"{landed}$"))
    page.goto("/p/MED/backlog/")
    page.get_by_label("Title of a new item").focus()
    page.keyboard.type("gw c?")
    expect(page.get_by_label("Title of a new item")).to_have_value("gw c?")
    expect(page.locator("dialog:modal")).to_have_count(0)
    page.get_by_label("Title of a new item").blur()
    page.keyboard.press("?")
    expect(page.locator("dialog:modal")).to_have_count(1)
    page.keyboard.type("c?")
    expect(page.locator("dialog:modal")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("dialog:modal")).to_have_count(0)
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile("/items/new/"))


def test_the_sheet_lists_keys_of_the_shell_of_the_page_and_of_its_lists(
    abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.olga)
    page.goto("/p/MED/items/MED-1/")
    page.evaluate(KEY_LIST)
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet.get_by_role("heading", level=3)).to_have_text(
        ["Everywhere", "This page", "Backlog list"]
    )
    for name in ("Search and commands", "Create an item", "My work", "Backlog", "Next item"):
        expect(sheet.get_by_role("definition").filter(has_text=name).first).to_be_visible()
    assert not serious_faults(page)


def test_whoever_opens_an_item_has_seen_its_news(
    abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga = Actor.person(cast.olga)
    comment(abc[0], "@max is this yours?", actor=olga)
    update_item(abc[1], actor=olga, assignees=[cast.max])
    page = open_page(cast.max)
    page.goto("/p/MED/backlog/")
    bell = page.get_by_role("link", name="Notifications: 2 unread")
    bell.click()
    page.get_by_role("link", name="Threshold by clinic").click()
    expect(page.get_by_role("link", name="Notifications: 1 unread")).to_be_visible()
    expect(page.locator(".bell-count")).to_have_text("1")
    assert unread_count(cast.max) == 1
    page.goto("/notifications/")
    page.keyboard.press("r")
    expect(page.get_by_text("You have seen everything.")).to_be_visible()
    expect(page.locator(".bell-count")).to_be_hidden()


def test_my_work_sets_a_status_in_place(
    product: Product, abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    update_item(abc[0], actor=Actor.person(cast.olga), assignees=[cast.max])
    page = open_page(cast.max)
    page.goto("/my-work/")
    status = page.get_by_label("Status of MED-1")
    status.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("MED-1: In progress.")
    expect(page.locator("section", has_text="In progress").first).to_contain_text("MED-1")
    expect(page).to_have_url(re.compile("/my-work/$"))
    expect(status).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_full_pages_of_the_shell_are_for_everybody_and_as_wide_as_the_window(
    product: Product,
    abc: list[Item],
    cast: Cast,
    open_page: Callable[..., Page],
    width: int,
    theme: str,
) -> None:
    olga = Actor.person(cast.olga)
    [epic] = create_items(product, [ItemDraft("Trust " * 30, kind=Kind.EPIC)], actor=olga)
    [late] = create_items(
        product,
        [ItemDraft("Late " * 30, parent=epic, assignees=[cast.max], due_date=date(2024, 1, 31))],
        actor=olga,
    )
    update_item(late, actor=olga, blocked_reason="The clinic is closed")
    comment(abc[0], "@max " + "look" * 80, actor=olga)
    watch([(abc[1], cast.max)])
    update_item(abc[1], actor=olga, status=product.statuses.get(slug="done"))
    see(product, "age", "weight")
    page = open_page(cast.max, viewport={"width": width, "height": 844}, color_scheme=theme)
    for path in ("/my-work/", "/notifications/", "/p/MED/epics/", "/search/?q=t&product=MED"):
        page.goto(path)
        assert not serious_faults(page), path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert not serious_faults(page)


def test_an_epic_unfolds_its_items(
    product: Product, cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga = Actor.person(cast.olga)
    [epic] = create_items(product, [ItemDraft("Trust", kind=Kind.EPIC)], actor=olga)
    create_items(product, [ItemDraft("Step one", parent=epic)], actor=olga)
    page = open_page(cast.max)
    page.goto("/p/MED/epics/")
    page.locator("summary", has_text="Items of MED-1").press("Enter")
    expect(page.get_by_role("link", name="Step one")).to_be_visible()
    assert not serious_faults(page)
    page.get_by_role("link", name="Add an item").click()
    expect(page.get_by_label("Parent")).to_have_value(re.compile("MED-1|.+"))


def test_without_scripts_search_news_and_my_work_still_work(
    abc: list[Item], cast: Cast, open_page: Callable[..., Page]
) -> None:
    update_item(abc[0], actor=Actor.person(cast.olga), assignees=[cast.max])
    page = open_page(cast.max, java_script_enabled=False)
    page.goto("/p/MED/backlog/")
    page.get_by_role("link", name="Search").click()
    page.get_by_label("Search items and rooms").fill("threshold")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="Threshold by clinic")).to_be_visible()
    page.goto("/notifications/")
    page.get_by_role("button", name="Mark as read").click()
    expect(page.get_by_text("You have seen everything.")).to_be_visible()
    page.goto("/my-work/")
    page.get_by_label("Status of MED-1").select_option("Done")
    page.get_by_role("button", name="Set").click()
    expect(page).to_have_url(re.compile("/my-work/$"))
    expect(page.locator("section", has_text="In the last 7 days")).to_contain_text("MED-1")
