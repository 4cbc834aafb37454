"""A sprint's life: planned, started, cancelled or thrown away, with clear refusals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from backlog.models import Activity, Actor, Backlog, Item, Kind, Product, Stay, Team
from backlog.services.items import (
    ItemDraft,
    create_item,
    move_items,
    product_backlog,
    restore_item,
    trash_item,
    update_item,
)
from backlog.services.members import remove_member
from backlog.services.ranks import Spot
from backlog.services.undo import undo_last
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Sprint, TeamCalendar
from sprints.queries.overviews import past_sprints
from sprints.queries.sprints import facts_of, figures_of, find_sprint
from sprints.services.closing import Closing, close_sprint
from sprints.services.sprints import (
    ShareLine,
    cancel_sprint,
    create_sprint,
    delete_sprint,
    next_days,
    start_sprint,
    update_sprint,
)
from tests.conftest import Cast
from tests.sprints.conftest import FIRST, LAST, fresh, home_of, in_order

Travel = Callable[[str], datetime]


def test_the_cadence_proposes_the_next_sprint(team: Team, olga: Actor, travel: Travel) -> None:
    travel("2026-03-25 09:00+00:00")
    TeamCalendar.objects.create(team=team, zone="Europe/Berlin", sprint_days=7)
    first = create_sprint(team, actor=olga)
    assert (first.backlog.name, first.zone) == ("Sprint 1", "Europe/Berlin")
    assert (first.backlog.starts_on, first.backlog.ends_on) == (FIRST, date(2026, 3, 31))
    second = create_sprint(team, actor=olga)
    assert second.backlog.name == "Sprint 2"
    assert (second.backlog.starts_on, second.backlog.ends_on) == (
        date(2026, 4, 1),
        date(2026, 4, 7),
    )
    assert next_days(team)[0] == date(2026, 4, 8)


def test_after_an_early_close_the_next_sprint_begins_on_the_next_working_day(
    running: Sprint, team: Team, olga: Actor, travel: Travel
) -> None:
    # Planned to Tuesday, April 7th; closed on Thursday the 2nd: 14 days from Friday the 3rd on.
    travel("2026-04-02 15:00+00:00")
    close_sprint(running, Closing("yes"), actor=olga)
    assert next_days(team) == (date(2026, 4, 3), date(2026, 4, 16))
    planned = create_sprint(team, actor=olga)
    assert next_days(team)[0] == date(2026, 4, 17)
    assert planned.backlog.starts_on == date(2026, 4, 3)


def test_a_running_sprint_keeps_a_first_day_no_later_than_its_start(
    planned: Sprint, olga: Actor, travel: Travel
) -> None:
    travel("2026-03-23 09:00+00:00")  # two days before its first
    early = start_sprint(planned, actor=olga)
    with pytest.raises(ValidationError, match="started on 2026-03-23; its first day is that day"):
        update_sprint(early, actor=olga, starts_on=date(2026, 3, 26))
    for first in (FIRST, date(2026, 3, 23)):  # as it is, and as it ran
        update_sprint(early, actor=olga, starts_on=first)
    travel("2026-03-24 09:00+00:00")
    assert [day.scope for day in figures_of(early).days[:3]] == [16, 16, None]


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"starts_on": LAST, "ends_on": FIRST}, ValidationError, "on the day it starts or later"),
        ({"starts_on": FIRST, "ends_on": date(2027, 1, 1)}, ValidationError, "at most 60 days"),
        ({"starts_on": LAST, "ends_on": LAST}, DomainError, "Sprint 1 of .* has some of these"),
        ({"kind": "nonsense"}, ValidationError, "kind"),
        ({"capacity_points": Decimal(-1)}, ValidationError, "capacity_points"),
        ({"target_health": 101.0}, ValidationError, "target_health"),
    ],
)
def test_a_sprint_that_can_not_be_is_refused_and_nothing_is_written(
    planned: Sprint, team: Team, olga: Actor, fields: Any, error: Any, words: str
) -> None:
    before = Activity.objects.count()
    with pytest.raises(error, match=words):
        create_sprint(team, actor=olga, **fields)
    assert Sprint.objects.get() == planned
    assert Activity.objects.count() == before


def test_teams_sprint_beside_one_another_but_each_in_one_sprint_at_once(
    running: Sprint, product: Product, olga: Actor
) -> None:
    other = Team.objects.create(product=product, name="Second team")
    theirs = create_sprint(other, actor=olga, starts_on=FIRST, ends_on=LAST, goal="Faster.")
    start_sprint(theirs, actor=olga)
    assert running.backlog.team is not None
    following = create_sprint(running.backlog.team, actor=olga, goal="On.")
    with pytest.raises(Conflict, match="Sprint 1 of .* still runs; close it first"):
        start_sprint(following, actor=olga)
    assert find_sprint(product, "active") is None  # two run; name one
    assert find_sprint(product, str(theirs.pk)) == theirs


def test_a_sprint_starts_with_a_goal_once(planned: Sprint, olga: Actor) -> None:
    update_sprint(planned, actor=olga, goal="")
    with pytest.raises(DomainError, match="say in a sentence what it is for"):
        start_sprint(planned, actor=olga)
    update_sprint(planned, actor=olga, goal="Doctors see why.")
    started = start_sprint(planned, actor=olga)
    assert started.backlog.state == Backlog.State.ACTIVE
    with pytest.raises(Conflict, match="is active by now"):
        start_sprint(planned, actor=olga)
    with pytest.raises(ValidationError, match="keeps a goal"):
        update_sprint(planned, actor=olga, goal=" ")
    kinds = list(Activity.objects.order_by("-seq").values_list("kind", flat=True)[:2])
    assert kinds == ["sprint.started", "sprint.updated"]


def test_the_plan_is_what_is_in_it_as_it_starts(
    running: Sprint, items: list[Item], product: Product, olga: Actor, travel: Travel
) -> None:
    travel("2026-03-26 12:00+00:00")
    move_items(product, [items[3]], actor=olga, spot=Spot.top(), to=running.backlog)
    home = product_backlog(product)
    move_items(product, [fresh(items[0])], actor=olga, spot=Spot.top(), to=home)
    found = figures_of(running)
    assert [found.committed.points, found.added.points, found.removed.points] == [16, 2, 8]
    assert in_order(running.backlog) == [4, 2, 3]


def test_the_facts_of_what_left_and_came_back_are_read_once(
    running: Sprint,
    items: list[Item],
    product: Product,
    olga: Actor,
    travel: Travel,
    django_assert_num_queries: Any,
) -> None:
    travel("2026-03-26 12:00+00:00")
    home = product_backlog(product)
    move_items(product, [fresh(items[0])], actor=olga, spot=Spot.top(), to=home)
    travel("2026-03-26 13:00+00:00")
    update_item(fresh(items[0]), actor=olga, points=Decimal(13))
    travel("2026-03-26 14:00+00:00")
    move_items(product, [fresh(items[0])], actor=olga, spot=Spot.top(), to=running.backlog)
    again = Sprint.objects.select_related("backlog__team__calendar").get(pk=running.pk)
    with django_assert_num_queries(1):
        facts = facts_of(again)
    first = items[0].pk
    assert [stay.left_at is None for stay in facts.stays if stay.item == first] == [False, True]
    assert [row.points for row in facts.transitions if row.item == first] == [8, 13]
    assert len(facts.stays) == len(facts.transitions) == 4


def test_shares_are_of_members_and_each_once(planned: Sprint, cast: Cast, olga: Actor) -> None:
    lines = [ShareLine(cast.max, Decimal(8), Decimal(20), [FIRST]), ShareLine(cast.sina)]
    update_sprint(planned, actor=olga, shares=lines)
    shares = {share.user: share for share in planned.shares.all()}
    assert shares[cast.max].days_off == ["2026-03-25"]
    with pytest.raises(ValidationError, match="Sam Stranger is not a member"):
        update_sprint(planned, actor=olga, shares=[ShareLine(cast.sam)])
    with pytest.raises(ValidationError, match="2027-01-01 is no day of this sprint"):
        late = ShareLine(cast.max, days_off=[date(2027, 1, 1)])
        update_sprint(planned, actor=olga, shares=[late])
    with pytest.raises(ValidationError, match="Name each person once"):
        update_sprint(planned, actor=olga, shares=[*lines, ShareLine(cast.max)])
    assert planned.shares.count() == 2


def test_a_cancelled_sprint_gives_its_items_back_and_stays_in_the_past(
    running: Sprint, items: list[Item], product: Product, olga: Actor, finish: Any
) -> None:
    finish(items[1])
    with pytest.raises(ValidationError, match="Say why it is cancelled"):
        cancel_sprint(running, actor=olga, reason=" ")
    over = cancel_sprint(running, actor=olga, reason="The clinic stopped the trial.")
    assert (over.backlog.state, over.backlog.cancelled) == (Backlog.State.CLOSED, True)
    assert in_order(product_backlog(product)) == [1, 3, 4]
    assert home_of(items[1]) == running.backlog
    assert over.report is not None
    assert over.report["figures"]["completed"]["points"] == 5
    assert past_sprints(product) == []  # no velocity of it
    assert not Stay.objects.filter(item=items[1], left_at__isnull=True).exists()
    with pytest.raises(Conflict, match="its past stays as it is"):
        update_sprint(running, actor=olga, name="Another")
    with pytest.raises(Conflict, match="its past stays as it is"):
        cancel_sprint(running, actor=olga, reason="Again.")


def test_a_plan_is_thrown_away_and_its_items_come_back(
    planned: Sprint, items: list[Item], product: Product, olga: Actor, finish: Any
) -> None:
    drafts = [ItemDraft(name, kind=Kind.TASK, parent=items[0]) for name in ("one", "two")]
    tasks = [create_item(product, draft, actor=olga) for draft in drafts]
    finish(tasks[0])
    finish(items[1])
    trash_item(fresh(items[2]), actor=olga)
    delete_sprint(planned, actor=olga)
    assert not Sprint.objects.exists()
    assert not Backlog.objects.filter(kind=Backlog.Kind.SPRINT).exists()
    assert in_order(product_backlog(product)) == [1, 6, 2, 4, 5]
    assert Stay.objects.filter(left_at__isnull=True).count() == 5
    with pytest.raises(Conflict, match="nothing of yours to undo"):
        undo_last(product, actor=olga)
    restore_item(fresh(items[2]), actor=olga)
    assert in_order(product_backlog(product)) == [3, 1, 6, 2, 4, 5]


def test_a_sprint_that_started_is_not_thrown_away(running: Sprint, olga: Actor) -> None:
    with pytest.raises(Conflict, match="stays in the history"):
        delete_sprint(running, actor=olga)
    assert Sprint.objects.get() == running


def test_nobody_leaves_a_running_sprint_with_open_work(
    running: Sprint, items: list[Item], product: Product, cast: Cast, olga: Actor, finish: Any
) -> None:
    max_ = product.members.get(user=cast.max)
    update_item(items[0], actor=olga, assignees=[cast.max])
    with pytest.raises(Conflict, match="Max Berger works on MED-1 in Sprint 1, which runs"):
        remove_member(max_, actor=olga)
    assert product.members.filter(user=cast.max).exists()
    finish(items[0])
    remove_member(max_, actor=olga)
    assert not product.members.filter(user=cast.max).exists()
