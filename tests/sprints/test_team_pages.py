"""Teams and their calendars by their pages under the settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from backlog.models import Product, Team
from sprints.models import Sprint
from sprints.queries.calendars import calendar_of
from tests.conftest import Cast

TEAMS = "/p/MED/teams/"
WORKS = {
    "zone": "Europe/Berlin",
    "weekdays": ["0", "1", "2", "3"],
    "country": "DE",
    "subdivision": "by",
    "sprint_days": "7",
}


@pytest.fixture
def browser(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.sina)
    return client


def test_teams_are_a_tab_of_the_settings_and_a_new_one_leads_to_its_calendar(
    browser: Client, product: Product, member: Any
) -> None:
    page = browser.get("/p/MED/settings/").content.decode()
    assert 'href="/p/MED/teams/"' in page
    answer = browser.post(TEAMS, {"name": " Data  team ", "members": [member("max").pk]})
    made = Team.objects.get(name="Data team")
    assert answer.headers["Location"] == f"{TEAMS}{made.pk}/"
    assert list(made.members.all()) == [member("max")]
    assert "Data team" in browser.get(TEAMS).content.decode()
    again = browser.post(TEAMS, {"name": "Data team"})
    assert again.status_code == 422
    assert "Another team of this product is called so." in again.content.decode()


def test_a_team_is_renamed_and_given_other_members(
    browser: Client, team: Team, member: Any
) -> None:
    browser.post(f"{TEAMS}{team.pk}/", {"name": "Doctors' team", "members": [member("dora").pk]})
    team.refresh_from_db()
    assert team.name == "Doctors' team"
    assert list(team.members.all()) == [member("dora")]


def test_a_calendar_is_set_and_the_next_days_off_are_shown(browser: Client, team: Team) -> None:
    answer = browser.post(f"{TEAMS}{team.pk}/calendar/", WORKS)
    assert answer.status_code == 302
    working = calendar_of(team)
    assert (working.zone, working.subdivision, working.sprint_days) == ("Europe/Berlin", "BY", 7)
    assert working.weekdays == {0, 1, 2, 3}
    page = browser.get(f"{TEAMS}{team.pk}/")
    assert len(page.context["holidays"]) == 6
    assert "The next days off" in page.content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"weekdays": []}, "weekdays"),
        ({"zone": "Moon/Crater"}, "zone"),
        ({"subdivision": "XX"}, "subdivision"),
        ({"sprint_days": "0"}, "sprint_days"),
    ],
)
def test_what_is_wrong_with_a_calendar_is_said_at_its_field(
    browser: Client, team: Team, changes: dict[str, Any], field: str
) -> None:
    answer = browser.post(f"{TEAMS}{team.pk}/calendar/", {**WORKS, **changes})
    assert answer.status_code == 422
    assert field in answer.context["calendar_form"].errors
    assert calendar_of(team).sprint_days == 14


def test_a_team_that_sprinted_stays_and_one_that_never_did_can_go(
    browser: Client, planned: Sprint, team: Team
) -> None:
    browser.post(TEAMS, {"name": "Short-lived"})
    gone = Team.objects.get(name="Short-lived")
    kept = browser.post(f"{TEAMS}{team.pk}/delete/", follow=True).content.decode()
    assert "has sprints, whose history stays" in kept
    browser.post(f"{TEAMS}{gone.pk}/delete/")
    assert not Team.objects.filter(pk=gone.pk).exists()
    assert Team.objects.filter(pk=team.pk).exists()


def test_developers_see_teams_and_change_nothing(as_person: Any, cast: Cast, team: Team) -> None:
    as_max = as_person(cast.max)
    page = as_max.get(f"{TEAMS}{team.pk}/").content.decode()
    assert "Save" not in page
    assert as_max.post(f"{TEAMS}{team.pk}/", {"name": "Mine"}).status_code == 403
    assert as_max.post(f"{TEAMS}{team.pk}/calendar/", WORKS).status_code == 403
