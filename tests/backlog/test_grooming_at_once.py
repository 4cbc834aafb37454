"""Two people who groom one product at the same moment, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from backlog.models import Actor, Backlog, Item, Product, Stay, Transition
from backlog.queries.search import best_of
from backlog.services import comments
from backlog.services.deeds import deed
from backlog.services.items import (
    ItemDraft,
    comment,
    create_item,
    create_items,
    edit_items,
    inbox,
    move_items,
    restore_item,
    trash_item,
    update_item,
)
from backlog.services.ranks import Spot, lock_backlogs
from tests.conftest import Cast
from tests.sprints.test_sprints_at_once import at_once, until_somebody_waits

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]

BULK = "/api/v1/products/MED/items/bulk/"


@pytest.fixture
def olga(transactional_db: None, cast: Cast) -> Actor:
    return Actor.person(cast.olga)


def while_held(
    backlog: Backlog, second: Callable[[], Any], *, first: Callable[[], Any] = lambda: None
) -> list[BaseException | None]:
    """Let a deed begin that holds a backlog and ends once the second one waits, and have done its
    own part by then; what each raised."""
    begun = Event()

    def hold() -> None:
        with deed(backlog.product, Actor.system(), "backlog.held"):
            lock_backlogs(backlog)
            begun.set()
            until_somebody_waits()
            first()

    def after() -> None:
        begun.wait(timeout=10)
        second()

    return at_once(hold, after)


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "once"}])
@pytest.mark.parametrize("body", ["rows", "edits", "text", "external"])
def test_many_by_rest_hold_nothing_that_a_move_needs_to_end(
    product: Product, cast: Cast, api: Any, olga: Actor, body: str, key: dict[str, str]
) -> None:
    story = create_item(product, ItemDraft("Story"), actor=olga)
    filed = create_item(product, ItemDraft("Filed"), actor=olga, backlog=inbox(product))
    client = api(cast.olga)
    sent: dict[str, Any] = {
        "rows": {
            "items": [{"title": "One"}, {"title": "Task", "kind": "task", "parent": story.ref}],
            "atomic": False,
        },
        "edits": {"refs": [story.ref, filed.ref], "set": {"points": 3}, "atomic": False},
        "text": {"text": "One #new\n  a task\nTwo #newer"},
        "external": {"title": "Task", "kind": "task", "parent": story.ref, "labels": ["new"]},
    }[body]
    answers: list[int] = []

    def send() -> None:
        if body == "external":
            url = f"/api/v1/products/{product.key}/items/external/jira/1/"
            answers.append(client.put(url, sent, format="json").status_code)
        else:
            answers.append(client.post(BULK, sent, format="json", headers=key).status_code)

    assert while_held(inbox(product), send) == [None, None]
    assert answers[0] < 300, answers


def test_of_two_comments_at_once_both_are_found(product: Product, olga: Actor, cast: Cast) -> None:
    item = create_item(product, ItemDraft("Spoken of"), actor=olga)
    words = [f"word{number}" for number in range(8)]

    def say(word: str) -> Callable[[], Any]:
        mine = Item.objects.with_row().get(pk=item.pk)
        return lambda: comment(mine, word, actor=Actor.person(cast.max))

    assert at_once(*map(say, words)) == [None] * 8
    assert [word for word in words if not best_of(product, word, limit=1)[0]] == []


def test_a_comment_edited_while_another_is_made_and_one_goes_all_are_found_as_they_are(
    product: Product, olga: Actor
) -> None:
    item = create_item(product, ItemDraft("Spoken of"), actor=olga)
    said = [comment(item, f"old{number}", actor=olga) for number in range(4)]
    deeds: list[Callable[[], Any]] = [
        lambda: comments.edit_comment(said[0], "edited", actor=olga),
        lambda: comments.edit_comment(said[1], "changed", actor=olga),
        lambda: comments.delete_comment(said[2], actor=olga),
        lambda: comment(item, "fresh", actor=olga),
        lambda: update_item(item, actor=olga, title="Renamed"),
    ]
    assert at_once(*deeds) == [None] * 5
    found = [word for word in ("edited", "changed", "fresh", "old3", "renamed", "old2", "old0")
             if best_of(product, word, limit=1)[0]]  # fmt: skip
    assert found == ["edited", "changed", "fresh", "old3", "renamed"]


def test_a_comment_waits_for_who_holds_all_backlogs_and_not_the_other_way_round(
    product: Product, olga: Actor
) -> None:
    """What makes a label and then edits an item holds the sequence number meanwhile."""
    item = create_item(product, ItemDraft("Spoken of"), actor=olga)

    def edit() -> None:
        edit_items(product, [item], actor=olga, title="Renamed")

    said = while_held(item.backlog, lambda: comment(item, "word", actor=olga), first=edit)
    assert said == [None, None]


@pytest.mark.parametrize("how", ["moved", "made", "restored", "bound", "thrown"])
def test_what_waited_for_a_start_happened_after_it(product: Product, olga: Actor, how: str) -> None:
    """Else it would count as committed: the figures go by what was in it at the start."""
    sprint = Backlog.objects.create(
        product=product,
        kind=Backlog.Kind.SPRINT,
        team=product.teams.get(),
        name="Sprint 1",
        starts_on=timezone.localdate(),
        ends_on=timezone.localdate() + timedelta(days=13),
    )
    story = create_item(product, ItemDraft("Story"), actor=olga)
    planned = create_item(product, ItemDraft("Planned"), actor=olga, backlog=sprint)
    binned = create_item(
        product, ItemDraft("Task", kind="task", parent=planned), actor=olga, backlog=sprint
    )
    loose = create_item(product, ItemDraft("Loose", kind="task"), actor=olga)
    trash_item(binned, actor=olga)

    def start() -> None:
        Backlog.objects.filter(pk=sprint.pk).update(
            state=Backlog.State.ACTIVE, started_at=timezone.now()
        )

    def second() -> Any:
        match how:
            case "moved":
                return move_items(product, [story], actor=olga, spot=Spot.top(), to=sprint)
            case "made":
                return create_items(product, [ItemDraft("New")], actor=olga, backlog=sprint)
            case "restored":
                return restore_item(binned, actor=olga)
            case "bound":
                return update_item(loose, actor=olga, parent=planned)
            case _:
                return trash_item(planned, actor=olga)

    assert while_held(sprint, second, first=start) == [None, None]
    started = Backlog.objects.get(pk=sprint.pk).started_at
    assert started is not None
    if how == "thrown":
        assert Stay.objects.get(item=planned).left_at > started  # type: ignore[operator]
        return
    last = Stay.objects.filter(backlog=sprint).latest("id")
    assert last.item != planned
    assert last.entered_at > started


def test_a_status_that_waited_for_a_close_was_set_after_it(product: Product, olga: Actor) -> None:
    story = create_item(product, ItemDraft("Story"), actor=olga)
    moments = []
    said = while_held(
        story.backlog,
        lambda: update_item(story, actor=olga, status=product.statuses.last()),
        first=lambda: moments.append(timezone.now()),
    )
    assert said == [None, None]
    assert Transition.objects.filter(item=story).latest("id").at > moments[0]
