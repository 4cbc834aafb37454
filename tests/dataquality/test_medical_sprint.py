"""A data-assessment sprint of the medical example, made from its red run: its goal can't be called
met until two distinct batches have passed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Finding, Item, Product, Subject
from dataquality.models import Dataset
from dataquality.services.suites import save_suite
from mlscrum.lib.errors import DomainError
from sprints.models import Sprint
from sprints.queries.assessments import proposal
from sprints.services.closing import Closing, close_sprint
from sprints.services.sprints import start_sprint
from tests.conftest import Cast
from tests.dataquality.conftest import run_now
from tests.dataquality.test_medical_example import SUITE, deliver, patients, registered

__all__ = ["registered"]
MET = {"goal_met": "yes"}


@pytest.fixture
def sprint(
    product: Product, registered: Dataset, max_acts: Actor, as_person: Any, cast: Cast
) -> Sprint:
    """Made by the button on the page of the red run, and started."""
    save_suite(registered, SUITE, actor=max_acts)
    run = run_now(registered, max_acts)
    olga: Client = as_person(cast.olga)
    page = olga.get(f"/p/MED/runs/{run.pk}/").content.decode()
    button = page.partition('action="/p/MED/sprints/assessment/"')[2].partition("</form>")[0]
    assert "Make a sprint of it" in button
    handed = re.findall(r'name="(\w+)"\s+value="([^"]+)"', button)
    found = Finding.objects.filter(state="open").order_by("pk")
    assert handed == [("dataset", "patients"), *(("finding", str(f.pk)) for f in found)]
    proposed = olga.get("/p/MED/sprints/assessment/", {"dataset": "patients"})
    sent: dict[str, Any] = dict(proposed.context["form"].initial)
    assert sent["target_health"] == "95"
    sent |= {"dataset": "patients", "finding": [f.pk for f in found]}
    olga.post("/p/MED/sprints/assessment/", sent)
    planned = Sprint.objects.get()
    items = Item.objects.filter(backlog=planned.backlog)
    assert set(items) == {finding.item for finding in found}
    assert items.count() == 2
    return start_sprint(planned, actor=Actor.person(cast.olga))


def refusals(sprint: Sprint, olga: Client, client: Any) -> list[str]:
    """What each door says against calling the goal met: service, REST, page."""
    with pytest.raises(DomainError) as refused:
        actor = Actor.person(sprint.backlog.product.members.get(role="product_owner").user)
        close_sprint(sprint, Closing("yes", override="All the same."), actor=actor)
    answer = client.post(
        f"/api/v1/sprints/{sprint.pk}/close/", {**MET, "override": "All the same."}, format="json"
    )
    assert answer.status_code == 422
    page = olga.get(f"/p/MED/sprints/{sprint.pk}/close/")
    assert page.status_code == 200
    return [refused.value.message, answer.json()["errors"][0]["detail"]]


def test_the_goal_of_a_data_assessment_is_met_after_two_green_batches(
    sprint: Sprint, registered: Dataset, max_acts: Actor, as_person: Any, api: Any, cast: Cast
) -> None:
    olga, client = as_person(cast.olga), api(cast.olga)
    registered.refresh_from_db()
    assert sprint.subjects.get().green_batches == 2
    for said in refusals(sprint, olga, client):
        assert "The goal can't be called met yet: Patients has 1 open finding of P1" in said
        assert "on 0 of its last 2 batches" in said

    deliver(registered, patients(missing=11), max_acts)
    for said in refusals(sprint, olga, client):  # one green batch, the finding still open
        assert "Patients has 1 open finding" in said
        assert "on 1 of its last 2 batches" in said
    run_now(registered, max_acts)  # the same batch once more is no second one
    for said in refusals(sprint, olga, client):
        assert "on 1 of its last 2 batches" in said

    deliver(registered, patients(missing=11, salt=1), max_acts)
    gate = client.get(f"/api/v1/sprints/{sprint.pk}/gate/").json()
    assert (gate["passed"], gate["exit"]) == (True, {"met": True, "reasons": []})
    assert not Finding.objects.filter(state="open").exists()
    done = Item.objects.filter(backlog=sprint.backlog, status__category="done")
    assert done.count() == 2  # they closed themselves, where they are

    days = client.get(f"/api/v1/sprints/{sprint.pk}/burndown/").json()
    assert (days["opening"]["findings_open"], days["opening"]["findings_score"]) == (2, 11)
    assert days["days"][0]["findings_open"] == 0
    closed = client.post(f"/api/v1/sprints/{sprint.pk}/close/", MET, format="json")
    assert closed.status_code == 200, closed.json()
    assert (closed.json()["goal_met"], closed.json()["exit"]["met"]) == ("yes", True)
    report = Sprint.objects.get().report
    assert report is not None
    assert report["findings"] == {"opened": 0, "closed": 2, "open": 0}


def test_without_the_right_to_run_sprints_the_red_run_offers_none(
    registered: Dataset, max_acts: Actor, as_person: Any, cast: Cast
) -> None:
    save_suite(registered, SUITE, actor=max_acts)
    run = run_now(registered, max_acts)
    for path in (f"/p/MED/runs/{run.pk}/", "/p/MED/data/patients/"):
        seen = as_person(cast.max).get(path).content.decode()
        assert "Make a sprint of it" not in seen
        assert "Make a sprint of it" in as_person(cast.sina).get(path).content.decode()


def test_a_green_dataset_offers_no_sprint(
    registered: Dataset, max_acts: Actor, as_person: Any, cast: Cast
) -> None:
    save_suite(registered, [SUITE[2]], actor=max_acts)
    run_now(registered, max_acts)
    page = as_person(cast.olga).get("/p/MED/data/patients/").content.decode()
    assert "Make a sprint of it" not in page


def test_of_several_datasets_a_sprint_aims_at_the_highest_target_in_as_many_statements(
    product: Product,
) -> None:
    subjects = [
        Subject.objects.create(product=product, kind="dataset", slug=name.lower(), name=name)
        for name in ("Cases", "Labs", "Visits", "Unregistered")
    ]
    for subject, target in zip(subjects, (90, 97.5, 80), strict=False):
        Dataset.objects.create(subject=subject, format="csv", health_target=target)
    with CaptureQueriesContext(connection) as of_one:
        assert proposal(subjects[:1]).target_health == 90
    with CaptureQueriesContext(connection) as of_all:
        assert proposal(subjects).target_health == 97.5
    assert len(of_all) == len(of_one)
    assert proposal(subjects[3:]).target_health is None
