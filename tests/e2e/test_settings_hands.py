"""Settings by key alone: a workflow is made, and who pulls an item that is not ready hears it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from backlog.models import Actor, Product
from backlog.services.items import ItemDraft, create_item
from backlog.services.labels import create_label
from tests.conftest import Cast
from tests.e2e.conftest import serious_faults

SETTINGS = "/p/MED/settings"


def order(page: Page) -> list[str]:
    return page.locator("#ordered .status-name").all_inner_texts()


def test_a_workflow_is_made_by_keyboard(
    product: Product, cast: Cast, open_page: Callable[..., Page]
) -> None:
    review = product.statuses.get(slug="in-review")
    create_item(product, ItemDraft("a", status=review), actor=Actor.person(cast.olga))
    page = open_page(cast.olga)
    page.goto(f"{SETTINGS}/workflow/")
    page.get_by_label("Name").press_sequentially("Testing")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Testing is part of the workflow.")
    assert order(page) == ["To do", "In progress", "In review", "Testing", "Done"]

    up = page.get_by_role("button", name="Move Testing up")
    up.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Testing is number 3 of 5.")
    assert order(page) == ["To do", "In progress", "Testing", "In review", "Done"]
    expect(up).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Testing is number 2 of 5.")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Testing is number 1 of 5.")
    expect(page.get_by_role("button", name="Move Testing down")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Testing is number 2 of 5.")

    page.get_by_role("link", name="Edit Testing").press("Enter")
    page.get_by_label("Violet").focus()
    page.keyboard.press("ArrowRight")  # pink
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Testing is saved.")
    expect(page.locator("#status-testing .status-mark")).to_have_class("status-mark hue-pink")

    page.get_by_role("link", name="Edit In review").press("Enter")
    page.get_by_label("Its items go to").select_option("Testing")
    page.get_by_role("button", name="Delete In review").press("Enter")
    expect(page.locator("#toasts")).to_contain_text("1 item moved to Testing.")
    assert order(page) == ["To do", "Testing", "In progress", "Done"]


def test_a_status_is_dragged_and_what_is_refused_goes_back(
    product: Product, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.olga)
    page.goto(f"{SETTINGS}/workflow/")
    with page.expect_response("**/in-review/move/"):
        page.locator("#status-in-review .grip").drag_to(page.locator("#status-to-do"))
    assert order(page) == ["In review", "To do", "In progress", "Done"]
    expect(page.get_by_role("button", name="Move In review up")).to_be_disabled()
    expect(page.get_by_role("button", name="Move To do up")).to_be_enabled()
    page.reload()
    assert order(page) == ["In review", "To do", "In progress", "Done"]

    page.route("**/move/", lambda route: route.fulfill(status=409))
    page.locator("#status-done .grip").drag_to(page.locator("#status-in-review"))
    expect(page.locator("#toasts")).to_contain_text("The order could not be kept.")
    assert order(page) == ["In review", "To do", "In progress", "Done"]


def test_definitions_are_tried_saved_and_heard(
    product: Product, cast: Cast, open_page: Callable[..., Page]
) -> None:
    create_item(product, ItemDraft("Bare"), actor=Actor.person(cast.olga))
    page = open_page(cast.olga)
    page.goto(f"{SETTINGS}/definitions/")
    page.get_by_label("It is estimated").first.press(" ")
    page.get_by_label("It has acceptance criteria").press(" ")
    page.get_by_role("button", name="Preview").press("Enter")
    preview = page.locator("#preview")
    expect(preview).to_contain_text("no acceptance criteria, not estimated")
    expect(preview).to_contain_text("not saved yet")
    expect(page.get_by_label("It has acceptance criteria")).to_be_checked()
    assert not serious_faults(page)
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.locator("#toasts")).to_contain_text("The definitions are saved.")

    page.goto("/p/MED/items/MED-1/")
    page.get_by_label("Status").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts .notice-warning")).to_contain_text(
        "MED-1 isn't ready: no acceptance criteria, not estimated."
    )


def test_settings_fit_a_phone(product: Product, cast: Cast, open_page: Callable[..., Page]) -> None:
    label = create_label(product, "a label that says quite a lot for one", actor=Actor.system())
    page = open_page(cast.olga, viewport={"width": 390, "height": 844}, color_scheme="dark")
    for path in ("workflow/", "workflow/done/", "definitions/", "labels/",
                 f"labels/{label.pk}/", "fields/"):  # fmt: skip
        page.goto(f"{SETTINGS}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert not serious_faults(page)
    tab = page.get_by_role("link", name="Fields").bounding_box()
    assert tab
    assert tab["x"] >= 0
    assert tab["x"] + tab["width"] <= 390  # the tabs have scrolled to the one that is shown
