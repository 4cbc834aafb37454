"""Undo: a person takes back their last deed, and nobody else's work with it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from backlog.models import Activity, Actor, Backlog, Item, Kind, Label, Link, Product, Stay
from backlog.queries.history import history_of
from backlog.queries.items import PLAIN, SETS, values_of
from backlog.rules.paste import parse
from backlog.services.attachments import Incoming, add_attachment, remove_attachment
from backlog.services.comments import delete_comment, edit_comment
from backlog.services.deeds import deed
from backlog.services.extra_fields import create_field
from backlog.services.findings import take
from backlog.services.items import (
    ItemDraft,
    comment,
    create_item,
    create_items,
    edit_items,
    inbox,
    move_items,
    product_backlog,
    restore_item,
    trash_item,
    trash_items,
    update_item,
)
from backlog.services.labels import delete_label, labels_named
from backlog.services.links import add_link, remove_link
from backlog.services.members import add_member, remove_member
from backlog.services.moves import move_and_set
from backlog.services.paste import paste_items
from backlog.services.products import create_product
from backlog.services.ranks import Spot, rebalance
from backlog.services.transfer import move_to_product
from backlog.services.undo import LOOKS_BACK, undo_last
from mlscrum.lib.errors import Conflict, Refused
from tests.conftest import Cast


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def max_acts(cast: Cast) -> Actor:
    return Actor.person(cast.max)


@pytest.fixture
def five(product: Product) -> list[Item]:
    """Items a to e, which the machine has made."""
    return create_items(product, [ItemDraft(title) for title in "abcde"], actor=Actor.system())


def titles(product: Product, backlog: Backlog | None = None) -> str:
    home = backlog or product_backlog(product)
    return "".join(home.items.alive().order_by("rank").values_list("title", flat=True))


def fresh(item: Item) -> Item:
    found: Item = Item.objects.get(pk=item.pk)
    return found


# Moves -------------------------------------------------------------------------------------
def test_items_that_moved_together_go_back_to_where_each_was(
    product: Product, olga_acts: Actor, five: list[Item]
) -> None:
    a, b, c, d, e = five
    ranks = {item.pk: item.rank for item in five}
    move_items(product, [e, b, c], actor=olga_acts, spot=Spot.top())
    assert titles(product) == "ebcad"
    undone = undo_last(product, actor=olga_acts)
    assert titles(product) == "abcde"
    assert {item.pk: fresh(item).rank for item in five} == ranks
    assert undone.said == "Undone: 3 items are back where they were."
    assert (sorted(undone.refs), undone.moved) == (["MED-2", "MED-3", "MED-5"], True)


def test_pressed_again_it_takes_back_the_deed_before_and_each_only_once(
    product: Product, olga_acts: Actor, max_acts: Actor, five: list[Item]
) -> None:
    a, b, c, d, e = five
    move_items(product, [e], actor=olga_acts, spot=Spot.top())
    update_item(d, actor=max_acts, title="D")
    move_items(product, [a], actor=olga_acts, spot=Spot.bottom())
    undo_last(product, actor=olga_acts)
    assert titles(product) == "eabcD"
    undo_last(product, actor=olga_acts)
    assert titles(product) == "abcDe"
    with pytest.raises(Conflict, match="nothing of yours"):
        undo_last(product, actor=olga_acts)
    undo_last(product, actor=max_acts)
    assert titles(product) == "abcde"


def test_undo_is_a_deed_with_stays_and_words_of_its_own(product: Product, olga_acts: Actor) -> None:
    item = create_item(product, ItemDraft("a"), actor=Actor.system(), backlog=inbox(product))
    take([item], actor=olga_acts)
    moved = Activity.objects.get(kind="item.moved")
    undo_last(product, actor=olga_acts)
    assert fresh(item).backlog == inbox(product)
    assert [stay.backlog.kind for stay in item.stays.all()] == ["inbox", "product", "inbox"]
    assert Stay.objects.filter(item=item, left_at=None).count() == 1
    deed = Activity.objects.latest("seq")
    assert (deed.kind, deed.item, deed.data["seq"]) == ("item.undone", item, moved.seq)
    assert fresh(item).version == 3
    assert history_of(fresh(item)).events[0].lines == [
        "took back: moved it from Inbox to Product backlog"
    ]


def test_a_move_within_the_backlog_is_told_in_words(
    product: Product, olga_acts: Actor, five: list[Item]
) -> None:
    move_items(product, [five[0]], actor=olga_acts, spot=Spot.after(five[2]))
    undo_last(product, actor=olga_acts)
    assert history_of(fresh(five[0])).events[0].lines == ["took back: moved it after MED-3"]


def test_tasks_that_followed_go_back_too_and_those_made_since_follow(
    product: Product, olga_acts: Actor, max_acts: Actor, five: list[Item]
) -> None:
    story = five[1]
    old, new = (ItemDraft(title, kind=Kind.TASK, parent=story) for title in ("x", "y"))
    create_item(product, old, actor=Actor.system())
    move_items(product, [story], actor=olga_acts, spot=Spot.top(), to=inbox(product))
    create_item(product, new, actor=max_acts)
    assert titles(product, inbox(product)) == "bxy"
    undo_last(product, actor=olga_acts)
    assert titles(product) == "abycdex"
    assert titles(product, inbox(product)) == ""


def test_what_somebody_else_has_moved_since_stays_and_is_named(
    product: Product, cast: Cast, olga_acts: Actor, five: list[Item]
) -> None:
    a, b, c, d, e = five
    move_items(product, [a, b], actor=olga_acts, spot=Spot.bottom())
    move_items(product, [b], actor=Actor.person(cast.sina), spot=Spot.after(d))
    undone = undo_last(product, actor=olga_acts)
    assert titles(product) == "acdbe"
    assert undone.said == (
        "Undone: MED-1 is back where it was. MED-2 stays where it is: Sina Rahimi has moved it"
        " since."
    )


def test_where_the_former_key_is_taken_the_item_goes_beside_its_holder(
    product: Product, cast: Cast, olga_acts: Actor, five: list[Item]
) -> None:
    a, b, c, d, e = five
    move_items(product, [d], actor=Actor.system(), spot=Spot.after(a))
    between = fresh(d).rank
    move_items(product, [d], actor=olga_acts, spot=Spot.bottom())
    move_items(product, [e], actor=Actor.person(cast.sina), spot=Spot.after(a))
    assert fresh(e).rank == between
    undo_last(product, actor=olga_acts)
    assert titles(product) == "adebc"


def test_after_fresh_keys_items_go_back_below_who_stood_above_them(
    product: Product, olga_acts: Actor, five: list[Item]
) -> None:
    a, b, c, d, e = five
    move_items(product, [b, c, e], actor=olga_acts, spot=Spot.top())
    move_items(product, [d], actor=olga_acts, spot=Spot.top())
    with deed(product, Actor.system(), "backlog.tidied"):
        rebalance(product_backlog(product))
    undo_last(product, actor=olga_acts)
    assert titles(product) == "bcead"
    undo_last(product, actor=olga_acts)
    assert titles(product) == "abcde"


def test_an_item_whose_sprint_is_closed_by_now_stays(
    product: Product, olga_acts: Actor, five: list[Item]
) -> None:
    sprint = Backlog.objects.create(
        product=product, kind="sprint", name="Sprint 1", team=product.teams.get()
    )
    move_items(product, [five[0]], actor=Actor.system(), spot=Spot.top(), to=sprint)
    there = fresh(five[0])
    move_items(product, [there], actor=olga_acts, spot=Spot.top(), to=product_backlog(product))
    Backlog.objects.filter(pk=sprint.pk).update(state="closed")
    undone = undo_last(product, actor=olga_acts)
    assert "Nothing could be undone. MED-1 stays where it is: Sprint 1 is closed" in undone.said
    assert fresh(five[0]).backlog == product_backlog(product)


def test_a_move_with_a_status_is_taken_back_as_one(
    product: Product, olga_acts: Actor, five: list[Item]
) -> None:
    done = product.statuses.get(slug="done")
    move_and_set(product, five[:2], actor=olga_acts, spot=Spot.bottom(), status=done)
    undone = undo_last(product, actor=olga_acts)
    assert titles(product) == "abcde"
    assert {item.status.slug for item in product.items.all()} == {"to-do"}
    assert {item.done_at for item in product.items.all()} == {None}
    assert five[0].transitions.count() == 3
    assert undone.said == (
        "Undone: 2 items are back where they were. 2 items have their status back."
    )


# Edits -------------------------------------------------------------------------------------
def test_every_field_holds_its_former_value(
    product: Product, cast: Cast, max_acts: Actor, five: list[Item]
) -> None:
    create_field(product, "Risk", "choice", actor=Actor.system(), choices=["low", "high"])
    ux, data = labels_named(product, ["ux", "data"], actor=Actor.system())
    epic = create_item(product, ItemDraft("epic", kind=Kind.EPIC), actor=Actor.system())
    draft = ItemDraft(
        "Second reading", description="old", points=Decimal("2.5"), parent=epic, labels=[ux],
        assignees=[cast.dora], criteria=[("Doctors agree", False)], extra={"risk": "low"},
        due_date=date(2026, 12, 24), blocked_reason="waits", gpu_hours=Decimal("1.5"),
    )  # fmt: skip
    item = create_item(product, draft, actor=Actor.system())
    before = values(item)
    update_item(
        item, actor=max_acts, title="Third", description="new", points=None, parent=None,
        labels=[data], assignees=[cast.max, cast.sina], criteria=[("They don't", True)],
        extra={"risk": None}, due_date=None, blocked_reason="", gpu_hours=Decimal(3),
        status=product.statuses.get(slug="done"), kind=Kind.BUG,
    )  # fmt: skip
    assert values(item) != before
    undo_last(product, actor=max_acts)
    assert values(item) == before
    assert history_of(fresh(item)).events[0].lines[0].startswith("took back: ")


def values(item: Item) -> dict[str, Any]:
    return {**values_of(fresh(item), (*PLAIN, *SETS)), "extra": fresh(item).extra}


def test_a_field_that_somebody_else_has_changed_since_stays_and_is_named(
    product: Product, cast: Cast, max_acts: Actor, five: list[Item]
) -> None:
    item = five[0]
    update_item(item, actor=max_acts, title="A", points=Decimal(5))
    update_item(item, actor=Actor.person(cast.sina), title="Aa")
    undone = undo_last(product, actor=max_acts)
    assert (fresh(item).title, fresh(item).points) == ("Aa", None)
    assert undone.said == (
        "Undone: MED-1 has its points back. MED-1 keeps its title: Sina Rahimi has changed it"
        " since."
    )
    assert undone.moved is False


def test_a_change_of_many_is_taken_back_on_each_in_few_statements(
    product: Product, olga_acts: Actor, django_assert_max_num_queries: Any
) -> None:
    items = create_items(product, [ItemDraft(str(n)) for n in range(60)], actor=Actor.system())
    (ux,) = labels_named(product, ["ux"], actor=olga_acts)
    edit_items(product, items[:20], actor=Actor.system(), points=Decimal(3))
    edit_items(product, items, actor=olga_acts, points=Decimal(5), add_labels=[ux])
    with django_assert_max_num_queries(40):
        undone = undo_last(product, actor=olga_acts)
    assert undone.said == "Undone: 60 items have their labels and points back."
    assert product.items.filter(points=3).count() == 20
    assert product.items.filter(points=None).count() == 40
    assert not product.items.filter(labels=ux).exists()


def test_what_is_gone_by_now_is_named_and_the_rest_comes_back(
    product: Product, cast: Cast, olga_acts: Actor, max_acts: Actor, five: list[Item]
) -> None:
    item, epic = five[0], create_item(product, ItemDraft("E", kind="epic"), actor=olga_acts)
    (ux,) = labels_named(product, ["ux"], actor=olga_acts)
    update_item(item, actor=olga_acts, labels=[ux], assignees=[cast.dora], parent=epic)
    update_item(item, actor=max_acts, labels=[], assignees=[], parent=None, title="A")
    delete_label(ux, actor=olga_acts)
    remove_member(product.members.get(user=cast.dora), actor=olga_acts)
    trash_item(epic, actor=olga_acts)
    said = undo_last(product, actor=max_acts).said
    assert said.startswith("Undone: MED-1 has its title back.")
    assert "keeps its labels: ux is no label any more." in said
    assert "keeps its assignees: dora@example.org is no member any more." in said
    assert "keeps its parent: MED-6 is not there any more." in said


def test_a_kind_stays_where_children_could_not(
    product: Product, max_acts: Actor, cast: Cast, five: list[Item]
) -> None:
    update_item(five[0], actor=max_acts, kind=Kind.EPIC)
    update_item(five[1], actor=Actor.person(cast.sina), parent=fresh(five[0]))
    said = undo_last(product, actor=max_acts).said
    assert said.startswith("Nothing could be undone. MED-1 keeps its kind:")
    assert fresh(five[0]).kind == Kind.EPIC


def test_a_task_that_changed_its_parent_goes_home_again(
    product: Product, max_acts: Actor, five: list[Item]
) -> None:
    elsewhere = create_item(product, ItemDraft("z"), actor=max_acts, backlog=inbox(product))
    draft = ItemDraft("t", kind=Kind.TASK, parent=five[0])
    task = create_item(product, draft, actor=Actor.system())
    update_item(task, actor=max_acts, parent=elsewhere)
    assert fresh(task).backlog == inbox(product)
    undo_last(product, actor=max_acts)
    assert (fresh(task).parent, titles(product)) == (five[0], "abcdet")


# Delete, create, restore -------------------------------------------------------------------
def test_a_deleted_item_is_back_where_it_was_and_not_at_the_top(
    product: Product, max_acts: Actor, five: list[Item]
) -> None:
    trash_item(five[2], actor=max_acts)
    undone = undo_last(product, actor=max_acts)
    assert titles(product) == "abcde"
    assert fresh(five[2]).deleted_at is None
    assert Stay.objects.filter(item=five[2], left_at=None).count() == 1
    assert undone.said == "Undone: MED-3 is back where it was."
    assert history_of(fresh(five[2])).events[0].lines == ["took back: put it into the trash"]


def test_many_deleted_items_come_back_together(
    product: Product, max_acts: Actor, five: list[Item], django_assert_max_num_queries: Any
) -> None:
    trash_items(product, five[1:4], actor=max_acts)
    assert titles(product) == "ae"
    with django_assert_max_num_queries(40):
        undo_last(product, actor=max_acts)
    assert titles(product) == "abcde"


def test_a_task_that_was_deleted_comes_back_to_where_its_parent_is_by_now(
    product: Product, olga_acts: Actor, max_acts: Actor, five: list[Item]
) -> None:
    draft = ItemDraft("t", kind=Kind.TASK, parent=five[0])
    task = create_item(product, draft, actor=Actor.system())
    trash_item(task, actor=max_acts)
    move_items(product, [five[0]], actor=olga_acts, spot=Spot.top(), to=inbox(product))
    undo_last(product, actor=max_acts)
    assert titles(product, inbox(product)) == "ta"


def test_new_items_go_into_the_trash(product: Product, max_acts: Actor, five: list[Item]) -> None:
    create_items(product, [ItemDraft("f"), ItemDraft("g")], actor=max_acts)
    undone = undo_last(product, actor=max_acts)
    assert titles(product) == "abcde"
    assert undone.said == "Undone: 2 items are in the trash."
    item = Item.objects.get(title="f")
    assert history_of(item).events[0].lines == ["took back: created it"]


def test_new_items_that_others_have_worked_on_stay(
    product: Product, cast: Cast, max_acts: Actor
) -> None:
    f, g, h = create_items(product, [ItemDraft(title) for title in "fgh"], actor=max_acts)
    update_item(f, actor=Actor.person(cast.sina), title="F")
    comment(g, "I need this", actor=Actor.person(cast.vera))
    said = undo_last(product, actor=max_acts).said
    assert titles(product) == "Fg"
    assert "MED-1 stays: Sina Rahimi has worked on it since." in said
    assert "MED-2 stays: Vera Novak has worked on it since." in said


def test_new_items_that_others_have_put_something_under_stay(
    product: Product, cast: Cast, max_acts: Actor, five: list[Item]
) -> None:
    epics = [ItemDraft(title, kind=Kind.EPIC) for title in "fgh"]
    f, g, h = create_items(product, epics, actor=max_acts)
    sina, vera = Actor.person(cast.sina), Actor.person(cast.vera)
    create_item(product, ItemDraft("under f", parent=f), actor=sina)
    update_item(five[0], actor=vera, parent=g)
    trash_item(create_item(product, ItemDraft("under h", parent=h), actor=sina), actor=sina)
    said = undo_last(product, actor=max_acts).said
    assert f"{f.ref} stays: Sina Rahimi has worked on it since." in said
    assert f"{g.ref} stays: Vera Novak has worked on it since." in said
    assert Item.objects.get(pk=h.pk).deleted_at is not None


def test_a_restored_item_goes_into_the_trash_again(
    product: Product, max_acts: Actor, five: list[Item]
) -> None:
    trash_item(five[0], actor=Actor.system())
    restore_item(five[0], actor=max_acts)
    undo_last(product, actor=max_acts)
    assert titles(product) == "bcde"


# Links and comments ------------------------------------------------------------------------
def test_a_link_is_taken_back_and_not_what_was_done_before(
    product: Product, max_acts: Actor, five: list[Item]
) -> None:
    a, b, c, *_ = five
    update_item(c, actor=max_acts, title="C")
    link = add_link(a, "blocks", b, actor=max_acts)
    undone = undo_last(product, actor=max_acts)
    assert undone.said == "Undone: the link “MED-1 blocks MED-2” is gone."
    assert (undone.refs, Link.objects.count(), fresh(c).title) == (["MED-1", "MED-2"], 0, "C")
    assert history_of(fresh(b)).events[0].lines == ["took back: linked it: is blocked by MED-1"]
    link = add_link(a, "needs_data", b, actor=max_acts)
    remove_link(link, actor=max_acts, side=b)
    assert undo_last(product, actor=max_acts).said == "Undone: MED-1 needs data of MED-2 again."
    assert Link.objects.get().kind == "needs_data"


@pytest.mark.parametrize(
    ("meanwhile", "stays"),
    [
        ("circle", "MED-1 stays as it is: MED-2 already comes before MED-1: MED-2 → MED-1."),
        ("trash", "MED-1 stays as it is: MED-2 is in the trash by now."),
    ],
)
def test_a_link_that_can_t_be_any_more_stays_away_and_is_named(
    product: Product, cast: Cast, max_acts: Actor, five: list[Item], meanwhile: str, stays: str
) -> None:
    a, b, *_ = five
    remove_link(add_link(a, "blocks", b, actor=max_acts), actor=max_acts)
    if meanwhile == "circle":
        add_link(b, "blocks", a, actor=Actor.person(cast.sina))
    else:
        trash_item(b, actor=Actor.person(cast.sina))
    said = undo_last(product, actor=max_acts).said
    assert said.startswith(f"Nothing could be undone. {stays}")


def test_a_comment_that_was_deleted_is_back_as_it_was_said(
    product: Product, max_acts: Actor, five: list[Item]
) -> None:
    said = comment(five[0], "Quorum", actor=max_acts)
    edit_comment(said, "Quorum of three", actor=max_acts)
    said.refresh_from_db()
    delete_comment(said, actor=max_acts)
    assert undo_last(product, actor=max_acts).said == "Undone: your comment on MED-1 is back."
    back = five[0].comments.get()
    kept = ("author", "text", "created_at", "edited_at")
    assert [getattr(back, name) for name in kept] == [getattr(said, name) for name in kept]
    assert history_of(fresh(five[0])).events[0].lines == ["took back: deleted a comment"]
    undone = undo_last(product, actor=max_acts).said
    assert undone == "Undone: your comment on MED-1 reads as before."
    assert five[0].comments.get().text == "Quorum"


def test_what_undo_can_t_take_back_is_named_and_nothing_else_is_touched(
    product: Product, cast: Cast, max_acts: Actor, five: list[Item]
) -> None:
    update_item(five[1], actor=max_acts, title="B")
    comment(five[0], "Hm", actor=max_acts)
    _refuses(product, max_acts, "leaves your comment on MED-1; edit or delete it there. Nothing")
    file = add_attachment(five[0], Incoming("a.txt", [b"a"]), actor=max_acts)
    _refuses(product, max_acts, "leaves the file that you added to MED-1")
    remove_attachment(file, actor=max_acts)
    _refuses(product, max_acts, "removed from MED-1 is deleted for good")
    shop = create_product(key="SHOP", name="Shop", owner=cast.olga, actor=Actor.person(cast.olga))
    add_member(shop, cast.max, "developer", actor=Actor.person(cast.olga))
    move_to_product(five[0], shop, actor=max_acts)
    _refuses(product, max_acts, "move MED-1 back from there")
    _refuses(shop, max_acts, "move SHOP-1 back by hand")
    assert fresh(five[1]).title == "B"


def _refuses(product: Product, actor: Actor, why: str) -> None:
    with pytest.raises(Conflict, match=why) as refused:
        undo_last(product, actor=actor)
    assert refused.value.code == "not_undoable"


# Whose, when and where ---------------------------------------------------------------------
def test_only_a_person_s_own_deeds_of_the_last_day_are_taken_back(
    product: Product, max_acts: Actor, five: list[Item]
) -> None:
    for actor in (max_acts, Actor.system()):
        with pytest.raises(Conflict, match="24 hours"):
            undo_last(product, actor=actor)
    update_item(five[0], actor=max_acts, title="A")
    Activity.objects.filter(kind="item.updated").update(at=timezone.now() - LOOKS_BACK * 1.01)
    with pytest.raises(Conflict, match="24 hours"):
        undo_last(product, actor=max_acts)


def test_what_the_deed_needed_is_asked_again(
    product: Product, olga_acts: Actor, five: list[Item]
) -> None:
    move_items(product, [five[0]], actor=olga_acts, spot=Spot.bottom())
    asked: set[str] = set()

    def may(permission: str) -> bool:
        asked.add(permission)
        return permission == "item.edit"

    with pytest.raises(Refused):
        undo_last(product, actor=olga_acts, may=may)
    assert "backlog.order" in asked
    assert titles(product) == "bcdea"


def test_the_door_answers_scripts_with_json_and_others_with_the_page_they_came_from(
    product: Product, cast: Cast, as_person: Any, max_acts: Actor, five: list[Item]
) -> None:
    update_item(five[0], actor=max_acts, title="A")
    update_item(five[1], actor=max_acts, title="B")
    browser = as_person(cast.max)
    answer = browser.post("/p/MED/undo/", headers={"Accept": "application/json"})
    assert answer.json() == {
        "said": "Undone: MED-2 has its title back.", "refs": ["MED-2"], "moved": False
    }  # fmt: skip
    page = browser.post("/p/MED/undo/", {"next": "/p/MED/trash/"}, follow=True)
    assert page.redirect_chain == [("/p/MED/trash/", 302)]
    assert "MED-1 has its title back." in page.content.decode()
    nothing = browser.post("/p/MED/undo/", headers={"Accept": "application/json"})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_to_undo")
    assert as_person(cast.vera).post("/p/MED/undo/").status_code == 403


def test_a_paste_in_chunks_is_one_to_undo(product: Product, max_acts: Actor) -> None:
    text = "\n".join(f"Story {n} #ux" if n % 4 else f"Story {n}\n  Task" for n in range(900))
    made = paste_items(product, parse(text), actor=max_acts, spot=Spot.top())
    assert [item.title for item in product_backlog(product).items.order_by("rank")][:3] == [
        "Story 0", "Task", "Story 1"
    ]  # fmt: skip
    tasks = [item for item in made if item.kind == Kind.TASK]
    assert all(item.title == "Task" and item.parent is not None for item in tasks)
    assert len(made) == 900 + 225
    assert Activity.objects.filter(kind="item.created").count() == 3
    undone = undo_last(product, actor=max_acts)
    assert undone.said == "Undone: 1,125 items are in the trash."
    assert not Item.objects.alive().exists()
    with pytest.raises(Conflict):
        undo_last(product, actor=max_acts)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Conflict("anchor_left", "MED-500 has left."), "MED-500 has left."),
        (ValidationError({"assignees": "Max has left."}), "Max has left."),
        (IntegrityError("no such label"), "Somebody changed what they refer to meanwhile."),
    ],
)
def test_a_paste_of_which_a_later_part_fails_says_what_was_made_and_one_undo_takes_it_back(
    product: Product, cast: Cast, as_person: Any, monkeypatch: pytest.MonkeyPatch,
    failure: Exception, reason: str,
) -> None:  # fmt: skip
    calls = []

    def failing(*args: Any, **options: Any) -> list[Item]:
        calls.append(args)
        if len(calls) == 3:
            raise failure
        return create_items(*args, **options)

    monkeypatch.setattr("backlog.services.paste.create_items", failing)
    text = "\n\n".join(f"Story {n}" for n in range(1, 1204))
    sent = {"text": text, "kind": "story", "to": "top", "create": "1"}
    answer = as_person(cast.olga).post("/p/MED/backlog/paste/", sent)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert (
        "1,000 of 1,203 items were made, up to line 1,999 (“Story 1000”); nothing from line 2,001"
        f" on. {reason} One undo takes the 1,000 back; then create all of them again."
    ) in html
    assert "1000 items added at the top, not all of them." in html
    assert 'data-notice="undoable' in html
    assert "Story 1203" in html
    assert Item.objects.alive().count() == 1000
    undone = undo_last(product, actor=Actor.person(cast.olga))
    assert undone.said == "Undone: 1,000 items are in the trash."
    assert not Item.objects.alive().exists()


def test_more_lines_than_a_paste_may_have_make_none(product: Product, max_acts: Actor) -> None:
    with pytest.raises(ValidationError, match="5,001 lines; paste at most 5,000"):
        paste_items(product, parse("Story\n" * 5001), actor=max_acts)
    assert not Item.objects.exists()


def test_a_paste_that_has_no_room_for_its_labels_makes_none(
    product: Product, max_acts: Actor
) -> None:
    Label.objects.bulk_create(Label(product=product, name=f"l{n}") for n in range(498))
    lines = parse("Story #L1 #a\n" * 501 + "Last #b #a\nToo much #c #d\nToo much #c\n")
    with pytest.raises(ValidationError) as refused:
        paste_items(product, lines, actor=max_acts)
    assert refused.value.message_dict["text"] == [
        "Line 503: There is no room for the labels #c and #d: a product has at most 500.",
        "Line 504: There is no room for the label #c: a product has at most 500.",
    ]
    assert not Item.objects.exists()
    assert len(paste_items(product, lines[:502], actor=max_acts)) == 502
    assert product.labels.count() == 500


@pytest.mark.parametrize("in_bulk", [False, True])
def test_points_go_with_a_kind_that_bears_none_and_come_back(
    product: Product, max_acts: Actor, in_bulk: bool
) -> None:
    item = create_item(product, ItemDraft("Read twice", points=Decimal(5)), actor=max_acts)
    if in_bulk:
        edit_items(product, [item], actor=max_acts, kind=Kind.EPIC)
    else:
        update_item(item, actor=max_acts, kind=Kind.EPIC)
    item.refresh_from_db()
    assert (item.kind, item.points, item.version) == ("epic", None, 2)
    assert item.transitions.order_by("-pk")[0].points is None
    assert set(item.changes.filter(version=2).values_list("field", "before", "after")) == {
        ("kind", "story", "epic"), ("points", 5.0, None),
    }  # fmt: skip
    undo_last(product, actor=max_acts)
    item.refresh_from_db()
    assert (item.kind, item.points) == ("story", Decimal(5))
    with pytest.raises(ValidationError, match="leave this empty"):
        update_item(item, actor=max_acts, kind=Kind.EPIC, points=Decimal(5))
    update_item(item, actor=max_acts, kind=Kind.BUG)
    item.refresh_from_db()
    assert item.points == Decimal(5)
