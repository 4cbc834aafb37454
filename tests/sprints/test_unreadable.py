"""Addresses and choices that no database takes are refused before one is asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from backlog.models import Product, Team
from sprints.models import Sprint
from tests.conftest import Cast

LONG = "9" * 30
BEYOND = "9" * 19


@pytest.fixture
def client(as_person: Any, cast: Cast) -> Client:
    found: Client = as_person(cast.olga)
    return found


@pytest.mark.parametrize("number", [LONG, BEYOND])
@pytest.mark.parametrize(
    "path",
    ["sprints/{}/", "sprints/{}/board/", "sprints/{}/close/", "teams/{}/", "ceremonies/{}/",
     "terms/{}/", "goals/{}/", "labels/{}/"],
)  # fmt: skip
def test_a_number_longer_than_any_key_leads_nowhere(
    product: Product, client: Client, path: str, number: str
) -> None:
    assert client.get(f"/p/MED/{path.format(number)}").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/p/%00/backlog/", 404),
        ("/p/MED%00/backlog/", 404),
        ("/p/MED/members/a%00@example.org/", 404),
        ("/p/MED/items/external/a%00/1/", 404),
        ("/api/v1/products/MED/items/external/a%00/1/", 404),
        ("/p/MED/backlog/rows/?group=kind&in=%00", 400),
        ("/search/?q=%00", 400),
        ("/p/MED/backlog/?q=%2500", 200),
        ("/api/v1/products/MED/sprints/?state=%00", 400),
    ],
)
def test_a_character_that_no_database_stores_is_refused_in_an_address(
    product: Product, client: Client, path: str, status: int
) -> None:
    assert client.get(path).status_code == status


def test_choices_that_are_no_keys_are_wrong_choices(
    running: Sprint, product: Product, team: Team, client: Client
) -> None:
    rest = "/api/v1/products/MED/sprints/"
    assert client.get(rest, {"team": LONG}).status_code == 400
    assert client.get(rest, {"team": team.pk}).json()["results"]
    close = f"/p/MED/sprints/{running.pk}/close/"
    sent = {"goal_met": "no", "goal_reason": "Late.", "otherwise": "next", "next_sprint": LONG}
    assert client.post(close, sent).status_code == 422
    assert client.post(f"{close}ahead/", sent).status_code in {200, 422}
    new = {"name": "Next", "team": LONG, "subjects": [LONG], "kind": "delivery",
           "starts_on": "2026-04-08", "ends_on": "2026-04-21"}  # fmt: skip
    refused = client.post("/p/MED/sprints/new/", new)
    assert (refused.status_code, set(refused.context["form"].errors)) == (422, {"team", "subjects"})
    named = client.post("/p/MED/teams/", {"name": "Readers", "members": [LONG]})
    assert named.status_code == 422
    assert Team.objects.count() == Sprint.objects.count() == 1
