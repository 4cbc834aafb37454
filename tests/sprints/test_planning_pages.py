"""The list of sprints, planning, and what is done to a sprint before it closes, by its pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import Activity, Actor, Backlog, Item, Kind, Product, Subject, Team, User
from backlog.services.items import ItemDraft, create_item, create_items, move_items, update_item
from backlog.services.links import add_link
from backlog.services.products import update_product
from backlog.services.ranks import Spot
from backlog.services.teams import create_team
from backlog.services.undo import undo_last
from mlscrum.lib.errors import Conflict, Refused
from sprints.models import Sprint
from sprints.queries.planning import completed_of, open_sprints, pace_of, plan_of, plans_beside
from sprints.rules.capacity import Load
from sprints.services.closing import Closing, close_sprint
from sprints.services.sprints import ShareLine, create_sprint, start_sprint, update_sprint
from tests.conftest import Cast
from tests.sprints.conftest import FIRST, LAST, home_of, in_order

SPRINTS = "/p/MED/sprints/"


@pytest.fixture
def browser(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.olga)
    return client


def closed(team: Team, olga: Actor, *, name: str, first: Any, points: int = 3) -> Sprint:
    """A sprint of one item that was finished and closed."""
    sprint = create_sprint(
        team, actor=olga, name=name, goal="Past", starts_on=first, ends_on=first + timedelta(days=1)
    )
    item = create_item(team.product, ItemDraft(name, points=Decimal(points)), actor=olga)
    move_items(team.product, [item], actor=olga, spot=Spot.top(), to=sprint.backlog)
    sprint = start_sprint(sprint, actor=olga)
    done = team.product.statuses.filter(category="done").first()
    update_item(Item.objects.select_related("product").get(pk=item.pk), actor=olga, status=done)
    return close_sprint(sprint, Closing(goal_met="yes"), actor=olga)


# The list ---------------------------------------------------------------------------------------


def test_the_list_is_empty_with_one_button_and_names_running_planned_and_past_sprints(
    browser: Client, product: Product, team: Team, olga: Actor, running: Sprint
) -> None:
    create_sprint(team, actor=olga, goal="Later")
    page = browser.get(SPRINTS).content.decode()
    assert "Doctors see why." in page
    assert "0 of 16 points done" in page
    assert "Later" in page


def test_an_empty_list_says_what_to_do_next(
    browser: Client, product: Product, as_person: Any, cast: Cast
) -> None:
    assert "Plan the first sprint" in browser.get(SPRINTS).content.decode()
    assert "Plan the first sprint" not in as_person(cast.max).get(SPRINTS).content.decode()


def test_the_list_takes_as_many_statements_for_many_sprints_and_items_as_for_few(
    browser: Client,
    team: Team,
    olga: Actor,
    running: Sprint,
    travel: Callable[[str], Any],
    django_assert_max_num_queries: Any,
) -> None:
    product = team.product
    other = create_team(product, "Second", actor=olga)
    closed(other, olga, name="Long ago", first=FIRST - timedelta(days=200))
    browser.get(SPRINTS)  # what the first visit alone asks for
    with django_assert_max_num_queries(40) as before:
        browser.get(SPRINTS)
    extra = create_items(product, [ItemDraft(f"More {n}") for n in range(12)], actor=olga)
    move_items(product, extra, actor=olga, spot=Spot.top(), to=running.backlog)
    for n in range(4):
        closed(other, olga, name=f"Past {n}", first=FIRST - timedelta(days=100 - 3 * n))
    with django_assert_max_num_queries(len(before)):
        answer = browser.get(SPRINTS)
    assert "Past 3" in answer.content.decode()


# A new sprint -----------------------------------------------------------------------------------


def test_a_new_sprint_is_proposed_by_the_cadence_and_leads_to_its_plan(
    browser: Client, running: Sprint
) -> None:
    page = browser.get(f"{SPRINTS}new/")
    form = page.context["form"]
    assert form["name"].value() == "Sprint 2"
    assert form["starts_on"].value() == LAST + timedelta(days=1)
    sent = {
        "team": form["team"].value(),
        "name": "Sprint 2",
        "starts_on": "2026-04-08",
        "ends_on": "2026-04-21",
        "kind": "delivery",
    }
    answer = browser.post(f"{SPRINTS}new/", sent)
    made = Sprint.objects.get(backlog__name="Sprint 2")
    assert answer.headers["Location"] == f"{SPRINTS}{made.pk}/plan/"


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"ends_on": "2026-04-01", "starts_on": "2026-04-02"}, "ends_on", "ends on the day"),
        ({"starts_on": "2026-04-01", "ends_on": "2026-04-14"}, "starts_on", "has some of these"),
        ({"name": ""}, "name", "This field is required"),
    ],
)
def test_what_is_wrong_with_a_new_sprint_is_said_at_its_field(
    browser: Client, running: Sprint, changes: dict[str, str], field: str, said: str
) -> None:
    sent = {
        "team": running.backlog.team_id,
        "name": "Next",
        "starts_on": "2026-04-08",
        "ends_on": "2026-04-21",
        "kind": "delivery",
        **changes,
    }
    answer = browser.post(f"{SPRINTS}new/", sent)
    assert answer.status_code == 422
    assert said in str(answer.context["form"].errors[field])


def test_a_data_assessment_is_planned_with_its_datasets_and_starts_only_with_them(
    browser: Client, product: Product, team: Team
) -> None:
    patients = Subject.objects.create(
        product=product, kind=Subject.Kind.DATASET, slug="patients", name="Patients"
    )
    sent = {
        "team": team.pk,
        "name": "Clean data",
        "starts_on": "2030-04-08",
        "ends_on": "2030-04-21",
        "kind": "data_assessment",
        "subjects": [patients.pk],
    }
    browser.post(f"{SPRINTS}new/", sent)
    sprint = Sprint.objects.get()
    assert [row.subject for row in sprint.subjects.all()] == [patients]
    answer = browser.post(f"{SPRINTS}{sprint.pk}/start/", {"goal": "Health of 95"})
    assert answer.status_code == 422
    assert "the health that they must reach" in answer.content.decode()
    sprint.refresh_from_db()
    assert sprint.goal == ""  # all of it or nothing


# Start, edit, cancel, delete --------------------------------------------------------------------


def test_a_start_asks_for_the_goal_and_shows_what_speaks_against_it(
    browser: Client, planned: Sprint, product: Product, olga: Actor, items: list[Item]
) -> None:
    update_item(items[0], actor=olga, blocked_reason="waits for the board")
    lost = create_item(product, ItemDraft("Lost"), actor=olga)
    need = create_item(product, ItemDraft("Reports", kind=Kind.DATA_NEED), actor=olga)
    move_items(product, [lost], actor=olga, spot=Spot.bottom(), to=planned.backlog)
    add_link(items[1], "needs_data", need, actor=olga)
    update_sprint(planned, actor=olga, capacity_points=Decimal(10))
    url = f"{SPRINTS}{planned.pk}/start/"
    page = browser.get(url).content.decode()
    assert "6 points more than the capacity of 10" in page
    assert "Without an estimate: MED-5" in page
    assert "MED-1 (waits for the board)" in page
    assert "Data not validated yet: MED-2 needs MED-6." in page
    move_items(product, [need], actor=olga, spot=Spot.bottom(), to=planned.backlog)
    page = browser.get(url).content.decode()
    assert "Data not validated yet: MED-2 needs MED-6." in page

    assert browser.post(url, {"goal": " "}).status_code == 422
    answer = browser.post(url, {"goal": "Doctors trust it."})
    assert answer.headers["Location"] == f"{SPRINTS}{planned.pk}/board/"
    planned.refresh_from_db()
    assert planned.goal == "Doctors trust it."
    assert Backlog.objects.get(pk=planned.pk).state == "active"
    again = browser.post(url, {"goal": "Twice"})
    assert again.headers["Location"] == f"{SPRINTS}{planned.pk}/"
    planned.refresh_from_db()
    assert planned.goal == "Doctors trust it."


def test_a_start_leads_to_the_closing_of_the_sprint_that_the_team_still_runs(
    browser: Client, running: Sprint, team: Team, olga: Actor
) -> None:
    following = create_sprint(team, actor=olga, goal="The rest.")
    page = browser.get(f"{SPRINTS}{following.pk}/start/").content.decode()
    assert "Sprint 1 still runs." in page
    assert f'href="{SPRINTS}{running.pk}/close/"' in page
    assert "Start the sprint" not in page
    refused = browser.post(f"{SPRINTS}{following.pk}/start/", {"goal": "The rest."})
    assert "Sprint 1 of Team still runs; close it first." in refused.content.decode()


def test_what_is_not_ready_is_named_once_for_each_lack(
    browser: Client, planned: Sprint, product: Product, olga: Actor
) -> None:
    update_product(product, actor=olga, ready_checks=["estimated", "described"])
    page = browser.get(f"{SPRINTS}{planned.pk}/start/").content.decode()
    assert page.count("Not ready, ") == 1
    assert "MED-1, MED-2, MED-3." in page
    lost = create_item(product, ItemDraft("Lost", description="Where?"), actor=olga)
    move_items(product, [lost], actor=olga, spot=Spot.bottom(), to=planned.backlog)
    page = browser.get(f"{SPRINTS}{planned.pk}/start/").content.decode()
    assert page.count("MED-5.") == 1  # without an estimate, and no second time for that


def test_all_else_that_lacks_is_named_where_it_lacks_just_what_has_no_estimate(
    browser: Client, product: Product, team: Team, olga: Actor
) -> None:
    update_product(product, actor=olga, ready_checks=["described", "criteria", "estimated"])
    bare = create_items(product, [ItemDraft("Ages"), ItemDraft("Doses")], actor=olga)
    sprint = create_sprint(team, actor=olga, goal="Doctors see why.")
    move_items(product, bare, actor=olga, spot=Spot.bottom(), to=sprint.backlog)
    page = browser.get(f"{SPRINTS}{sprint.pk}/start/").content.decode()
    for said in (
        "Without an estimate: MED-1, MED-2.",
        "Not ready, no description: MED-1, MED-2.",
        "Not ready, no acceptance criteria: MED-1, MED-2.",
    ):
        assert page.count(said) == 1
    assert page.count("Not ready, ") == 2


def test_a_start_before_the_first_day_is_warned_of(
    browser: Client, planned: Sprint, travel: Callable[[str], datetime]
) -> None:
    url = f"{SPRINTS}{planned.pk}/start/"
    assert "Its first day is only 25 Mar 2026" in browser.get(url).content.decode()
    travel("2026-03-25 00:30+00:00")
    browser.force_login(User.objects.get(name="Olga Kuznetsova"))
    assert "Its first day" not in browser.get(url).content.decode()


def test_what_decides_over_a_running_sprint_stays_as_it_was_at_its_start(
    browser: Client, running: Sprint
) -> None:
    sent = {
        "name": "Sprint one",
        "goal": "Another",
        "starts_on": "2026-03-25",
        "ends_on": "2026-04-08",
        "kind": "ethics",
    }
    answer = browser.post(f"{SPRINTS}{running.pk}/edit/", sent)
    assert answer.status_code == 302
    running.refresh_from_db()
    assert (running.goal, running.kind) == ("Another", "delivery")
    assert Backlog.objects.get(pk=running.pk).name == "Sprint one"


def test_what_is_no_matter_of_days_is_not_said_at_them(
    browser: Client, planned: Sprint, team: Team, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = create_sprint(team, actor=olga)
    days = {"starts_on": other.backlog.starts_on, "ends_on": other.backlog.ends_on}
    sent = {"name": "Sprint one", "kind": "delivery", **days}
    overlaps = browser.post(f"{SPRINTS}{planned.pk}/edit/", sent).context["form"]
    assert [*overlaps.errors] == ["starts_on"]

    def closed_meanwhile(*_: Any, **__: Any) -> None:
        raise Conflict("sprint_closed", "Sprint 1 is closed; its past stays as it is.")

    monkeypatch.setattr("sprints.views.sprints.update_sprint", closed_meanwhile)
    refused = browser.post(f"{SPRINTS}{planned.pk}/edit/", sent).context["form"]
    assert refused.errors == {"__all__": ["Sprint 1 is closed; its past stays as it is."]}


@pytest.mark.parametrize("day", ["9999-12-31", "9999-01-01", "2040-01-01", "0001-01-01"])
def test_a_year_that_is_mistyped_is_said_at_its_day(
    browser: Client, planned: Sprint, product: Product, day: str
) -> None:
    for path, name in ((f"{planned.pk}/edit/", "Sprint 1"), ("new/", "Sprint 2")):
        sent = {"name": name, "kind": "delivery", "starts_on": day, "ends_on": day}
        answer = browser.post(f"{SPRINTS}{path}", sent | {"team": product.teams.get().pk})
        assert answer.status_code == 422
        errors = answer.context["form"].errors
        assert [*errors] == ["starts_on", "ends_on"]
        assert "look at the year" in errors["starts_on"][0]
    assert Sprint.objects.count() == 1


def test_a_planned_sprint_is_deleted_and_a_running_one_cancelled_with_a_reason(
    browser: Client, planned: Sprint, items: list[Item], olga: Actor, team: Team
) -> None:
    product = team.product
    browser.post(f"{SPRINTS}{planned.pk}/delete/")
    assert not Sprint.objects.exists()
    assert home_of(items[0]).kind == Backlog.Kind.PRODUCT

    sprint = create_sprint(team, actor=olga, goal="Soon pointless")
    move_items(product, items[:1], actor=olga, spot=Spot.top(), to=sprint.backlog)
    start_sprint(sprint, actor=olga)
    answer = browser.post(f"{SPRINTS}{sprint.pk}/delete/")
    assert answer.headers["Location"] == f"{SPRINTS}{sprint.pk}/"
    assert browser.post(f"{SPRINTS}{sprint.pk}/cancel/", {"reason": ""}).status_code == 422
    browser.post(f"{SPRINTS}{sprint.pk}/cancel/", {"reason": "The clinic left."})
    sprint.refresh_from_db()
    assert sprint.goal_reason == "The clinic left."
    assert in_order(home_of(items[0]))[0] == 1
    assert "cancelled" in browser.get(SPRINTS).content.decode()
    for page in ("edit", "cancel"):
        assert browser.get(f"{SPRINTS}{sprint.pk}/{page}/").status_code == 302


# Capacity ---------------------------------------------------------------------------------------


def test_shares_are_kept_by_person_with_their_days_off(
    browser: Client, planned: Sprint, cast: Cast
) -> None:
    url = f"{SPRINTS}{planned.pk}/capacity/"
    sent = {
        f"points-{cast.max.pk}": "10",
        f"gpu_hours-{cast.max.pk}": "40",
        f"days_off-{cast.max.pk}": ["2026-03-26", "2026-03-27"],
        f"points-{cast.sina.pk}": "",
    }
    assert browser.post(url, sent).status_code == 302
    share = planned.shares.get()
    assert (share.user, share.days_off) == (cast.max, ["2026-03-26", "2026-03-27"])
    loads = {load.person: load for load in plan_of(planned).people}
    assert loads[cast.max].points.capacity == Decimal(8)  # of ten working days two are off
    assert loads[cast.max].gpu_hours.capacity == Decimal(32)
    wrong = browser.post(url, {f"points-{cast.max.pk}": "-1"})
    assert wrong.status_code == 422
    assert planned.shares.get().points == Decimal(10)


def shown_on(answer: Any) -> dict[str, str]:
    return {"shown": answer.context["form"].shown}


def test_two_who_plan_different_members_both_win(
    browser: Client, planned: Sprint, cast: Cast
) -> None:
    url = f"{SPRINTS}{planned.pk}/capacity/"
    maxs, sinas = f"points-{cast.max.pk}", f"points-{cast.sina.pk}"
    page = shown_on(browser.get(url))
    assert browser.post(url, {**page, maxs: "10", sinas: ""}).status_code == 302
    assert browser.post(url, {**page, maxs: "", sinas: "6"}).status_code == 302
    given = {share.user: share.points for share in planned.shares.all()}
    assert given == {cast.max: 10, cast.sina: 6}
    told = Activity.objects.latest("seq").data["changed"]["shares"]
    assert str(cast.sina.pk) not in told[0]
    assert told[1][str(cast.sina.pk)]["points"] == 6
    refused = browser.post(url, {**page, maxs: "4", sinas: ""})
    assert refused.status_code == 409
    assert refused.context["form"].errors[maxs] == [
        "Saved meanwhile: 10 points, no GPU-hours, days off: none."
    ]
    assert 'value="4"' in refused.content.decode()
    again = {**shown_on(refused), maxs: "4", sinas: ""}
    assert browser.post(url, again).status_code == 302
    given = {share.user: share.points for share in planned.shares.all()}
    assert given == {cast.max: 4, cast.sina: 6}
    deeds = Activity.objects.count()
    page = shown_on(browser.get(url))
    assert browser.post(url, {**page, maxs: "4.0", sinas: "6"}).status_code == 302
    assert Activity.objects.count() == deeds


def test_who_saves_over_a_goal_that_the_page_had_not_shown_sees_both(
    browser: Client, planned: Sprint, olga: Actor
) -> None:
    url = f"{SPRINTS}{planned.pk}/edit/"
    page = {
        **shown_on(browser.get(url)), "name": "Sprint 1", "goal": "Doctors see why.",
        "kind": "delivery", "starts_on": FIRST.isoformat(), "ends_on": LAST.isoformat(),
    }  # fmt: skip
    deeds = Activity.objects.count()
    assert browser.post(url, page).status_code == 302
    assert Activity.objects.count() == deeds
    update_sprint(planned, actor=olga, goal="Doctors trust it.", capacity_points=Decimal(9))
    assert browser.post(url, {**page, "name": "Why"}).status_code == 302
    planned = Sprint.objects.select_related("backlog").get(pk=planned.pk)
    assert (planned.backlog.name, planned.goal) == ("Why", "Doctors trust it.")
    refused = browser.post(url, {**page, "goal": "Doctors see it."})
    assert refused.status_code == 409
    assert refused.context["form"].errors["goal"] == ["Saved meanwhile: “Doctors trust it.”."]
    assert "Doctors see it." in refused.content.decode()
    again = {**page, **shown_on(refused), "goal": "Doctors see it."}
    assert browser.post(url, again).status_code == 302
    planned = Sprint.objects.select_related("backlog").get(pk=planned.pk)
    assert (planned.backlog.name, planned.goal) == ("Why", "Doctors see it.")
    assert planned.capacity_points == 9


def test_two_who_choose_different_datasets_both_win(
    browser: Client, product: Product, team: Team, olga: Actor
) -> None:
    scans, doses, ages, sites = (
        Subject.objects.create(product=product, kind="dataset", slug=slug, name=slug.title())
        for slug in ("scans", "doses", "ages", "sites")
    )
    sprint = create_sprint(
        team, actor=olga, goal="Cleaner data.", kind="data_assessment", starts_on=FIRST,
        ends_on=LAST, target_health=95, subjects=[scans],
    )  # fmt: skip
    url = f"{SPRINTS}{sprint.pk}/edit/"
    page = {
        **shown_on(browser.get(url)), "name": "Sprint 1", "goal": "Cleaner data.",
        "kind": "data_assessment", "starts_on": FIRST.isoformat(), "ends_on": LAST.isoformat(),
        "target_health": "95",
    }  # fmt: skip

    def save(*chosen: Subject) -> list[str]:
        sent = {**page, "subjects": [subject.pk for subject in chosen]}
        assert browser.post(url, sent).status_code == 302
        return list(
            sprint.subjects.order_by("subject__slug").values_list("subject__slug", flat=True)
        )

    assert save(scans, doses) == ["doses", "scans"]
    assert save(scans, ages) == ["ages", "doses", "scans"]  # by one who saw scans alone
    assert save() == ["ages", "doses"]
    deeds = Activity.objects.count()
    assert save(scans) == ["ages", "doses"]  # left as it was seen
    assert Activity.objects.count() == deeds
    start_sprint(sprint, actor=olga)
    late = {**page, "goal": "Clean data.", "subjects": [sites.pk]}
    refused = browser.post(url, late)
    assert refused.status_code == 409
    assert "stay as they were at its start" in refused.content.decode()
    assert refused.context["form"].fields["subjects"].disabled
    again = {**late, **shown_on(refused)}
    assert browser.post(url, again).status_code == 302
    assert Sprint.objects.get(pk=sprint.pk).goal == "Clean data."


# The plan ---------------------------------------------------------------------------------------


def test_a_plan_sums_its_items_against_what_each_can_give(
    product: Product, planned: Sprint, items: list[Item], cast: Cast, olga: Actor
) -> None:
    update_item(items[0], actor=olga, assignees=[cast.max, cast.sina], gpu_hours=Decimal(30))
    update_item(items[1], actor=olga, assignees=[cast.max])
    shares = [ShareLine(cast.max, Decimal(8), Decimal(20)), ShareLine(cast.sina, Decimal(4))]
    update_sprint(planned, actor=olga, shares=shares)
    create_items(product, [ItemDraft("Task", kind=Kind.TASK, parent=items[0])], actor=olga)
    plan = plan_of(planned)
    assert [row.row.ref for row in plan.rows] == ["MED-1", "MED-2", "MED-3"]
    assert plan.rows[0].tasks == 1
    assert (plan.points.used, plan.points.capacity) == (Decimal(16), Decimal(12))
    assert (plan.points.load, plan.points.over) == (Load.OVER, Decimal(4))
    loads = {load.person: load.points for load in plan.people}
    assert (loads[cast.max].used, loads[cast.max].load) == (Decimal(9), Load.OVER)
    assert (loads[cast.sina].used, loads[cast.sina].load) == (Decimal(4), Load.NEAR)
    assert (plan.gpu_hours.used, plan.gpu_hours.capacity) == (Decimal(30), Decimal(20))
    assert plan.nobodys == Decimal(3)


def test_velocity_suggests_a_range_from_the_second_closed_sprint_on(
    team: Team, olga: Actor, planned: Sprint
) -> None:
    for n, points in enumerate((20, 30)):
        assert plan_of(planned).suggested is None
        assert pace_of(team.product) is None
        first = FIRST - timedelta(days=60 - 10 * n)
        closed(team, olga, name=f"Past {n}", first=first, points=points)
    plan = plan_of(planned)
    assert plan.suggested is not None
    assert (plan.suggested.low, plan.suggested.high) == (Decimal(20), Decimal(30))
    assert plan.fits_velocity == "below"
    pace = pace_of(team.product)
    assert pace is not None
    assert (pace.low, pace.high, pace.source) == (Decimal(20), Decimal(30), "the last 2 sprints")


def test_the_last_sprints_of_all_teams_are_read_in_one_statement(
    team: Team, product: Product, olga: Actor, django_assert_num_queries: Any
) -> None:
    other, idle = (create_team(product, name, actor=olga) for name in ("Night", "Idle"))
    for n in range(8):
        closed(team, olga, name=f"Day {n}", first=FIRST + timedelta(days=14 * n), points=n)
    closed(other, olga, name="Night 1", first=FIRST, points=13)
    with django_assert_num_queries(1):
        found = completed_of([team, other, idle])
    assert found == {team.pk: [2, 3, 4, 5, 6, 7], other.pk: [13], idle.pk: []}


def test_a_plan_takes_as_many_statements_for_many_items_and_past_sprints_as_for_few(
    browser: Client,
    planned: Sprint,
    product: Product,
    team: Team,
    olga: Actor,
    cast: Cast,
    items: list[Item],
    django_assert_max_num_queries: Any,
) -> None:
    update_item(items[0], actor=olga, assignees=[cast.max], blocked_reason="waits")

    def pages() -> list[CaptureQueriesContext]:
        found = []
        for url in (f"{SPRINTS}{planned.pk}/plan/", f"{SPRINTS}beside/"):
            browser.get(url)
            with django_assert_max_num_queries(60) as counted:
                assert browser.get(url).status_code == 200
            found.append(counted)
        return found

    update_product(product, actor=olga, ready_checks=["described", "estimated"])
    one = create_item(product, ItemDraft("Epic", kind=Kind.EPIC), actor=olga)
    four = Item.objects.select_related("product", "backlog", "status").get(title="Story 2")
    update_item(four, actor=olga, parent=one)
    before = [len(counted) for counted in pages()]
    drafts = [
        ItemDraft(f"More {n}", assignees=[cast.max], gpu_hours=Decimal(n), blocked_reason="ill")
        for n in range(20)
    ]
    more = create_items(product, drafts, actor=olga)
    move_items(product, more, actor=olga, spot=Spot.top(), to=planned.backlog)
    for n in range(3):
        closed(team, olga, name=f"Past {n}", first=FIRST - timedelta(days=60 - 3 * n))
    create_sprint(team, actor=olga)
    assert [len(counted) for counted in pages()] <= before


def test_the_plan_keeps_its_filters_at_its_own_address(browser: Client, planned: Sprint) -> None:
    url = f"{SPRINTS}{planned.pk}/plan/"
    page = browser.get(f"{url}?kind=bug").content.decode()
    assert f'data-page="{url}"' in page
    picked = browser.get(url, {"set": "kind", "pick": "story"})
    assert picked.headers["Location"] == f"{url}?kind=story"
    part = browser.get(url, headers={"HX-Request": "true", "HX-Target": "div#backlog"})
    assert "<html" not in part.content.decode()
    facet = browser.get("/p/MED/backlog/filter/parent/", {"at": url}).content.decode()
    assert f'action="{url}"' in facet
    for foreign in ("//evil.example/", "https://evil.example/", "evil", ""):
        away = browser.get("/p/MED/backlog/filter/parent/", {"at": foreign}).content.decode()
        assert 'action="/p/MED/backlog/"' in away


@pytest.mark.parametrize(
    ("at", "page"),
    [
        ("{url}", "{url}"),
        ("{url}?kind=story#top", "{url}"),
        ("x", "/p/MED/backlog/"),
        ("//testserver/x", "/p/MED/backlog/"),
        ("https://testserver/x", "/p/MED/backlog/"),
    ],
)
def test_who_saves_a_view_comes_back_to_the_page_that_shows_it(
    browser: Client, planned: Sprint, at: str, page: str
) -> None:
    url = f"{SPRINTS}{planned.pk}/plan/"
    sent = {"name": "Bugs", "query": "kind=bug", "at": at.format(url=url)}
    saved = browser.post("/p/MED/backlog/views/", sent)
    assert saved.headers["Location"] == f"{page.format(url=url)}?kind=bug"


def test_the_backlog_page_asks_nothing_of_its_sprints(browser: Client, planned: Sprint) -> None:
    with CaptureQueriesContext(connection) as seen:
        page = browser.get("/p/MED/backlog/").content.decode()
    assert 'data-url="/p/MED/sprints/beside/"' in page
    about_sprints = ("sprints_sprint", "sprints_share", "sprints_teamcalendar")
    asked = [query["sql"] for query in seen.captured_queries]
    assert not [sql for sql in asked if any(table in sql for table in about_sprints)]


# Moves ------------------------------------------------------------------------------------------


def send(client: Client, sprint: Sprint | None, refs: list[str], **where: str) -> Any:
    """Post a move; unless `from` is given, the page shows the first item where it is."""
    home = "backlog" if sprint is None else str(sprint.pk)
    shown = Backlog.objects.get(items__number=int(refs[0].rpartition("-")[2]))
    seen = "backlog" if shown.kind == Backlog.Kind.PRODUCT else str(shown.pk)
    return client.post(f"{SPRINTS}move/", {"refs": refs, "home": home, "from": seen, **where})


def test_items_go_into_a_sprint_within_it_and_back_to_the_top_of_the_backlog(
    browser: Client, planned: Sprint, items: list[Item]
) -> None:
    answer = send(browser, planned, ["MED-4"], before="MED-1", **{"from": "backlog"})
    assert answer.json()["said"] == "MED-4 went into Sprint 1."
    assert in_order(planned.backlog) == [4, 1, 2, 3]
    send(browser, planned, ["MED-3", "MED-2"], to="top")  # many keep their order
    assert in_order(planned.backlog) == [2, 3, 4, 1]
    answer = send(browser, None, ["MED-4", "MED-1"], to="top")
    assert answer.json()["said"] == "2 items went back to the backlog."
    assert in_order(home_of(items[0])) == [4, 1]


def test_what_somebody_else_moved_meanwhile_is_named_and_nothing_is_half_done(
    browser: Client, planned: Sprint, team: Team, olga: Actor, items: list[Item]
) -> None:
    other = create_sprint(team, actor=olga)
    move_items(team.product, items[3:], actor=olga, spot=Spot.top(), to=other.backlog)
    free = create_item(team.product, ItemDraft("Free"), actor=olga)
    answer = send(browser, planned, [free.ref, "MED-4"], to="top", **{"from": "backlog"})
    assert answer.status_code == 409
    assert "MED-4 is in Sprint 2 by now" in answer.json()["detail"]
    assert home_of(free).kind == Backlog.Kind.PRODUCT


@pytest.mark.parametrize(
    ("home", "status", "said"),
    [("9999", 422, "That sprint is gone"), ("nowhere", 422, "gone"), ("", 422, "gone")],
)
def test_a_move_to_nowhere_is_refused(
    browser: Client, planned: Sprint, home: str, status: int, said: str
) -> None:
    answer = browser.post(f"{SPRINTS}move/", {"refs": ["MED-4"], "home": home, "to": "top"})
    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_an_epic_never_enters_and_a_closed_sprint_takes_nothing(
    browser: Client, planned: Sprint, team: Team, olga: Actor
) -> None:
    epic = create_item(team.product, ItemDraft("Epic", kind=Kind.EPIC), actor=olga)
    assert send(browser, planned, [epic.ref], to="top").status_code == 422
    past = closed(team, olga, name="Past", first=FIRST - timedelta(days=9))
    assert send(browser, past, ["MED-4"], to="top").status_code == 409
    assert in_order(planned.backlog) == [1, 2, 3]


def test_a_scrum_master_plans_sprints_but_does_not_order_the_backlog(
    as_person: Any, api: Any, cast: Cast, planned: Sprint, items: list[Item], product: Product
) -> None:
    sina, rest = as_person(cast.sina), api(cast.sina)
    assert send(sina, planned, ["MED-4"], to="top").status_code == 200
    assert send(sina, None, ["MED-4"], to="top").status_code == 200
    assert send(sina, None, ["MED-4"], to="bottom").status_code == 403  # within the backlog
    url = "/api/v1/products/MED/items/move/"
    into = {"refs": ["MED-4"], "to": "top", "sprint": str(planned.pk)}
    assert rest.post(url, into, format="json").status_code == 200
    out = {"refs": ["MED-4"], "to": "top", "sprint": None}
    assert rest.post(url, out, format="json").status_code == 200
    assert rest.post(url, {"refs": ["MED-4"], "to": "top"}, format="json").status_code == 403
    as_max = as_person(cast.max)
    assert send(as_max, planned, ["MED-4"], to="top").status_code == 403
    assert in_order(planned.backlog) == [1, 2, 3]


def test_a_mixed_selection_takes_all_that_each_of_its_items_takes(
    as_person: Any, api: Any, cast: Cast, planned: Sprint, product: Product, olga: Actor
) -> None:
    create_item(product, ItemDraft("Free"), actor=olga)
    backlog = product.backlogs.get(kind=Backlog.Kind.PRODUCT)
    sina, mixed = as_person(cast.sina), ["MED-1", "MED-4", "MED-5"]
    for seen, status in ((str(planned.pk), 409), ("backlog", 409), ("", 422)):
        assert send(sina, None, mixed, to="top", **{"from": seen}).status_code == status
    url = "/api/v1/products/MED/items/move/"
    out = {"refs": mixed, "to": "top", "sprint": None}
    assert api(cast.sina).post(url, out, format="json").status_code == 403
    # Without a sprint, all go where the first is.
    beside = {"refs": ["MED-4", "MED-1"], "to": "top"}
    assert api(cast.sina).post(url, beside, format="json").status_code == 403
    assert (in_order(planned.backlog), in_order(backlog)) == ([1, 2, 3], [4, 5])
    assert api(cast.olga).post(url, out, format="json").status_code == 200
    assert in_order(backlog) == [1, 4, 5]


def test_order_in_a_running_sprint_is_the_team_s_own_and_in_a_plan_it_is_not(
    as_person: Any, api: Any, cast: Cast, planned: Sprint, olga: Actor
) -> None:
    page, rest = as_person(cast.max), api(cast.max)
    url, wish = "/api/v1/products/MED/items/move/", {"refs": ["MED-3"], "to": "top"}
    assert send(page, planned, ["MED-3"], to="top").status_code == 403
    assert rest.post(url, wish, format="json").status_code == 403
    start_sprint(planned, actor=olga)
    assert send(page, planned, ["MED-3"], to="top").status_code == 200
    assert in_order(planned.backlog) == [3, 1, 2]
    assert page.post("/p/MED/undo/", headers={"Accept": "application/json"}).status_code == 200
    assert in_order(planned.backlog) == [1, 2, 3]
    assert rest.post(url, wish, format="json").status_code == 200
    assert in_order(planned.backlog) == [3, 1, 2]
    assert send(page, planned, ["MED-4"], to="top").status_code == 403
    assert send(page, None, ["MED-3"], to="top").status_code == 403
    assert rest.post(url, {**wish, "sprint": None}, format="json").status_code == 403
    assert send(as_person(cast.vera), planned, ["MED-3"], to="top").status_code == 403


def test_what_waits_in_the_inbox_is_the_product_owners_to_take(
    as_person: Any, api: Any, cast: Cast, planned: Sprint, items: list[Item], product: Product
) -> None:
    waiting = Backlog.objects.get(product=product, kind=Backlog.Kind.INBOX)
    Item.objects.filter(pk=items[3].pk).update(backlog=waiting)
    assert send(as_person(cast.sina), planned, ["MED-4"], to="top").status_code == 403
    into = {"refs": ["MED-4"], "to": "top", "sprint": str(planned.pk)}
    url = "/api/v1/products/MED/items/move/"
    assert api(cast.sina).post(url, into, format="json").status_code == 403
    assert home_of(items[3]) == waiting


def test_a_scrum_master_takes_back_a_move_into_a_sprint(
    as_person: Any, cast: Cast, planned: Sprint
) -> None:
    sina = as_person(cast.sina)
    send(sina, planned, ["MED-4"], to="top")
    answer = sina.post("/p/MED/undo/", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert in_order(planned.backlog) == [1, 2, 3]


def test_the_order_of_a_plan_is_undone_only_by_who_may_plan(
    planned: Sprint, items: list[Item], product: Product, cast: Cast
) -> None:
    max_acts = Actor.person(cast.max)
    move_items(product, [items[2]], actor=max_acts, spot=Spot.top(), to=planned.backlog)
    with pytest.raises(Refused):
        undo_last(product, actor=max_acts, may=lambda permission: permission == "item.edit")
    undo_last(product, actor=max_acts, may={"item.edit", "sprint.run"}.__contains__)
    assert in_order(planned.backlog) == [1, 2, 3]


def test_an_item_is_added_to_the_sprint_on_its_plan(
    browser: Client, planned: Sprint, as_person: Any, cast: Cast
) -> None:
    url = f"{SPRINTS}{planned.pk}/plan/add/"
    sent = {"title": "Read doses", "kind": "bug", "points": "2"}
    page = browser.post(url, sent, follow=True).content.decode()
    assert "MED-5 added to Sprint 1." in page
    assert in_order(planned.backlog) == [1, 2, 3, 5]
    told = browser.post(url, sent, headers={"accept": "application/json"}).json()
    assert told == {"said": "MED-6 added to Sprint 1.", "undoable": True}
    for bad, status, why in (
        ({**sent, "title": " "}, 400, "Type a title first."),
        ({**sent, "kind": "epic"}, 422, "An epic never enters a sprint; plan its items."),
    ):
        refused = browser.post(url, bad)
        assert refused.status_code == 422
        assert why in refused.content.decode()
        answer = browser.post(url, bad, headers={"accept": "application/json"})
        assert (answer.status_code, why in answer.content.decode()) == (status, True)
    assert as_person(cast.max).post(url, sent).status_code == 403
    assert in_order(planned.backlog) == [1, 2, 3, 5, 6]


def test_an_item_is_added_to_the_backlog_on_a_plan_and_the_plan_stays(
    browser: Client, planned: Sprint
) -> None:
    url = f"{SPRINTS}{planned.pk}/plan/"
    assert 'id="quick-add"' in browser.get(url).content.decode()
    sent = {"title": "Read ages", "kind": "story", "points": "", "view": "", "at": url}
    assert browser.post("/p/MED/backlog/", sent)["Location"] == f"{url}#quick-add"
    elsewhere = {**sent, "at": "https://elsewhere.example/"}
    assert browser.post("/p/MED/backlog/", elsewhere)["Location"] == "/p/MED/backlog/#quick-add"


def test_a_plan_names_the_other_open_sprints_as_places_to_go(
    browser: Client, planned: Sprint, team: Team, olga: Actor
) -> None:
    create_sprint(team, actor=olga, name="The next", goal="Later")
    page = browser.get(f"{SPRINTS}{planned.pk}/plan/").content.decode()
    assert 'data-name="The next"' in page


def test_sprints_stand_beside_the_backlog_the_running_one_first(
    team: Team, olga: Actor, running: Sprint
) -> None:
    later = create_sprint(team, actor=olga)
    assert [plan.sprint for plan in plans_beside(team.product)] == [running, later]
    first, second = open_sprints(team.product)
    assert (first.points, first.items, first.is_running) == (Decimal(16), 3, True)
    assert (second.points, second.items, second.is_running) == (Decimal(0), 0, False)
