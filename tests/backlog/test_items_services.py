"""Items: created, edited, moved, thrown away and brought back."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backlog.models import Activity, Actor, Backlog, Item, Kind, Product, Stay
from backlog.services.extra_fields import create_field
from backlog.services.items import (
    ItemDraft,
    create_item,
    create_items,
    edit_items,
    inbox,
    move_items,
    product_backlog,
    restore_item,
    trash_item,
    update_item,
)
from backlog.services.labels import labels_named
from backlog.services.ranks import Spot
from mlscrum.lib.errors import Conflict, DomainError
from tests.conftest import Cast


@pytest.fixture
def max_acts(cast: Cast) -> Actor:
    return Actor.person(cast.max)


def titles(product: Product) -> list[str]:
    backlog = product_backlog(product)
    return list(backlog.items.alive().order_by("rank").values_list("title", flat=True))


def seqs(product: Product) -> list[int]:
    return list(Activity.objects.filter(product=product).values_list("seq", flat=True))


def three(product: Product, actor: Actor) -> list[Item]:
    return create_items(product, [ItemDraft(title) for title in "abc"], actor=actor)


def test_a_new_item_gets_the_next_ref_a_stay_and_a_transition(
    product: Product, max_acts: Actor
) -> None:
    item = create_item(product, ItemDraft("Read  the\tscans", points=Decimal(3)), actor=max_acts)
    assert item.ref == "MED-1"
    assert item.title == "Read the scans"
    assert item.status.slug == "to-do"
    assert item.stays.get().left_at is None
    assert item.transitions.get().points == 3
    assert Activity.objects.get(kind="item.created").item == item


def test_activity_is_numbered_without_gaps_even_after_a_failure(
    product: Product, max_acts: Actor
) -> None:
    create_item(product, ItemDraft("a"), actor=max_acts)
    with pytest.raises(ValidationError):
        create_item(product, ItemDraft("a", kind="poem"), actor=max_acts)
    create_item(product, ItemDraft("b"), actor=max_acts)
    assert seqs(product) == list(range(1, len(seqs(product)) + 1))
    assert Item.objects.filter(product=product).count() == 2


def test_new_items_join_at_the_bottom_and_keep_their_order(
    product: Product, max_acts: Actor
) -> None:
    three(product, max_acts)
    create_item(product, ItemDraft("d"), actor=max_acts, spot=Spot.top())
    assert titles(product) == ["d", "a", "b", "c"]


def test_a_move_writes_only_the_row_that_moved(product: Product, max_acts: Actor) -> None:
    a, b, c = three(product, max_acts)
    ranks = {item.pk: item.rank for item in (a, b)}
    move_items(product, [c], actor=max_acts, spot=Spot.before(a))
    assert titles(product) == ["c", "a", "b"]
    assert {item.pk: item.rank for item in Item.objects.filter(pk__in=ranks)} == ranks
    assert Item.objects.get(pk=c.pk).version == 1


def test_several_items_move_together_in_the_order_given(product: Product, max_acts: Actor) -> None:
    a, b, c = three(product, max_acts)
    move_items(product, [c, a], actor=max_acts, spot=Spot.after(b))
    assert titles(product) == ["b", "c", "a"]


def test_an_item_named_twice_moves_once(product: Product, max_acts: Actor) -> None:
    a, b, _ = three(product, max_acts)
    moved = move_items(product, [b, a, b], actor=max_acts, spot=Spot.top(), to=inbox(product))
    assert moved == [b, a]


def test_an_anchor_that_has_left_is_a_conflict_with_the_present_neighbours(
    product: Product, max_acts: Actor
) -> None:
    a, b, c = three(product, max_acts)
    trash_item(b, actor=max_acts)
    with pytest.raises(Conflict) as refused:
        move_items(product, [c], actor=max_acts, spot=Spot.before(b))
    assert refused.value.extra["neighbours"] == ["MED-1", "MED-3"]


def test_a_move_to_another_backlog_ends_one_stay_and_begins_another(
    product: Product, max_acts: Actor
) -> None:
    item = create_item(product, ItemDraft("a"), actor=max_acts, backlog=inbox(product))
    move_items(product, [item], actor=max_acts, spot=Spot.top(), to=product_backlog(product))
    first, second = item.stays.all()
    assert (first.backlog.kind, first.outcome) == ("inbox", "moved")
    assert second.left_at is None
    assert Item.objects.get(pk=item.pk).version == 2


def test_a_closed_backlog_takes_nothing(product: Product, max_acts: Actor) -> None:
    item = create_item(product, ItemDraft("a"), actor=max_acts)
    closed = Backlog.objects.create(
        product=product, kind="sprint", name="Sprint 1", state="closed", team=product.teams.get()
    )
    with pytest.raises(DomainError, match="never changes"):
        move_items(product, [item], actor=max_acts, spot=Spot.top(), to=closed)


def test_tasks_follow_their_parent(product: Product, max_acts: Actor) -> None:
    story, other, _ = three(product, max_acts)
    create_item(product, ItemDraft("task", kind=Kind.TASK, parent=story), actor=max_acts)
    move_items(product, [story], actor=max_acts, spot=Spot.bottom())
    assert titles(product) == ["b", "c", "a", "task"]


def test_a_task_is_born_in_its_parent_s_backlog(product: Product, max_acts: Actor) -> None:
    story = create_item(product, ItemDraft("a"), actor=max_acts, backlog=inbox(product))
    epic, task = create_items(
        product,
        [ItemDraft("epic", kind=Kind.EPIC), ItemDraft("task", kind=Kind.TASK, parent=story)],
        actor=max_acts,
    )
    assert (epic.backlog.kind, task.backlog.kind) == ("product", "inbox")
    assert task.stays.get().backlog == story.backlog


def test_a_task_goes_to_the_backlog_of_its_new_parent(product: Product, max_acts: Actor) -> None:
    story = create_item(product, ItemDraft("a"), actor=max_acts, backlog=inbox(product))
    task = create_item(product, ItemDraft("task", kind=Kind.TASK), actor=max_acts)
    update_item(task, actor=max_acts, parent=story)
    task = Item.objects.get(pk=task.pk)
    assert task.backlog == story.backlog
    assert [stay.backlog.kind for stay in task.stays.all()] == ["product", "inbox"]
    assert set(task.changes.values_list("field", flat=True)) == {"created", "parent", "backlog"}


def test_a_task_leaves_its_parent_s_backlog_with_it_alone(
    product: Product, max_acts: Actor
) -> None:
    story, other, _ = three(product, max_acts)
    task = create_item(product, ItemDraft("task", kind=Kind.TASK, parent=story), actor=max_acts)
    move_items(product, [task], actor=max_acts, spot=Spot.top())
    assert titles(product) == ["task", "a", "b", "c"]
    with pytest.raises(Conflict, match="lives where MED-1 is"):
        move_items(product, [task, other], actor=max_acts, spot=Spot.top(), to=inbox(product))
    move_items(product, [task, story], actor=max_acts, spot=Spot.top(), to=inbox(product))
    assert titles(product) == ["b", "c"]


def test_a_task_comes_back_from_the_trash_to_its_parent(product: Product, max_acts: Actor) -> None:
    story = create_item(product, ItemDraft("a"), actor=max_acts, backlog=inbox(product))
    task = create_item(product, ItemDraft("task", kind=Kind.TASK, parent=story), actor=max_acts)
    trash_item(task, actor=max_acts)
    assert restore_item(task, actor=max_acts).backlog == story.backlog


def test_nothing_is_put_under_what_is_in_the_trash(product: Product, max_acts: Actor) -> None:
    story, other, _ = three(product, max_acts)
    epic = create_item(product, ItemDraft("epic", kind=Kind.EPIC), actor=max_acts)
    update_item(story, actor=max_acts, parent=epic)
    trash_item(epic, actor=max_acts)
    for attempt in (
        lambda: update_item(other, actor=max_acts, parent=epic),
        lambda: create_item(product, ItemDraft("x", parent=epic), actor=max_acts),
    ):
        with pytest.raises(ValidationError, match="in the trash"):
            attempt()
    assert update_item(story, actor=max_acts, title="still to be edited").parent == epic


def test_an_item_in_a_sprint_becomes_no_epic(product: Product, max_acts: Actor) -> None:
    sprint = Backlog.objects.create(
        product=product, kind="sprint", name="Sprint 1", team=product.teams.get()
    )
    item = create_item(product, ItemDraft("a"), actor=max_acts, backlog=sprint)
    with pytest.raises(ValidationError, match="never enters a sprint"):
        update_item(item, actor=max_acts, kind=Kind.EPIC)


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 251}, "title"),
        ({"title": "a", "kind": "poem"}, "kind"),
        ({"title": "a", "points": Decimal(-1)}, "points"),
        ({"title": "a", "points": Decimal("NaN")}, "points"),
        ({"title": "a", "kind": "task", "points": Decimal(1)}, "points"),
    ],
)
def test_bad_fields_are_named(
    product: Product, max_acts: Actor, draft: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        create_item(product, ItemDraft(**draft), actor=max_acts)
    assert field in refused.value.message_dict


def test_an_edit_keeps_before_and_after_and_raises_the_version(
    product: Product, max_acts: Actor, cast: Cast
) -> None:
    item = create_item(product, ItemDraft("a"), actor=max_acts)
    item = update_item(item, actor=max_acts, title="b", points=Decimal(5), assignees=[cast.sina])
    assert item.version == 2
    changes = {
        c.field: (c.before, c.after) for c in item.changes.filter(activity__kind="item.updated")
    }
    assert changes == {
        "title": ("a", "b"),
        "points": (None, 5.0),
        "assignees": ([], ["sina@example.org"]),
    }
    assert item.transitions.count() == 2


def test_an_edit_that_changes_nothing_leaves_no_trace(product: Product, max_acts: Actor) -> None:
    item = create_item(product, ItemDraft("a"), actor=max_acts)
    before = seqs(product)
    assert update_item(item, actor=max_acts, title="a").version == 1
    assert seqs(product) == before


def test_two_people_who_change_different_fields_both_win(
    product: Product, max_acts: Actor, cast: Cast
) -> None:
    item = create_item(product, ItemDraft("a"), actor=max_acts)
    update_item(item, actor=max_acts, base_version=1, title="b")
    merged = update_item(item, actor=Actor.person(cast.sina), base_version=1, points=Decimal(2))
    assert (merged.title, merged.points, merged.version) == ("b", Decimal(2), 3)


def test_the_second_to_change_the_same_field_sees_both_values(
    product: Product, max_acts: Actor, cast: Cast
) -> None:
    item = create_item(product, ItemDraft("a"), actor=max_acts)
    update_item(item, actor=max_acts, base_version=1, title="b")
    with pytest.raises(Conflict) as refused:
        update_item(item, actor=Actor.person(cast.sina), base_version=1, title="c")
    assert refused.value.extra["conflicts"] == [
        {"field": "title", "base": "a", "theirs": "b", "yours": "c"}
    ]


def test_an_exact_version_refuses_any_later_change(product: Product, max_acts: Actor) -> None:
    item = create_item(product, ItemDraft("a"), actor=max_acts)
    update_item(item, actor=max_acts, title="b")
    with pytest.raises(DomainError) as refused:
        update_item(item, actor=max_acts, exact_version=1, points=Decimal(1))
    assert refused.value.status == 412


def test_done_has_a_time_and_leaving_done_takes_it_away(product: Product, max_acts: Actor) -> None:
    item = create_item(product, ItemDraft("a"), actor=max_acts)
    done, doing = (product.statuses.get(slug=slug) for slug in ("done", "in-progress"))
    assert update_item(item, actor=max_acts, status=done).done_at
    assert update_item(item, actor=max_acts, status=doing).done_at is None


def test_strangers_can_not_be_assigned(product: Product, max_acts: Actor, cast: Cast) -> None:
    item = create_item(product, ItemDraft("a"), actor=max_acts)
    with pytest.raises(ValidationError, match="members"):
        update_item(item, actor=max_acts, assignees=[cast.sam])
    with pytest.raises(ValidationError, match="members"):
        create_item(product, ItemDraft("b", assignees=[cast.sam]), actor=max_acts)


def test_the_trash_gives_back_an_item_at_the_top(product: Product, max_acts: Actor) -> None:
    _, b, _ = three(product, max_acts)
    trash_item(b, actor=max_acts)
    assert titles(product) == ["a", "c"]
    assert not Stay.objects.filter(item=b, left_at__isnull=True).exists()
    restore_item(b, actor=max_acts)
    assert titles(product) == ["b", "a", "c"]
    assert Stay.objects.filter(item=b, left_at__isnull=True).count() == 1


def test_hundreds_of_moves_into_one_gap_keep_short_keys_and_the_order(
    product: Product, max_acts: Actor
) -> None:
    a, b, c = three(product, max_acts)
    for _ in range(400):
        move_items(product, [b], actor=max_acts, spot=Spot.after(a))
        move_items(product, [c], actor=max_acts, spot=Spot.after(a))
    assert titles(product) == ["a", "c", "b"]
    assert max(len(item.rank or "") for item in Item.objects.filter(product=product)) <= 60


def test_an_edit_takes_every_field_of_an_item(
    product: Product, max_acts: Actor, cast: Cast
) -> None:
    create_field(product, "Risk", "choice", actor=max_acts, choices=["low", "high"])
    ux, data = labels_named(product, ["ux", "data"], actor=max_acts)
    item = create_item(
        product,
        ItemDraft(
            title="Second reading",
            labels=[ux],
            criteria=[("Doctors agree", False)],
            extra={"risk": "low"},
            assignees=[cast.dora],
        ),
        actor=max_acts,
    )
    edited = update_item(
        item,
        actor=max_acts,
        labels=[data],
        criteria=[("Doctors agree", True), ("It is quick", False)],
        extra={"risk": "high"},
        due_date=date(2026, 12, 24),
        blocked_reason="waits for the clinic",
        gpu_hours=Decimal("1.5"),
        assignees=[cast.max],
    )
    edited.refresh_from_db()
    assert [label.name for label in edited.labels.all()] == ["data"]
    assert edited.extra == {"risk": "high"}
    assert edited.criteria[0] == {"text": "Doctors agree", "is_met": True}
    changed = edited.changes.filter(version=2).values_list("field", "before", "after")
    assert set(changed.values_list("field", flat=True)) == {
        "labels", "criteria", "fields.risk", "due_date", "blocked_reason", "gpu_hours", "assignees"
    }  # fmt: skip
    assert ("labels", ["ux"], ["data"]) in list(changed)
    assert ("fields.risk", "low", "high") in list(changed)


def test_many_items_change_in_one_deed_and_few_statements(
    product: Product, max_acts: Actor, django_assert_max_num_queries: Any
) -> None:
    items = create_items(product, [ItemDraft(title=f"Item {n}") for n in range(50)], actor=max_acts)
    ux, data = labels_named(product, ["ux", "data"], actor=max_acts)
    edit_items(product, items[:10], actor=max_acts, add_labels=[ux])
    before = product.activities.count()
    doing = product.statuses.get(slug="in-progress")
    with django_assert_max_num_queries(30):
        changed = edit_items(
            product, items, actor=max_acts, status=doing, add_labels=[data], remove_labels=[ux]
        )
    assert len(changed) == 50
    assert product.activities.count() == before + 1
    assert {tuple(item.labels.values_list("name", flat=True)) for item in items} == {("data",)}
    assert Item.objects.filter(status=doing, version=2).count() == 40
    assert edit_items(product, items, actor=max_acts, status=doing) == []


def test_a_change_of_many_that_one_can_not_take_changes_none_and_names_it(
    product: Product, max_acts: Actor
) -> None:
    story, epic = create_items(
        product, [ItemDraft(title="Story"), ItemDraft(title="Epic", kind="epic")], actor=max_acts
    )
    with pytest.raises(ValidationError, match=epic.ref):
        edit_items(product, [story, epic], actor=max_acts, points=Decimal(3))
    story.refresh_from_db()
    assert story.points is None
    assert story.version == 1


def test_an_external_id_stands_for_one_item(product: Product, max_acts: Actor) -> None:
    draft = ItemDraft(title="From Jira", external_source="jira", external_id="A-1")
    create_item(product, draft, actor=max_acts)
    with pytest.raises(Conflict) as refused:
        create_items(product, [ItemDraft(title="Other"), draft], actor=max_acts)
    assert refused.value.code == "external_id_taken"
    assert Item.objects.count() == 1


def test_only_an_item_with_an_external_id_takes_a_savepoint(
    product: Product, cast: Cast, django_assert_num_queries: Any
) -> None:
    olga = Actor.person(cast.olga)
    with CaptureQueriesContext(connection) as plain:
        create_item(product, ItemDraft("Ours"), actor=olga)
    theirs = ItemDraft("Theirs", external_source="jira", external_id="J-1")
    with django_assert_num_queries(len(plain) + 2):
        create_item(product, theirs, actor=olga)
    with pytest.raises(Conflict, match="is there already"):
        create_item(product, theirs, actor=olga)
