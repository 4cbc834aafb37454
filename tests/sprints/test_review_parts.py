"""The agenda of a review: evidence of the sprint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Actor, Finding, Item, Measurement, Product, Subject
from backlog.rules.evidence import Observation, Outcome
from backlog.services.findings import EvidenceReport, report
from backlog.services.item_evidence import EvidenceDraft, put_evidence
from backlog.services.items import (
    ItemDraft,
    create_items,
    move_items,
    product_backlog,
    update_item,
)
from backlog.services.ranks import Spot
from sprints.models import Ceremony, Sprint
from sprints.queries.minutes import minutes_of
from sprints.queries.review_parts import (
    findings_moved_in,
    finished,
    health_steps,
    runs_of,
    scope_changes,
)
from sprints.services import ceremonies
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.outcomes import OutcomeDraft, add_outcome
from sprints.services.seats import make_guest_link, take_seat
from sprints.services.sprints import start_sprint
from tests.conftest import Cast
from tests.sprints.conftest import fresh

Travel = Callable[[str], datetime]


@pytest.fixture
def review(running: Sprint, olga: Actor) -> Ceremony:
    draft = CeremonyDraft("review", timezone.now(), 60, sprint=running)
    made = schedule(running.backlog.product, draft, actor=olga)
    return ceremonies.open_ceremony(made, actor=olga)


def seen(product: Product, key: str, *outcomes: tuple[str, Outcome], olga: Actor) -> None:
    observations = [Observation(name, {"of": name}, name, outcome) for name, outcome in outcomes]
    report(
        EvidenceReport(product, "bandit", key, None, key, timezone.now(), observations),
        actor=olga,
    )


def test_what_was_finished_and_what_not(
    review: Ceremony, running: Sprint, items: list[Item], finish: Any
) -> None:
    finish(items[0])
    done, left = finished(running)
    assert [line.item.number for line in done] == [1]
    assert [line.item.number for line in left] == [2, 3]


def test_what_experiments_and_builds_say_of_the_items(
    review: Ceremony, running: Sprint, items: list[Item], finish: Any, olga: Actor,
    as_person: Any, cast: Cast, client: Any,
) -> None:  # fmt: skip
    page = f"/p/MED/ceremonies/{review.pk}/"
    olgas = as_person(cast.olga)
    assert "ci.example.org" not in olgas.get(page).content.decode()
    finish(items[0])
    run = EvidenceDraft("passed", "https://ci.example.org/1", {"auc": 0.91})
    put_evidence(items[0], "mlflow", "8f3c", run, actor=olga)
    for n in range(7):
        put_evidence(items[1], "ci", str(n), EvidenceDraft("failed"), actor=olga)
    lines = runs_of(running)
    assert [(line.item.number, len(line.rows)) for line in lines] == [(1, 1), (2, 5)]
    told = olgas.get(page).content.decode()
    assert "https://ci.example.org/1" in told
    assert "- MED-1: mlflow 8f3c passed, auc 0.91" in minutes_of(review)
    _, secret = make_guest_link(review, actor=olga)
    guests = client.post(f"/guest/{secret}/", {"name": "Pia"}, follow=True).content.decode()
    assert "What experiments and builds say" in guests
    assert "ci.example.org" not in guests


def test_findings_that_came_and_went_in_the_sprint(
    running: Sprint, product: Product, olga: Actor, travel: Travel
) -> None:
    travel("2026-03-26 10:00+00:00")
    seen(product, "r1", ("leak", Outcome.FAILED), ("loop", Outcome.FAILED), olga=olga)
    travel("2026-03-27 10:00+00:00")
    seen(product, "r2", ("leak", Outcome.PASSED), olga=olga)
    opened, closed = findings_moved_in(running)
    assert {finding.title for finding in opened} == {"leak", "loop"}
    assert [finding.title for finding in closed] == ["leak"]
    travel("2026-03-28 10:00+00:00")
    seen(product, "r3", ("leak", Outcome.FAILED), olga=olga)
    assert findings_moved_in(running)[1] == []


def test_what_was_open_before_the_sprint_came_not_in_it(
    planned: Sprint, product: Product, olga: Actor, travel: Travel
) -> None:
    travel("2026-03-24 10:00+00:00")
    seen(product, "r1", ("leak", Outcome.FAILED), olga=olga)
    travel("2026-03-25 09:00+00:00")
    running = start_sprint(planned, actor=olga)
    assert findings_moved_in(running) == ([], [])
    travel("2026-03-26 09:00+00:00")
    seen(product, "r2", ("leak", Outcome.PASSED), olga=olga)
    opened, closed = findings_moved_in(running)
    assert (len(opened), len(closed)) == (0, 1)


def test_health_before_and_after(running: Sprint, product: Product) -> None:
    subject = Subject.objects.create(product=product, kind="dataset", slug="tracks", name="Tracks")
    other = Subject.objects.create(product=product, kind="dataset", slug="new", name="New")
    start = running.backlog.started_at
    assert start is not None
    rows = [(subject, -2, 61.0), (subject, 1, 70.0), (subject, -1, 62.5), (other, 0.5, 90.0)]
    for place, (of, hours, health) in enumerate(rows):
        at = start + timedelta(hours=hours)
        Measurement.objects.create(
            subject=of, batch_key=str(place), batch_at=at, measured_at=at, health=health,
            executed=1, total=1,
        )  # fmt: skip
    timezone_now = start + timedelta(hours=2)
    running.backlog.closed_at = timezone_now
    new, tracks = health_steps(running)
    assert (tracks.before, tracks.after, tracks.change) == (62.5, 70.0, 7.5)
    assert (new.before, new.after, new.change) == (None, 90.0, None)


def test_what_came_in_and_went_out(
    running: Sprint, product: Product, items: list[Item], olga: Actor, travel: Travel
) -> None:
    travel("2026-03-26 09:00+00:00")
    move_items(product, [fresh(items[3])], actor=olga, spot=Spot.top(), to=running.backlog)
    travel("2026-03-27 09:00+00:00")
    move_items(product, [fresh(items[0])], actor=olga, spot=Spot.top(), to=product_backlog(product))
    assert [(c.item.number, c.came) for c in scope_changes(running)] == [(4, True), (1, False)]


def test_the_page_and_the_minutes_tell_it_to_members_and_guests(
    review: Ceremony, product: Product, items: list[Item], olga: Actor, finish: Any,
    as_person: Any, cast: Cast, client: Any, travel: Travel,
) -> None:  # fmt: skip
    travel("2026-03-26 10:00+00:00")
    finish(items[0])
    seen(product, "r1", ("leak", Outcome.FAILED), olga=olga)
    url = f"/p/MED/ceremonies/{review.pk}/"
    body = as_person(cast.vera).get(url).content.decode()
    assert "Doctors see why." in body
    assert f"/p/MED/items/{items[0].ref}/" in body
    assert "leak" in body
    assert "Story 8" in minutes_of(review)
    _, secret = make_guest_link(review, actor=olga)
    client.post(f"/guest/{secret}/", {"name": "Pia"})
    seen_by_guest = client.get(url).content.decode()
    assert "Story 8" in seen_by_guest
    assert "/p/MED/items/" not in seen_by_guest
    assert "/p/MED/findings/" not in seen_by_guest


def test_what_a_review_showed_stays_once_it_is_over(
    review: Ceremony, running: Sprint, product: Product, items: list[Item], olga: Actor,
    finish: Any, as_person: Any, cast: Cast, client: Any, travel: Travel,
) -> None:  # fmt: skip
    travel("2026-03-26 09:00+00:00")
    finish(items[0])
    travel("2026-03-26 10:00+00:00")
    _, secret = make_guest_link(review, actor=olga)
    over = ceremonies.close(review, actor=olga)
    shown = minutes_of(over)
    travel("2026-03-26 11:00+00:00")
    finish(items[1])
    update_item(fresh(items[0]), actor=olga, title="Renamed")
    move_items(product, [fresh(items[3])], actor=olga, spot=Spot.top(), to=running.backlog)
    move_items(product, [fresh(items[2])], actor=olga, spot=Spot.top(), to=product_backlog(product))
    seen(product, "r1", ("leak", Outcome.FAILED), olga=olga)
    client.post(f"/guest/{secret}/", {"name": "Pia"})
    assert minutes_of(Ceremony.objects.get(pk=over.pk)) == shown
    assert "Story 8" in shown
    body = as_person(cast.vera).get(f"/p/MED/ceremonies/{review.pk}/").content.decode()
    assert "8 of 16 committed points done" in body
    assert "leak" not in body
    assert "added" not in body
    done, left = finished(running, over.closed_at)
    assert [line.item.number for line in done] == [1]
    assert [line.item.number for line in left] == [2, 3]


def test_notes_and_outcomes_come_into_the_minutes_after_the_end_too(
    review: Ceremony, olga: Actor, cast: Cast
) -> None:
    over = ceremonies.close(review, actor=olga)
    draft = OutcomeDraft("decision", "Ship it")
    add_outcome(over, draft, actor=olga, seat=take_seat(over, cast.olga))
    assert "Ship it" in minutes_of(over)


def test_a_sprint_that_began_after_its_review_was_over_is_not_shown_in_it(
    planned: Sprint, product: Product, olga: Actor, travel: Travel, as_person: Any, cast: Cast
) -> None:
    draft = CeremonyDraft("review", timezone.now(), 60, sprint=planned)
    held = ceremonies.open_ceremony(schedule(product, draft, actor=olga), actor=olga)
    ceremonies.close(held, actor=olga)
    travel("2026-03-25 09:00+00:00")
    start_sprint(planned, actor=olga)
    body = as_person(cast.vera).get(f"/p/MED/ceremonies/{held.pk}/").content.decode()
    assert "committed points" not in body


def test_the_page_costs_the_same_for_more(
    review: Ceremony, running: Sprint, product: Product, olga: Actor, as_person: Any, cast: Cast,
    travel: Travel,
) -> None:  # fmt: skip
    browser = as_person(cast.max)
    travel("2026-03-26 09:00+00:00")

    def more(count: int) -> None:
        drafts = [ItemDraft(f"More {n}", points=Decimal(1)) for n in range(count)]
        made = create_items(product, drafts, actor=olga)
        move_items(product, made, actor=olga, spot=Spot.bottom(), to=running.backlog)
        names = [(f"f{n}-{count}", Outcome.FAILED) for n in range(count)]
        seen(product, f"r{count}", *names, olga=olga)
        for n in range(count):
            seat = take_seat(review, cast.dora)
            draft = OutcomeDraft("insight", f"{n} of {count}", "data")
            add_outcome(review, draft, actor=olga, seat=seat)

    def cost(url: str) -> int:
        browser.get(url)
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(url).status_code == 200
        return len(asked)

    page, room = f"/p/MED/ceremonies/{review.pk}/", "/p/MED/ceremonies/"
    more(1)
    first = cost(page), cost(room)
    more(4)
    for n in range(3):
        draft = CeremonyDraft("daily", timezone.now() + timedelta(days=n), 15, sprint=running)
        schedule(product, draft, actor=olga)
    assert (cost(page), cost(room)) == first
    assert Finding.objects.count() == 5
