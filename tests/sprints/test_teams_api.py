"""Teams, their calendars, and what each member can give to a sprint, over REST."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from backlog.models import Actor, Product, Team
from sprints.models import Sprint
from sprints.queries.calendars import calendar_of
from sprints.services.sprints import create_sprint
from tests.conftest import Cast

TEAMS = "/api/v1/products/MED/teams/"


def test_a_team_is_made_renamed_filled_and_let_go(
    product: Product, team: Team, olga: Actor, api: Any, cast: Cast
) -> None:
    client = api(cast.sina)
    made = client.post(TEAMS, {"name": "Imaging", "members": ["max@example.org"]}, format="json")
    assert made.status_code == 201, made.json()
    one = f"{TEAMS}{made.json()['id']}/"
    changed = client.patch(one, {"name": " Image  reading "}, format="json").json()
    assert (changed["name"], changed["members"]) == ("Image reading", ["max@example.org"])
    taken = client.patch(one, {"name": team.name}, format="json")
    assert (taken.status_code, taken.json()["errors"][0]["pointer"]) == (400, "/name")
    stranger = client.patch(one, {"members": ["sam@example.org"]}, format="json")
    assert stranger.status_code == 400
    create_sprint(Team.objects.get(name="Image reading"), actor=olga)
    kept = client.delete(one)
    assert (kept.status_code, kept.json()["code"]) == (409, "has_sprints")
    assert client.delete(f"{TEAMS}{team.pk}/").status_code == 204
    assert api(cast.max).post(TEAMS, {"name": "Mine"}, format="json").status_code == 403
    assert api(cast.sam).delete(one).status_code == 404


def test_a_product_keeps_a_team(team: Team, api: Any, cast: Cast) -> None:
    answer = api(cast.olga).delete(f"{TEAMS}{team.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_team")


def test_a_calendar_knows_the_holidays_of_its_country(team: Team, api: Any, cast: Cast) -> None:
    client, url = api(cast.olga), f"{TEAMS}{team.pk}/calendar/"
    assert client.get(url).json()["sprint_days"] == 14
    wanted = {"zone": "Europe/Berlin", "country": "de", "subdivision": "by", "sprint_days": 7}
    answer = client.put(url, wanted, format="json")
    assert answer.json() == {
        "zone": "Europe/Berlin",
        "country": "DE",
        "subdivision": "BY",
        "weekdays": [0, 1, 2, 3, 4],
        "sprint_days": 7,
    }
    spring = calendar_of(team).between(date(2026, 3, 25), date(2026, 4, 7))
    assert spring.holidays == {date(2026, 4, 3), date(2026, 4, 6)}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"zone": "Berlin"}, "/zone"),
        ({"zone": "UTC", "country": "XX"}, "/country"),
        ({"zone": "UTC", "country": "DE", "subdivision": "ZZ"}, "/subdivision"),
        ({"zone": "UTC", "weekdays": []}, "/weekdays"),
        ({"zone": "UTC", "weekdays": [7]}, "/weekdays/0"),
        ({"zone": "UTC", "sprint_days": 0}, "/sprint_days"),
        ({}, "/zone"),
    ],
)
def test_a_calendar_that_can_not_be_is_refused(
    team: Team, api: Any, cast: Cast, fields: Any, pointer: str
) -> None:
    answer = api(cast.olga).put(f"{TEAMS}{team.pk}/calendar/", fields, format="json")
    assert answer.status_code in {400, 422}
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert calendar_of(team).sprint_days == 14


def test_what_each_can_give_is_said_anew(team: Team, olga: Actor, api: Any, cast: Cast) -> None:
    sprint: Sprint = create_sprint(team, actor=olga, starts_on=date(2026, 3, 25), goal="On.")
    client, url = api(cast.olga), f"/api/v1/sprints/{sprint.pk}/shares/"
    wanted = {
        "shares": [
            {"member": "max@example.org", "points": 8, "days_off": ["2026-03-26"]},
            {"member": "Sina@example.org", "gpu_hours": 4.5},
        ]
    }
    answer = client.put(url, wanted, format="json")
    assert answer.status_code == 200, answer.json()
    assert client.get(url).json() == {
        "shares": [
            {
                "member": "max@example.org",
                "points": 8.0,
                "gpu_hours": None,
                "days_off": ["2026-03-26"],
            },
            {"member": "sina@example.org", "points": None, "gpu_hours": 4.5, "days_off": []},
        ]
    }
    stranger = {"shares": [{"member": "sam@example.org", "points": 1}]}
    assert client.put(url, stranger, format="json").status_code == 400
    assert sprint.shares.count() == 2
