"""What one person does, all others see at once, wherever they are and whatever they are at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from backlog.models import Actor, Item, Product
from backlog.services.items import ItemDraft, create_item, create_items, update_item
from backlog.services.notifications import mark_read
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.runs import request_run
from dataquality.services.suites import save_suite
from sprints.models import Sprint
from tests.conftest import Cast
from tests.dataquality.conftest import NUCLEI_IN_SET, PATIENTS, upload
from tests.e2e.conftest import work
from tests.e2e.test_board_hands import card, column, head, running

__all__ = ["running"]
OpenPage = Callable[..., Page]


def top_of(page: Page, ref: str) -> float:
    box = page.locator(f"#backlog [data-ref={ref}]").bounding_box()
    assert box is not None
    return float(box["y"])


def test_a_move_on_the_board_is_seen_by_the_others(
    product: Product, running: Sprint, cast: Cast, open_page: OpenPage
) -> None:
    max_page, sina_page = open_page(cast.max), open_page(cast.sina)
    drawn = []
    max_page.on(
        "request",
        lambda request: drawn.append(request.url) if request.headers.get("hx-target") else None,
    )
    for page in (max_page, sina_page):
        page.goto("/p/MED/board/")
    expect(sina_page.locator("[data-here]").get_by_title("Max Berger is here")).to_be_visible()
    expect(max_page.locator("[data-here]").get_by_title("Sina Rahimi is here")).to_be_visible()
    expect(max_page.locator("[data-here] .face")).to_have_count(1)  # nobody sees oneself

    sina_page.keyboard.press("j")
    max_page.keyboard.press("j")
    max_page.keyboard.press("Alt+ArrowRight")
    expect(column(sina_page, "in-progress")).to_contain_text("First")
    expect(head(sina_page, "in-progress")).to_contain_text("8 pts")
    expect(card(sina_page, "MED-1").locator(".row-link")).to_be_focused()
    assert len(drawn) == 1, "whoever did it draws the board once"

    sina_page.keyboard.press("j")
    sina_page.keyboard.press("j")
    sina_page.keyboard.press("i")
    expect(max_page.locator("#board [data-cell=assignee]")).to_contain_text(["Sina Rahimi"])

    max_page.goto("/p/MED/backlog/")
    expect(sina_page.locator("[data-here]")).to_be_hidden()


def test_a_new_item_comes_into_the_list_of_the_others(
    product: Product, cast: Cast, open_page: OpenPage
) -> None:
    olga = Actor.person(cast.olga)
    create_items(product, [ItemDraft(f"Item {n}") for n in range(1, 61)], actor=olga)
    olga_page, max_page = open_page(cast.olga), open_page(cast.max)
    for page in (olga_page, max_page):
        page.goto("/p/MED/backlog/")
    expect(olga_page.locator("#backlog-counts")).to_contain_text("60 items")

    olga_page.evaluate("window.scrollTo(0, 900)")
    expect(olga_page.locator("#backlog [data-ref=MED-60]")).to_be_attached()
    stands = top_of(olga_page, "MED-30")
    max_page.locator("#quick-title").fill("Seen at once")
    max_page.locator("#quick-title").press("Enter")
    expect(olga_page.locator("#backlog-counts")).to_contain_text("61 items")
    expect(olga_page.locator("#backlog")).to_contain_text("Seen at once")
    assert top_of(olga_page, "MED-30") == pytest.approx(stands, abs=1)

    max_page.locator("#backlog [data-ref=MED-2] .row-link").focus()
    max_page.keyboard.press("e")
    max_page.get_by_role("dialog", name="Points").get_by_role("textbox").fill("13")
    max_page.keyboard.press("Enter")
    expect(olga_page.locator("#backlog [data-ref=MED-2] [data-cell=points]")).to_contain_text("13")
    assert top_of(olga_page, "MED-30") == pytest.approx(stands, abs=1)


def test_what_somebody_types_is_not_lost_when_others_change_the_item(
    product: Product, cast: Cast, open_page: OpenPage
) -> None:
    olga, max_ = Actor.person(cast.olga), Actor.person(cast.max)
    item = create_item(product, ItemDraft("First"), actor=olga)
    create_item(product, ItemDraft("Second"), actor=olga)
    page = open_page(cast.olga)
    page.goto("/p/MED/backlog/")
    page.locator("#backlog [data-ref=MED-1] .row-link").click()
    comment = page.locator("#panel textarea[name=text]").last
    comment.click()
    comment.press_sequentially("Half a thought")

    item = update_item(item, actor=max_, title="First, and more")
    expect(page.locator("#backlog [data-ref=MED-1]")).to_contain_text("First, and more")
    expect(comment).to_be_focused()
    expect(comment).to_have_value("Half a thought")
    comment.press_sequentially(" is kept")
    expect(comment).to_have_value("Half a thought is kept")

    page.locator("#panel-body").focus()  # nobody is at it any more: what is late comes now
    expect(page.locator("#panel #item-heading")).to_contain_text("First, and more")
    expect(comment).to_have_value("Half a thought is kept")

    update_item(item, actor=max_, title="Third name")
    expect(page.locator("#panel #item-heading")).to_contain_text("Third name")
    expect(comment).to_have_value("Half a thought is kept")


def test_the_page_of_an_item_and_the_bell_follow(
    product: Product, cast: Cast, open_page: OpenPage
) -> None:
    olga = Actor.person(cast.olga)
    item = create_item(product, ItemDraft("First"), actor=olga)
    page, data = open_page(cast.max), open_page(cast.max)
    page.goto("/p/MED/items/MED-1/")
    data.goto("/p/MED/data/")
    mark_read(cast.max)
    update_item(item, actor=olga, title="Other name", assignees=[cast.max])
    expect(page.locator("#item-heading")).to_contain_text("Other name")
    expect(page).to_have_title("MED-1 Other name · MED · ML Scrum")
    expect(data.locator(".bell-count")).to_have_text("1")


def test_a_tab_that_was_hidden_catches_up(
    product: Product, cast: Cast, open_page: OpenPage
) -> None:
    olga = Actor.person(cast.olga)
    item: Item = create_item(product, ItemDraft("First"), actor=olga)
    page = open_page(cast.max)
    page.goto("/p/MED/items/MED-1/")
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    hide += "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hide % "true")
    update_item(item, actor=olga, title="Meanwhile")
    page.wait_for_timeout(1000)
    expect(page.locator("#item-heading")).to_contain_text("First")
    page.evaluate(hide % "false")
    expect(page.locator("#item-heading")).to_contain_text("Meanwhile")


def test_runs_show_as_they_are(product: Product, cast: Cast, open_page: OpenPage) -> None:
    olga = Actor.person(cast.olga)
    page, list_page = open_page(cast.vera), open_page(cast.vera)
    dataset = register_dataset(
        product, DatasetDraft(name="Patients", owner=cast.olga), upload(PATIENTS), actor=olga
    )
    save_suite(dataset, [NUCLEI_IN_SET], actor=olga)
    page.goto("/p/MED/data/")
    list_page.goto("/p/MED/data/patients/runs/")
    request_run(dataset, actor=olga)
    expect(list_page.locator("#runs")).to_contain_text("queued")
    work()
    expect(page.locator("#datasets")).to_contain_text("failed")
    expect(list_page.locator("#runs")).to_contain_text("failed")
