"""The board by hand and by key: cards go where they are put, and come back when they may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, Route, expect

from backlog.models import Actor, Finding, Item, Kind, Product
from backlog.services.items import ItemDraft, create_item, create_items, move_items, update_item
from backlog.services.ranks import Spot
from sprints.models import Sprint
from sprints.services.closing import Closing, close_sprint
from sprints.services.sprints import create_sprint, start_sprint
from tests.backlog.evidence import see
from tests.conftest import Cast
from tests.e2e.conftest import drag, serious_faults, without_news


@pytest.fixture
def running(product: Product, cast: Cast) -> Sprint:
    """A sprint that started today, with MED-1 to MED-4 to do."""
    olga = Actor.person(cast.olga)
    drafts = [
        ItemDraft(title, points=Decimal(points))
        for title, points in (("First", 8), ("Second", 5), ("Third", 3), ("Fourth", 2))
    ]
    items = create_items(product, drafts, actor=olga)
    today = timezone.localdate()
    sprint = create_sprint(
        product.teams.get(),
        actor=olga,
        starts_on=today,
        ends_on=today + timedelta(days=13),
        goal="Doctors see why.",
    )
    move_items(product, items, actor=olga, spot=Spot.top(), to=sprint.backlog)
    return start_sprint(sprint, actor=olga)


def column(page: Page, slug: str) -> Locator:
    return page.locator(f"[data-cell-of={slug}]")


def card(page: Page, ref: str) -> Locator:
    return page.locator(f".card-item[data-ref={ref}]")


def head(page: Page, slug: str) -> Locator:
    return page.locator(f".board-head[data-column={slug}]")


def test_cards_are_dragged_between_and_within_columns(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max)
    page.goto("/p/MED/board/")
    drag(page, card(page, "MED-1"), column(page, "in-progress"))
    expect(column(page, "in-progress")).to_contain_text("First")
    expect(page.locator("#toasts")).to_contain_text("MED-1: In progress.")
    expect(head(page, "in-progress")).to_contain_text("8 pts")

    drag(page, card(page, "MED-2"), card(page, "MED-4"))
    expect(page.locator("#toasts")).to_contain_text("MED-2 moved.")
    expect(column(page, "to-do").locator(".ref")).to_have_text(["MED-3", "MED-4", "MED-2"])
    page.reload()
    expect(column(page, "to-do").locator(".ref")).to_have_text(["MED-3", "MED-4", "MED-2"])
    expect(column(page, "in-progress").locator(".ref")).to_have_text(["MED-1"])

    page.keyboard.press("Control+z")  # a developer takes back what a developer may do
    expect(column(page, "to-do").locator(".ref")).to_have_text(["MED-2", "MED-3", "MED-4"])


def test_the_board_is_worked_by_keys_alone(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.olga)
    page.goto("/p/MED/board/")
    page.keyboard.press("j")
    expect(card(page, "MED-1").locator(".row-link")).to_be_focused()
    page.keyboard.press("j")
    expect(card(page, "MED-2").locator(".row-link")).to_be_focused()

    page.keyboard.press("s")
    page.keyboard.type("in p")
    page.keyboard.press("Enter")
    expect(column(page, "in-progress")).to_contain_text("Second")
    expect(head(page, "in-progress")).to_contain_text("5 pts")
    expect(card(page, "MED-2").locator(".row-link")).to_be_focused()
    page.keyboard.press("h")
    expect(card(page, "MED-1").locator(".row-link")).to_be_focused()
    page.keyboard.press("l")
    page.keyboard.press("Alt+ArrowRight")
    expect(column(page, "in-review")).to_contain_text("Second")
    expect(page.locator("#toasts")).to_contain_text("MED-2: In review.")

    page.keyboard.press("i")
    expect(card(page, "MED-2").locator("[data-cell=assignee]")).to_contain_text("Olga Kuznetsova")
    page.keyboard.press("e")
    page.get_by_role("dialog", name="Points").get_by_role("textbox").fill("13")
    page.keyboard.press("Enter")
    expect(card(page, "MED-2").locator(".points")).to_have_text("13")
    expect(head(page, "in-review")).to_contain_text("13 pts")

    page.keyboard.press("h")
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("#toasts")).to_contain_text("moved.")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/p/MED/items/MED-\d/$"))
    expect(page.locator("#panel #item")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(page).to_have_url(re.compile("/board/"))

    page.keyboard.press("m")
    page.keyboard.type("back")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("went to the top of the backlog")
    expect(page.locator(".card-item")).to_have_count(3)


def test_a_card_comes_back_when_the_server_refuses(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max)
    without_news(page)
    page.goto("/p/MED/board/")
    expect(card(page, "MED-1").locator("[data-card-menu]")).to_have_count(1)
    item = Item.objects.select_related("product", "backlog").get(number=1)
    home = product.backlogs.get(kind="product")
    move_items(product, [item], actor=Actor.person(cast.olga), spot=Spot.top(), to=home)
    drag(page, card(page, "MED-1"), column(page, "in-review"))
    expect(page.locator("#toasts")).to_contain_text("MED-1 is in Product backlog by now")
    expect(column(page, "in-review").locator(".card-item")).to_have_count(0)


def test_the_definition_of_done_is_asked_once(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    product.definition_of_done = "- Reviewed\n- Tests pass"
    product.save()
    page = open_page(cast.max)
    page.goto("/p/MED/board/")
    drag(page, card(page, "MED-1"), column(page, "done"))
    dialog = page.get_by_role("dialog", name="Is MED-1 done?")
    expect(dialog.get_by_label("Reviewed")).to_be_focused()
    assert serious_faults(page) == []
    page.keyboard.press("Escape")
    expect(column(page, "to-do").locator(".ref").first).to_have_text("MED-1")
    assert Item.objects.get(number=1).status.category == "todo"

    card(page, "MED-1").locator(".row-link").focus()
    page.keyboard.press("s")
    page.keyboard.type("done")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Move to Done anyway")).to_be_visible()
    dialog.get_by_label("Reviewed").check()
    dialog.get_by_label("Tests pass").check()
    dialog.get_by_role("button", name="Move to Done", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("MED-1: Done.")
    expect(column(page, "done")).to_contain_text("First")
    expect(page.locator(".board-progress")).to_contain_text("8 of 18 points")


def test_a_question_that_is_cancelled_shows_what_happened_meanwhile(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    product.definition_of_done = "- Reviewed"
    product.save()
    page, held = open_page(cast.max), []

    def hold(route: Route) -> None:
        if "MED-2" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/board/move/", hold)
    page.goto("/p/MED/board/")
    drag(page, card(page, "MED-2"), column(page, "in-progress"))
    drag(page, card(page, "MED-1"), column(page, "done"))
    expect(column(page, "done")).to_contain_text("First")
    held[0].continue_()
    expect(page.get_by_role("dialog", name="Is MED-1 done?")).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("MED-2: In progress.")
    page.keyboard.press("Escape")
    expect(head(page, "in-progress")).to_contain_text("5 pts")
    expect(card(page, "MED-1").locator(".row-link")).to_be_focused()


def test_lists_that_were_drawn_anew_are_let_go(
    running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max)
    page.goto("/p/MED/board/")
    expect(card(page, "MED-1").locator("[data-card-menu]")).to_have_count(1)
    old = column(page, "to-do").element_handle()
    is_held = """list => Object.entries(list).some(
        ([name, value]) => name.startsWith("Sortable") && value !== null)"""
    assert old.evaluate(is_held)
    drag(page, card(page, "MED-2"), column(page, "in-progress"))
    expect(head(page, "in-progress")).to_contain_text("5 pts")  # drawn anew
    assert not old.evaluate("list => list.isConnected")
    assert not old.evaluate(is_held)


def test_news_that_are_on_their_way_wait_for_a_drag_to_end(
    running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page, news = open_page(cast.max), list[Route]()
    page.goto("/p/MED/board/")
    expect(card(page, "MED-1").locator("[data-card-menu]")).to_have_count(1)
    page.route(re.compile(r"/board/\?"), lambda route: news.append(route), times=1)
    third = Item.objects.get(number=3)
    update_item(third, actor=Actor.person(cast.olga), title="Renamed meanwhile")
    while not news:
        page.wait_for_timeout(50)

    def they_come() -> None:
        with page.expect_response(re.compile(r"/board/\?")):
            news[0].continue_()
        page.wait_for_timeout(300)  # they would be drawn by now

    drag(page, card(page, "MED-1"), column(page, "in-progress"), held=they_come)
    expect(page.locator("#toasts")).to_contain_text("MED-1: In progress.")
    expect(column(page, "in-progress")).to_contain_text("First")
    expect(column(page, "to-do")).to_contain_text("Renamed meanwhile")


def test_a_story_whose_tasks_are_all_done_is_offered_and_stays(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    page = open_page(cast.max)
    page.goto("/p/MED/board/")
    page.keyboard.press("j")
    page.keyboard.press("t")
    page.keyboard.type("Write the query")
    page.keyboard.press("Enter")
    story = card(page, "MED-1")
    expect(story).to_contain_text("0 of 1 task done")
    story.get_by_role("button", name="Status of MED-5").click()
    page.keyboard.type("done")
    page.keyboard.press("Enter")
    expect(story).to_contain_text("1 of 1 task done")
    expect(column(page, "to-do")).to_contain_text("First")  # nobody moved it
    story.get_by_role("button", name="All tasks done: move to Done").click()
    expect(column(page, "done")).to_contain_text("First")


def test_cards_are_narrowed_by_text_and_to_ones_own(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga = Actor.person(cast.olga)
    epic = create_item(product, ItemDraft("Alarm", kind=Kind.EPIC), actor=olga)
    fourth = Item.objects.select_related("product", "backlog", "status").get(number=4)
    update_item(fourth, actor=olga, parent=epic)
    page = open_page(cast.max)
    page.goto("/p/MED/board/")
    words = page.get_by_label("Filter the cards by text")
    words.fill("ALARM fou")  # as the server finds it: what it is part of stands on no card
    expect(page.locator(".card-item:visible .ref")).to_have_text(["MED-4"])
    words.fill("thi")
    expect(page.locator(".card-item:visible")).to_have_count(1)
    expect(page.get_by_text("1 of 4 shown")).to_be_visible()
    page.reload()
    expect(page.locator(".card-item:visible")).to_have_count(1)
    page.get_by_label("Filter the cards by text").fill("")
    page.keyboard.press("Enter")
    expect(card(page, "MED-1").locator(".row-link")).to_be_focused()
    page.keyboard.press("i")
    expect(card(page, "MED-1").locator("[data-cell=assignee]")).to_contain_text("Max Berger")
    page.get_by_role("link", name="Only mine").click()
    expect(page.locator(".card-item:visible")).to_have_count(1)
    page.goto("/p/MED/board/")  # it is remembered
    expect(page.locator(".card-item:visible")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_board_has_no_serious_fault_and_fits_a_phone(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page], scheme: str
) -> None:
    item = Item.objects.select_related("product").get(number=1)
    create_item(product, ItemDraft("Step", kind="task", parent=item), actor=Actor.person(cast.max))
    product.statuses.filter(slug="to-do").update(wip_limit=3)
    page = open_page(cast.olga, color_scheme=scheme)
    for lanes in ("none", "story", "assignee"):
        page.goto(f"/p/MED/sprints/{running.pk}/board/?lanes={lanes}")
        expect(head(page, "to-do")).to_contain_text("4 / 3")
        assert serious_faults(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/p/MED/sprints/{running.pk}/board/?lanes=none")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious_faults(page) == []


def test_the_board_of_a_closed_sprint_is_only_read(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga = Actor.person(cast.olga)
    close_sprint(running, Closing("no", goal_reason="Too much."), actor=olga)
    page = open_page(cast.olga)
    page.goto(f"/p/MED/sprints/{running.pk}/board/")
    expect(page.get_by_text("closed, read only")).to_be_visible()
    expect(page.get_by_role("link", name="See the report")).to_be_visible()
    expect(page.locator("[data-card-menu]")).to_have_count(0)
    page.goto("/p/MED/board/")
    expect(page.get_by_text("No sprint runs now")).to_be_visible()
    assert serious_faults(page) == []


def test_what_recovered_is_confirmed_without_leaving_the_board(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    product.on_green = "ask"
    product.save()
    see(product, "age")
    Finding.objects.update(item=Item.objects.get(number=2))
    see(product, "age", outcome="passed")
    page = open_page(cast.max)
    page.goto("/p/MED/board/")
    page.locator("#board-q").fill("second")
    button = card(page, "MED-2").get_by_role("button", name="Confirm that MED-2 is done")
    expect(button).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("MED-2 is done.")
    expect(column(page, "done").locator(".ref")).to_have_text(["MED-2"])
    expect(button).to_have_count(0)
    expect(page.locator("#board-q")).to_have_value("second")  # it is the same page
    expect(card(page, "MED-2").locator(".row-link")).to_be_focused()


def test_a_column_above_its_limit_says_so_and_takes_the_card(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    product.statuses.filter(slug="in-progress").update(wip_limit=1)
    page = open_page(cast.max)
    page.goto("/p/MED/board/")
    count = head(page, "in-progress").locator(".board-count")
    for ref, told, words in (("MED-1", "is-at", "1 / 1"), ("MED-2", "is-over", "2 / 1")):
        drag(page, card(page, ref), column(page, "in-progress"))
        expect(count).to_have_class(re.compile(told))
        expect(count).to_contain_text(words)
    expect(count).to_have_attribute("title", "1 over the limit")
    page.reload()
    expect(column(page, "in-progress").locator(".card-item")).to_have_count(2)


def test_what_was_done_before_is_folded_and_what_one_unfolds_stays_so(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga, done = Actor.person(cast.olga), product.statuses.get(slug="done")
    many = create_items(product, [ItemDraft(f"Many {n}") for n in range(12)], actor=olga)
    move_items(product, many, actor=olga, spot=Spot.bottom(), to=running.backlog)
    for item in Item.objects.filter(title__startswith="Many").select_related(
        "product", "status", "backlog"
    ):
        update_item(item, actor=olga, status=done)
    page = open_page(cast.max)
    page.goto("/p/MED/board/")
    fold = page.locator(".board-fold")
    expect(head(page, "done")).to_contain_text("12")
    expect(column(page, "done").first.locator(".card-item")).to_have_count(8)
    expect(fold.locator(".card-item").first).to_be_hidden()
    fold.get_by_text("4 more, done before").click()
    expect(fold.locator(".card-item:visible")).to_have_count(4)
    drag(page, card(page, "MED-1"), column(page, "done").first)
    expect(fold).to_contain_text("5 more, done before")
    expect(fold.locator(".card-item:visible")).to_have_count(5)


def test_lanes_are_chosen_and_a_task_is_added_where_its_story_lies(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    story = Item.objects.select_related("product").get(number=1)
    create_item(product, ItemDraft("Step", kind="task", parent=story), actor=Actor.person(cast.max))
    page = open_page(cast.max)
    page.goto("/p/MED/board/")
    tasks = card(page, "MED-1").locator(".card-tasks")
    tasks.locator("summary").click()
    tasks.get_by_role("button", name="Add a task").click()
    page.keyboard.type("By the mouse")
    page.keyboard.press("Enter")
    expect(tasks).to_contain_text("0 of 2 tasks done")

    page.get_by_text("Swimlanes: none").click()
    page.get_by_role("link", name="Story").click()
    lane = page.get_by_role("region", name="First")
    expect(lane.locator(".lane-head")).to_contain_text("0 of 2 tasks done")
    expect(lane.locator(".card-item")).to_have_count(3)
    done = lane.locator("[data-cell-of=done]")  # the lane is lower without the card
    drag(page, lane.locator("[data-ref=MED-6]"), done, to=(120, 40))
    expect(lane.locator(".lane-head")).to_contain_text("1 of 2 tasks done")
    card(page, "MED-1").locator(".row-link").focus()
    page.keyboard.press("t")
    page.keyboard.type("In its lane")
    page.keyboard.press("Enter")
    expect(lane).to_contain_text("In its lane")
    expect(lane.locator(".lane-head")).to_contain_text("1 of 3 tasks done")


def test_the_boards_of_two_teams_are_one_click_apart(
    product: Product, running: Sprint, cast: Cast, open_page: Callable[..., Page]
) -> None:
    olga = Actor.person(cast.olga)
    other = product.teams.create(name="Imaging")
    today = timezone.localdate()
    second = create_sprint(
        other, actor=olga, starts_on=today, ends_on=today + timedelta(days=13), goal="See more."
    )
    fifth = create_item(product, ItemDraft("Fifth"), actor=olga)
    move_items(product, [fifth], actor=olga, spot=Spot.top(), to=second.backlog)
    start_sprint(second, actor=olga)
    page = open_page(cast.max)
    page.goto(f"/p/MED/sprints/{running.pk}/board/")
    page.get_by_role("link", name="Imaging").click()
    expect(page.locator(".card-item .ref")).to_have_text(["MED-5"])
    page.goto("/p/MED/board/")  # it is remembered
    expect(page.locator(".card-item .ref")).to_have_text(["MED-5"])
    assert serious_faults(page) == []
