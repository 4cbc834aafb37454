"""Two people at the same moment: one deed holds, the other is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from backlog.models import Activity, Actor, Backlog, Item, Stay
from backlog.services.deeds import deed
from backlog.services.items import ItemDraft, create_items, move_items, product_backlog
from backlog.services.members import add_member
from backlog.services.products import create_product
from backlog.services.ranks import Spot, lock_backlogs
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Ceremony, DailyNote, Sprint
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.closing import Closing, close_sprint, plan_following
from sprints.services.dailies import Said, write_note
from sprints.services.notes import write_block
from sprints.services.outcomes import OutcomeDraft, add_outcome
from sprints.services.seats import take_seat
from sprints.services.sprints import create_sprint, delete_sprint, start_sprint
from sprints.services.under_way import lock_open
from tests.conftest import Cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]


@pytest.fixture
def sprint(transactional_db: None, cast: Cast) -> Sprint:
    olga = Actor.person(cast.olga)
    product = create_product(key="MED", name="Diagnosis model", owner=cast.olga, actor=olga)
    items = create_items(product, [ItemDraft(f"item {n}") for n in range(5)], actor=olga)
    team = product.teams.get()
    planned = create_sprint(team, actor=olga, goal="Doctors see why.")
    move_items(product, items, actor=olga, spot=Spot.top(), to=planned.backlog)
    return planned


def at_once(*deeds: Callable[[], Any]) -> list[BaseException | None]:
    """Do all of them in the same moment, each on a connection of its own; what each raised."""
    barrier = Barrier(len(deeds))
    raised: list[BaseException | None] = [None] * len(deeds)

    def run(place: int, deed: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=10)
            deed()
        except Exception as error:  # noqa: BLE001  told to the test
            raised[place] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(place, deed)) for place, deed in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return raised


def while_another_orders(sprint: Sprint, second: Callable[[], Any]) -> list[BaseException | None]:
    """Let a deed begin that holds the product backlog and ends once the second one waits for it;
    what each raised."""
    product = sprint.backlog.product
    return while_another(sprint, lambda: lock_backlogs(product_backlog(product)), second)


def while_another(
    sprint: Sprint,
    first: Callable[[], Any],
    second: Callable[[], Any],
    *,
    then: Callable[[], Any] = lambda: None,
) -> list[BaseException | None]:
    """Let a deed begin that does the first thing and ends, `then` being done as well, once the
    second one waits for it; what each raised."""
    begun = Event()

    def before() -> None:
        with deed(sprint.backlog.product, Actor.system(), "test.held"):
            first()
            begun.set()
            until_somebody_waits()
            then()

    def after() -> None:
        begun.wait(timeout=10)
        second()

    return at_once(before, after)


def until_somebody_waits() -> None:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # a transaction sees one otherwise
            cursor.execute(waiting)
            if cursor.fetchone() != (0,):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_a_start_with_its_goal_does_not_hold_what_others_need_to_end(
    sprint: Sprint, cast: Cast, as_person: Any
) -> None:
    before = Activity.objects.count()
    olga = as_person(cast.olga)
    start = f"/p/MED/sprints/{sprint.pk}/start/"
    raised = while_another_orders(sprint, lambda: olga.post(start, {"goal": "Another goal."}))
    assert raised == [None, None]
    sprint.refresh_from_db()
    assert (sprint.goal, sprint.backlog.state) == ("Another goal.", "active")
    assert Activity.objects.count() == before + 2


@pytest.mark.parametrize("door", ["list", "item", "rest"])
def test_an_edit_with_a_new_label_does_not_hold_what_others_need_to_end(
    sprint: Sprint, cast: Cast, as_person: Any, api: Any, door: str
) -> None:
    actor, product = Actor.person(cast.olga), sprint.backlog.product
    (item,) = create_items(product, [ItemDraft("In the product backlog")], actor=actor)
    olga, rest = as_person(cast.olga), api(cast.olga)

    def edit() -> Any:
        match door:
            case "list":
                sent = {"refs": item.ref, "add_label": "new"}
                return olga.post("/p/MED/backlog/edit/", sent)
            case "item":
                return olga.post(
                    f"/p/MED/items/{item.ref}/set/", {"labels": "", "new_labels": "new"}
                )
            case _:
                return rest.patch(f"/api/v1/items/{item.ref}/", {"labels": ["new"]}, format="json")

    assert while_another_orders(sprint, edit) == [None, None]
    assert [label.name for label in item.labels.all()] == ["new"]


def test_it_closes_once_and_the_other_sees_it(sprint: Sprint, cast: Cast) -> None:
    actor = Actor.person(cast.olga)
    start_sprint(sprint, actor=actor)
    for_both = [lambda: close_sprint(sprint, Closing("yes"), actor=actor)] * 2
    errors = [error for error in at_once(*for_both) if error]
    assert len(errors) == 1
    assert isinstance(errors[0], Conflict)
    assert "closed" in str(errors[0])
    assert Stay.objects.filter(backlog_id=sprint.pk, outcome=Stay.Outcome.CARRIED).count() == 5
    assert Stay.objects.filter(left_at__isnull=True).count() == 5


def test_an_item_is_pulled_into_one_of_two_sprints(sprint: Sprint, cast: Cast) -> None:
    actor = Actor.person(cast.olga)
    product = sprint.backlog.product
    assert sprint.backlog.team is not None
    other = create_sprint(sprint.backlog.team, actor=actor, goal="Next.")
    (item,) = create_items(product, [ItemDraft("Wanted by both")], actor=actor)

    def pull(into: Sprint) -> Callable[[], Any]:
        mine = Item.objects.select_related("product", "backlog").get(pk=item.pk)
        return lambda: move_items(product, [mine], actor=actor, spot=Spot.top(), to=into.backlog)

    errors = [error for error in at_once(pull(sprint), pull(other)) if error]
    assert len(errors) == 1
    assert isinstance(errors[0], Conflict)
    assert Item.objects.get(pk=item.pk).backlog.kind == Backlog.Kind.SPRINT
    assert Stay.objects.filter(item=item, left_at__isnull=True).count() == 1


def test_two_plans_for_the_same_days_are_one(sprint: Sprint, cast: Cast) -> None:
    actor = Actor.person(cast.olga)
    team = sprint.backlog.team
    assert team is not None
    last = sprint.backlog.ends_on
    assert last is not None
    plan = lambda: create_sprint(  # noqa: E731
        team, actor=actor, starts_on=last.replace(year=last.year + 1)
    )
    errors = [error for error in at_once(plan, plan) if error]
    assert len(errors) == 1
    assert isinstance(errors[0], DomainError)
    assert errors[0].code == "sprints_overlap"
    assert Sprint.objects.count() == 2


def test_the_next_sprint_is_planned_once_by_two(sprint: Sprint, cast: Cast) -> None:
    actor = Actor.person(cast.olga)
    start_sprint(sprint, actor=actor)
    made: list[tuple[Sprint, bool]] = []
    plan = lambda: made.append(plan_following(sprint, actor=actor))  # noqa: E731
    assert at_once(plan, plan) == [None, None]
    assert sorted(is_new for _, is_new in made) == [False, True]
    assert len({following.pk for following, _ in made}) == 1
    assert Sprint.objects.count() == 2


# A sprint is deleted while people write for it ---------------------------------------------------


@pytest.fixture
def daily(sprint: Sprint, cast: Cast) -> Ceremony:
    product, olga = sprint.backlog.product, Actor.person(cast.olga)
    add_member(product, cast.max, "developer", actor=olga)
    return schedule(product, CeremonyDraft("daily", timezone.now(), 15, sprint=sprint), actor=olga)


def note_of_max(daily: Ceremony, cast: Cast, *, item: Item | None = None) -> Any:
    """What Max says in the daily, who waits by the item if there is one."""
    assert daily.sprint is not None
    said = Said("Read", "Write", "The scans are late." if item else "", item)
    today, max_ = timezone.now().date(), Actor.person(cast.max)
    return write_note(daily, today, cast.max, said, actor=max_, marks=True)


def deleting(sprint: Sprint, cast: Cast) -> Callable[[], Any]:
    return lambda: delete_sprint(sprint, actor=Actor.person(cast.olga))


def test_a_sprint_is_not_deleted_over_a_daily_note_that_is_being_written(
    sprint: Sprint, daily: Ceremony, cast: Cast
) -> None:
    write = lambda: note_of_max(daily, cast)  # noqa: E731
    wrote, deleted = while_another(sprint, write, deleting(sprint, cast))
    assert wrote is None
    assert isinstance(deleted, Conflict)
    assert deleted.code == "has_notes"
    assert DailyNote.objects.get().done == "Read"


def test_who_deletes_a_sprint_and_who_marks_its_item_in_a_daily_hold_each_other_up_in_one_order(
    sprint: Sprint, daily: Ceremony, cast: Cast
) -> None:
    item = Item.objects.select_related("product", "backlog", "status").get(number=1)
    wrote, deleted = while_another(
        sprint,
        lambda: lock_open(daily),
        deleting(sprint, cast),
        then=lambda: note_of_max(daily, cast, item=item),
    )
    assert wrote is None
    assert isinstance(deleted, Conflict)
    assert Item.objects.get(pk=item.pk).blocked_reason == "The scans are late."


@pytest.mark.parametrize("written", ["note", "outcome"])
def test_a_ceremony_in_which_somebody_writes_stays_when_its_sprint_is_deleted(
    sprint: Sprint, daily: Ceremony, cast: Cast, written: str
) -> None:
    write = writing(daily, cast, written)
    assert while_another(sprint, write, deleting(sprint, cast)) == [None, None]
    daily.refresh_from_db()
    assert daily.sprint is None
    assert not Sprint.objects.filter(pk=sprint.pk).exists()
    texts = [*daily.blocks.values_list("text", flat=True), *daily.outcomes.values_list("text")]
    assert any(texts)


@pytest.mark.parametrize("written", ["note", "outcome", "daily note"])
def test_who_writes_in_a_ceremony_that_goes_with_its_sprint_is_told(
    sprint: Sprint, daily: Ceremony, cast: Cast, written: str
) -> None:
    write = writing(daily, cast, written)
    deleted, wrote = while_another(sprint, deleting(sprint, cast), write)
    assert deleted is None
    assert isinstance(wrote, Conflict)
    assert not Ceremony.objects.exists()


def writing(daily: Ceremony, cast: Cast, written: str) -> Callable[[], Any]:
    """Max writes a note of the first point, an outcome, or what he says in the daily."""
    max_ = Actor.person(cast.max)
    seat, block = take_seat(daily, cast.max), daily.blocks.all()[0]
    match written:
        case "note":
            return lambda: write_block(block, "Rain", seat=seat, actor=max_, base_version=1)
        case "outcome":
            draft = OutcomeDraft("decision", "We wait.")
            return lambda: add_outcome(daily, draft, actor=max_, seat=seat)
        case _:
            return lambda: note_of_max(daily, cast)
