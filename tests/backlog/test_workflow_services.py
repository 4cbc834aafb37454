"""Deeds on the workflow: what holds of the statuses and of the items that stand in them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backlog.models import Activity, Actor, Finding, Item, OnGreen, Product, Status
from backlog.services.items import ItemDraft, create_items, trash_item, update_item
from backlog.services.products import change_product, update_product
from backlog.services.workflow import (
    StatusLine,
    add_status,
    delete_status,
    move_status,
    set_workflow,
    update_status,
)
from mlscrum.lib.errors import Conflict, DomainError
from tests.backlog.evidence import see
from tests.conftest import Cast


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def three(product: Product, olga_acts: Actor) -> list[Item]:
    """Three items in review."""
    review = product.statuses.get(slug="in-review")
    drafts = [ItemDraft(title, status=review) for title in ("First", "Second", "Third")]
    return create_items(product, drafts, actor=olga_acts)


def slugs(product: Product) -> list[str]:
    statuses = list(product.statuses.order_by("position"))
    assert [status.position for status in statuses] == list(range(len(statuses)))
    return [status.slug for status in statuses]


def status(product: Product, slug: str) -> Status:
    found: Status = product.statuses.get(slug=slug)
    return found


def deeds(product: Product) -> list[str]:
    return list(product.activities.order_by("seq").values_list("kind", flat=True))


def last_data(product: Product) -> dict[str, Any]:
    last = product.activities.last()
    assert last is not None
    return dict(last.data)


# Adding, changing, moving ------------------------------------------------------------------
def test_a_new_workflow_has_the_colours_of_its_categories(product: Product) -> None:
    hues = dict(product.statuses.values_list("slug", "hue"))
    assert hues == {
        "to-do": "grey", "in-progress": "blue", "in-review": "violet", "done": "green"
    }  # fmt: skip


def test_a_new_status_stands_behind_those_of_its_category(
    product: Product, olga_acts: Actor
) -> None:
    before = len(deeds(product))
    made = add_status(product, "  Ready   for test ", "doing", actor=olga_acts, wip_limit=2)
    assert (made.name, made.slug, made.hue, made.wip_limit) == (
        "Ready for test", "ready-for-test", "blue", 2
    )  # fmt: skip
    add_status(product, "Ideas", "todo", actor=olga_acts, hue="pink")
    assert slugs(product) == [
        "to-do", "ideas", "in-progress", "in-review", "ready-for-test", "done"
    ]  # fmt: skip
    assert deeds(product)[before:] == ["status.created"] * 2


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "in REVIEW", "category": "doing"}, "already a status"),
        ({"name": "", "category": "doing"}, "blank"),
        ({"name": "x" * 41, "category": "doing"}, "40"),
        ({"name": "Test", "category": "later"}, "valid choice"),
        ({"name": "Test", "category": "doing", "hue": "#ff0000"}, "valid choice"),
        ({"name": "Test", "category": "doing", "wip_limit": 0}, "greater than or equal to 1"),
    ],
)
def test_bad_statuses_are_refused_and_leave_nothing(
    product: Product, olga_acts: Actor, fields: dict[str, Any], sentence: str
) -> None:
    before = len(deeds(product))
    with pytest.raises(ValidationError, match=sentence):
        add_status(product, actor=olga_acts, **fields)
    with pytest.raises(ValidationError, match=sentence):
        update_status(status(product, "to-do"), actor=olga_acts, **fields)
    assert (len(slugs(product)), len(deeds(product))) == (4, before)


def test_a_workflow_does_not_grow_without_end(product: Product, olga_acts: Actor) -> None:
    for number in range(26):
        add_status(product, f"Step {number}", "doing", actor=olga_acts)
    with pytest.raises(ValidationError, match="at most 30"):
        add_status(product, "One more", "doing", actor=olga_acts)


def test_a_status_that_is_renamed_keeps_its_slug(product: Product, olga_acts: Actor) -> None:
    review = status(product, "in-review")
    changed = update_status(review, actor=olga_acts, name="Testing", hue="teal", wip_limit=3)
    assert (changed.slug, changed.name, changed.hue) == ("in-review", "Testing", "teal")
    assert last_data(product) == {
        "status": "in-review", "name": "Testing", "fields": ["hue", "name", "wip_limit"]
    }  # fmt: skip
    before = len(deeds(product))
    update_status(changed, actor=olga_acts, name="Testing", wip_limit=3)
    assert len(deeds(product)) == before


def test_statuses_change_places_and_their_positions_stay_unique(
    product: Product, olga_acts: Actor
) -> None:
    review, to_do = status(product, "in-review"), status(product, "to-do")
    before = len(deeds(product))
    move_status(review, before=to_do, actor=olga_acts)
    assert slugs(product) == ["in-review", "to-do", "in-progress", "done"]
    move_status(review, before=None, actor=olga_acts)
    assert slugs(product) == ["to-do", "in-progress", "done", "in-review"]
    move_status(review, before=review, actor=olga_acts)
    move_status(review, before=None, actor=olga_acts)
    assert deeds(product)[before:] == ["status.moved"] * 2


def test_nothing_is_moved_or_changed_beside_a_status_that_has_gone(
    product: Product, olga_acts: Actor
) -> None:
    review, to_do = status(product, "in-review"), status(product, "to-do")
    stale = status(product, "in-review")
    delete_status(review, actor=olga_acts)
    for deed in (
        lambda: move_status(to_do, before=stale, actor=olga_acts),
        lambda: move_status(stale, before=to_do, actor=olga_acts),
        lambda: update_status(stale, actor=olga_acts, name="x"),
        lambda: delete_status(stale, actor=olga_acts),
    ):
        with pytest.raises(Conflict, match="no longer there"):
            deed()
    assert slugs(product) == ["to-do", "in-progress", "done"]


# Category ----------------------------------------------------------------------------------
def test_items_follow_the_category_of_their_status_from_that_moment(
    product: Product, three: list[Item], olga_acts: Actor
) -> None:
    trash_item(three[2], actor=olga_acts)
    before = len(deeds(product))
    update_status(status(product, "in-review"), actor=olga_acts, category="done")
    for item in three:
        item.refresh_from_db()
        last = item.transitions.last()
        assert last is not None
        assert (last.category, last.at) == ("done", item.done_at)
        change = item.changes.get(field="category")
        assert (change.before, change.after, change.version) == ("doing", "done", item.version)
    assert deeds(product)[before:] == ["status.updated"]
    assert last_data(product)["count"] == 2  # without what lies in the trash

    update_status(status(product, "in-review"), actor=olga_acts, category="todo")
    three[0].refresh_from_db()
    assert three[0].done_at is None
    assert [row.category for row in three[0].transitions.all()] == ["doing", "done", "todo"]


def test_who_finishes_items_by_a_category_waits_for_their_evidence(
    product: Product, olga_acts: Actor
) -> None:
    [finding] = see(product, "age")
    assert finding.item is not None
    finding.item.product = product
    update_item(finding.item, actor=olga_acts, status=status(product, "in-review"))
    update_status(status(product, "in-review"), actor=olga_acts, category="done")
    assert Finding.objects.get().awaiting_evidence


def test_the_last_status_of_a_category_stays_one(product: Product, olga_acts: Actor) -> None:
    done = status(product, "done")
    for deed in (
        lambda: update_status(done, actor=olga_acts, category="doing"),
        lambda: delete_status(done, items_to=status(product, "to-do"), actor=olga_acts),
    ):
        with pytest.raises(DomainError, match="only status of category 'Done'"):
            deed()
    assert status(product, "done").category == "done"


def test_a_category_changes_in_as_many_statements_for_many_items(
    product: Product, three: list[Item], olga_acts: Actor
) -> None:
    with CaptureQueriesContext(connection) as few:
        update_status(status(product, "in-review"), actor=olga_acts, category="todo")
    drafts = [ItemDraft(f"{n}", status=status(product, "in-review")) for n in range(20)]
    create_items(product, drafts, actor=olga_acts)
    with CaptureQueriesContext(connection) as many:
        update_status(status(product, "in-review"), actor=olga_acts, category="doing")
    assert len(many) == len(few)


# Deleting ----------------------------------------------------------------------------------
def test_items_of_a_status_that_goes_move_with_their_history(
    product: Product, three: list[Item], olga_acts: Actor
) -> None:
    trash_item(three[2], actor=olga_acts)
    before = len(deeds(product))
    gone = delete_status(
        status(product, "in-review"), items_to=status(product, "done"), actor=olga_acts
    )
    assert (gone.moved, gone.asks_on_green) == (2, False)
    assert slugs(product) == ["to-do", "in-progress", "done"]
    for item in three:
        item.refresh_from_db()
        assert item.status.slug == "done"
        assert item.done_at is not None
        change = item.changes.filter(field="status").last()
        assert change is not None
        assert (change.before, change.after) == ("in-review", "done")
        assert [row.category for row in item.transitions.all()] == ["doing", "done"]
    assert deeds(product)[before:] == ["status.deleted"]
    assert {"to": "done", "count": 2}.items() <= last_data(product).items()


def test_a_status_with_items_does_not_go_unless_somebody_says_where_they_go(
    product: Product, three: list[Item], olga_acts: Actor, other_product: Product
) -> None:
    review = status(product, "in-review")
    with pytest.raises(Conflict, match="Items still stand in In review"):
        delete_status(review, actor=olga_acts)
    for wrong in (review, status(other_product, "done")):
        with pytest.raises(ValidationError, match="another status of this product"):
            delete_status(review, items_to=wrong, actor=olga_acts)
    assert Item.objects.filter(status=review).count() == 3


def test_the_team_is_asked_where_the_status_for_green_evidence_goes(
    product: Product, olga_acts: Actor
) -> None:
    review = status(product, "in-review")
    update_product(product, actor=olga_acts, on_green=OnGreen.STATUS, on_green_status=review)
    assert delete_status(review, actor=olga_acts).asks_on_green
    assert (product.on_green, product.on_green_status) == ("ask", None)
    product.refresh_from_db()
    assert (product.on_green, product.on_green_status) == ("ask", None)
    assert last_data(product)["on_green"] == "ask"


# All at once, as REST does -----------------------------------------------------------------
def test_a_whole_workflow_keeps_colours_and_lets_items_follow(
    product: Product, three: list[Item], olga_acts: Actor
) -> None:
    review = status(product, "in-review")
    update_product(product, actor=olga_acts, on_green=OnGreen.STATUS, on_green_status=review)
    lines = [
        StatusLine("Open", "todo", "to-do"),
        StatusLine("Doing", "doing", "in-progress", hue="amber"),
        StatusLine("Accepted", "done", "in-review"),
        StatusLine("Test", "doing"),
    ]
    change_product(product, actor=olga_acts, statuses=lines)
    assert slugs(product) == ["to-do", "in-progress", "in-review", "test"]
    hues = dict(product.statuses.values_list("slug", "hue"))
    assert hues == {
        "to-do": "grey", "in-progress": "amber", "in-review": "violet", "test": "blue"
    }  # fmt: skip
    three[0].refresh_from_db()
    assert three[0].done_at is not None
    assert three[0].transitions.last().category == "done"  # type: ignore[union-attr]
    assert Activity.objects.filter(kind="product.updated").count() == 2
    product.refresh_from_db()
    assert product.on_green_status == review


def test_a_whole_workflow_without_the_status_for_green_evidence_asks_the_team(
    product: Product, olga_acts: Actor
) -> None:
    review = status(product, "in-review")
    update_product(product, actor=olga_acts, on_green=OnGreen.STATUS, on_green_status=review)
    kept = [
        StatusLine(row.name, row.category, row.slug)
        for row in product.statuses.exclude(slug="in-review")
    ]
    set_workflow(product, kept, actor=olga_acts)
    product.refresh_from_db()
    assert (product.on_green, product.on_green_status) == ("ask", None)
