"""One sprint from its planning to its report, by hand, with days going by."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from backlog.models import Activity, Actor, Backlog, Item, Product, Stay, Transition
from backlog.services.items import ItemDraft, create_items, update_item
from sprints.models import Sprint
from sprints.services.sprints import create_sprint
from tests.conftest import Cast
from tests.e2e.conftest import drag

DAY = timedelta(days=1)
OpenPage = Callable[..., Page]


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def items(product: Product, olga: Actor) -> list[Item]:
    """MED-1 to MED-5 of 8, 5, 3, 2 and 1 points in the backlog."""
    drafts = [ItemDraft(f"Story of {n}", points=Decimal(n)) for n in (8, 5, 3, 2, 1)]
    return create_items(product, drafts, actor=olga)


def a_day_goes_by(product: Product) -> None:
    """The server's clock stays; all that has happened and is planned moves a day back instead."""
    for backlog in product.backlogs.filter(kind=Backlog.Kind.SPRINT):
        assert backlog.starts_on is not None
        assert backlog.ends_on is not None
        backlog.starts_on, backlog.ends_on = backlog.starts_on - DAY, backlog.ends_on - DAY
        if backlog.started_at is not None:
            backlog.started_at -= DAY
        backlog.save()
    Stay.objects.update(entered_at=F("entered_at") - DAY, left_at=F("left_at") - DAY)
    Transition.objects.update(at=F("at") - DAY)
    Activity.objects.update(at=F("at") - DAY)


def card(page: Page, ref: str) -> Locator:
    return page.locator(f".card-item[data-ref={ref}]")


def to_column(page: Page, ref: str, slug: str) -> None:
    with page.expect_response(re.compile(r"/board/(\?.*)?$")):  # the board as it is then
        drag(page, card(page, ref), page.locator(f"[data-cell-of={slug}]"))
    expect(page.locator(f"[data-cell-of={slug}] .card-item[data-ref={ref}]")).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text(f"{ref}: ")


def test_a_whole_sprint_is_planned_run_and_closed_and_its_past_stays(
    product: Product, items: list[Item], olga: Actor, cast: Cast, open_page: OpenPage
) -> None:
    page = open_page(cast.olga)
    today = timezone.localdate()

    # Planned by drag.
    page.goto("/p/MED/sprints/")
    page.get_by_role("link", name="Plan the first sprint").click()
    page.get_by_label("First day").fill(today.isoformat())
    page.get_by_label("Last day").fill((today + 13 * DAY).isoformat())
    page.get_by_role("button", name="Plan the sprint").click()
    expect(page).to_have_url(re.compile(r"/sprints/\d+/plan/$"))
    sprint = Sprint.objects.get()
    rows = page.locator("#backlog [data-list] .item-row")
    planned = page.locator(".planned-rows > .planned-row .ref")
    title = (200, 16)  # a button is no handle
    for count in range(1, 5):
        expect(rows).to_have_count(6 - count)
        drag(page, rows.first, page.locator(".planned-rows"), at=title, to=(60, 4))
        expect(planned).to_have_count(count)

    # Started, with a goal alone.
    page.get_by_role("link", name="Start…").click()
    page.get_by_role("button", name="Start the sprint").click()
    expect(page.locator(".field-error")).to_be_visible()
    page.get_by_label("Goal").fill("Doctors see why.")
    page.get_by_role("button", name="Start the sprint").click()
    expect(page).to_have_url(re.compile("/board/$"))
    create_sprint(product.teams.get(), actor=olga, goal="The rest.")

    # The first day: one item begun.
    to_column(page, "MED-1", "in-progress")
    a_day_goes_by(product)

    # The second: it is done, another is begun, one is added and one removed.
    page.reload()
    expect(card(page, "MED-1")).to_contain_text("1 d")
    to_column(page, "MED-1", "done")
    to_column(page, "MED-2", "in-progress")
    page.goto(f"/p/MED/sprints/{sprint.pk}/plan/")
    expect(rows).to_have_count(1)
    row = page.locator(".planned-row[data-ref=MED-4]")
    drag(page, row, rows.first, at=title, to=(120, 4))
    expect(planned).to_have_count(3)
    expect(rows).to_have_count(2)
    drag(page, page.locator("#item-5"), page.locator(".planned-rows"), at=title, to=(60, 4))
    expect(planned).to_have_count(4)
    expect(page.locator("#item-4")).to_be_visible()
    a_day_goes_by(product)

    # Closed, with three choices.
    page.goto(f"/p/MED/sprints/{sprint.pk}/close/")
    page.get_by_label("What becomes of MED-2").select_option("Split…")
    page.get_by_label("Points done of MED-2").fill("2")
    page.get_by_label("What becomes of MED-3").select_option("Next sprint")
    expect(page.locator("#ahead")).to_contain_text("1 item, 3 points go on in Sprint 2")
    page.get_by_label("Partly").check()
    page.get_by_label("Why?").fill("The clinics answered late.")
    page.get_by_role("button", name="Close Sprint 1").click()
    expect(page.locator("#report")).to_contain_text("Goal partly met")
    expect(page.locator("#report canvas").first).to_be_visible()

    # By hand: 8 + 5 + 3 + 2 committed, 1 added, 2 removed; 8 and 2 of the split 5 are done, and
    # its other 3 are a new item.
    figures = page.request.get(f"/api/v1/sprints/{sprint.pk}/burndown/").json()["figures"]
    points = {name: amount["points"] for name, amount in figures.items() if name != "reestimated"}
    assert points == {
        "committed": 18, "added": 1, "removed": 2, "completed": 10, "remaining": 4, "split_off": 3
    }  # fmt: skip
    where = {
        item.number: item.backlog.name
        for item in product.items.select_related("backlog").order_by("number")
    }
    home = product.backlogs.get(kind="product").name
    assert where == {
        1: "Sprint 1", 2: "Sprint 1", 3: "Sprint 2", 4: home, 5: home, 6: home
    }  # fmt: skip

    # Its past stays to the letter, whatever becomes of the items.
    def past() -> list[Any]:
        urls = (
            f"/api/v1/sprints/{sprint.pk}/burndown/",
            f"/p/MED/sprints/{sprint.pk}/report/report.json",
            f"/p/MED/sprints/{sprint.pk}/report/days.csv",
        )
        whole = page.request.get(f"/p/MED/sprints/{sprint.pk}/report/").text()
        report = whole[whole.index('<div id="report">') : whole.index("</main>")]
        return [report, *(page.request.get(url).body() for url in urls)]

    before = past()
    item = Item.objects.select_related("product", "backlog", "status").get(number=1)
    update_item(item, actor=olga, points=Decimal(40))
    assert past() == before
