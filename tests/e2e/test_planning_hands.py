"""Planning a sprint with one's hands: by dragging, and by the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, Route, expect

from backlog.models import Activity, Actor, Item, Product
from backlog.services.items import ItemDraft, create_items, move_items, update_item
from backlog.services.ranks import Spot
from backlog.services.teams import create_team
from sprints.models import Sprint
from sprints.services.sprints import ShareLine, create_sprint, update_sprint
from tests.conftest import Cast
from tests.e2e.conftest import drag, serious_faults, without_news

POINTS = (8, 5, 3, 2)


@pytest.fixture
def items(product: Product, cast: Cast) -> list[Item]:
    drafts = [
        ItemDraft(f"Story {n}", points=Decimal(points), assignees=[cast.max])
        for n, points in enumerate(POINTS, start=1)
    ]
    return create_items(product, drafts, actor=Actor.person(cast.olga))


@pytest.fixture
def sprint(product: Product, cast: Cast, items: list[Item]) -> Sprint:
    olga = Actor.person(cast.olga)
    made = create_sprint(
        product.teams.get(),
        actor=olga,
        starts_on=date(2030, 1, 7),
        ends_on=date(2030, 1, 18),
        goal="Doctors see why",
    )
    return update_sprint(made, actor=olga, shares=[ShareLine(cast.max, Decimal(10))])


def refs(sprint: Sprint) -> list[str]:
    rows = Item.objects.alive().filter(backlog=sprint.backlog).order_by("rank")
    return [item.ref for item in rows.select_related("product")]


def planned(page: Page) -> Locator:
    return page.locator(".planned-rows > .planned-row")


def show(page: Page, wanted: list[str]) -> None:
    """The sprint shows these items in this order, drawn by the server."""
    expect(planned(page).locator(".ref")).to_have_text(wanted)


def test_a_sprint_is_planned_by_dragging(
    open_page: Callable[..., Page], sprint: Sprint, cast: Cast
) -> None:
    page = open_page(cast.olga)
    page.goto(f"/p/MED/sprints/{sprint.pk}/plan/")
    rows = page.locator("#backlog [data-list] .item-row")
    expect(rows).to_have_count(4)

    drag(page, rows.nth(0), page.locator(".planned-rows"), at=(200, 16))
    show(page, ["MED-1"])
    expect(rows).to_have_count(3)
    drag(page, rows.nth(0), planned(page).first, at=(200, 16), to=(60, 30))
    show(page, ["MED-1", "MED-2"])
    expect(page.locator(".planned-sums .plan-bar").first).to_contain_text("13 / 10")
    expect(page.locator(".planned-people .plan-bar").first).to_have_class("plan-bar is-over")
    assert refs(sprint) == ["MED-1", "MED-2"]

    drag(page, planned(page).nth(1), planned(page).first, at=(200, 16), to=(60, 4))
    show(page, ["MED-2", "MED-1"])
    drag(page, planned(page).nth(1), rows.nth(0), at=(200, 16), to=(120, 4))
    show(page, ["MED-2"])
    expect(rows.first).to_have_attribute("data-ref", "MED-1")
    assert refs(sprint) == ["MED-2"]
    assert serious_faults(page) == []


def test_another_team_proposes_its_own_name_and_days_but_keeps_what_was_typed(
    open_page: Callable[..., Page], sprint: Sprint, product: Product, cast: Cast
) -> None:
    readers = create_team(product, name="Readers", members=[], actor=Actor.person(cast.olga))
    page = open_page(cast.olga)
    page.goto("/p/MED/sprints/new/")
    team, name = page.get_by_label("Team"), page.get_by_label("Name", exact=True)
    first, goal = page.get_by_label("First day"), page.get_by_label("Goal")
    expect(name).to_have_value("Sprint 2")
    expect(first).to_have_value("2030-01-21")
    goal.fill("Doctors see why")
    team.select_option(str(readers.pk))
    expect(name).to_have_value("Sprint 1")
    expect(first).to_have_value(f"{timezone.localdate():%Y-%m-%d}")
    name.fill("Night shift")
    team.select_option(str(sprint.backlog.team_id))
    expect(first).to_have_value("2030-01-21")
    expect(name).to_have_value("Night shift")
    expect(goal).to_have_value("Doctors see why")


def test_news_that_are_on_their_way_wait_for_a_drag_to_end(
    open_page: Callable[..., Page], sprint: Sprint, items: list[Item], cast: Cast
) -> None:
    olga, made = Actor.person(cast.olga), sprint.backlog.product
    move_items(made, items, actor=olga, spot=Spot.top(), to=sprint.backlog)
    page, news = open_page(cast.olga), list[Route]()
    page.goto(f"/p/MED/sprints/{sprint.pk}/plan/")
    address = "**" + str(page.locator("#planned").get_attribute("data-url"))
    show(page, ["MED-1", "MED-2", "MED-3", "MED-4"])
    page.route(address, lambda route: news.append(route), times=1)
    update_item(items[3], actor=Actor.person(cast.max), title="Renamed meanwhile")
    while not news:
        page.wait_for_timeout(50)

    def they_come() -> None:
        with page.expect_response(address):
            news[0].continue_()
        page.wait_for_timeout(300)  # they would be drawn by now

    row = planned(page).first
    drag(page, row, planned(page).nth(1), at=(200, 16), held=they_come)
    show(page, ["MED-2", "MED-1", "MED-3", "MED-4"])
    expect(planned(page).last).to_contain_text("Renamed meanwhile")


def test_what_was_the_last_in_the_backlog_is_dragged_back_into_it(
    open_page: Callable[..., Page], sprint: Sprint, items: list[Item], cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    move_items(sprint.backlog.product, items[1:], actor=olga, spot=Spot.top(), to=sprint.backlog)
    page = open_page(cast.olga)
    page.goto(f"/p/MED/sprints/{sprint.pk}/plan/")
    rows = page.locator("#backlog [data-list] .item-row")
    expect(rows).to_have_count(1)
    drag(page, rows, planned(page).first, at=(200, 16), to=(60, 4))
    show(page, ["MED-1", "MED-2", "MED-3", "MED-4"])
    expect(rows).to_have_count(0)

    zone = page.locator("#backlog .empty-drop")
    planned(page).first.hover(position={"x": 60, "y": 10})
    page.mouse.down()
    page.mouse.move(700, 300, steps=4)
    expect(zone).to_contain_text("Drop it here")
    zone.hover(force=True)
    zone.hover(force=True, position={"x": 90, "y": 20})
    page.mouse.up()
    show(page, ["MED-2", "MED-3", "MED-4"])
    expect(rows.locator(".ref")).to_have_text(["MED-1"])
    expect(zone).to_have_count(0)
    assert refs(sprint) == ["MED-2", "MED-3", "MED-4"]


def test_a_sprint_is_planned_by_the_keyboard_alone(
    open_page: Callable[..., Page], sprint: Sprint, cast: Cast
) -> None:
    page = open_page(cast.sina)  # who may not order the product backlog
    page.goto(f"/p/MED/sprints/{sprint.pk}/plan/")
    expect(page.locator("#backlog [data-list] .item-row")).to_have_count(4)
    keys = page.keyboard

    keys.press("j")
    expect(page.locator("#item-1 .row-link")).to_be_focused()
    keys.press("m")
    expect(page.get_by_role("option", name="Into Sprint 1")).to_be_visible()
    keys.press("Enter")
    show(page, ["MED-1"])
    expect(page.locator("#item-2 .row-link")).to_be_focused()
    keys.press("x")
    keys.press("j")
    keys.press("x")
    keys.press("m")
    expect(page.get_by_role("option", name="Into Sprint 1")).to_be_visible()
    keys.press("Enter")
    show(page, ["MED-1", "MED-2", "MED-3"])
    expect(page.locator("#selection")).to_be_hidden()

    keys.press("o")
    expect(planned(page).nth(0).locator(".row-link")).to_be_focused()
    keys.press("Alt+ArrowDown")
    show(page, ["MED-2", "MED-1", "MED-3"])
    expect(planned(page).nth(1).locator(".row-link")).to_be_focused()
    keys.press("j")
    expect(planned(page).nth(2).locator(".row-link")).to_be_focused()
    keys.press("m")
    keys.press("Enter")  # back to the top of the backlog
    show(page, ["MED-2", "MED-1"])
    expect(page.locator("#backlog [data-list] .item-row").first).to_have_attribute(
        "data-ref", "MED-3"
    )
    keys.press("o")
    expect(page.locator("#backlog [data-list] .row-link:focus")).to_have_count(1)
    keys.press("Control+z")
    show(page, ["MED-2", "MED-1", "MED-3"])
    assert refs(sprint) == ["MED-2", "MED-1", "MED-3"]


def test_many_of_a_sprint_are_selected_and_moved_as_one(
    open_page: Callable[..., Page], sprint: Sprint, items: list[Item], cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    move_items(sprint.backlog.product, items, actor=olga, spot=Spot.top(), to=sprint.backlog)
    page = open_page(cast.olga)
    page.goto(f"/p/MED/sprints/{sprint.pk}/plan/")
    bar = page.locator("[data-chosen-bar]")
    boxes = planned(page).locator(".row-check")

    boxes.nth(0).check()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(bar).to_contain_text("3 of Sprint 1 selected")
    boxes.nth(1).uncheck()
    expect(bar).to_contain_text("2 of Sprint 1 selected")
    assert serious_faults(page) == []
    drag(page, planned(page).nth(2), planned(page).nth(3), at=(200, 16), to=(90, 30))
    show(page, ["MED-2", "MED-4", "MED-1", "MED-3"])
    expect(bar).to_be_hidden()
    assert refs(sprint) == ["MED-2", "MED-4", "MED-1", "MED-3"]

    keys = page.keyboard
    planned(page).nth(0).locator(".row-link").focus()
    keys.press("Shift+J")
    expect(bar).to_contain_text("2 of Sprint 1 selected")
    keys.press("Alt+ArrowDown")
    show(page, ["MED-1", "MED-2", "MED-4", "MED-3"])
    keys.press("Escape")
    expect(bar).to_be_hidden()
    keys.press("Control+a")
    expect(bar).to_contain_text("4 of Sprint 1 selected")
    keys.press("x")
    expect(bar).to_contain_text("3 of Sprint 1 selected")
    bar.get_by_role("button", name="Move").click()
    page.get_by_role("option", name="Back to the top of the backlog").click()
    expect(planned(page)).to_have_count(1)
    expect(page.locator("#backlog [data-list] .item-row .ref")).to_have_count(3)
    assert Activity.objects.filter(kind="item.moved").count() == 4  # one deed for each gesture

    page.locator("#backlog .row-check").first.check()
    planned(page).locator(".row-check").check()  # one list or the other
    expect(page.locator("#selection")).to_be_hidden()
    expect(bar).to_be_visible()


def test_items_are_added_to_the_sprint_and_to_the_backlog_by_keys(
    open_page: Callable[..., Page], sprint: Sprint, items: list[Item], cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    move_items(sprint.backlog.product, items[:1], actor=olga, spot=Spot.top(), to=sprint.backlog)
    page = open_page(cast.olga)
    page.goto(f"/p/MED/sprints/{sprint.pk}/plan/")
    keys = page.keyboard
    planned(page).locator(".row-link").focus()
    keys.press("n")
    line = page.get_by_label("Title of a new item in Sprint 1")
    expect(line).to_be_focused()
    keys.type("Read doses")
    keys.press("Enter")
    show(page, ["MED-1", "MED-5"])
    expect(line).to_be_focused()
    expect(line).to_have_value("")
    keys.type("Read ages")
    page.locator("[data-plan-add] [name=points]").fill("3")
    keys.press("Enter")
    show(page, ["MED-1", "MED-5", "MED-6"])
    expect(page.locator(".planned-sums .plan-bar").first).to_contain_text("11 / 10")
    assert serious_faults(page) == []

    page.locator("#item-2 .row-link").focus()
    keys.press("n")
    expect(page.locator("#quick-title")).to_be_focused()
    keys.type("Later")
    keys.press("Enter")
    expect(page.locator("#item-7")).to_be_visible()
    show(page, ["MED-1", "MED-5", "MED-6"])


def test_what_is_refused_while_the_next_item_is_typed_is_told_and_stays(
    open_page: Callable[..., Page], sprint: Sprint, cast: Cast
) -> None:
    page = open_page(cast.olga, tolerated="net::ERR_FAILED")
    page.goto(f"/p/MED/sprints/{sprint.pk}/plan/")
    door, on_its_way = f"**/sprints/{sprint.pk}/plan/add/", list[Route]()
    page.route(door, lambda route: on_its_way.append(route))
    line = page.get_by_label("Title of a new item in Sprint 1")
    line.fill("Read doses")
    with page.expect_request(door):
        line.press("Enter")
    expect(line).to_have_value("")
    line.press_sequentially("Read ag")
    on_its_way[0].abort()
    told = page.locator("#toasts .notice-error")
    expect(told.get_by_text("The server can't be reached.")).to_be_visible()
    expect(told.get_by_text("Not added: Read doses")).to_be_visible()
    expect(line).to_have_value("Read ag")
    page.unroute(door)
    page.route(door, lambda route: route.abort())
    line.fill("Read ages")
    with page.expect_event("requestfailed"):
        line.press("Enter")
    expect(line).to_have_value("Read ages")  # nothing was typed meanwhile
    expect(told.get_by_text("Not added:")).to_have_count(1)


def test_beside_the_backlog_a_new_item_is_one_of_the_backlog(
    open_page: Callable[..., Page], sprint: Sprint, items: list[Item], cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    move_items(sprint.backlog.product, items[:1], actor=olga, spot=Spot.top(), to=sprint.backlog)
    page = open_page(cast.olga)
    page.goto("/p/MED/backlog/")
    planned(page).locator(".row-link").focus()
    page.keyboard.press("n")
    expect(page.locator("#quick-title")).to_be_focused()
    said = page.locator('[data-key-list="Sprint"] [data-keys="n"]')
    expect(said).to_have_text("New item, in the backlog")


def test_an_item_that_somebody_else_pulled_meanwhile_is_said_to_be_there(
    open_page: Callable[..., Page], sprint: Sprint, items: list[Item], cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    other = create_sprint(sprint.backlog.product.teams.get(), actor=olga, name="Sprint of others")
    page = open_page(cast.olga)
    without_news(page)
    page.goto(f"/p/MED/sprints/{sprint.pk}/plan/")
    row = page.locator("#item-1")
    expect(row).to_be_visible()
    move_items(sprint.backlog.product, items[:1], actor=olga, spot=Spot.top(), to=other.backlog)

    drag(page, row, page.locator(".planned-rows"), at=(200, 16))
    expect(page.locator("#toasts")).to_contain_text("MED-1 is in Sprint of others by now")
    show(page, [])
    expect(row).to_have_count(0)
    assert refs(other) == ["MED-1"]
    assert refs(sprint) == []


def test_the_sprints_stand_beside_the_backlog_and_are_folded_on_narrow_screens(
    open_page: Callable[..., Page], sprint: Sprint, cast: Cast
) -> None:
    page = open_page(cast.olga)
    page.goto("/p/MED/backlog/")
    beside = page.locator("details.beside")
    expect(beside.get_by_role("heading", name="Sprint 1")).to_be_visible()
    drag(page, page.locator("#item-2"), beside.locator(".planned-rows"), at=(200, 16))
    show(page, ["MED-2"])
    assert serious_faults(page) == []

    beside.locator("summary").click()
    expect(beside.locator(".planned")).to_be_hidden()
    page.reload()
    expect(page.locator("#item-1")).to_be_visible()
    expect(beside.locator(".planned")).to_have_count(0)  # folded as it was left, and not fetched

    narrow = open_page(cast.olga, viewport={"width": 390, "height": 844})
    narrow.goto("/p/MED/backlog/")
    expect(narrow.locator("#item-1")).to_be_visible()
    expect(narrow.locator("details.beside .planned")).to_have_count(0)
    narrow.locator("#item-1 .row-more").click()
    narrow.get_by_role("option", name="Move…").click()
    narrow.get_by_role("option", name="Into Sprint 1").click()
    expect(narrow.locator("#item-1")).to_have_count(0)
    assert set(refs(sprint)) == {"MED-1", "MED-2"}
