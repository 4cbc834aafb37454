"""Data-assessment sprints made of what evidence found: on services and pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import (
    Activity,
    Actor,
    Backlog,
    Finding,
    Item,
    Place,
    Product,
    Subject,
    Team,
)
from backlog.rules.severity import Severity
from backlog.services import findings as finding_services
from backlog.services.items import move_items, update_item
from backlog.services.products import update_product
from backlog.services.ranks import Spot
from backlog.services.teams import create_team
from mlscrum.lib.errors import Conflict, DomainError
from sprints.models import Sprint
from sprints.queries.assessments import datasets_named, proposal
from sprints.services.assessments import plan_assessment
from sprints.services.sprints import create_sprint
from tests.backlog.evidence import patients, see
from tests.conftest import Cast
from tests.sprints.conftest import fresh, in_order, status_of
from tests.sprints.test_sprints_at_once import at_once

Travel = Callable[[str], datetime]
URL = "/p/MED/sprints/assessment/"


@pytest.fixture
def found(product: Product, olga: Actor) -> list[Finding]:
    """Age (P1) has an item, sex (P3) waits in triage without one."""
    update_product(product, actor=olga, file_from="P2")
    return [*see(product, "age"), *see(product, "sex", excess=3, severity=Severity.WARNING)]


@pytest.fixture
def sina(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.sina)
    return client


def item_of(finding: Finding) -> Item:
    finding.refresh_from_db()
    assert finding.item is not None
    return fresh(finding.item)


def plan(product: Product, team: Team, found: list[Finding], olga: Actor, **fields: Any) -> Any:
    fields = {"goal": "Patients is clean.", "target_health": 95, **fields}
    return plan_assessment(team, [patients(product)], found, actor=olga, **fields)


# The deed --------------------------------------------------------------------------------------


def test_a_sprint_takes_the_items_of_findings_and_files_what_has_none(
    product: Product, team: Team, found: list[Finding], olga: Actor
) -> None:
    age = item_of(found[0])
    assert age.backlog.kind == Backlog.Kind.INBOX
    before = Activity.objects.count()
    made = plan(product, team, found[::-1], olga, starts_on=date(2026, 3, 25))
    sprint = Sprint.objects.get()
    assert (sprint.kind, sprint.target_health, sprint.goal) == (
        "data_assessment", 95, "Patients is clean.",
    )  # fmt: skip
    assert [row.subject for row in sprint.subjects.all()] == [patients(product)]
    assert in_order(sprint.backlog) == [age.number, item_of(found[1]).number]  # worst first
    assert [item.ref for item in made.filed] == [item_of(found[1]).ref]
    assert made.left == []
    assert Activity.objects.count() == before + 1
    done = Activity.objects.latest("seq")
    assert (done.kind, done.data["filed"]) == ("sprint.created", ["MED-2"])


def test_only_what_was_chosen_comes(
    product: Product, team: Team, found: list[Finding], olga: Actor
) -> None:
    plan(product, team, found[:1], olga)
    assert in_order(Sprint.objects.get().backlog) == [1]
    found[1].refresh_from_db()
    assert found[1].item is None


def test_what_is_cared_for_elsewhere_is_named_and_left(
    product: Product, team: Team, found: list[Finding], olga: Actor
) -> None:
    other = create_sprint(team, actor=olga)
    move_items(product, [item_of(found[0])], actor=olga, spot=Spot.top(), to=other.backlog)
    made = plan(product, team, found, olga)
    assert [(item.ref, why) for item, why in made.left] == [("MED-1", "is in Sprint 1")]
    assert in_order(made.sprint.backlog) == [2]
    assert item_of(found[0]).backlog == other.backlog


def test_an_item_that_is_done_or_in_the_trash_stays(
    product: Product, team: Team, olga: Actor
) -> None:
    age, sex, weight = see(product, "age", "sex", "weight")
    update_item(item_of(age), actor=olga, status=status_of(product, "done"))
    finding_services.delete_item(item_of(sex), actor=olga)
    made = plan(product, team, [age, sex, weight], olga)
    assert [(item.ref, why) for item, why in made.left] == [
        ("MED-1", "is done and waits for its evidence"),
        ("MED-2", "lies in the trash"),
    ]
    assert [item.ref for item in made.items] == ["MED-3"]


def test_findings_that_share_an_item_bring_it_once(
    product: Product, team: Team, found: list[Finding], olga: Actor
) -> None:
    Finding.objects.filter(pk=found[1].pk).update(item=item_of(found[0]))
    made = plan(product, team, found, olga)
    assert [item.ref for item in made.items] == ["MED-1"]


def test_nothing_is_planned_where_nothing_is_open_or_all_is_cared_for(
    product: Product, team: Team, found: list[Finding], olga: Actor
) -> None:
    other = create_sprint(team, actor=olga)
    move_items(product, [item_of(found[0])], actor=olga, spot=Spot.top(), to=other.backlog)
    with pytest.raises(Conflict, match="MED-1 is in Sprint 1"):
        plan(product, team, found[:1], olga)
    see(product, "age", outcome="passed")
    with pytest.raises(Conflict, match="None of these findings is open any more"):
        plan(product, team, found[:1], olga)
    assert Sprint.objects.get() == other


def test_days_of_another_sprint_are_refused_and_nothing_is_filed(
    product: Product, team: Team, found: list[Finding], olga: Actor
) -> None:
    other = create_sprint(team, actor=olga)
    with pytest.raises(DomainError) as refused:
        plan(product, team, found, olga, starts_on=other.backlog.starts_on)
    assert refused.value.code == "sprints_overlap"
    found[1].refresh_from_db()
    assert found[1].item is None
    assert Sprint.objects.get() == other


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_of_two_who_make_a_sprint_of_the_same_findings_one_does(
    product: Product, team: Team, found: list[Finding], olga: Actor
) -> None:
    def one(days: int) -> Callable[[], Any]:
        starts_on = date(2026, 3, 25) + timedelta(days=days)
        return lambda: plan(product, team, found, olga, starts_on=starts_on)

    errors = [error for error in at_once(one(0), one(30)) if error]  # no days in common
    assert len(errors) == 1
    assert isinstance(errors[0], Conflict)
    assert "No item can come along" in str(errors[0])
    assert Sprint.objects.get().backlog.items.count() == 2
    assert Item.objects.count() == 2


# The page --------------------------------------------------------------------------------------


def sent(found: list[Finding], **more: Any) -> dict[str, Any]:
    return {
        "dataset": "patients",
        "finding": [finding.pk for finding in found],
        "name": "Assess Patients",
        "goal": "Patients is clean.",
        "starts_on": "2026-03-25",
        "ends_on": "2026-04-07",
        "target_health": "95",
        **more,
    }


def words_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_the_page_proposes_and_plans(
    found: list[Finding], sina: Client, product: Product, travel: Travel
) -> None:
    travel("2026-03-25 09:00+00:00")
    page = words_of(sina.get(URL, {"dataset": "patients"}))
    assert 'value="Assess Patients"' in page
    assert "Patients reaches its target health, and no finding of P1 or P2 is open." in page
    assert ('value="2026-03-25"' in page, 'value="2026-04-07"' in page) == (True, True)
    assert page.count(" checked") == 2
    assert "an item is filed" in page
    answer = sina.post(URL, sent(found), follow=True)
    sprint = Sprint.objects.get()
    assert answer.redirect_chain[-1][0] == f"/p/MED/sprints/{sprint.pk}/plan/"
    assert "Assess Patients is planned with 2 items, 1 of them filed just now." in words_of(answer)


@pytest.mark.parametrize(
    ("goal", "kept"),
    [
        ("{proposed}", "Patients reaches a health of 100 %, and no finding of P1 or P2 is open."),
        ("{proposed} Ages above all.", "{proposed} Ages above all."),
        ("Patients is clean.", "Patients is clean."),
    ],
)
def test_a_goal_that_was_left_as_proposed_names_the_target_that_was_chosen(
    found: list[Finding], sina: Client, product: Product, travel: Travel, goal: str, kept: str
) -> None:
    travel("2026-03-25 09:00+00:00")
    proposed = proposal(datasets_named(product, ["patients"])).goal
    words = {"proposed": proposed}
    sina.post(URL, sent(found, goal=goal.format(**words), target_health="100"))
    assert Sprint.objects.get().goal == kept.format(**words)


def test_only_the_findings_of_the_run_are_ticked(found: list[Finding], sina: Client) -> None:
    page = words_of(sina.get(f"{URL}?dataset=patients&finding={found[1].pk}"))
    assert page.count(" checked") == 1
    assert f'value="{found[1].pk}" checked' in page


def test_an_item_of_another_sprint_is_named_and_can_not_be_ticked(
    found: list[Finding], sina: Client, product: Product, team: Team, olga: Actor
) -> None:
    other = create_sprint(team, actor=olga)
    move_items(product, [item_of(found[0])], actor=olga, spot=Spot.top(), to=other.backlog)
    page = words_of(sina.get(URL, {"dataset": "patients"}))
    assert f'value="{found[0].pk}" disabled' in page
    assert "is in Sprint 1" in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"finding": []}, "Choose at least one finding"),
        ({"name": ""}, "Name is missing."),
        ({"target_health": "101"}, "100"),
        ({"ends_on": "2026-03-24"}, "ends on the day it starts or later"),
        ({"ends_on": "2026-12-24"}, "at most 60 days"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    found: list[Finding], sina: Client, wrong: dict[str, Any], said: str
) -> None:
    answer = sina.post(URL, sent(found, goal="Ages are known.", **wrong))
    assert answer.status_code == 422
    assert said in words_of(answer)
    assert "Ages are known." in words_of(answer)
    assert not Sprint.objects.exists()


def test_days_that_overlap_are_told_at_the_first_day(
    found: list[Finding], sina: Client, team: Team, olga: Actor
) -> None:
    create_sprint(team, actor=olga, starts_on=date(2026, 3, 30))
    answer = sina.post(URL, sent(found))
    assert answer.status_code == 422
    assert "Sprint 1 of Team has some of these days" in words_of(answer)


def test_a_finding_that_turned_green_meanwhile_is_told(
    found: list[Finding], sina: Client, product: Product
) -> None:
    see(product, "age", outcome="passed")
    answer = sina.post(URL, sent(found[:1]))
    assert answer.status_code == 422
    assert "None of these findings is open any more" in words_of(answer)


def test_without_a_dataset_the_page_asks_for_one(
    found: list[Finding], sina: Client, product: Product
) -> None:
    Subject.objects.create(product=product, kind="dataset", slug="labs", name="Lab values")
    page = words_of(sina.get(URL))
    assert ('value="patients"' in page, 'value="labs"' in page) == (True, False)
    assert "2 open findings" in page
    assert "Choose a dataset" not in page
    for answer in (sina.get(URL, {"choose": "1"}), sina.post(URL)):
        assert (answer.status_code, "Choose a dataset" in words_of(answer)) == (422, True)
    assert sina.get(URL, {"dataset": "nowhere"}).status_code == 404
    assert sina.get(URL, {"dataset": "\0"}).status_code == 400


def test_a_dataset_without_open_findings_says_what_to_do(product: Product, sina: Client) -> None:
    patients(product)
    page = words_of(sina.get(URL, {"dataset": "patients"}))
    assert "Nothing is open about Patients. Run the checks" in page
    assert "disabled" in page


def test_a_team_is_chosen_where_there_are_several(
    found: list[Finding], sina: Client, product: Product, olga: Actor
) -> None:
    second = create_team(product, name="Data", members=[], actor=olga)
    assert f'<option value="{second.pk}">Data' in words_of(sina.get(URL, {"dataset": "patients"}))
    sina.post(URL, sent(found, team=second.pk))
    assert Sprint.objects.get().backlog.team == second


def test_who_runs_no_sprint_makes_none(found: list[Finding], as_person: Any, cast: Cast) -> None:
    assert as_person(cast.max).post(URL, sent(found)).status_code == 403
    assert as_person(cast.sam).get(URL, {"dataset": "patients"}).status_code == 404


def test_more_findings_take_no_more_statements(sina: Client, product: Product, olga: Actor) -> None:
    update_product(product, actor=olga, place=Place.TOP)

    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert sina.get(URL, {"dataset": "patients"}).status_code == 200
        return len(seen)

    see(product, "age")
    statements()
    before = statements()
    see(product, *(f"column_{n}" for n in range(5)))
    assert statements() == before
