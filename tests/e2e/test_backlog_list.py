"""The backlog by keys and by hand: moving about, choosing, changing, ordering, taking back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from backlog.models import Actor, Item, Kind, Product
from backlog.services.extra_fields import create_field
from backlog.services.items import ItemDraft, create_items, update_item
from backlog.services.labels import create_label
from tests.conftest import Cast
from tests.e2e.conftest import serious_faults

ITEMS = 230
OpenPage = Callable[..., Page]


@pytest.fixture
def many(product: Product, cast: Cast) -> list[Item]:
    """MED-1 to MED-230, an epic first; every tenth is a bug that names the executor."""
    acts = Actor.person(cast.olga)
    ui = create_label(product, "ui", actor=acts, hue="pink")
    drafts = [ItemDraft("Trust", kind=Kind.EPIC)]
    drafts += [
        ItemDraft(
            f"The executor drops row {n}" if n % 10 == 0 else f"Reading {n}",
            kind=Kind.BUG if n % 10 == 0 else Kind.STORY,
            points=Decimal(n % 9),
            labels=[ui] if n % 20 == 0 else [],
        )
        for n in range(2, ITEMS + 1)
    ]
    return create_items(product, drafts, actor=acts)


def opened(open_page: OpenPage, person: Any, address: str = "", **options: Any) -> Page:
    page = open_page(person, **options)
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    page.goto(f"/p/MED/backlog/{address}")
    expect(page.locator("#backlog-counts")).to_contain_text("items")
    return page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def row(page: Page, number: int) -> Locator:
    return page.locator(f"#backlog [data-ref=MED-{number}]")


def cursor(page: Page) -> str:
    expect(page.locator("#backlog .is-cursor")).to_have_count(1)
    return str(page.locator("#backlog .is-cursor").get_attribute("data-ref"))


def order(page: Page, count: int) -> list[str]:
    refs = page.locator("#backlog [data-list] [data-ref]").evaluate_all(
        "rows => rows.map(row => row.dataset.ref)"
    )
    return [str(ref) for ref in refs[:count]]


def expect_order(page: Page, numbers: list[int]) -> None:
    """That these come to stand first in the list, in this order."""
    rows = page.locator("#backlog [data-list] [data-ref]")
    for place, number in enumerate(numbers):
        expect(rows.nth(place)).to_have_attribute("data-ref", f"MED-{number}")
    # Checked one after another they could still have moved; in one look they have not.
    assert order(page, len(numbers)) == [f"MED-{number}" for number in numbers]


def ranked(product: Product, count: int) -> list[int]:
    items = product.items.alive().order_by("rank")
    return list(items.values_list("number", flat=True)[:count])


def test_the_list_comes_as_it_is_scrolled_to(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    page = opened(open_page, cast.olga)
    assert page.locator("#backlog [data-list] [data-ref]").count() < ITEMS
    page.keyboard.press("End")
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    expect(row(page, ITEMS)).to_be_visible()
    page.evaluate("window.scrollTo(0, 0)")
    expect(row(page, 1)).to_be_visible()


def test_a_product_owner_grooms_by_keys_alone(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    page = opened(open_page, cast.olga)
    press(page, "j", "j", "j", "k")
    assert cursor(page) == "MED-2"

    press(page, "e")
    page.locator(".editor").get_by_label("Points").fill("13")
    press(page, "Enter")
    expect(row(page, 2).locator("[data-cell=points]")).to_contain_text("13")

    press(page, "s")
    page.keyboard.type("in pro")
    press(page, "Enter")
    expect(row(page, 2).locator("[data-cell=status]")).to_have_text("In progress")

    press(page, "i")
    expect(row(page, 2).locator("[data-cell=assignee]")).to_contain_text("Olga")

    press(page, "r")
    page.get_by_label("Title of MED-2").fill("Better words")
    press(page, "Enter")
    expect(page.locator("#toasts")).to_contain_text("MED-2: title changed.")

    press(page, "x", "Shift+J", "Shift+J")
    expect(page.locator("#selection")).to_contain_text("3 selected")
    press(page, "l")
    page.keyboard.type("fresh")
    press(page, "Enter", "Escape")
    expect(row(page, 4).locator(".label-chip")).to_have_text(["fresh"])
    press(page, "Escape")
    expect(page.locator("#selection")).to_be_hidden()

    assert cursor(page) == "MED-4"
    press(page, "Alt+ArrowUp", "Alt+ArrowUp")
    expect(page.locator("#toasts")).to_contain_text("MED-4 moved.")
    assert order(page, 4) == ["MED-1", "MED-4", "MED-2", "MED-3"]
    press(page, "m")
    page.keyboard.type("bottom")
    press(page, "Enter")
    expect(page.locator("#backlog [data-list] [data-ref]").nth(1)).to_have_attribute(
        "data-ref", "MED-2"
    )
    press(page, "Control+z")
    expect(page.locator("#toasts")).to_contain_text("MED-4 is back where it was")
    expect(page.locator("#backlog [data-list] [data-ref]").nth(1)).to_have_attribute(
        "data-ref", "MED-4"
    )
    assert ranked(product, 4) == [1, 4, 2, 3]
    found = Item.objects.get(product=product, number=2)
    assert (found.title, found.points, found.status.slug) == ("Better words", 13, "in-progress")
    assert list(found.assignees.all()) == [cast.olga]

    press(page, "j")
    refused = cursor(page)
    press(page, "#")
    expect(page.locator(f"#backlog [data-ref={refused}]")).to_have_count(0)
    page.locator("#toasts").get_by_role("button", name="Undo").last.click()
    expect(page.locator(f"#backlog [data-ref={refused}]")).to_have_count(1)


def test_many_are_found_filtered_selected_labelled_moved_and_taken_back(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    page = opened(open_page, cast.olga)
    press(page, "/")
    page.keyboard.type("executor")
    expect(page.locator("#backlog-counts")).to_contain_text("23 of 230 shown")
    expect(page).to_have_url(re.compile(r"\?q=executor$"))
    assert page.evaluate("document.activeElement.id") == "q"

    page.locator("summary", has_text="Label").click()
    page.get_by_label("ui", exact=True).check()
    page.locator("details[open]").get_by_role("button", name="Apply").click()
    expect(page.locator("#backlog-counts")).to_contain_text("11 of 230 shown")
    expect(page).to_have_url(re.compile(r"q=executor&label=ui"))

    press(page, "Escape", "j", "Control+a")
    expect(page.locator("#selection")).to_contain_text("11 selected")
    press(page, "l")
    page.keyboard.type("urgent")
    press(page, "Enter", "Escape")
    expect(page.locator("#backlog .label-chip", has_text="urgent")).to_have_count(11)
    press(page, "m", "Enter")
    expect(page.locator("#toasts")).to_contain_text("11 items moved.")
    assert ranked(product, 12) == [20 * n for n in range(1, 12)] + [1]
    press(page, "Control+z")
    expect(page.locator("#toasts")).to_contain_text("back where they were")
    assert ranked(product, 3) == [1, 2, 3]

    # A move among the rows that a filter shows is placed beside the one that shows.
    press(page, "Escape", "k", "k", "k", "j")
    assert cursor(page) == "MED-40"
    press(page, "Alt+ArrowUp")
    expect(page.locator("#toasts")).to_contain_text("MED-40 moved.")
    assert ranked(product, 21)[18:] == [19, 40, 20]
    page.get_by_role("link", name="Clear all").click()
    expect(page).to_have_url(re.compile(r"/backlog/\??$"))
    expect(row(page, 1)).to_be_visible()


def test_a_screenful_goes_to_the_top_and_comes_back_whole(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    page = opened(open_page, cast.olga)
    press(page, "j", *["j"] * 9, "x", *["Shift+J"] * 28)
    expect(row(page, 55)).to_have_count(1)  # the second part is there, into which it goes on
    press(page, *["Shift+J"] * 16)
    chosen = list(range(10, 55))
    expect(page.locator("#selection")).to_contain_text("45 selected")
    press(page, "m", "Enter")
    expect(page.locator("#toasts")).to_contain_text("45 items moved.")
    moved = [*chosen, *range(1, 10), *range(55, 61)]
    assert ranked(product, 60) == moved
    expect(row(page, 10)).to_have_count(1)
    expect_order(page, moved)
    press(page, "Control+z")
    expect(page.locator("#toasts")).to_contain_text("back where they were")
    expect_order(page, list(range(1, 61)))


def test_a_rare_filter_is_chosen_and_left_again_by_going_back(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    update_item(many[4], actor=Actor.person(cast.olga), parent=many[0])
    page = opened(open_page, cast.olga)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(2):
        page.locator("summary", has_text="More").click()
        page.locator(".more-facets summary", has_text="Parent").click()
        expect(page.get_by_label("MED-1 Trust")).to_be_visible()
        page.locator(".more-facets summary", has_text="Parent").click()
        page.keyboard.press("Escape")
    assert sum("/filter/parent/" in url for url in asked) == 1
    page.locator("summary", has_text="More").click()
    page.locator(".more-facets summary", has_text="Parent").click()
    page.get_by_label("MED-1 Trust").check()
    page.locator("details[open] details[open]").get_by_role("button", name="Apply").click()
    expect(page.locator("#backlog-counts")).to_contain_text("1 of 230 shown")
    expect(page).to_have_url(re.compile(r"/p/MED/backlog/\?parent=MED-1$"))
    assert not serious_faults(page)
    page.go_back()
    expect(page.locator(".chip-pair")).to_have_count(0)
    expect(row(page, 2)).to_be_visible()
    page.reload()
    expect(row(page, 2)).to_be_visible()


def test_the_panel_has_an_address_and_walks_along_the_list(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    page = opened(open_page, cast.olga, "?kind=bug")
    press(page, "j", "Enter")
    panel = page.locator("#panel")
    expect(panel.get_by_role("heading", name="The executor drops row 10")).to_be_visible()
    expect(page).to_have_url(re.compile("/items/MED-10/$"))
    press(page, "j")
    expect(panel.get_by_role("heading", name="The executor drops row 20")).to_be_visible()
    expect(page).to_have_url(re.compile("/items/MED-20/$"))
    panel.get_by_role("button", name="Previous item").click()
    expect(page).to_have_url(re.compile("/items/MED-10/$"))
    expect(panel.get_by_role("heading", name="The executor drops row 10")).to_be_visible()
    # What is changed in the panel shows in the list.
    panel.get_by_label("Status").select_option("In review")
    expect(page.locator("#backlog [data-ref=MED-10] [data-cell=status]")).to_have_text("In review")
    page.reload()
    expect(page.get_by_role("heading", name="The executor drops row 10")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile(r"/backlog/\?kind=bug$"))
    expect(page.locator("#backlog-counts")).to_contain_text("23 of 230 shown")
    press(page, "j", "Enter")
    expect(panel).to_be_visible()
    press(page, "Escape")
    expect(panel).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/backlog/\?kind=bug$"))
    expect(row(page, 10).locator(".row-link")).to_be_focused()


def test_what_is_no_number_is_refused_and_can_be_typed_on(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    page = opened(open_page, cast.olga)
    editor = page.locator(".editor")
    press(page, "j", "j", "x", "Shift+J", "e")
    for typed in ("abc", "3e", "1,23"):
        editor.get_by_label("Points").fill(typed)
        press(page, "Enter")
        expect(editor.get_by_role("alert")).to_contain_text(re.compile("number|decimal"))
        expect(editor.get_by_label("Points")).to_have_value(typed)
        expect(editor.get_by_label("Points")).to_be_focused()
        expect(row(page, 2).locator("[data-cell=points]")).to_contain_text("2")
    assert Item.objects.get(product=product, number=3).points == 3
    editor.get_by_label("Points").fill("1,5")
    press(page, "Enter")
    expect(page.locator("#toasts")).to_contain_text("2 items: points changed.")
    expect(row(page, 3).locator("[data-cell=points]")).to_contain_text("1.5")

    press(page, "Escape")
    page.get_by_label("Title of a new item").fill("Fourth")
    page.locator("#quick-points").fill("abc")
    press(page, "Enter")
    expect(page.locator("#quick-errors")).to_contain_text("number")
    expect(page.locator("#quick-points")).to_have_value("abc")

    page.goto("/p/MED/items/MED-2/")
    points = page.locator("#item-points")
    points.fill("abc")
    press(page, "Enter")
    expect(page.locator("#item-points-error")).to_contain_text("number")
    expect(points).to_have_value("abc")
    assert Item.objects.get(product=product, number=2).points == Decimal("1.5")


def test_what_was_typed_and_did_not_arrive_stands_there_again(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    away = "status of 4|ERR_INTERNET_DISCONNECTED"
    page = opened(open_page, cast.olga, tolerated=away)
    editor, title = page.locator(".editor"), page.get_by_label("Title of MED-2")
    press(page, "j", "j", "r")
    page.context.set_offline(True)
    title.fill("A long title that nobody types twice")
    press(page, "Enter")
    expect(page.locator("#toasts")).to_contain_text("The server can't be reached.")
    expect(title).to_have_value("A long title that nobody types twice")
    expect(title).to_be_focused()
    press(page, "Escape", "e")
    expect(row(page, 2).locator(".row-title")).to_have_text("Reading 2")
    editor.get_by_label("Points").fill("40")
    press(page, "Enter")
    expect(editor.get_by_role("alert")).to_contain_text("The server can't be reached.")
    expect(editor.get_by_label("Points")).to_have_value("40")
    expect(row(page, 2).locator("[data-cell=points]")).to_contain_text("2")
    page.context.set_offline(False)
    press(page, "Enter")
    expect(row(page, 2).locator("[data-cell=points]")).to_contain_text("40")
    press(page, "r")
    page.context.set_offline(True)
    title.fill("Typed once")
    press(page, "Enter")
    expect(title).to_be_focused()
    page.context.set_offline(False)
    press(page, "Enter")
    expect(page.locator("#toasts")).to_contain_text("MED-2: title changed.")
    assert Item.objects.get(product=product, number=2).title == "Typed once"


def test_two_people_at_one_field_both_see_and_the_second_chooses(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    page = opened(open_page, cast.olga)
    update_item(many[1], actor=Actor.person(cast.max), title="His words")
    press(page, "j", "j", "r")
    page.get_by_label("Title of MED-2").fill("Her words")
    press(page, "Enter")
    choice = page.get_by_role("dialog", name="MED-2")
    expect(choice).to_contain_text("Theirs His words")
    choice.get_by_role("button", name="Yours Her words").click()
    expect(row(page, 2)).to_contain_text("Her words")
    expect(page.locator("#toasts")).to_contain_text("MED-2: title changed.")
    assert Item.objects.get(pk=many[1].pk).title == "Her words"


def test_rows_are_dragged_and_what_is_refused_goes_back(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    page = opened(open_page, cast.olga)
    row(page, 5).locator(".row-title").drag_to(row(page, 2).locator(".row-title"))
    expect(page.locator("#toasts")).to_contain_text("MED-5 moved.")
    assert order(page, 3) == ["MED-1", "MED-5", "MED-2"]
    assert ranked(product, 3) == [1, 5, 2]
    refusal = json.dumps({"detail": "MED-2 is no longer there; look again."})
    page.route(
        "**/backlog/move/",
        lambda route: route.fulfill(
            status=409, content_type="application/problem+json", body=refusal
        ),
    )
    row(page, 4).locator(".row-title").drag_to(row(page, 2).locator(".row-title"))
    expect(page.locator("#toasts")).to_contain_text("MED-2 is no longer there")
    assert order(page, 4) == ["MED-1", "MED-5", "MED-2", "MED-3"]


def test_cells_are_changed_by_pointer(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    page = opened(open_page, cast.max, "?cols=parent,labels,due_date,gpu_hours,status,points")
    row(page, 3).hover()
    row(page, 3).locator("[data-cell=due_date]").click()
    page.get_by_role("button", name="in a week").click()
    expect(row(page, 3).locator("[data-cell=due_date] time")).to_be_visible()
    row(page, 3).locator("[data-cell=parent]").click()
    page.locator(".editor").get_by_role("option", name="Trust").click()
    expect(row(page, 3).locator("[data-cell=parent]")).to_have_text("MED-1")
    row(page, 3).locator("[data-cell=kind]").click()
    page.locator(".editor").get_by_role("option", name="Spike").click()
    expect(row(page, 3)).to_have_attribute("data-kind", "spike")
    row(page, 3).locator("[data-cell=points]").click()
    page.get_by_role("button", name="½").click()
    expect(row(page, 3).locator("[data-cell=points]")).to_contain_text("0.5")
    row(page, 3).locator(".row-more").click()
    page.locator(".editor").get_by_role("option", name="Blocked because…").click()
    page.locator(".editor").get_by_label("Blocked because").fill("the lab is closed")
    press(page, "Enter")
    expect(row(page, 3).get_by_text("blocked")).to_be_visible()
    row(page, 3).locator(".row-more").click()
    page.locator(".editor").get_by_role("option", name="Blocked because…").click()
    page.locator(".editor").get_by_role("button", name="not blocked").click()
    expect(row(page, 3).get_by_text("blocked")).to_have_count(0)


def test_chosen_columns_stand_below_their_names_and_nothing_moves_under_the_pointer(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    acts = Actor.person(cast.olga)
    kinds = ("choice", "number", "date", "checkbox", "text")
    for kind in kinds:
        choices = ["low", "high"] if kind == "choice" else []
        create_field(product, kind.title(), kind, actor=acts, choices=choices)
    update_item(many[2], actor=acts, extra={"choice": "high", "number": 12.5})
    update_item(many[4], actor=acts, extra={"date": "2026-12-24", "checkbox": True})
    update_item(many[5], actor=acts, extra={"text": "A text that is longer than its column"})
    names = ",".join(f"fields.{kind}" for kind in kinds)
    page = opened(open_page, cast.olga, f"?cols=parent,labels,{names},status,points,assignees")
    heads = page.locator("[data-heads]")
    for kind in kinds:
        head = heads.locator(f".cell-extra.is-{kind}")
        expect(head).to_have_text(kind.title())
        left = head.evaluate("head => head.getBoundingClientRect().x")
        cells = page.locator(f'#backlog [data-cell="fields.{kind}"]')
        places = cells.evaluate_all("all => all.map(one => one.getBoundingClientRect().x)")
        assert {round(place, 1) for place in places} == {round(left, 1)}

    steady = ".row-title, .row-tags *, .row-end .cell"
    read = "all => all.map(one => one.getBoundingClientRect().x)"
    for number in (4, 20):
        where = row(page, number).locator(steady)
        before = where.evaluate_all(read)
        row(page, number).hover()
        expect(row(page, number).locator('[data-cell="fields.text"]')).to_be_visible()
        assert where.evaluate_all(read) == before
        title = row(page, number).locator(".row-title").bounding_box()
        assert title and title["width"] > 60

    page.locator("#backlog .row-list").first.evaluate("list => (list.scrollLeft = 60)")
    expect(heads).to_have_js_property("scrollLeft", 60)


def test_fields_of_the_product_are_set_for_many_whether_they_show_or_not(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    acts = Actor.person(cast.olga)
    create_field(product, "Risk", "choice", actor=acts, choices=["low", "high"])
    create_field(product, "Signed off", "checkbox", actor=acts)
    create_field(product, "Effort", "number", actor=acts)
    update_item(many[1], actor=acts, extra={"effort": 8})
    page = opened(open_page, cast.olga)
    editor = page.locator(".editor")

    def choose(*words: str) -> None:
        for word in words:
            page.keyboard.type(word)
            press(page, "Enter")

    press(page, "j", "j", ".")
    choose("effort")
    expect(editor.get_by_label("Effort")).to_have_value("8")
    press(page, "Enter")
    expect(editor).to_have_count(0)
    press(page, "x", "Shift+J", ".")
    choose("risk")
    expect(editor.get_by_role("option", name="high")).to_be_visible()
    choose("high")
    expect(page.locator("#toasts")).to_contain_text("2 items")
    press(page, ".")
    choose("signed")
    expect(editor.get_by_role("option", name="Yes")).to_be_visible()
    choose("yes")
    press(page, ".")
    choose("effort")
    expect(editor.get_by_label("Effort")).to_have_value("")
    press(page, "Enter")  # nothing was typed, so nothing is taken away
    expect(editor).to_have_count(0)
    press(page, ".")
    choose("signed")
    expect(editor.get_by_role("option", name="Yes")).to_have_attribute("aria-selected", "true")
    found = [item.extra for item in product.items.filter(number__in=[2, 3]).order_by("number")]
    both = {"risk": "high", "signed_off": True}
    assert found == [{"effort": 8, **both}, both]


def test_the_cursor_goes_on_when_its_item_leaves_for_the_bottom(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    page = opened(open_page, cast.olga)
    press(page, "j", "j", "j", "m")
    page.keyboard.type("bottom")
    press(page, "Enter")
    expect(page.locator("#toasts")).to_contain_text("MED-3 moved.")
    expect(row(page, 3)).to_have_count(0)
    expect(row(page, 4).locator(".row-link")).to_be_focused()
    press(page, "e")
    expect(page.locator(".editor").get_by_label("Points")).to_be_visible()


def test_groups_columns_line_and_views_stand_in_the_address(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    page = opened(open_page, cast.olga)
    page.locator("summary", has_text="Group").click()
    page.locator("details[open]").get_by_role("link", name="Kind").click()
    expect(page.locator(".row-section")).to_have_count(3)
    expect(page.locator(".row-section").first).to_contain_text("206 items")
    expect(row(page, 2)).to_be_visible()
    page.locator("summary", has_text="Views").click()
    page.get_by_label("Save what shows now as").fill("By kind")
    page.get_by_label("Share it with the team").check()
    page.get_by_role("button", name="Save view").click()
    expect(page.locator("summary", has_text="By kind")).to_be_visible()
    page.goto("/p/MED/backlog/")
    page.locator("summary", has_text="Line of what fits").click()
    page.get_by_label("Points from").fill("5")
    page.get_by_label("to", exact=True).fill("9")
    page.get_by_role("button", name="Draw").click()
    expect(page.locator(".row-note.fits")).to_contain_text("fits a sprint of 5–9 points")
    expect(page.locator("[data-ref='MED-4'] + .row-note.fits")).to_be_visible()


def test_many_lines_are_pasted_after_a_look(
    product: Product, cast: Cast, open_page: OpenPage
) -> None:
    page = open_page(cast.olga)
    page.goto("/p/MED/backlog/paste/")
    page.get_by_label("One item per line").fill("- Clean the ages (5) #data\n    look at outliers")
    expect(page.locator("#paste-preview")).to_contain_text("2 items")
    page.get_by_role("button", name="Create 2 items").click()
    expect(page.locator("#toasts")).to_contain_text("2 items added at the bottom.")
    expect(page.locator("#backlog-counts")).to_contain_text("1 item")
    expect(page.locator("#backlog [data-ref]")).to_have_count(2)
    press(page, "Control+z")
    expect(page.locator("#backlog [data-ref]")).to_have_count(0)


def test_the_backlog_fits_a_phone_and_is_open_to_all(
    product: Product, many: list[Item], cast: Cast, open_page: OpenPage
) -> None:
    for width, height, theme in ((390, 844, "dark"), (1440, 900, "light")):
        screen = {"viewport": {"width": width, "height": height}, "color_scheme": theme}
        page = opened(open_page, cast.olga, "?kind=bug", **screen)
        press(page, "j", "x")
        expect(page.locator("#selection")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not serious_faults(page)
        press(page, "s")
        expect(page.get_by_role("listbox")).to_be_visible()
        assert not serious_faults(page)
        press(page, "Escape", "Escape", "Enter")
        expect(page.locator("#panel #item")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not serious_faults(page)
