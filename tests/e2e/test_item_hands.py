"""One item by hand and by key: each field where it stands, choices, drafts and files."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from backlog.models import Actor, Item, Kind, Product
from backlog.services.extra_fields import create_field
from backlog.services.items import ItemDraft, create_item, create_items, update_item
from backlog.services.labels import create_label
from tests.conftest import Cast
from tests.e2e.conftest import serious_faults

URL = "/p/MED/items/MED-1/"
OFFLINE = "a status of 4|ERR_INTERNET_DISCONNECTED|Failed to fetch"
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAfbLI3wAAAABJRU5ErkJggg=="
)


@pytest.fixture
def story(product: Product, cast: Cast) -> Item:
    draft = ItemDraft("First", description="For *doctors*.", criteria=[("It works", False)])
    return create_item(product, draft, actor=Actor.person(cast.olga))


def test_each_field_is_edited_where_it_stands_by_keyboard_alone(
    product: Product, story: Item, cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga = Actor.person(cast.olga)
    create_items(product, [ItemDraft("Trust", kind=Kind.EPIC), ItemDraft("Other")], actor=olga)
    create_label(product, "ux", actor=olga, hue="violet")
    create_field(product, "Risk", "choice", actor=olga, choices=["low", "high"])
    page = open_page(cast.max)
    page.goto(URL)
    toasts = page.locator("#toasts")

    pencil = page.get_by_label("Edit the title")
    pencil.press("Enter")
    expect(page.get_by_role("textbox", name="Title")).to_be_focused()
    page.keyboard.type("Second")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Second")).to_be_visible()
    expect(page).to_have_title(re.compile("MED-1 Second"))
    expect(pencil).to_be_focused()

    page.keyboard.press("d")
    expect(page.get_by_role("textbox", name="Description")).to_be_focused()
    page.keyboard.press("Control+End")
    page.keyboard.type(" Ask @do")
    expect(page.get_by_role("option", name="Dora Anyango")).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#description mark")).to_have_attribute("title", "Dora Anyango")

    page.keyboard.press("s")
    expect(page.get_by_label("Status")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(toasts).to_contain_text("MED-1: In progress.")

    page.get_by_label("Status").blur()
    page.keyboard.press("e")
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    expect(toasts).to_contain_text("MED-1: 5 points.")

    page.get_by_label("Points").blur()
    page.keyboard.press("i")
    expect(toasts).to_contain_text("MED-1: Max Berger.")
    page.keyboard.press("a")
    expect(page.get_by_label("Dora Anyango")).to_be_focused()
    page.keyboard.press(" ")
    page.keyboard.press("Escape")  # what was ticked is saved on closing
    expect(toasts).to_contain_text("MED-1: Dora Anyango, Max Berger.")

    page.keyboard.press("l")
    expect(page.get_by_label("Find a label")).to_be_focused()
    page.keyboard.type("ux")
    page.keyboard.press("Enter")  # ticks the one that there is
    page.keyboard.type("brand new")
    page.keyboard.press("Enter")  # makes one
    expect(page.locator(".property-pick .label-chip")).to_have_text(["brand new", "ux"])

    page.get_by_label("Part of").fill("Trus")
    expect(page.locator("#parent-suggestions option")).to_have_attribute("value", "MED-2")
    page.get_by_label("Part of").fill("MED-2")
    page.keyboard.press("Enter")
    expect(page.locator(".item-parent")).to_contain_text("Trust")

    page.get_by_label("Risk").select_option("high")
    page.get_by_label("Due").fill("2026-01-31")
    page.keyboard.press("Enter")
    expect(page.locator(".item-line")).to_contain_text("overdue")
    page.get_by_label("Blocked").fill("ethics board")
    page.keyboard.press("Enter")
    expect(page.locator(".item-line")).to_contain_text("blocked")

    page.get_by_role("checkbox", name="It works").press("Enter")
    expect(page.locator("#criteria")).to_contain_text("1/1")
    page.get_by_label("Add a criterion").fill("العربية 🎉")
    page.keyboard.press("Enter")
    expect(page.locator("#criteria")).to_contain_text("1/2")
    expect(page.get_by_label("Add a criterion")).to_have_value("")
    page.get_by_label("Edit the criterion العربية").press("Enter")
    page.get_by_role("button", name="Up").press("Enter")
    expect(page.locator("#criterion-0")).to_contain_text("العربية")

    page.get_by_label("What this item is").select_option(label="is blocked by")
    page.get_by_label("The other item").fill("MED-3")
    page.keyboard.press("Enter")
    expect(page.locator("#links")).to_contain_text("waits for it")
    page.get_by_label("What this item is").select_option(label="blocks")
    page.get_by_label("The other item").fill("MED-3")
    page.keyboard.press("Enter")
    expect(page.locator("#links")).to_contain_text("MED-3 already comes before MED-1")

    page.get_by_role("textbox", name="Comment", exact=True).fill("Look, @olga")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#comments mark")).to_have_text("@olga")
    page.get_by_label("Edit your comment").press("Enter")
    expect(page.get_by_label("Your comment", exact=True)).to_be_focused()
    page.keyboard.type("Never mind")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#comments")).to_contain_text("edited")

    item = Item.objects.get(pk=story.pk)
    assert (item.title, item.description) == ("Second", "For *doctors*. Ask @dora ")
    assert (item.status.slug, item.points, item.extra) == ("in-progress", 5, {"risk": "high"})
    assert set(item.assignees.all()) == {cast.max, cast.dora}
    assert not serious_faults(page)


def test_who_comes_second_chooses_and_loses_nothing(
    product: Product, story: Item, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max)
    page.goto(URL)
    olga = Actor.person(cast.olga)
    page.get_by_label("Points").fill("8")  # while somebody writes, what others do waits
    update_item(story, actor=olga, points=Decimal(3), description="Theirs", title="Other title")
    page.keyboard.press("Enter")
    choice = page.locator(".item-choice")
    expect(choice).to_contain_text("Olga Kuznetsova changed the same")
    expect(choice).to_contain_text("3")
    expect(page.get_by_role("heading", name="Other title")).to_be_visible()
    assert not serious_faults(page)
    page.get_by_role("button", name="Keep yours").press("Enter")
    expect(page.get_by_label("Points")).to_have_value("8")

    page.keyboard.press("Escape")
    page.get_by_label("Edit the description").press("Enter")
    page.get_by_role("textbox", name="Description").fill("Mine, and long")
    update_item(story, actor=olga, description="Theirs again")
    page.keyboard.press("Control+Enter")
    expect(choice).to_contain_text("Theirs again")
    page.reload()  # even now it is not lost
    expect(page.get_by_role("textbox", name="Description")).to_have_value("Mine, and long")
    page.get_by_role("textbox", name="Description").press("Control+Enter")
    yours = page.get_by_label("Yours, which you can still change")
    yours.fill("Both of us")
    page.get_by_role("button", name="Keep yours").click()
    expect(page.locator("#description")).to_contain_text("Both of us")
    story.refresh_from_db()
    assert (story.points, story.title, story.description) == (8, "Other title", "Both of us")


def test_what_was_typed_survives_a_reload_a_deed_elsewhere_and_a_lost_connection(
    product: Product, story: Item, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max, tolerated=OFFLINE)
    page.goto(URL)
    page.get_by_role("textbox", name="Comment", exact=True).fill("A long thought")
    page.get_by_label("Edit the description").press("Enter")
    page.get_by_role("textbox", name="Description").fill("Half a sentence")
    page.reload()
    expect(page.get_by_role("textbox", name="Comment", exact=True)).to_have_value("A long thought")
    expect(page.get_by_role("textbox", name="Description")).to_have_value("Half a sentence")
    expect(page.get_by_text("Your unsaved text is back.")).to_have_count(2)
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#description-preview")).to_contain_text("Half a sentence")

    page.get_by_label("Points").fill("2")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("MED-1: 2 points.")
    expect(page.get_by_role("textbox", name="Description")).to_have_value("Half a sentence")

    page.context.set_offline(True)
    page.locator("#description").get_by_role("button", name="Save").click()
    expect(page.locator("#description")).to_contain_text("Not saved: the server can't be reached.")
    page.context.set_offline(False)  # it goes out by itself
    expect(page.locator("#description .prose")).to_contain_text("Half a sentence")
    expect(page.locator("#description .item-note")).to_have_count(0)
    story.refresh_from_db()
    assert (story.description, story.points) == ("Half a sentence", 2)

    page.locator("#comments").get_by_role("button", name="Discard").click()
    expect(page.get_by_role("textbox", name="Comment", exact=True)).to_have_value("")
    page.reload()
    expect(page.get_by_text("Your unsaved text is back.")).to_have_count(0)


def test_drafts_of_one_person_are_gone_for_the_next(
    product: Product, story: Item, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max)
    page.goto(URL)
    page.get_by_role("textbox", name="Comment", exact=True).fill("A secret of Max")
    other = open_page(cast.olga)
    cookies = other.context.cookies()
    page.context.clear_cookies()
    page.context.add_cookies(cookies)  # type: ignore[arg-type]  # what one gives the other takes
    page.goto(URL)
    expect(page.get_by_role("textbox", name="Comment", exact=True)).to_have_value("")
    kept = page.evaluate("Object.values(localStorage).join()")
    assert "secret" not in kept


def test_a_picture_is_shown_and_an_svg_is_not(
    product: Product,
    story: Item,
    cast: Cast,
    open_page: Callable[..., Page],
    tmp_path: Path,
) -> None:
    picture, svg = tmp_path / "dot.png", tmp_path / "evil.svg"
    picture.write_bytes(DOT)
    svg.write_text("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    page = open_page(cast.max)
    page.goto(URL)
    page.get_by_label("Files to attach").set_input_files([picture, svg])
    expect(page.locator(".item-file")).to_have_count(2)
    shown = page.locator("#attachments img")
    expect(shown).to_have_count(1)
    shown.scroll_into_view_if_needed()
    expect(shown).to_have_js_property("naturalWidth", 1)
    with page.expect_download() as download:
        page.get_by_role("link", name="evil.svg").click()
    assert download.value.suggested_filename == "evil.svg"
    page.get_by_label("Remove evil.svg").click()
    page.get_by_role("button", name="Remove", exact=True).locator("visible=true").click()
    expect(page.locator(".item-file")).to_have_count(1)


def test_an_item_fits_a_phone_in_the_dark(
    product: Product, story: Item, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max, viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.goto(URL)
    for name in ("Edit the title", "Edit the description", "Edit the criterion It works"):
        page.get_by_label(name).press("Enter")
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not serious_faults(page)
