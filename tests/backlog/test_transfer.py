"""Items that move or are copied to another product, and the refs that they leave behind."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from backlog.models import Activity, Actor, Backlog, FormerRef, Item, Kind, Link, Product, Stay
from backlog.queries.history import history_of
from backlog.queries.transfer import told, transfer_plan
from backlog.rules.evidence import Observation, Outcome
from backlog.services.extra_fields import create_field
from backlog.services.findings import EvidenceReport, report, resolve
from backlog.services.items import (
    ItemDraft,
    comment,
    create_item,
    edit_each,
    edit_items,
    inbox,
    move_items,
    product_backlog,
    restore_item,
    restore_items,
    trash_item,
    trash_items,
    update_item,
)
from backlog.services.labels import create_label, labels_named
from backlog.services.links import add_link
from backlog.services.members import add_member
from backlog.services.notifications import watch
from backlog.services.products import StatusLine, create_product, set_workflow
from backlog.services.ranks import Spot
from backlog.services.transfer import copy_to_product, move_to_product
from backlog.services.undo import undo_last
from mlscrum.lib.errors import Conflict
from tests.conftest import Cast


@pytest.fixture
def max_acts(cast: Cast) -> Actor:
    return Actor.person(cast.max)


@pytest.fixture
def shop(cast: Cast) -> Product:
    """SHOP, which belongs to Olga; Max develops there too, and nobody else of MED's."""
    olga = Actor.person(cast.olga)
    shop = create_product(key="SHOP", name="Recommender", owner=cast.olga, actor=olga)
    add_member(shop, cast.max, "developer", actor=olga)
    create_item(shop, ItemDraft("There already"), actor=olga)
    return shop


@pytest.fixture
def story(product: Product, cast: Cast, max_acts: Actor) -> Item:
    """A story with everything that an item can have."""
    create_field(product, "Risk", "choice", actor=max_acts, choices=["low", "high"])
    epic = create_item(product, ItemDraft("Reading room", kind=Kind.EPIC), actor=max_acts)
    ux, data = labels_named(product, ["ux", "Data"], actor=max_acts)
    draft = ItemDraft(
        "Second reading", description="Two doctors", points=Decimal(5), parent=epic,
        labels=[ux, data], assignees=[cast.max, cast.dora], criteria=[("They agree", True)],
        extra={"risk": "low"}, status=product.statuses.get(slug="in-review"),
    )  # fmt: skip
    item = create_item(product, draft, actor=max_acts)
    create_item(product, ItemDraft("Ask Dora", kind=Kind.TASK, parent=item), actor=max_acts)
    other = create_item(product, ItemDraft("Third reading"), actor=max_acts)
    add_link(item, "blocks", other, actor=max_acts)
    comment(item, "Why two?", actor=Actor.person(cast.vera))
    watch([(item, cast.vera)])
    return item


def fresh(item: Item) -> Item:
    found: Item = Item.objects.select_related("product", "status", "backlog").get(pk=item.pk)
    return found


def test_an_item_moves_with_its_tasks_and_all_that_was_said(
    product: Product, shop: Product, cast: Cast, max_acts: Actor, story: Item
) -> None:
    create_label(shop, "data", actor=max_acts)
    lines = [StatusLine("To do", "todo", "to-do"), StatusLine("At work", "doing"),
             StatusLine("Done", "done", "done")]  # fmt: skip
    set_workflow(shop, lines, actor=Actor.person(cast.olga))
    moved = move_to_product(story, shop, actor=max_acts)
    assert [item.ref for item in moved] == ["SHOP-2", "SHOP-3"]
    item, task = (fresh(row) for row in moved)
    assert (item.pk, item.product, item.backlog) == (story.pk, shop, product_backlog(shop))
    assert (item.status.name, item.points, item.extra) == ("At work", 5, {})
    assert item.criteria == [{"text": "They agree", "is_met": True}]
    assert [label.name for label in item.labels.all()] == ["data", "ux"]
    assert {label.product for label in item.labels.all()} == {shop}
    assert list(item.assignees.all()) == [cast.max]
    assert (item.parent, task.parent) == (None, item)
    assert item.comments.get().text == "Why two?"
    assert [row.title for row in shop.items.order_by("rank")] == [
        "There already", "Second reading", "Ask Dora"
    ]  # fmt: skip
    assert [stay.backlog.product for stay in item.stays.all()] == [product, shop]
    assert Stay.objects.filter(item=item, left_at=None).count() == 1
    assert cast.vera not in item.watchers.all()
    assert not item.notifications.exclude(user=cast.max).exists()
    assert not Link.objects.exists()


def test_both_products_keep_a_deed_and_the_item_its_history(
    product: Product, shop: Product, max_acts: Actor, story: Item
) -> None:
    (item, _) = move_to_product(story, shop, actor=max_acts)
    left = product.activities.latest("seq")
    came = shop.activities.latest("seq")
    assert (left.kind, left.item, left.data["refs"]) == ("item.left", None, ["MED-2", "MED-3"])
    assert (came.kind, came.data["items"]) == ("item.arrived", ["SHOP-2", "SHOP-3"])
    assert "SHOP" not in str(left.data)
    lines = [line for event in history_of(fresh(item)).events for line in event.lines]
    assert lines[0] == "brought it here from another product"
    assert "took it out of MED-1" in lines
    assert lines[-1] == "created it"
    other = product.items.get(title="Third reading")
    assert history_of(other).events[0].lines == ["took a link away: is blocked by MED-2"]


def test_an_old_ref_leads_to_the_item_for_ever_and_comes_back_with_it(
    product: Product, shop: Product, cast: Cast, max_acts: Actor, story: Item, as_person: Any
) -> None:
    third = create_product(key="THIRD", name="Third", owner=cast.max, actor=Actor.person(cast.max))
    move_to_product(story, shop, actor=max_acts)
    move_to_product(fresh(story), third, actor=max_acts)
    browser = as_person(cast.max)
    for old in ("/p/MED/items/MED-2/", "/p/SHOP/items/SHOP-2/"):
        assert browser.get(old)["Location"] == "/p/THIRD/items/THIRD-1/"
    assert browser.get("/p/MED/items/MED-2/delete/")["Location"] == "/p/THIRD/items/THIRD-1/delete/"
    stale = browser.post("/p/MED/items/MED-2/set/", {"points": "8"}, follow=True)
    assert "it is THIRD-1 now. Nothing was changed" in stale.content.decode()
    assert fresh(story).points == 5
    move_to_product(fresh(story), product, actor=max_acts)
    assert fresh(story).ref == "MED-2"
    assert browser.get("/p/MED/items/MED-2/").status_code == 200
    assert set(FormerRef.objects.filter(item=story).values_list("product__key", flat=True)) == {
        "SHOP", "THIRD"
    }  # fmt: skip


def test_the_rest_api_answers_an_old_ref_with_the_present_one(
    product: Product, shop: Product, cast: Cast, max_acts: Actor, story: Item, api: Any
) -> None:
    move_to_product(story, shop, actor=max_acts)
    assert api(cast.max).get("/api/v1/items/MED-2/").json()["ref"] == "SHOP-2"
    changed = api(cast.max).patch("/api/v1/items/med-2/", {"points": 8}, format="json")
    assert changed.json()["points"] == 8
    assert api(cast.dora).get("/api/v1/items/MED-2/").status_code == 404
    assert api(product=product).get("/api/v1/items/MED-2/").status_code == 404


def test_strangers_of_the_other_product_learn_nothing(
    product: Product, shop: Product, cast: Cast, max_acts: Actor, story: Item, as_person: Any
) -> None:
    sina = as_person(cast.sina)
    page = sina.get("/p/MED/items/MED-2/transfer/")
    assert "no other product" in page.content.decode()
    sent = sina.post("/p/MED/items/MED-2/transfer/", {"product": "SHOP", "how": "move"})
    assert sent.status_code == 422 or fresh(story).product == product
    move_to_product(story, shop, actor=max_acts)
    gone = sina.get("/p/MED/items/MED-2/")
    assert (gone.status_code, "SHOP" in gone.content.decode()) == (404, False)
    other = sina.get("/p/MED/items/MED-4/")
    assert "SHOP" not in other.content.decode()


def test_an_item_whose_findings_are_not_settled_stays_but_can_be_copied(
    product: Product, shop: Product, cast: Cast, max_acts: Actor
) -> None:
    seen = Observation("leak", {"file": "a"}, "A leak", Outcome.FAILED)
    report(
        EvidenceReport(product, "bandit", "r1", None, "b1", timezone.now(), [seen]),
        actor=max_acts,
    )
    finding = product.findings.get()
    item = finding.item
    assert item is not None
    with pytest.raises(Conflict, match="MED-1 has findings"):
        move_to_product(item, shop, actor=max_acts)
    (copy,) = copy_to_product(item, shop, actor=max_acts)
    assert (copy.ref, copy.findings.count()) == ("SHOP-2", 0)
    resolve(finding, reason="fixed", actor=max_acts)
    move_items(product, [item], actor=max_acts, spot=Spot.top(), to=product_backlog(product))
    move_to_product(item, shop, actor=max_acts)
    finding.refresh_from_db()
    assert finding.item is None


def test_a_copy_says_the_same_and_can_be_undone(
    product: Product, shop: Product, cast: Cast, max_acts: Actor, story: Item
) -> None:
    copies = copy_to_product(story, shop, actor=max_acts)
    assert [item.ref for item in copies] == ["SHOP-2", "SHOP-3"]
    copy = fresh(copies[0])
    assert (copy.title, copy.points, copy.description) == ("Second reading", 5, "Two doctors")
    assert (copy.comments.count(), copy.parent) == (0, None)
    assert fresh(copies[1]).parent == copy
    assert fresh(story).ref == "MED-2"
    assert undo_last(shop, actor=max_acts).said == "Undone: 2 items are in the trash."


def test_what_a_closed_sprint_holds_stays_there(
    product: Product, shop: Product, max_acts: Actor, story: Item
) -> None:
    closed = Backlog.objects.create(
        product=product, kind="sprint", name="Sprint 1", team=product.teams.get(), state="closed"
    )
    task = product.items.get(title="Ask Dora")
    Item.objects.filter(pk=task.pk).update(backlog=closed)
    assert [item.title for item in move_to_product(story, shop, actor=max_acts)] == [
        "Second reading"
    ]
    assert (fresh(task).product, fresh(task).parent) == (product, None)
    with pytest.raises(Conflict, match="closed; copy it"):
        move_to_product(fresh(task), shop, actor=max_acts)


def test_what_waits_in_the_inbox_is_taken_before_it_moves(
    product: Product, shop: Product, max_acts: Actor
) -> None:
    filed = create_item(product, ItemDraft("Filed"), actor=max_acts, backlog=inbox(product))
    epic = create_item(product, ItemDraft("Readers", kind=Kind.EPIC), actor=max_acts)
    with pytest.raises(Conflict, match=f"{filed.ref} waits in the inbox; take it into"):
        move_to_product(filed, shop, actor=max_acts)
    update_item(filed, actor=max_acts, parent=epic)
    with pytest.raises(Conflict, match=f"{filed.ref} waits in the inbox"):
        move_to_product(epic, shop, actor=max_acts)
    assert {fresh(filed).product, fresh(epic).product} == {product}
    move_items(product, [filed], actor=max_acts, spot=Spot.bottom(), to=product_backlog(product))
    move_to_product(epic, shop, actor=max_acts)
    assert {fresh(filed).product, fresh(epic).product} == {shop}


def test_an_epic_goes_with_or_without_its_items(
    product: Product, shop: Product, max_acts: Actor, story: Item
) -> None:
    epic = product.items.get(kind=Kind.EPIC)
    assert len(copy_to_product(epic, shop, actor=max_acts)) == 3
    trashed = create_item(product, ItemDraft("Old", parent=epic), actor=max_acts)
    trash_item(trashed, actor=max_acts)
    moved = move_to_product(epic, shop, actor=max_acts, with_children=False)
    assert [item.title for item in moved] == ["Reading room"]
    assert (fresh(story).product, fresh(story).parent) == (product, None)
    assert restore_item(trashed, actor=max_acts).product == product
    assert product.activities.get(kind="item.left").changes.filter(field="parent").count() == 2


def test_an_external_id_stands_for_one_item_there_too(
    product: Product, shop: Product, max_acts: Actor
) -> None:
    draft = ItemDraft("From Jira", external_source="jira", external_id="A-1")
    item = create_item(product, draft, actor=max_acts)
    there = create_item(shop, draft, actor=max_acts)
    with pytest.raises(Conflict, match=f"{there.ref} there already stands for A-1"):
        move_to_product(item, shop, actor=max_acts)
    assert fresh(item).product == product
    assert not Activity.objects.filter(kind__in=["item.left", "item.arrived"]).exists()


def test_the_page_says_plainly_what_comes_along_and_asks_once(
    product: Product, shop: Product, cast: Cast, story: Item, as_person: Any
) -> None:
    browser = as_person(cast.max)
    path = "/p/MED/items/MED-2/transfer/"
    assert "Recommender (SHOP)" in browser.get(path).content.decode()
    asked = browser.get(path, {"product": "SHOP", "how": "move"}).content.decode()
    for said in (
        "What stands under it: MED-3.",
        "New labels there: Data, ux.",
        "Fields that SHOP doesn&#x27;t have are lost: Risk.",
        "Not assigned there, because they are not members: Dora Anyango.",
        "It does not stand under MED-1 any more.",
        "Its links to MED-4 go.",
        "MED-2 leads to it for ever",
    ):
        assert said in asked
    assert fresh(story).product == product
    answer = browser.post(path, {"product": "SHOP", "how": "move"}, follow=True)
    assert answer.redirect_chain == [("/p/SHOP/items/SHOP-2/", 302)]
    assert "SHOP-2 and 1 more: moved to Recommender." in answer.content.decode()


def test_what_stays_keeps_its_parent_where_only_a_copy_goes(
    product: Product, shop: Product, max_acts: Actor
) -> None:
    epic = create_item(product, ItemDraft("Epic", kind=Kind.EPIC), actor=max_acts)
    child = create_item(product, ItemDraft("Story", parent=epic), actor=max_acts)
    plan = transfer_plan(epic, shop, with_children=False)
    assert f"Stays here, without a parent: {child.ref}." in told(plan, copying=False).otherwise
    assert f"Not copied: {child.ref}." in told(plan, copying=True).otherwise
    alone = transfer_plan(child, shop)
    assert f"It does not stand under {epic.ref} any more." in told(alone, copying=False).otherwise
    assert f"The copy does not stand under {epic.ref}." in told(alone, copying=True).otherwise


def test_the_number_of_queries_does_not_grow_with_what_goes_along(
    product: Product, shop: Product, max_acts: Actor, django_assert_max_num_queries: Any
) -> None:
    epic = create_item(product, ItemDraft("Epic", kind=Kind.EPIC), actor=max_acts)
    for number in range(12):
        child = create_item(product, ItemDraft(f"Story {number}", parent=epic), actor=max_acts)
        create_item(product, ItemDraft("Task", kind=Kind.TASK, parent=child), actor=max_acts)
    update_item(child, actor=max_acts, title="Changed")
    with django_assert_max_num_queries(60):
        assert len(move_to_product(epic, shop, actor=max_acts)) == 25


@pytest.mark.parametrize(
    "late",
    [
        lambda item, actor: update_item(item, actor=actor, title="Late"),
        lambda item, actor: edit_items(item.product, [item], actor=actor, title="Late"),
        lambda item, actor: edit_each(item.product, [(item, {"title": "Late"})], actor=actor),
        lambda item, actor: move_items(item.product, [item], actor=actor, spot=Spot.top()),
        lambda item, actor: trash_item(item, actor=actor),
        lambda item, actor: trash_items(item.product, [item], actor=actor),
        lambda item, actor: restore_item(item, actor=actor),
        lambda item, actor: restore_items(item.product, [item], actor=actor),
    ],
    ids=["update", "edit", "each", "move", "trash", "trash many", "restore", "restore many"],
)
def test_a_deed_that_waited_behind_a_transfer_leaves_the_item_alone(
    product: Product,
    shop: Product,
    max_acts: Actor,
    story: Item,
    late: Callable[[Item, Actor], object],
) -> None:
    seen = fresh(story)  # as a page had it before the transfer
    move_to_product(story, shop, actor=max_acts)
    there, deeds = fresh(story), Activity.objects.count()
    with pytest.raises(Conflict, match=r"^MED-2 has moved to another product; look again\.$"):
        late(seen, max_acts)
    here = fresh(story)
    assert (here.version, here.title, here.rank) == (there.version, there.title, there.rank)
    assert here.deleted_at is None and here.backlog == product_backlog(shop)
    assert Activity.objects.count() == deeds


def test_a_move_that_waited_while_the_item_left_its_list_is_told_where_it_is(
    product: Product, max_acts: Actor, story: Item
) -> None:
    sprint = Backlog.objects.create(
        product=product, kind=Backlog.Kind.SPRINT, name="Sprint 4", team=product.teams.first()
    )
    seen = fresh(story)
    move_items(product, [story], actor=max_acts, spot=Spot.top(), to=sprint)
    with pytest.raises(Conflict, match=r"^MED-2 is in Sprint 4 by now; look again\.$"):
        move_items(product, [seen], actor=max_acts, spot=Spot.bottom())
    assert fresh(story).backlog == sprint
