"""The demo's past and its first five minutes: sprints that services made, and one that runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from backlog.models import (
    Actor,
    Backlog,
    Finding,
    FindingTransition,
    Item,
    Product,
    Transition,
    User,
)
from backlog.services import demo
from backlog.services.items import move_items
from backlog.services.ranks import Spot
from dataquality.models import Dataset
from dataquality.services.demo import use_cleaned_file
from mlscrum.lib import clock
from sprints.models import Outcome, Sprint, TeamCalendar
from sprints.queries.exits import standing_of
from sprints.queries.forecasts import Asked, forecast_of
from sprints.queries.overviews import past_sprints
from sprints.queries.reports import burndown_of
from sprints.rules.velocity import velocity_range
from sprints.services.demo import MEDICAL
from tests.dataquality.conftest import run_now


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, db: None) -> Callable[[str], Product]:
    """The medical product, loaded at a moment."""

    def at(moment: str) -> Product:
        now = datetime.fromisoformat(moment)
        monkeypatch.setattr(timezone, "now", lambda: now)
        (product,) = demo.load(["MED"])
        return product

    return at


@pytest.mark.parametrize(
    ("moment", "began"),
    [
        ("2026-11-25 10:00+00:00", "2026-11-16"),
        ("2026-11-25 23:01+00:00", "2026-11-23"),  # Thursday in Berlin: it runs for three days
        ("2026-11-29 22:59+00:00", "2026-11-23"),
        ("2026-11-30 07:59+00:00", "2026-11-23"),  # Monday before and after nine in Berlin
        ("2026-11-30 08:01+00:00", "2026-11-23"),
    ],
)
def test_the_demo_has_a_past_a_sprint_that_runs_and_the_next(
    load: Callable[[str], Product], moment: str, began: str
) -> None:
    product = load(moment)
    past = past_sprints(product)
    told = [(one.name, one.committed, one.completed, one.added, one.removed) for one in past]
    assert told == [
        ("Sprint 1", 21, 18, 2, 0),
        ("Sprint 2", 26, 23, 0, 3),
        ("Sprint 3", 21, 15, 0, 0),
        ("Sprint 4", 21, 22, 1, 0),
    ]
    found = velocity_range([one.completed for one in past])
    assert found is not None
    assert (found.low, found.high) == (15, 23)
    team = product.teams.get()
    assert forecast_of(product, Asked.read(product, {"points": "40"}), team=team)["p85"]
    by_state = {
        sprint.backlog.state: sprint
        for sprint in Sprint.objects.select_related("backlog").order_by("-pk")
    }
    running, planned = by_state["active"], by_state["planned"]
    assert str(running.backlog.starts_on) == began
    assert (running.kind, running.target_health) == ("data_assessment", 95)
    assert running.goal == MEDICAL.running_goal
    assert running.subjects.get().green_batches == 2
    assert planned.goal and planned.backlog.items.count() == 2
    assert {item.status.category for item in running.backlog.items.all()} == {
        "todo", "doing", "done",
    }  # fmt: skip
    assessed = Sprint.objects.get(backlog__name="Sprint 3")
    scores = [day["findings_score"] for day in burndown_of(assessed)["days"]]
    assert (scores[0], scores[-1]) == (17, 6)
    assert (assessed.goal_met, burndown_of(running)["opening"]["findings_open"]) == ("partly", 2)
    # Nothing happened in the future, and nothing before it was there.
    now = timezone.now()
    assert not Transition.objects.filter(at__gt=now).exists()
    assert not FindingTransition.objects.filter(at__gt=now).exists()
    assert not Item.objects.filter(created_at__gt=now).exists()
    assert not Item.objects.filter(done_at__lte=F("created_at")).exists()


def test_the_demo_takes_its_sprints_along(load: Callable[[str], Product]) -> None:
    load("2026-11-25 10:00+00:00")
    demo.remove()
    for model in (Product, Sprint, Backlog, TeamCalendar, FindingTransition, Item, User):
        assert not model.objects.exists(), model


def test_the_first_five_minutes_end_with_a_goal_that_is_met(
    db: None, settings: Any, client: Client
) -> None:
    settings.JOB_LEASE_S = 600  # the heart beats on a connection that can't see this transaction
    (product,) = demo.load(["MED"])
    running = Sprint.objects.get(backlog__state="active")
    olga = Actor.person(User.objects.get(email="olga@demo.example"))
    patients = Dataset.objects.get(subject__product=product)
    run = run_now(patients, olga)
    assert run.state == "failed"
    inbox = Item.objects.select_related("product", "backlog").filter(backlog__kind="inbox")
    filed = list(inbox)
    assert len(filed) == 3
    move_items(product, filed, actor=olga, spot=Spot.bottom(), to=running.backlog)
    assert not standing_of(running).exit_met
    closed = Item.objects.filter(pk__in=[item.pk for item in filed], backlog=running.backlog)
    use_cleaned_file(patients, actor=olga)
    patients.refresh_from_db()
    assert run_now(patients, olga).state == "passed"
    assert run_now(patients, olga).state == "passed"  # the same batch again counts once
    assert {item.status.category for item in closed} == {"todo"}
    client.force_login(User.objects.get(email="olga@demo.example"))
    said = client.get(f"/p/MED/sprints/{running.pk}/close/").content.decode()
    assert "Patients has 2 open findings of P1 or P2." in said
    assert "Patients reached a health of 95 % on 1 of its last 2 batches." in said
    use_cleaned_file(patients, actor=olga)
    patients.refresh_from_db()
    assert run_now(patients, olga).state == "passed"
    closed = closed.all()
    assert [item.status.category for item in closed] == ["done"] * 3
    assert standing_of(running).exit_met
    assert Finding.objects.filter(state="open", priority__in=["P1", "P2"]).count() == 0


def test_a_clock_that_was_set_back_runs_on_afterwards() -> None:
    then = datetime.fromisoformat("2026-03-25 10:00+00:00")
    later = datetime.fromisoformat("2026-03-26 10:00+00:00")
    with clock.set_to(then):
        with clock.set_to(later):
            assert clock.now() == later
        assert clock.now() == then
    assert clock.now() > later


def test_a_chapter_that_fails_leaves_no_demo(
    load: Callable[[str], Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(demo, "_chapters", {"MED": [(5, fails)]})
    with pytest.raises(RuntimeError):
        load("2026-11-25 10:00+00:00")
    assert not Product.objects.exists()


def test_the_next_daily_is_on_a_day_on_which_the_team_works(load: Callable[[str], Product]) -> None:
    product = load("2026-11-28 10:00+00:00")  # a Saturday
    daily = product.ceremonies.get(state="planned", kind="daily")
    assert daily.starts_at.date() == date(2026, 11, 30)


def test_the_last_review_was_held_and_the_next_one_is_planned(
    load: Callable[[str], Product],
) -> None:
    product = load("2026-11-25 10:00+00:00")
    held = product.ceremonies.filter(state="over")
    assert set(held.values_list("kind", flat=True)) == {"review", "retrospective"}
    assert not held.filter(closed_at__gte=timezone.now()).exists()
    states = Outcome.objects.filter(ceremony__in=held, kind="insight").values_list("state")
    assert sorted(states) == [("accepted",), ("captured",), ("converted",), ("declined",)]
    coming = product.ceremonies.filter(state="planned")
    assert coming.count() == 3
    assert all(ceremony.starts_at > timezone.now() for ceremony in coming)
