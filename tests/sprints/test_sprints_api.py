"""Sprints over REST: planned, run and closed by a program, as CONTRACT.md has it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Backlog, Item, Kind, Measurement, Product, Subject, Team
from backlog.services.items import ItemDraft, create_items, product_backlog, update_item
from backlog.services.teams import create_team
from sprints.models import Sprint
from sprints.services.closing import Closing, close_sprint
from sprints.services.sprints import create_sprint, start_sprint
from tests.conftest import Cast
from tests.sprints.conftest import fresh

Travel = Callable[[str], datetime]
URL = "/api/v1/products/MED/sprints/"


def test_a_sprint_is_planned_filled_started_and_closed(
    product: Product, items: list[Item], api: Any, cast: Cast, travel: Travel
) -> None:
    travel("2026-03-25 09:00+00:00")
    client = api(cast.olga)
    Subject.objects.create(
        product=product, kind=Subject.Kind.DATASET, slug="patients", name="Patients"
    )
    wanted = {
        "goal": "Doctors see why.",
        "start_date": "2026-03-25",
        "end_date": "2026-04-07",
        "capacity_points": 20,
        "capacity_gpu_hours": 12.5,
    }
    planned = client.post(URL, wanted, format="json")
    assert planned.status_code == 201, planned.json()
    sprint = planned.json()
    assert planned["Location"].endswith(f"/api/v1/sprints/{sprint['id']}/")
    assert (sprint["name"], sprint["state"], sprint["committed"]) == ("Sprint 1", "planned", None)
    one = f"/api/v1/sprints/{sprint['id']}/"
    assert client.get(f"{one}burndown/").json()["days"] == []
    moved = {"refs": ["MED-2", "MED-1"], "to": "top", "sprint": sprint["id"]}
    assert client.post("/api/v1/products/MED/items/move/", moved, format="json").status_code == 200
    started = client.post(f"{one}start/").json()
    assert started["state"] == "active"
    assert started["committed"] == {"points": 13.0, "items": 2, "unestimated": 0}
    listed = client.get("/api/v1/products/MED/items/?sprint=active").json()
    assert [item["ref"] for item in listed["results"]] == ["MED-2", "MED-1"]
    client.patch("/api/v1/items/MED-1/", {"status": "done"}, format="json")
    days = client.get(f"{one}burndown/").json()["days"]
    assert (len(days), days[0]["day"], days[0]["remaining"]) == (14, "2026-03-25", 5.0)
    wish = {"goal_met": "partly", "goal_reason": "Late.", "unfinished": {"med-2": "backlog"}}
    ahead = client.post(f"{one}close/", {**wish, "dry_run": True}, format="json").json()
    assert ahead == {
        "may_close": True,
        "problems": [],
        "done": ["MED-1"],
        "unfinished": [{"ref": "MED-2", "title": "Story 5", "points": 5.0, "fate": "backlog"}],
        "gates": [],
        "exit": None,
    }
    assert client.get(one).json()["state"] == "active"
    closed = client.post(f"{one}close/", wish, format="json").json()
    assert (closed["state"], closed["goal_met"]) == ("closed", "partly")
    assert closed["completed"] == {"points": 8.0, "items": 1, "unestimated": 0}
    assert client.post(f"{one}close/", wish, format="json").status_code == 409
    velocity = client.get("/api/v1/products/MED/velocity/").json()
    assert velocity["range"] is None
    assert [row["completed"] for row in velocity["sprints"]] == [8.0]


@pytest.mark.parametrize("day", ["9999-12-31", "2040-01-01", "0001-01-01"])
def test_days_that_nobody_can_reckon_with_are_refused_at_their_fields(
    planned: Sprint, api: Any, cast: Cast, day: str
) -> None:
    client = api(cast.olga)
    one = f"/api/v1/sprints/{planned.pk}/"
    days = {"start_date": day, "end_date": day}
    for answer in (
        client.post(URL, {"start_date": day}, format="json"),
        client.post(URL, days, format="json"),
        client.patch(one, days, format="json"),
    ):
        assert answer.status_code == 400
        told = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
        assert "look at the year" in told["/start_date"]
    assert client.patch(one, {"end_date": day}, format="json").status_code == 400
    away = {"shares": [{"member": "max@example.org", "days_off": [day]}]}
    assert client.put(f"{one}shares/", away, format="json").status_code == 400
    until = f"/api/v1/products/MED/forecast/?until={day}"
    # It is over, or there is too little past to draw from; neither overflows.
    assert client.get(until).status_code == (400 if day == "0001-01-01" else 409)


@pytest.mark.parametrize(
    ("wish", "status", "pointer"),
    [
        (
            {"goal_met": "yes", "unfinished": {"MED-1": {"split": {"done_points": "NaN"}}}},
            400,
            "/unfinished/MED-1",
        ),
        (
            {"goal_met": "yes", "unfinished": {"MED-1": {"split": {"done_points": 2.55}}}},
            400,
            "/unfinished/MED-1",
        ),
        ({"goal_met": "no"}, 422, "/goal_reason"),
        ({}, 400, "/goal_met"),
        ({"goal_met": "yes", "unfinished": 3}, 400, "/unfinished"),
        ({"goal_met": "yes", "unfinished": {"MED-1": "away"}}, 400, "/unfinished/MED-1"),
        ({"goal_met": "yes", "unfinished": "next"}, 422, "/next_sprint"),
        ({"goal_met": "yes", "next_sprint": 999}, 400, "/next_sprint"),
        (
            {"goal_met": "yes", "unfinished": {"MED-1": {"split": {"done_points": 9}}}},
            422,
            "/unfinished/MED-1/split/done_points",
        ),
    ],
)
def test_a_wish_that_can_not_be_names_what_is_wrong(
    running: Sprint, api: Any, cast: Cast, wish: Any, status: int, pointer: str
) -> None:
    url = f"/api/v1/sprints/{running.pk}/close/"
    answer = api(cast.olga).post(url, wish, format="json")
    assert answer.status_code == status, answer.json()
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert Backlog.objects.get(pk=running.pk).state == Backlog.State.ACTIVE


def test_who_may_do_what(running: Sprint, api: Any, cast: Cast) -> None:
    one = f"/api/v1/sprints/{running.pk}/"
    assert api(cast.vera).get(one).status_code == 200
    assert api(cast.vera).post(f"{one}close/", {"goal_met": "yes"}).status_code == 403
    assert api(cast.max).patch(one, {"goal": "x"}, format="json").status_code == 403
    assert api(cast.sina).patch(one, {"goal": "x"}, format="json").status_code == 200
    assert api(cast.sina).post(f"{one}cancel/", {"reason": "x"}, format="json").status_code == 403
    assert api(cast.sam).get(one).status_code == 404
    assert api(cast.olga).post(f"{one}cancel/", {"reason": "x"}, format="json").status_code == 200


def test_a_list_takes_as_many_statements_for_many_sprints(
    product: Product, team: Team, olga: Actor, api: Any, cast: Cast, travel: Travel
) -> None:
    def closed_ones(count: int) -> None:
        for _ in range(count):
            sprint = start_sprint(create_sprint(team, actor=olga, goal="On."), actor=olga)
            close_sprint(sprint, Closing("yes"), actor=olga)

    travel("2026-03-25 09:00+00:00")
    client = api(cast.olga)
    closed_ones(2)
    client.get(URL)  # notes when the token was used
    with CaptureQueriesContext(connection) as few:
        assert len(client.get(f"{URL}?state=closed").json()["results"]) == 2
    closed_ones(5)
    with CaptureQueriesContext(connection) as many:
        assert len(client.get(f"{URL}?state=closed").json()["results"]) == 7
    assert len(many) == len(few)


@pytest.mark.parametrize("path", [URL, f"{URL}export/?format=json", "/p/MED/sprints/export/"])
def test_twenty_sprints_ask_the_database_no_more_often_than_two(
    product: Product, team: Team, olga: Actor, api: Any, as_person: Any, cast: Cast,
    travel: Travel, path: str,
) -> None:  # fmt: skip
    travel("2026-03-25 09:00+00:00")
    client = api(cast.olga) if path.startswith("/api") else as_person(cast.olga)

    def asked() -> tuple[int, list[tuple[str, str]]]:
        travel("2026-03-25 09:00+00:00")
        with CaptureQueriesContext(connection) as seen:
            answer = client.get(path)
            content = b"".join(answer) if answer.streaming else answer.content
        text = content.decode("utf-8-sig")
        if path.startswith("/api"):
            exits = {row["name"]: row["exit"] for row in json.loads(text)["results"]}
            rows = [(name, ["no", "yes"][met["met"]] if met else "") for name, met in exits.items()]
        else:
            rows = [(row["name"], row["exit.met"]) for row in csv.DictReader(io.StringIO(text))]
        return len(seen), rows

    def two_more(number: int) -> None:
        """One that is closed, and one planned about a dataset that is good enough or is not."""
        at = travel(f"2026-{number:02}-25 09:00+00:00")
        closed = start_sprint(create_sprint(other, actor=olga, goal="On."), actor=olga)
        close_sprint(closed, Closing("yes"), actor=olga)
        data = Subject.objects.create(
            product=product, kind=Subject.Kind.DATASET, slug=f"data-{number}", name=f"D{number}"
        )
        for hours, health in ((1, 50.0), (2, 99.0 if number % 2 else 60.0)):
            Measurement.objects.create(
                subject=data, batch_key=f"b{hours}", batch_at=at + timedelta(hours=hours),
                measured_at=at, health=health, executed=1, total=1,
            )  # fmt: skip
        create_sprint(
            team, actor=olga, name=f"Planned {number}", kind=Sprint.Kind.DATA_ASSESSMENT,
            subjects=[data], target_health=95.0,
        )  # fmt: skip

    other = create_team(product, name="Data", members=[], actor=olga)
    two_more(1)
    asked()  # notes when the token was used
    few, rows = asked()
    assert sorted(rows) == [("Planned 1", "yes"), ("Sprint 1", "")]
    for number in range(2, 11):
        two_more(number)
    many, rows = asked()
    assert [many, len(rows)] == [few, 20]
    exits = dict(rows)
    assert [exits[f"Planned {number}"] for number in range(1, 11)] == ["yes", "no"] * 5


@pytest.fixture
def fives(product: Product, team: Team, items: list[Item], olga: Actor, travel: Travel) -> None:
    """Three closed sprints of five points each."""
    done = product.statuses.get(category="done")
    for first in (2, 9, 16):
        travel(f"2026-03-{first:02} 09:00+00:00")
        days = (date(2026, 3, first), date(2026, 3, first + 4))
        sprint = create_sprint(team, actor=olga, starts_on=days[0], ends_on=days[1], goal="On.")
        start_sprint(sprint, actor=olga)
        draft = ItemDraft("Done", points=Decimal(5), status=done)
        create_items(product, [draft], actor=olga, backlog=sprint.backlog)
        close_sprint(sprint, Closing("yes"), actor=olga)


def test_a_forecast_takes_what_the_running_sprint_has_done_off_that_sprint(
    fives: None, running: Sprint, items: list[Item], product: Product, api: Any, cast: Cast,
    travel: Travel, finish: Any,
) -> None:  # fmt: skip
    travel("2026-03-26 09:00+00:00")
    client = api(cast.vera)
    forecast = "/api/v1/products/MED/forecast/"

    def days(query: str) -> set[str]:
        found = client.get(f"{forecast}?{query}").json()
        return {found["p50"], found["p85"], found["p95"]}

    # The running sprint ends on April 7th, and each gives 5: the 16 of it take four.
    assert days("points=16") == {"2026-05-19"}
    # 8 and 5 are done of it. It gives no more, and the next gives the 3 that are left.
    finish(items[0])
    finish(items[1])
    assert days("points=3") == days("refs=MED-3") == days("refs=MED-1,MED-3") == {"2026-04-21"}
    # The 13 that are done count from its start on: by its end, before it, and with 5 more after it.
    for until, points in (("2026-04-07", 13), ("2026-04-01", 13), ("2026-04-21", 18)):
        found = client.get(f"{forecast}?until={until}").json()
        assert (found["p50"], found["p95"]) == (points, points)
        assert (found["since"], found["done"]) == ("2026-03-25", 13)
    over = client.get(f"{forecast}?until=2026-03-25")
    assert (over.status_code, "is over" in str(over.json())) == (400, True)


def test_a_forecast_says_that_what_is_done_is_done(
    fives: None, running: Sprint, items: list[Item], product: Product, olga: Actor, api: Any,
    cast: Cast, travel: Travel, finish: Any, as_person: Any,
) -> None:  # fmt: skip
    travel("2026-03-26 09:00+00:00")
    finish(items[0])
    client = api(cast.vera)
    forecast = "/api/v1/products/MED/forecast/"
    epic, empty = create_items(
        product, [ItemDraft(name, kind=Kind.EPIC) for name in ("Trust", "Doubt")], actor=olga
    )
    update_item(fresh(items[0]), actor=olga, parent=epic)
    for query in ("refs=MED-1", "points=0", f"refs={epic.ref}"):
        found = client.get(f"{forecast}?{query}").json()
        assert (found["is_done"], found["p50"], found["p95"]) == (True, None, None)
        page = as_person(cast.vera).get(f"/p/MED/reports/forecast/?{query}")
        shown = " ".join(page.content.decode().split())
        assert "Nothing of this is left to do: <b>it is done</b>" in shown
        assert "with a chance of" not in shown
    assert client.get(f"{forecast}?points=5").json()["is_done"] is False
    nothing = client.get(f"{forecast}?refs={empty.ref}")
    assert (nothing.status_code, "no points of its own" in str(nothing.json())) == (400, True)


def test_a_sprint_that_runs_late_ends_today_for_the_forecast(
    fives: None, running: Sprint, items: list[Item], team: Team, olga: Actor, api: Any, cast: Cast,
    travel: Travel, finish: Any,
) -> None:  # fmt: skip
    # Planned to end on April 7th; on the 10th it still runs, and 2 of its 5 are still to come:
    # 2 by today, 5 more as the next is planned to end, and 5 with the one 14 days after it.
    create_sprint(team, actor=olga, starts_on=date(2026, 4, 8), ends_on=date(2026, 4, 21))
    travel("2026-04-10 09:00+00:00")
    finish(items[2])
    client = api(cast.vera)
    forecast = "/api/v1/products/MED/forecast/"
    assert client.get(f"{forecast}?points=2").json()["p95"] == "2026-04-10"
    assert client.get(f"{forecast}?points=7").json()["p95"] == "2026-04-21"
    assert client.get(f"{forecast}?points=8").json()["p95"] == "2026-05-05"
    assert client.get(f"{forecast}?until=2026-04-10").json()["p95"] == 5.0


def test_a_forecast_goes_by_the_days_of_what_is_planned_before_the_cadence(
    fives: None, running: Sprint, team: Team, olga: Actor, api: Any, cast: Cast,
) -> None:  # fmt: skip
    for first, last in (((2026, 5, 11), (2026, 5, 22)), ((2026, 4, 20), (2026, 4, 30))):
        create_sprint(team, actor=olga, starts_on=date(*first), ends_on=date(*last))
    client = api(cast.vera)
    forecast = "/api/v1/products/MED/forecast/"
    ends = ("2026-04-07", "2026-04-30", "2026-05-22", "2026-06-05")
    for points, day in zip((5, 10, 15, 20), ends, strict=True):
        assert client.get(f"{forecast}?points={points}").json()["p95"] == day
        assert client.get(f"{forecast}?until={day}").json()["p95"] == points
    assert client.get(f"{forecast}?until=2026-05-21").json()["p95"] == 10


def test_a_forecast_says_when_and_how_much_or_why_it_can_not(
    product: Product,
    team: Team,
    items: list[Item],
    olga: Actor,
    api: Any,
    cast: Cast,
    travel: Travel,
) -> None:
    travel("2026-03-25 09:00+00:00")
    client = api(cast.olga)
    forecast = "/api/v1/products/MED/forecast/"
    answer = client.get(f"{forecast}?points=10")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_little_past")
    done = product.statuses.get(category="done")
    for points in (5, 5, 5):
        sprint = start_sprint(create_sprint(team, actor=olga, goal="On."), actor=olga)
        draft = ItemDraft("Done", points=Decimal(points), status=done)
        create_items(product, [draft], actor=olga, backlog=sprint.backlog)
        close_sprint(sprint, Closing("yes"), actor=olga)
    assert product_backlog(product).items.count() == 4
    found = client.get(f"{forecast}?points=10").json()
    # Always five a sprint: ten take two, and the running one would end on April 7th.
    assert (found["p50"], found["p95"], found["seed"]) == ("2026-04-21", "2026-04-21", 1)
    assert len(found["based_on"]) == 3
    assert client.get(f"{forecast}?refs=MED-2,MED-3").json()["p85"] == "2026-04-21"
    assert client.get(f"{forecast}?until=2026-04-21").json()["p85"] == 10.0
    epic = create_items(product, [ItemDraft("Trust", kind=Kind.EPIC)], actor=olga)[0]
    update_item(items[1], actor=olga, parent=epic)
    assert client.get(f"{forecast}?refs={epic.ref}").json()["p85"] == "2026-04-07"
    other = Team.objects.create(product=product, name="Second team")
    several = client.get(f"{forecast}?points=10")
    assert (several.status_code, "Several teams" in str(several.json())) == (400, True)
    velocity = "/api/v1/products/MED/velocity/"
    assert "Several teams" in str(client.get(velocity).json())
    assert client.get(f"{velocity}?team={other.pk}").json() == {"sprints": [], "range": None}
    assert len(client.get(f"{velocity}?team={team.pk}").json()["sprints"]) == 3
    assert client.get(f"{forecast}?points=10&team={other.pk}").status_code == 409
    other.delete()
    for wrong in ("", "?points=x", "?points=1&until=2026-04-21", "?refs=MED-99", "?until=soon"):
        assert client.get(f"{forecast}{wrong}").status_code == 400


def test_sprints_leave_as_a_file_with_their_figures(
    product: Product, items: list[Item], api: Any, as_person: Any, cast: Cast, travel: Travel
) -> None:
    travel("2026-03-25 09:00+00:00")
    sprint = create_sprint(product.teams.get(), actor=Actor.person(cast.olga), goal="=Doctors see")
    for path in (f"{URL}export/?state=planned", "/p/MED/sprints/export/"):
        client = api(cast.vera) if path.startswith("/api") else as_person(cast.vera)
        answer: Any = client.get(path)
        head, row = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
        assert head.startswith("id,name,goal,kind,state")
        assert row.startswith(f"{sprint.pk},Sprint 1,'=Doctors see,delivery,planned,no")
    answer = api(cast.vera).get(f"{URL}export/?state=closed&format=json")
    assert b"".join(answer.streaming_content).split() == [b'{"results":', b"[", b"]}"]
    assert api(cast.vera).get(f"{URL}export/?state=x").status_code == 400
