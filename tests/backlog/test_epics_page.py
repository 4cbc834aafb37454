"""Epics: progress and time over the items that stand under each."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Actor, Item, Kind, Product, Transition
from backlog.queries.epics import EpicRow, epics_page
from backlog.rules.weeks import end_of_week, weeks_left
from backlog.services.items import ItemDraft, create_item, create_items, trash_item, update_item
from backlog.services.links import add_link
from tests.backlog.evidence import see
from tests.conftest import Cast


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def epic(product: Product, olga_acts: Actor) -> Item:
    draft = ItemDraft("Trust", kind=Kind.EPIC)
    return create_item(product, draft, actor=olga_acts)


def under(epic: Item, *points: int | None, actor: Actor) -> list[Item]:
    drafts = [
        ItemDraft(f"Step {n}", parent=epic, points=None if value is None else Decimal(value))
        for n, value in enumerate(points)
    ]
    return create_items(epic.product, drafts, actor=actor)


def finish(*items: Item, actor: Actor, by: str = "done") -> None:
    for item in items:
        status = item.product.statuses.get(slug=by)
        update_item(item, actor=actor, status=status)


def only(product: Product) -> EpicRow:
    [row] = epics_page(product, 1).rows
    return row


def test_figures_count_the_middle_level_alone(
    product: Product, epic: Item, olga_acts: Actor
) -> None:
    first, second, third, gone = under(epic, 5, 3, None, 8, actor=olga_acts)
    tasks = [ItemDraft("Task", kind=Kind.TASK, parent=first) for _ in range(4)]
    create_items(product, tasks, actor=olga_acts)
    trash_item(gone, actor=olga_acts)
    finish(first, actor=olga_acts)
    row = only(product)
    assert (row.items, row.done_items, row.unestimated) == (3, 1, 1)
    assert (row.points, row.done_points) == (8, 5)
    assert row.percent == 33  # by items, for one is not estimated
    update_item(third, actor=olga_acts, points=Decimal(2))
    assert only(product).percent == 50


def test_blocked_items_and_open_findings_are_counted(
    product: Product, epic: Item, olga_acts: Actor
) -> None:
    first, second, third = under(epic, 1, 1, 1, actor=olga_acts)
    [other] = create_items(product, [ItemDraft("Elsewhere")], actor=olga_acts)
    update_item(first, actor=olga_acts, blocked_reason="The clinic is closed")
    add_link(other, "blocks", second, actor=olga_acts)
    add_link(second, "needs_data", third, actor=olga_acts)
    [age, weight] = see(product, "age", "weight")
    for finding, item in ((age, first), (weight, epic)):
        finding.item = item
        finding.save()
    row = only(product)
    assert (row.blocked, row.findings) == (2, 2)
    finish(first, other, third, actor=olga_acts)
    assert only(product).blocked == 0


def test_it_begins_with_its_first_item_and_ends_with_its_last(
    product: Product, epic: Item, olga_acts: Actor
) -> None:
    first, second = under(epic, 1, 1, actor=olga_acts)
    assert only(product).started_at is None
    finish(first, actor=olga_acts, by="in-progress")
    Transition.objects.filter(item=first).update(at=timezone.now() - timedelta(days=12))
    row = only(product)
    assert row.duration and row.duration.days == 12
    assert row.finished_at is None
    finish(first, second, actor=olga_acts)
    Item.objects.filter(parent=epic).update(done_at=timezone.now() - timedelta(days=2))
    row = only(product)
    assert row.duration and row.duration.days == 10


def test_a_forecast_is_made_only_where_the_pace_says_something(
    product: Product, epic: Item, olga_acts: Actor
) -> None:
    items = under(epic, *[1] * 10, actor=olga_acts)
    finish(*items[:4], actor=olga_acts)
    assert only(product).weeks is None  # all of it in one day
    Transition.objects.filter(item__parent=epic).update(at=timezone.now() - timedelta(weeks=4))
    row = only(product)
    assert row.weeks == 6  # one a week
    assert not row.comes_late
    update_item(epic, actor=olga_acts, due_date=timezone.localdate() + timedelta(weeks=3))
    assert only(product).comes_late
    Item.objects.filter(parent=epic).update(done_at=timezone.now() - timedelta(weeks=7))
    assert only(product).weeks is None


def test_open_epics_stand_in_the_order_of_the_backlog_and_done_ones_apart(
    product: Product, epic: Item, olga_acts: Actor, as_person: Any, cast: Cast
) -> None:
    [old] = create_items(product, [ItemDraft("Old aim", kind=Kind.EPIC)], actor=olga_acts)
    [late] = create_items(
        product,
        [ItemDraft("Late aim", kind=Kind.EPIC, due_date=date(2024, 1, 31), assignees=[cast.max])],
        actor=olga_acts,
    )
    finish(old, actor=olga_acts)
    page = epics_page(product, 1)
    assert [row.ref for row in page.rows] == [epic.ref, late.ref]
    assert [row.ref for row in page.done] == [old.ref]
    html = as_person(cast.vera).get("/p/MED/epics/").content.decode()
    assert "overdue:" in html
    assert "No items yet." in html
    assert "Add the first" not in html  # she may not
    assert "Add the first" in as_person(cast.max).get("/p/MED/epics/").content.decode()


def test_its_people_are_those_of_its_open_items(
    product: Product, epic: Item, olga_acts: Actor, cast: Cast
) -> None:
    first, second = under(epic, 1, 1, actor=olga_acts)
    update_item(first, actor=olga_acts, assignees=[cast.sina, cast.max])
    update_item(second, actor=olga_acts, assignees=[cast.dora])
    finish(second, actor=olga_acts)
    assert list(only(product).people) == [cast.max, cast.sina]


def test_its_items_unfold_as_a_fragment_and_else_on_its_page(
    product: Product, epic: Item, olga_acts: Actor, as_person: Any, cast: Cast
) -> None:
    first, second = under(epic, 1, 2, actor=olga_acts)
    finish(first, actor=olga_acts)
    client = as_person(cast.max)
    answer = client.get(f"/p/MED/epics/{epic.ref}/", headers={"HX-Request": "true"})
    html = answer.content.decode()
    assert "<html" not in html
    assert html.index(second.ref) < html.index(first.ref)  # what is open comes first
    assert "HX-Request" in answer["Vary"]
    plain = client.get(f"/p/MED/epics/{epic.ref}/")
    assert plain["Location"] == f"/p/MED/items/{epic.ref}/"
    assert client.get("/p/MED/epics/MED-99/").status_code == 404
    assert as_person(cast.sam).get(f"/p/MED/epics/{epic.ref}/").status_code == 404


def test_without_epics_it_says_what_they_are_for(
    product: Product, as_person: Any, cast: Cast
) -> None:
    html = as_person(cast.max).get("/p/MED/epics/").content.decode()
    assert "/p/MED/items/new/?kind=epic" in html
    assert "shows how far it is" in html
    assert "items/new/?kind=epic" not in as_person(cast.vera).get("/p/MED/epics/").content.decode()


def test_the_page_asks_no_more_for_more_epics_and_items(
    product: Product, epic: Item, olga_acts: Actor, as_person: Any, cast: Cast
) -> None:
    client = as_person(cast.olga)

    def more(place: Item) -> None:
        one, two, three = under(place, 1, None, 3, actor=olga_acts)
        update_item(one, actor=olga_acts, assignees=[cast.max, cast.sina])
        add_link(one, "blocks", two, actor=olga_acts)
        finish(three, actor=olga_acts)

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get("/p/MED/epics/")
        return len(asked)

    more(epic)
    [over] = create_items(product, [ItemDraft("Over", kind=Kind.EPIC)], actor=olga_acts)
    finish(over, actor=olga_acts)
    statements()
    few = statements()
    for n in range(3):
        [another] = create_items(product, [ItemDraft(f"{n}", kind=Kind.EPIC)], actor=olga_acts)
        more(another)
    assert statements() == few


@pytest.mark.parametrize(
    ("remaining", "done", "weeks", "expected"),
    [(6, 4, 4, 6), (1, 3, 6, 2), (0, 9, 6, None), (5, 2, 6, None), (5, 9, 1.9, None)],
)
def test_the_rest_takes_as_long_as_the_pace_says(
    remaining: int, done: int, weeks: float, expected: int | None
) -> None:
    assert weeks_left(remaining=remaining, done=done, weeks=weeks) == expected


def test_a_week_ends_on_its_sunday() -> None:
    assert end_of_week(date(2026, 11, 23)) == date(2026, 11, 29)
    assert end_of_week(date(2026, 11, 29)) == date(2026, 11, 29)
