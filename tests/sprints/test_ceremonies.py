"""Ceremonies: scheduling, opening, the clock, closing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import Activity, Actor, Job, Product
from backlog.services.items import ItemDraft, create_item
from mlscrum.lib.errors import Conflict
from sprints.models import Ceremony, Sprint
from sprints.rules.ceremonies import proposed, time_box
from sprints.services import ceremonies as services
from sprints.services.agendas import Point, add_block, points_for, remove_block, set_template
from sprints.services.ceremonies import CeremonyDraft, schedule, schedule_all
from sprints.services.outcomes import OutcomeDraft, add_outcome
from sprints.services.retros import write_card
from sprints.services.seats import make_guest_link, take_seat
from tests.conftest import Cast

NINE = datetime(2026, 4, 7, 9, tzinfo=UTC)


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def review(product: Product, olga: Actor) -> Ceremony:
    return schedule(product, CeremonyDraft("review", timezone.now(), 60), actor=olga)


@pytest.fixture
def open_review(review: Ceremony, olga: Actor) -> Ceremony:
    return services.open_ceremony(review, actor=olga)


@pytest.mark.parametrize(
    ("kind", "days", "minutes"),
    [
        ("planning", 28, 480),
        ("planning", 14, 240),
        ("planning", 7, 120),
        ("planning", 90, 480),
        ("review", 28, 240),
        ("review", 14, 120),
        ("retrospective", 28, 180),
        ("retrospective", 14, 90),
        ("retrospective", 7, 45),
        ("retrospective", 1, 15),
        ("daily", 14, 15),
        ("daily", 28, 15),
        ("refinement", 14, 60),
    ],
)
def test_time_boxes_shrink_with_the_sprint_and_never_exceed_the_guide(
    kind: str, days: int, minutes: int
) -> None:
    assert time_box(kind, days) == minutes


@pytest.mark.parametrize("year", [1, 1999, 2101, 9999])
def test_a_ceremony_begins_in_a_year_that_calendars_can_count_from(
    product: Product, review: Ceremony, olga: Actor, year: int
) -> None:
    begins = NINE.replace(year=year, month=12, day=31)
    with pytest.raises(ValidationError, match="2000 to 2100"):
        schedule(product, CeremonyDraft("review", begins, 60), actor=olga)
    with pytest.raises(ValidationError, match="2000 to 2100"):
        services.change(review, actor=olga, starts_at=begins)


def test_a_sprint_is_proposed_planning_dailies_review_and_retrospective() -> None:
    days = [date(2026, 3, day) for day in (25, 26, 27, 30, 31)]
    slots = proposed(days[0], days[-1], days)
    assert [slot.kind for slot in slots] == [
        "planning", "daily", "daily", "daily", "daily", "review", "retrospective",
    ]  # fmt: skip
    assert slots[0].starts.isoformat() == "2026-03-25T09:00:00"
    review, retrospective = slots[-2:]
    assert review.starts + timedelta(minutes=review.minutes) == retrospective.starts
    over = retrospective.starts + timedelta(minutes=retrospective.minutes)
    assert over.isoformat() == "2026-03-31T17:00:00"


def test_a_sprint_without_working_days_still_gets_its_ceremonies() -> None:
    first = date(2026, 3, 28)
    assert [slot.kind for slot in proposed(first, first, [])] == [
        "planning", "review", "retrospective",
    ]  # fmt: skip


def test_scheduling_writes_one_deed_an_agenda_and_a_reminder(
    product: Product, planned: Sprint, olga: Actor
) -> None:
    begins = timezone.now() + timedelta(days=1)
    drafts = [
        CeremonyDraft("review", begins, 120, sprint=planned),
        CeremonyDraft(
            "retrospective", begins, 90, "  Looking   back ", planned, remind_minutes=None
        ),
    ]
    made = schedule_all(product, drafts, actor=olga)
    assert [ceremony.title for ceremony in made] == ["Review", "Looking back"]
    assert all(ceremony.blocks.exists() for ceremony in made)
    deed = Activity.objects.get(product=product, kind="ceremony.scheduled")
    assert deed.data["ceremonies"] == [ceremony.pk for ceremony in made]
    job = Job.objects.get(kind=services.REMIND_KIND)
    assert job.run_after == begins - timedelta(minutes=15)


def test_a_sprint_of_another_product_is_refused(
    product: Product, other_product: Product, planned: Sprint, cast: Cast
) -> None:
    draft = CeremonyDraft("review", NINE, 60, sprint=planned)
    with pytest.raises(ValidationError, match="no such sprint"):
        schedule(other_product, draft, actor=Actor.person(cast.sam))


@pytest.mark.parametrize("fields", [{"kind": "party"}, {"minutes": 0}, {"minutes": 601},
                                    {"title": "x" * 121}, {"place": "x" * 301}])  # fmt: skip
def test_bad_fields_are_refused(product: Product, olga: Actor, fields: dict[str, Any]) -> None:
    draft = CeremonyDraft(**{"kind": "review", "starts_at": NINE, "minutes": 60, **fields})
    with pytest.raises(ValidationError):
        schedule(product, draft, actor=olga)
    assert not Ceremony.objects.exists()


def test_the_agenda_comes_from_the_template_of_the_product(product: Product, olga: Actor) -> None:
    usual = points_for(product, "review")
    set_template(product, "review", [Point("One thing", 30), Point("Another")], actor=olga)
    made = schedule(product, CeremonyDraft("review", NINE, 60), actor=olga)
    rows = made.blocks.values_list("position", "title", "minutes")
    assert list(rows) == [(0, "One thing", 30), (1, "Another", None)]
    set_template(product, "review", [], actor=olga)
    assert points_for(product, "review") == usual


@pytest.mark.parametrize("point", [Point("  "), Point("x" * 121), Point("a", 601),
                                   Point("a", None, "no-such-part")])  # fmt: skip
def test_points_without_sense_are_refused(product: Product, olga: Actor, point: Point) -> None:
    with pytest.raises(ValidationError):
        set_template(product, "review", [point], actor=olga)


def test_a_point_with_notes_stays_on_the_agenda(review: Ceremony, olga: Actor) -> None:
    block = add_block(review, "Weather", actor=olga)
    block.text = "Rain"
    block.save()
    with pytest.raises(Conflict, match="notes"):
        remove_block(block, actor=olga)
    empty = add_block(review, "Nothing", actor=olga)
    remove_block(empty, actor=olga)
    assert not review.blocks.filter(title="Nothing").exists()


def test_opening_starts_the_clock_and_twice_is_once(review: Ceremony, olga: Actor) -> None:
    opened = services.open_ceremony(review, actor=olga)
    assert opened.timer_ends_at is not None
    assert services.open_ceremony(review, actor=olga).opened_at == opened.opened_at
    assert Activity.objects.filter(kind="ceremony.opened").count() == 1


def test_the_clock_pauses_goes_on_and_gets_more(product: Product, olga: Actor, travel: Any) -> None:
    travel("2026-04-07 09:00+00:00")
    made = schedule(product, CeremonyDraft("review", NINE, 60), actor=olga)
    services.open_ceremony(made, actor=olga)
    travel("2026-04-07 09:20+00:00")
    assert services.set_timer(made, "pause", actor=olga).timer_left_s == 40 * 60
    assert services.set_timer(made, "add", actor=olga, minutes=5).timer_left_s == 45 * 60
    going = services.set_timer(made, "start", actor=olga)
    assert going.timer_ends_at == datetime(2026, 4, 7, 10, 5, tzinfo=UTC)
    assert services.set_timer(made, "reset", actor=olga).timer_left_s == 60 * 60
    deeds = Activity.objects.filter(kind="ceremony.timer_set")
    assert {deed.data["ceremony"] for deed in deeds} == {made.pk}


def test_the_clock_of_what_does_not_run_stands_still(review: Ceremony, olga: Actor) -> None:
    with pytest.raises(Conflict):
        services.set_timer(review, "start", actor=olga)


def test_closing_drops_the_secret_and_sends_guests_away_in_a_day(
    open_review: Ceremony, olga: Actor
) -> None:
    link, _ = make_guest_link(open_review, actor=olga, trade="Planning")
    closed = services.close(open_review, actor=olga)
    assert closed.secret == ""
    assert closed.is_over
    link.refresh_from_db()
    assert link.expires_at <= timezone.now() + timedelta(days=1)
    with pytest.raises(Conflict, match="over"):
        services.close(open_review, actor=olga)
    assert Activity.objects.filter(kind="ceremony.closed").count() == 1


def test_what_has_begun_is_not_deleted(open_review: Ceremony, olga: Actor) -> None:
    with pytest.raises(Conflict):
        services.delete(open_review, actor=olga)


@pytest.mark.parametrize("what", ["text", "version", "outcome", "card", "round"])
def test_what_was_written_before_the_start_is_not_deleted(
    review: Ceremony, olga: Actor, cast: Cast, what: str
) -> None:
    block = review.blocks.all()[0]
    if what == "text":
        review.blocks.filter(pk=block.pk).update(text="Said in the hall")
    elif what == "version":
        block.versions.create(version=1, text="", at=timezone.now())
    elif what == "outcome":
        add_outcome(review, OutcomeDraft("decision", "We wait."), actor=olga, seat=None)
    elif what == "card":
        Ceremony.objects.filter(pk=review.pk).update(kind="retrospective")
        write_card(review, take_seat(review, cast.olga), 0, "Slow tests")
    else:
        item = create_item(review.product, ItemDraft("New"), actor=olga)
        review.rounds.create(item=item, number=1, started_at=timezone.now())
    with pytest.raises(Conflict, match="written in it"):
        services.delete(review, actor=olga)
    assert Ceremony.objects.filter(pk=review.pk).exists()


def test_what_has_not_begun_is_not_closed_but_deleted(review: Ceremony, olga: Actor) -> None:
    with pytest.raises(Conflict):
        services.close(review, actor=olga)
    services.delete(review, actor=olga)
    assert not Ceremony.objects.exists()


def test_changing_asks_for_a_new_reminder_only_where_the_start_moved(
    product: Product, olga: Actor
) -> None:
    begins = timezone.now() + timedelta(days=2)
    made = schedule(product, CeremonyDraft("review", begins, 60), actor=olga)
    services.change(made, actor=olga, place="Room 2")
    assert Job.objects.filter(kind=services.REMIND_KIND).count() == 1
    services.change(made, actor=olga, starts_at=begins + timedelta(hours=1))
    assert Job.objects.filter(kind=services.REMIND_KIND).count() == 2
    services.change(made, actor=olga, place="Room 2")
    assert Activity.objects.filter(kind="ceremony.changed").count() == 2


def test_opening_and_the_clock_are_in_nobodys_way_who_changes_its_fields(
    review: Ceremony, olga: Actor
) -> None:
    seen = review.version
    services.open_ceremony(review, actor=olga)
    services.set_timer(review, "pause", actor=olga)
    changed = services.change(review, actor=olga, base_version=seen, place="Room 4")
    assert (changed.place, changed.version) == ("Room 4", seen + 1)
