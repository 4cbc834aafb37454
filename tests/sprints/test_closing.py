"""Closing: three fates, gates and exits, and a report that never changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import (
    Activity,
    Actor,
    Backlog,
    Finding,
    Item,
    Kind,
    Measurement,
    Product,
    Stay,
    Subject,
    Team,
    User,
)
from backlog.services.extra_fields import create_field, update_field
from backlog.services.items import (
    ItemDraft,
    create_item,
    create_items,
    move_items,
    product_backlog,
    restore_item,
    restore_items,
    trash_item,
    trash_items,
    update_item,
)
from backlog.services.members import add_member
from backlog.services.products import create_product
from backlog.services.ranks import Spot
from backlog.services.transfer import move_to_product
from backlog.services.undo import undo_last
from backlog.services.workflow import StatusLine, add_status, set_workflow, update_status
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Sprint
from sprints.queries.overviews import past_sprints, sprint_view
from sprints.queries.reports import burndown_of
from sprints.queries.review_parts import scope_changes
from sprints.services.closing import NEXT, SPLIT, Closing, Fate, close_sprint, look_ahead
from sprints.services.sprints import cancel_sprint, create_sprint, start_sprint, update_sprint
from tests.conftest import Cast
from tests.sprints.conftest import fresh, home_of, in_order, status_of

Travel = Callable[[str], datetime]
PARTLY = ("partly", "The clinics answered late.")


@pytest.fixture
def following(team: Team, running: Sprint, olga: Actor) -> Sprint:
    return create_sprint(team, actor=olga, goal="The rest.")


def test_each_item_goes_where_it_should_and_the_report_holds_it_all(
    running: Sprint,
    following: Sprint,
    items: list[Item],
    product: Product,
    cast: Cast,
    olga: Actor,
    travel: Travel,
    finish: Any,
) -> None:
    travel("2026-03-27 10:00+00:00")
    four = create_item(
        product, ItemDraft("Found late", points=Decimal(1), assignees=[cast.max]), actor=olga
    )
    move_items(product, [items[3], four], actor=olga, spot=Spot.bottom(), to=running.backlog)
    update_item(items[0], actor=olga, assignees=[cast.dora])
    finish(four)
    travel("2026-04-07 16:00+00:00")
    fates = {"MED-1": Fate(SPLIT, Decimal(3)), "MED-2": Fate(NEXT)}
    closing = Closing(*PARTLY, fates=fates, next_sprint=following)
    ahead = look_ahead(running, closing)
    assert ahead.may_close
    assert [item.ref for item in ahead.done] == ["MED-5"]
    assert [(item.ref, fate.kind) for item, fate in ahead.unfinished] == [
        ("MED-1", "split"), ("MED-2", "next"), ("MED-3", "backlog"), ("MED-4", "backlog"),
    ]  # fmt: skip
    closed = close_sprint(running, closing, actor=olga)
    assert closed.backlog.state == Backlog.State.CLOSED
    assert in_order(following.backlog) == [2]
    assert in_order(product_backlog(product)) == [3, 4, 6]
    assert in_order(closed.backlog) == [1, 5]
    rest = Item.objects.get(number=6)
    assert (rest.title, rest.points) == ("Story 8 (rest)", 5)
    assert (items[0].points, Item.objects.get(pk=items[0].pk).points) == (8, 3)
    outcomes = dict(
        Stay.objects.filter(backlog=closed.backlog).values_list("item__number", "outcome")
    )
    assert outcomes == {1: "done", 2: "carried", 3: "carried", 4: "carried", 5: "done"}
    report = closed.report
    assert report is not None
    points = {name: report["figures"][name]["points"] for name in
              ("committed", "added", "removed", "completed", "remaining")}  # fmt: skip
    # 8 + 5 + 3 committed, 2 + 1 added; of the 8 three are done and five went on as MED-6.
    assert points == {"committed": 16, "added": 3, "removed": 0, "completed": 4, "remaining": 10}
    assert report["figures"]["reestimated"] == -5
    assert report["figures"]["split_off"] == {"points": 5, "items": 1, "unestimated": 0}
    (past,) = past_sprints(product)
    # 16 + 3 were in, of which 4 are done: 5 + 3 + 2 as they were and 5 split off are carried over.
    assert (past.scope, past.carried_over) == (19, 15)
    shown = {row["ref"]: (row["done"], row["fate"], row["rest"]) for row in report["items"]}
    assert shown == {
        "MED-1": (True, "split", "MED-6"),
        "MED-2": (False, "next", ""),
        "MED-3": (False, "backlog", ""),
        "MED-4": (False, "backlog", ""),
        "MED-5": (True, "", ""),
    }
    assert report["people"] == ["Dora Anyango", "Max Berger"]
    assert (report["goal_met"], report["closed_by"]) == ("partly", "Olga Kuznetsova")
    assert Activity.objects.latest("seq").kind == "sprint.closed"


def test_who_had_a_part_in_a_sprint_is_told_of_tasks_and_of_what_was_removed(
    running: Sprint, items: list[Item], product: Product, cast: Cast, olga: Actor, travel: Travel
) -> None:
    def task(title: str, parent: Item, person: User) -> Item:
        draft = ItemDraft(title, kind=Kind.TASK, parent=parent, assignees=[person])
        return create_item(product, draft, actor=olga)

    travel("2026-03-27 10:00+00:00")
    task("Ask the clinic", fresh(items[0]), cast.max)
    update_item(fresh(items[1]), actor=olga, assignees=[cast.dora])
    home = product_backlog(product)
    move_items(product, [fresh(items[1])], actor=olga, spot=Spot.top(), to=home)
    task("Elsewhere", fresh(items[3]), cast.sina)  # its item was never in the sprint
    travel("2026-04-07 16:00+00:00")
    closed = close_sprint(running, Closing(*PARTLY), actor=olga)
    assert closed.report is not None
    assert closed.report["people"] == ["Dora Anyango", "Max Berger"]


@pytest.mark.parametrize("ends_by", ["closing", "cancelling"])
def test_a_sprint_ends_in_one_moment_however_long_that_takes(
    running: Sprint, following: Sprint, items: list[Item], olga: Actor, travel: Travel,
    monkeypatch: pytest.MonkeyPatch, ends_by: str,
) -> None:  # fmt: skip
    began, ticks = travel("2026-04-07 16:00+00:00"), count()
    monkeypatch.setattr(timezone, "now", lambda: began + timedelta(seconds=next(ticks)))
    if ends_by == "closing":
        fates = {"MED-1": Fate(SPLIT, Decimal(3)), "MED-2": Fate(NEXT)}
        closing = Closing(*PARTLY, fates=fates, next_sprint=following)
        closed = close_sprint(running, closing, actor=olga)
    else:
        closed = cancel_sprint(running, actor=olga, reason="It is pointless by now.")
    stays = Stay.objects.filter(backlog=closed.backlog).order_by("item__number")
    assert [(stay.left_at, stay.outcome) for stay in stays] == [
        (closed.backlog.closed_at, "done" if ends_by == "closing" else "carried"),
        (closed.backlog.closed_at, "carried"),
        (closed.backlog.closed_at, "carried"),
    ]
    assert Activity.objects.get(kind__in=["sprint.closed", "sprint.cancelled"]).at == (
        closed.backlog.closed_at
    )
    assert scope_changes(closed) == []


def test_what_happens_later_changes_nothing_of_a_closed_sprint(
    running: Sprint, items: list[Item], product: Product, olga: Actor, travel: Travel, finish: Any
) -> None:
    travel("2026-04-01 10:00+00:00")
    finish(items[0])
    travel("2026-04-07 16:00+00:00")
    closed = close_sprint(running, Closing(*PARTLY), actor=olga)

    def frozen() -> str:
        now = Sprint.objects.get(pk=closed.pk)
        amounts = [sprint_view(now).figures, burndown_of(now), now.report]
        return json.dumps([*amounts, [str(past) for past in past_sprints(product)]])

    before = frozen()
    travel("2026-04-20 10:00+00:00")
    update_item(items[0], actor=olga, points=Decimal(40), title="Another title")
    update_item(items[0], actor=olga, status=status_of(product, "todo"))
    update_item(items[1], actor=olga, points=Decimal(1), kind=Kind.BUG)
    trash_item(items[2], actor=olga)
    home = product_backlog(product)
    move_items(product, [fresh(items[0])], actor=olga, spot=Spot.top(), to=home)
    assert frozen() == before


def test_tasks_go_with_their_item_and_done_ones_stay_behind(
    running: Sprint, items: list[Item], product: Product, olga: Actor, finish: Any
) -> None:
    drafts = [ItemDraft(name, kind=Kind.TASK, parent=items[0]) for name in ("one", "two")]
    one, two = [create_item(product, draft, actor=olga) for draft in drafts]
    finish(one)
    closed = close_sprint(running, Closing(*PARTLY), actor=olga)
    assert home_of(two) == product_backlog(product)
    assert home_of(one) == closed.backlog
    assert closed.report is not None
    assert "MED-5" not in {row["ref"] for row in closed.report["items"]}


def test_an_open_task_of_a_done_item_leaves_for_the_backlog(
    running: Sprint, items: list[Item], product: Product, olga: Actor, finish: Any
) -> None:
    task = create_item(product, ItemDraft("left over", kind=Kind.TASK, parent=items[0]), actor=olga)
    finish(items[0])
    ahead = look_ahead(running, Closing(*PARTLY))
    assert [item.ref for item, _ in ahead.unfinished] == ["MED-2", "MED-3"]
    assert [item.ref for item in ahead.loose] == ["MED-5"]
    closed = close_sprint(running, Closing(*PARTLY), actor=olga)
    assert home_of(task) == product_backlog(product)
    assert Stay.objects.get(item=task, backlog=closed.backlog).outcome == "carried"
    update_item(fresh(items[0]), actor=olga, status=status_of(product, "todo"))
    update_item(fresh(task), actor=olga, status=status_of(product, "doing"))
    assert home_of(items[0]) == home_of(task) == product_backlog(product)


@pytest.mark.parametrize("ends_by", ["closing", "cancelling"])
def test_no_open_task_is_left_behind_where_its_item_left_the_sprint(
    running: Sprint, items: list[Item], product: Product, olga: Actor, finish: Any, ends_by: str
) -> None:
    one, two = [
        create_item(product, ItemDraft(f"Of {item}", kind=Kind.TASK, parent=item), actor=olga)
        for item in items[:2]
    ]
    trash_item(fresh(items[0]), actor=olga)
    finish(fresh(two))
    home = product_backlog(product)
    move_items(product, [fresh(items[1])], actor=olga, spot=Spot.top(), to=home)
    update_item(fresh(two), actor=olga, status=status_of(product, "todo"))
    assert home_of(two) == running.backlog
    ahead = look_ahead(running, Closing(*PARTLY))
    assert [item.ref for item, _ in ahead.unfinished] == ["MED-3", "MED-5"]
    assert [item.ref for item in ahead.loose] == ["MED-6"]
    if ends_by == "closing":
        closed = close_sprint(running, Closing(*PARTLY), actor=olga)
    else:
        closed = cancel_sprint(running, actor=olga, reason="It is pointless by now.")
    assert in_order(closed.backlog) == []
    assert home_of(one) == home_of(two) == home
    outcomes = Stay.objects.filter(item__in=[one, two], backlog=closed.backlog)
    assert set(outcomes.values_list("outcome", flat=True)) == {"carried"}


def test_a_task_without_a_living_item_can_go_on_and_one_goes_to_where_its_item_is(
    running: Sprint,
    following: Sprint,
    items: list[Item],
    product: Product,
    olga: Actor,
    finish: Any,
) -> None:
    one, two = [
        create_item(product, ItemDraft(f"Of {item}", kind=Kind.TASK, parent=item), actor=olga)
        for item in items[:2]
    ]
    trash_item(fresh(items[0]), actor=olga)
    finish(fresh(two))
    move_items(product, [fresh(items[1])], actor=olga, spot=Spot.top(), to=following.backlog)
    update_item(fresh(two), actor=olga, status=status_of(product, "todo"))
    closing = Closing(*PARTLY, fates={"MED-5": Fate(NEXT)}, next_sprint=following)
    close_sprint(running, closing, actor=olga)
    assert home_of(one) == home_of(two) == following.backlog


def test_what_is_taken_up_again_leaves_the_closed_sprint(
    running: Sprint, items: list[Item], product: Product, olga: Actor, finish: Any
) -> None:
    finish(items[0])
    closed = close_sprint(running, Closing(*PARTLY), actor=olga)
    assert not Stay.objects.filter(item=items[0], left_at__isnull=True).exists()
    update_item(fresh(items[0]), actor=olga, status=status_of(product, "todo"))
    assert in_order(product_backlog(product)) == [1, 2, 3, 4]
    assert Stay.objects.get(item=items[0], left_at__isnull=True).backlog == product_backlog(product)
    assert closed.report == Sprint.objects.get(pk=closed.pk).report


def test_what_is_done_counts_in_one_sprint_alone(
    running: Sprint,
    following: Sprint,
    items: list[Item],
    product: Product,
    olga: Actor,
    finish: Any,
) -> None:
    finish(items[0])
    closed = close_sprint(running, Closing(*PARTLY), actor=olga)
    for home in (following.backlog, product_backlog(product)):
        with pytest.raises(Conflict, match="set it to another status first"):
            move_items(product, [fresh(items[0])], actor=olga, spot=Spot.top(), to=home)
    assert in_order(closed.backlog) == [1]
    update_item(fresh(items[0]), actor=olga, status=status_of(product, "todo"))
    move_items(product, [fresh(items[0])], actor=olga, spot=Spot.top(), to=following.backlog)
    assert in_order(following.backlog) == [1]


def test_an_open_task_of_what_was_done_is_planned_by_itself(
    running: Sprint, following: Sprint, items: list[Item], product: Product, olga: Actor,
    finish: Any,
) -> None:  # fmt: skip
    left = create_item(product, ItemDraft("left", kind=Kind.TASK, parent=items[0]), actor=olga)
    finish(fresh(items[0]))
    close_sprint(running, Closing(*PARTLY), actor=olga)
    move_items(product, [fresh(left)], actor=olga, spot=Spot.top(), to=following.backlog)
    assert home_of(left) == following.backlog


@pytest.mark.parametrize("goes", ["alone", "with what is left"])
@pytest.mark.parametrize("way", ["restore", "undo"])
def test_what_was_done_comes_out_of_the_trash_into_its_closed_sprint_and_no_open_task_with_it(
    running: Sprint, following: Sprint, items: list[Item], product: Product, olga: Actor,
    finish: Any, travel: Travel, way: str, goes: str,
) -> None:  # fmt: skip
    task, left = [
        create_item(product, ItemDraft(name, kind=Kind.TASK, parent=items[0]), actor=olga)
        for name in ("one", "left over")
    ]
    for item in (task, items[0]):
        finish(fresh(item))
    closed = close_sprint(running, Closing(*PARTLY), actor=olga)
    order = in_order(closed.backlog)
    travel("2026-04-20 10:00+00:00")
    going = [items[0], task, left] if goes == "with what is left" else [items[0], task]
    trash_items(product, [fresh(item) for item in going], actor=olga)
    if way == "restore":
        restore_items(product, [fresh(item) for item in going], actor=olga)
    else:
        undo_last(product, actor=olga)
    assert home_of(items[0]) == home_of(task) == closed.backlog
    assert home_of(left) == product_backlog(product)
    assert left.number in in_order(product_backlog(product))
    assert Stay.objects.get(item=left, left_at__isnull=True).backlog == product_backlog(product)
    assert sorted(in_order(closed.backlog)) == sorted(order)
    assert not Stay.objects.filter(item__in=[items[0], task], left_at__isnull=True).exists()
    with pytest.raises(Conflict, match="set it to another status first"):
        move_items(product, [fresh(items[0])], actor=olga, spot=Spot.top(), to=following.backlog)
    update_item(fresh(items[0]), actor=olga, status=status_of(product, "todo"))
    assert home_of(items[0]) == product_backlog(product)


def test_the_trash_says_that_what_was_done_lies_in_its_closed_sprint_again(
    running: Sprint, items: list[Item], product: Product, olga: Actor, finish: Any, as_person: Any,
    cast: Cast,
) -> None:  # fmt: skip
    for item in items[:2]:
        finish(item)
    close_sprint(running, Closing(*PARTLY), actor=olga)
    trash_items(product, [fresh(item) for item in items], actor=olga)
    browser = as_person(cast.olga)
    page = browser.post("/p/MED/items/MED-1/restore/", follow=True).content.decode()
    assert "MED-1 is back in Sprint 1, where it was done." in page
    sent = {"ref": ["MED-2", "MED-3"]}
    page = browser.post("/p/MED/trash/restore/", sent, follow=True).content.decode()
    assert "2 items are back; what a closed sprint had finished lies in it again." in page
    page = browser.post("/p/MED/items/MED-4/restore/", follow=True).content.decode()
    assert "MED-4 is back, at the top of the backlog." in page


def test_what_was_in_the_trash_as_its_sprint_closed_was_never_done_there(
    running: Sprint, following: Sprint, items: list[Item], product: Product, olga: Actor,
    finish: Any,
) -> None:  # fmt: skip
    trash_item(finish(items[0]), actor=olga)
    close_sprint(running, Closing(*PARTLY), actor=olga)
    restore_item(fresh(items[0]), actor=olga)
    assert home_of(items[0]) == product_backlog(product)
    move_items(product, [fresh(items[0])], actor=olga, spot=Spot.top(), to=following.backlog)
    assert in_order(following.backlog) == [1]


def test_a_report_tells_nothing_of_what_an_item_is_in_another_product(
    running: Sprint, items: list[Item], cast: Cast, olga: Actor, travel: Travel
) -> None:
    travel("2026-03-27 10:00+00:00")
    sam = Actor.person(cast.sam)
    there = create_product(key="SEC", name="Secret", owner=cast.sam, actor=sam)
    add_member(there, cast.olga, "product_owner", actor=sam)
    [moved] = move_to_product(fresh(items[0]), there, actor=olga)
    travel("2026-03-30 10:00+00:00")
    update_item(moved, actor=olga, title="Another life", points=Decimal(99), assignees=[cast.sam])
    travel("2026-04-07 16:00+00:00")
    closed = close_sprint(running, Closing(*PARTLY), actor=olga)
    assert closed.report is not None
    row = closed.report["items"][0]
    assert (row["ref"], row["title"], row["removed"]) == ("MED-1", "Moved to another product", True)
    assert (row["points"], row["assignees"]) == (None, [])
    written = json.dumps(closed.report)
    assert not [word for word in ("Another life", "SEC", str(cast.sam)) if word in written]
    assert closed.report["figures"]["removed"]["points"] == 8


def test_who_takes_up_what_was_read_before_the_end_waits_for_the_product_backlog(
    running: Sprint,
    items: list[Item],
    product: Product,
    olga: Actor,
    finish: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finish(items[0])
    done, carried = fresh(items[0]), fresh(items[1])
    close_sprint(running, Closing(*PARTLY), actor=olga)
    locked: list[Product] = []
    monkeypatch.setattr("backlog.services.items.lock_all_backlogs", locked.append)
    update_item(fresh(items[2]), actor=olga, status=status_of(product, "doing"))
    assert locked == []
    update_item(done, actor=olga, status=status_of(product, "todo"))
    assert locked == [product]
    assert in_order(product_backlog(product)) == [1, 2, 3, 4]
    trash_item(carried, actor=olga)
    assert locked == [product, product]
    assert in_order(product_backlog(product)) == [1, 3, 4]


@pytest.mark.parametrize("by", ["status", "workflow"])
def test_what_a_status_takes_back_from_done_leaves_the_closed_sprint(
    running: Sprint, items: list[Item], product: Product, olga: Actor, finish: Any, by: str
) -> None:
    checked = add_status(product, "Checked", "done", actor=olga)
    finish(items[0])
    update_item(items[1], actor=olga, status=checked)
    task = create_item(
        product, ItemDraft("Read it", kind=Kind.TASK, parent=fresh(items[1])), actor=olga
    )
    update_item(fresh(task), actor=olga, status=checked)
    closed = close_sprint(running, Closing(*PARTLY), actor=olga)
    assert set(in_order(closed.backlog)) == {1, 2, 5}
    if by == "status":
        update_status(checked, actor=olga, category="doing")
    else:
        lines = [
            StatusLine(one.name, "doing" if one == checked else one.category, one.slug)
            for one in product.statuses.all()
        ]
        set_workflow(product, lines, actor=olga)
    assert in_order(closed.backlog) == [1]
    assert set(in_order(product_backlog(product))) == {2, 3, 4, 5}
    assert Stay.objects.get(item=items[1], left_at__isnull=True).backlog == product_backlog(product)
    assert closed.report == Sprint.objects.get(pk=closed.pk).report


def test_a_category_takes_many_tasks_out_of_the_past_in_as_many_statements_as_few(
    product: Product, team: Team, olga: Actor, travel: Any
) -> None:
    checked = add_status(product, "Checked", "done", actor=olga)

    def statements(count: int, day: str) -> int:
        travel(f"{day} 08:00+00:00")
        update_status(checked, actor=olga, category="done")
        stories = create_items(product, [ItemDraft(f"Story {n}") for n in range(count)], actor=olga)
        drafts = [
            ItemDraft(f"Task {n}", kind=Kind.TASK, parent=story) for n, story in enumerate(stories)
        ]
        tasks = create_items(product, drafts, actor=olga)
        sprint = create_sprint(team, actor=olga, goal="Go.", starts_on=date.fromisoformat(day))
        move_items(product, stories, actor=olga, spot=Spot.top(), to=sprint.backlog)
        sprint = start_sprint(sprint, actor=olga)
        for task in tasks:
            update_item(fresh(task), actor=olga, status=checked)
        travel(f"{day} 18:00+00:00")
        close_sprint(sprint, Closing(*PARTLY), actor=olga)
        with CaptureQueriesContext(connection) as asked:
            update_status(checked, actor=olga, category="doing")
        return len(asked)

    assert statements(2, "2026-01-05") == statements(6, "2026-02-05")


def test_nothing_from_before_the_end_of_a_sprint_is_undone(
    running: Sprint, items: list[Item], product: Product, olga: Actor, finish: Any
) -> None:
    move_items(product, [items[3]], actor=olga, spot=Spot.top(), to=running.backlog)
    finish(items[0])
    close_sprint(running, Closing(*PARTLY), actor=olga)
    with pytest.raises(Conflict, match="never behind the end of a sprint"):
        undo_last(product, actor=olga)
    update_item(fresh(items[1]), actor=olga, title="Another")
    assert undo_last(product, actor=olga).refs == ["MED-2"]


def test_the_rest_is_split_off_from_who_left_and_from_an_epic_in_the_trash(
    running: Sprint, items: list[Item], product: Product, cast: Cast, olga: Actor
) -> None:
    epic = create_item(product, ItemDraft("All of it", kind=Kind.EPIC), actor=olga)
    update_item(items[0], actor=olga, parent=epic, assignees=[cast.max, cast.dora])
    trash_item(epic, actor=olga)
    product.members.get(user=cast.max).delete()
    closing = Closing(*PARTLY, fates={"MED-1": Fate(SPLIT, Decimal(3))})
    assert look_ahead(running, closing).may_close
    close_sprint(running, closing, actor=olga)
    rest = Item.objects.get(title="Story 8 (rest)")
    assert rest.parent is None
    assert list(rest.assignees.all()) == [cast.dora]
    assert set(fresh(items[0]).assignees.all()) == {cast.max, cast.dora}


def test_what_can_not_be_split_is_foreseen(
    running: Sprint, items: list[Item], product: Product, olga: Actor
) -> None:
    clinic = create_field(product, "Clinic", "choice", actor=olga, choices=["North", "Hill"])
    update_item(items[0], actor=olga, extra={"clinic": "Hill"})
    update_field(clinic, actor=olga, choices=["North", "Harbour"])
    closing = Closing(*PARTLY, fates={"MED-1": Fate(SPLIT, Decimal(3))})
    running = Sprint.objects.select_related("backlog__product").get(pk=running.pk)
    (problem,) = look_ahead(running, closing).problems
    assert problem.pointer == "/unfinished/MED-1"
    assert "Clinic" in problem.detail
    with pytest.raises(DomainError, match="can't be split"):
        close_sprint(running, closing, actor=olga)
    assert look_ahead(running, Closing(*PARTLY)).may_close


def test_what_the_evidence_says_goes_with_the_rest(
    running: Sprint, items: list[Item], product: Product, olga: Actor
) -> None:
    now = timezone.now()
    finding = Finding.objects.create(
        product=product, source="gx", fingerprint="x", check_name="age", title="age is missing",
        severity="warning", priority="P3", first_seen=now, last_seen=now, last_batch_at=now,
        last_failed_at=now, item=items[0],
    )  # fmt: skip
    close_sprint(running, Closing(*PARTLY, fates={"MED-1": Fate(SPLIT, Decimal(3))}), actor=olga)
    finding.refresh_from_db()
    assert finding.item is not None
    assert finding.item.ref == "MED-5"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"goal_met": "perhaps"}, "yes, partly or no"),
        ({"goal_met": "no"}, "Say why the goal was not met"),
        ({"goal_met": "yes", "otherwise": Fate(NEXT)}, "Say which sprint is the next"),
        ({"goal_met": "yes", "fates": {"MED-4": Fate()}}, "MED-4 is not among what is not done"),
        ({"goal_met": "yes", "fates": {"MED-1": Fate(SPLIT)}}, "of its 8 points some, not all"),
        (
            {"goal_met": "yes", "fates": {"MED-1": Fate(SPLIT, Decimal(8))}},
            "of its 8 points some, not all",
        ),
        ({"goal_met": "yes", "otherwise": Fate("nowhere")}, "choose backlog, next or split"),
    ],
)
def test_a_choice_that_can_not_be_closes_nothing(
    running: Sprint, olga: Actor, wish: Any, words: str
) -> None:
    before = Activity.objects.count()
    with pytest.raises(DomainError, match=words):
        close_sprint(running, Closing(**wish), actor=olga)
    assert Backlog.objects.get(pk=running.pk).state == Backlog.State.ACTIVE
    assert Activity.objects.count() == before
    assert Stay.objects.filter(backlog=running.backlog, left_at__isnull=True).count() == 3


def test_it_closes_once_and_not_before_it_started(
    running: Sprint, following: Sprint, olga: Actor
) -> None:
    with pytest.raises(Conflict, match="has not started"):
        close_sprint(following, Closing("yes"), actor=olga)
    close_sprint(running, Closing("yes"), actor=olga)
    with pytest.raises(Conflict, match="was closed by Olga Kuznetsova meanwhile"):
        close_sprint(running, Closing("yes"), actor=olga)


def test_the_goal_of_a_data_assessment_is_not_met_before_its_batches_are_green(
    team: Team, product: Product, olga: Actor, travel: Travel
) -> None:
    patients = Subject.objects.create(
        product=product, kind=Subject.Kind.DATASET, slug="patients", name="Patients",
        green_batches=2,
    )  # fmt: skip
    sprint = create_sprint(
        team, actor=olga, goal="Clean ages.", kind="data_assessment", target_health=95.0,
        subjects=[patients],
    )  # fmt: skip
    sprint = start_sprint(sprint, actor=olga)
    patients.green_batches = 1
    patients.save()  # what holds is what held at the start

    def measured(batch: str, at: str, health: float | None) -> None:
        moment = travel(at)
        Measurement.objects.create(
            subject=patients, batch_key=batch, batch_at=moment, measured_at=moment,
            health=health, executed=4, total=4,
        )  # fmt: skip

    measured("a", "2026-03-26 08:00+00:00", 100.0)
    with pytest.raises(DomainError, match="reached a health of 95 % on 1 of its last 2 batches"):
        close_sprint(sprint, Closing("yes"), actor=olga)
    measured("a", "2026-03-26 09:00+00:00", 100.0)  # the same batch again is no second green
    assert look_ahead(sprint, Closing("yes")).standing.exit_reasons
    measured("b", "2026-03-27 08:00+00:00", 96.0)
    closed = close_sprint(sprint, Closing("yes"), actor=olga)
    assert (closed.goal_met, closed.report and closed.report["exit"]) == ("yes", [])


def test_a_data_assessment_starts_with_datasets_and_a_target_that_stay(
    team: Team, product: Product, olga: Actor
) -> None:
    sprint = create_sprint(team, actor=olga, goal="Clean ages.", kind="data_assessment")
    with pytest.raises(DomainError, match="starts with its datasets and the health"):
        start_sprint(sprint, actor=olga)
    patients = Subject.objects.create(
        product=product, kind=Subject.Kind.DATASET, slug="patients", name="Patients"
    )
    update_sprint(sprint, actor=olga, target_health=95.0, subjects=[patients])
    sprint = start_sprint(sprint, actor=olga)
    lates: list[dict[str, Any]] = [{"kind": "delivery"}, {"target_health": 10.0}, {"subjects": []}]
    for late in lates:
        with pytest.raises(Conflict, match="stay as they were at its start"):
            update_sprint(sprint, actor=olga, **late)
    update_sprint(sprint, actor=olga, goal="Clean all ages.", subjects=[patients])


def test_a_check_that_could_not_run_keeps_the_goal_from_being_met(
    team: Team, product: Product, olga: Actor, travel: Travel
) -> None:
    patients = Subject.objects.create(
        product=product, kind=Subject.Kind.DATASET, slug="patients", name="Patients"
    )
    sprint = create_sprint(
        team, actor=olga, goal="Clean ages.", kind="data_assessment", target_health=95.0,
        subjects=[patients],
    )  # fmt: skip
    sprint = start_sprint(sprint, actor=olga)
    now = timezone.now()
    Measurement.objects.create(
        subject=patients, batch_key="a", batch_at=now, measured_at=now, health=100.0,
        executed=4, total=4,
    )  # fmt: skip
    Finding.objects.create(
        product=product, source="gx", fingerprint="x", subject=patients, check_name="age",
        title="age could not be checked", is_execution=True, severity="warning", priority="P3",
        first_seen=now, last_seen=now, last_batch_at=now, last_failed_at=now,
    )  # fmt: skip
    with pytest.raises(DomainError, match="Patients: 1 check could not run"):
        close_sprint(sprint, Closing("yes"), actor=olga)


def test_failing_gates_need_a_reason(
    planned: Sprint, product: Product, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backlog.queries import gates

    model = Subject.objects.create(
        product=product, kind=Subject.Kind.MODEL, slug="reader", name="Second reader"
    )
    monkeypatch.setitem(
        gates._checks,
        Subject.Kind.MODEL,
        lambda subjects: [
            gates.GateReason(s, "below", f"{s} is below its target.") for s in subjects
        ],
    )
    update_sprint(planned, actor=olga, subjects=[model])
    running = start_sprint(planned, actor=olga)
    with pytest.raises(DomainError, match="Second reader is below its target") as refused:
        close_sprint(running, Closing("yes"), actor=olga)
    assert refused.value.status == 409
    assert refused.value.extra["gates"] == [
        {"subject": "reader", "code": "below", "message": "Second reader is below its target."}
    ]
    closed = close_sprint(running, Closing("yes", override="Shadow mode only."), actor=olga)
    assert closed.report is not None
    assert closed.report["gates"] == [
        {"subject": "reader", "code": "below", "detail": "Second reader is below its target."}
    ]
    assert closed.report["override"] == "Shadow mode only."
