"""Figures of dialogue: the example of city traffic, and their limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Product
from sprints.models import Sprint
from sprints.queries import dialogue as queries
from sprints.queries.dialogue import dialogue_of, dialogues_of
from sprints.rules.dialogue import Dialogue, InsightFact, dialogue
from sprints.services import ceremonies, outcomes
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.outcomes import OutcomeDraft, add_outcome
from sprints.services.seats import come_as_guest, find_guest_link, make_guest_link, take_seat
from tests.conftest import Cast

SAID = datetime(2026, 4, 7, 9, tzinfo=UTC)
ROLES = ("City planning", "Data science", "Police", "Transport")


def converted(days: float, *, item: bool = True) -> InsightFact:
    return InsightFact("Police", SAID, SAID + timedelta(days=days), became_item=item)


def test_city_traffic_comes_out() -> None:
    """12 insights, 3 of 4 roles; 9 of the 11 that were not declined became work; 2 days."""
    became = [converted(n) for n in (1, 1, 2, 2, 2, 3)]
    became += [converted(5, item=False) for _ in range(3)]
    rest = [InsightFact("Police", SAID), InsightFact("Transport", SAID)]
    declined = [InsightFact("Police", SAID, is_declined=True)]
    found = dialogue(
        [*became, *rest, *declined], invited=ROLES, contributed=ROLES[:3], contested_terms=1
    )
    assert found.insights == 12
    assert found.coverage == 75
    assert round(found.conversion or 0) == 82
    assert found.median_days == 2
    assert found.contested_terms == 1
    assert found.silent == ("Transport",)
    assert found.waiting == 2


@pytest.mark.parametrize(
    ("facts", "conversion", "median"),
    [
        ([], None, None),
        ([InsightFact("a", SAID)], 0, None),
        ([InsightFact("a", SAID, is_declined=True)], None, None),
        ([converted(1)], 100, 1),
        ([converted(1), converted(2)], 100, 1.5),
        ([converted(1, item=False)], 100, None),
        ([converted(0.5), InsightFact("a", SAID)], 50, 0.5),
    ],
)
def test_figures_where_there_is_little(
    facts: list[InsightFact], conversion: float | None, median: float | None
) -> None:
    found = dialogue(facts, invited=["a"], contributed=[])
    assert (found.conversion, found.median_days) == (conversion, median)


def test_roles_are_told_apart_without_regard_to_case_and_speakers_count_as_invited() -> None:
    found = dialogue([], invited=["Police", "police"], contributed=["POLICE", "Nurse"])
    assert len(found.invited) == 2
    assert found.coverage == 100
    assert dialogue([], invited=[], contributed=[]).coverage is None


def test_who_invites_counts_once_they_speak(running: Sprint, cast: Cast, olga: Actor) -> None:
    made = schedule(
        running.backlog.product, CeremonyDraft("review", SAID, 60, sprint=running), actor=olga
    )
    made = ceremonies.open_ceremony(made, actor=olga)
    assert dialogue_of(running).invited == ("Developer", "Domain expert", "Stakeholder")
    draft = OutcomeDraft("insight", "Nobody asked the police.", "risk")
    add_outcome(made, draft, actor=olga, seat=take_seat(made, cast.olga))
    found = dialogue_of(running)
    assert (found.contributed, len(found.invited)) == (("Product owner",), 4)


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


def _said(sprint: Sprint, cast: Cast, olga: Actor) -> Dialogue:
    product = sprint.backlog.product
    made = schedule(product, CeremonyDraft("review", SAID, 60, sprint=sprint), actor=olga)
    made = ceremonies.open_ceremony(made, actor=olga)
    link, secret = make_guest_link(made, actor=olga, trade="City planning")
    found = find_guest_link(secret)
    assert found is not None
    pia, dora = come_as_guest(found, "Pia"), take_seat(made, cast.dora)
    said = [
        add_outcome(made, OutcomeDraft("insight", text, "data"), actor=Actor.guest(), seat=seat)
        for text, seat in (("A", pia), ("B", pia), ("C", dora))
    ]
    outcomes.convert_to_item(said[0], actor=olga)
    outcomes.decline(said[1], "No counters", actor=olga)
    return dialogue_of(sprint)


def test_a_sprint_is_told_by_its_ceremonies(
    running: Sprint, cast: Cast, olga: Actor, monkeypatch: Any
) -> None:
    monkeypatch.setattr(queries, "_contested", [lambda product: 3])
    found = _said(running, cast, olga)
    assert found.contributed == ("City planning", "Domain expert")
    assert found.silent == ("Developer", "Stakeholder")  # those who invite are not counted
    assert found.conversion == 50
    assert found.contested_terms == 3


def test_the_reports_page_costs_the_same_for_more(
    running: Sprint, product: Product, cast: Cast, olga: Actor, as_person: Any
) -> None:
    client = as_person(cast.vera)
    url = "/p/MED/reports/ceremonies/"
    assert b"No ceremony of a sprint was held yet" in client.get(url).content
    _said(running, cast, olga)
    client.get(url)
    with CaptureQueriesContext(connection) as first:
        body = client.get(url).content.decode()
    assert "2 of 4 roles" in body
    _said(running, cast, olga)
    with CaptureQueriesContext(connection) as second:
        client.get(url)
    assert len(second) == len(first)
    assert len(dialogues_of(product)) == 1
