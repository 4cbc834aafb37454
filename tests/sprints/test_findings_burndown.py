"""The burndown of findings: from a history that never changes, weighted by severity scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Finding, FindingTransition, Item, Product, Team
from backlog.rules.severity import Severity
from backlog.services import findings
from backlog.services.items import restore_item
from backlog.services.undo import undo_last
from sprints.models import Sprint
from sprints.queries.reports import burndown_of
from sprints.rules.findings import FindingFact, OpenFindings, moves, open_at
from sprints.services.closing import Closing, close_sprint
from sprints.services.sprints import create_sprint, start_sprint
from tests.backlog.evidence import patients, see
from tests.conftest import Cast

Travel = Callable[[str], datetime]
NOON = datetime(2026, 3, 25, 12, 0, tzinfo=UTC)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def test_open_findings_are_counted_and_weighed_at_each_moment() -> None:
    facts = [
        FindingFact(1, at(0), True, 9),
        FindingFact(2, at(1), True, 4),
        FindingFact(1, at(2), True, 6),  # it got better
        FindingFact(2, at(3), False, 4),
        FindingFact(1, at(4), False, 6),
        FindingFact(2, at(4), True, 12),  # red again
    ]
    moments = [at(-1), at(0), at(1), at(2.5), at(3), at(4)]
    assert open_at(facts, moments) == [
        OpenFindings(0, 0),
        OpenFindings(1, 9),
        OpenFindings(2, 13),
        OpenFindings(2, 10),
        OpenFindings(1, 6),
        OpenFindings(1, 12),
    ]
    assert open_at([], [at(0)]) == [OpenFindings(0, 0)]


def test_of_two_facts_whose_clocks_differ_the_one_written_last_holds() -> None:
    facts = [FindingFact(1, at(2), True, 9), FindingFact(1, at(1), False, 9)]
    assert open_at(facts, [at(1), at(2)]) == [OpenFindings(0, 0), OpenFindings(0, 0)]


def test_moves_lead_from_what_was_open_to_what_is() -> None:
    # Until 0 findings 1 and 2 came. Then 2 goes and comes again, 1 gets heavier and goes, 3 comes:
    # 2 open + 2 opened - 2 closed = 2 open. At 5 finding 3 goes, too late.
    facts = [
        FindingFact(1, at(-1), True, 9),
        FindingFact(2, at(0), True, 4),
        FindingFact(2, at(1), False, 4),
        FindingFact(2, at(2), True, 4),
        FindingFact(1, at(2), True, 12),
        FindingFact(1, at(3), False, 12),
        FindingFact(3, at(4), True, 6),
        FindingFact(3, at(5), False, 6),
    ]
    assert moves(facts, at(0), at(4)) == (2, 2)
    assert [found.count for found in open_at(facts, [at(0), at(4)])] == [2, 2]
    assert moves(facts, at(4), at(6)) == (0, 1)


@pytest.fixture
def assessment(product: Product, team: Team, olga: Actor, travel: Travel) -> Sprint:
    """Of Patients, from a Wednesday on, with two findings open at its start: S 9 and S 6."""
    travel("2026-03-24 08:00+00:00")
    see(product, "age", excess=6.7)
    see(product, "sex", excess=6.7, severity=Severity.WARNING)
    sprint = create_sprint(
        team, actor=olga, goal="Patients is clean.", kind="data_assessment", target_health=95,
        subjects=[patients(product)], starts_on=NOON.date(),
    )  # fmt: skip
    travel("2026-03-25 09:00+00:00")
    return start_sprint(sprint, actor=olga)


def drawn(sprint: Sprint) -> list[tuple[str, int | None, int | None]]:
    days = burndown_of(sprint)["days"]
    return [(day["day"][-2:], day["findings_open"], day["findings_score"]) for day in days]


def test_the_findings_of_its_datasets_burn_down_day_by_day(
    assessment: Sprint, product: Product, olga: Actor, travel: Travel
) -> None:
    travel("2026-03-26 10:00+00:00")
    see(product, "weight", excess=30)  # S 12
    findings.mute(finding_of("sex"), actor=olga)
    travel("2026-03-27 23:59:59+00:00")
    see(product, "age", outcome="passed")
    travel("2026-03-28 00:00+00:00")  # the next day, by now
    see(product, "weight", excess=4)  # S 6
    travel("2026-03-29 10:00+00:00")
    opening = burndown_of(assessment)["opening"]
    assert (opening["findings_open"], opening["findings_score"]) == (2, 15)
    assert drawn(assessment)[:6] == [
        ("25", 2, 15),
        ("26", 2, 21),
        ("27", 1, 12),
        ("28", 1, 6),
        ("29", 1, 6),
        ("30", None, None),
    ]


def test_a_report_counts_findings_as_its_burndown_does(
    assessment: Sprint, product: Product, olga: Actor, travel: Travel, client: Any, cast: Cast
) -> None:
    # 2 are open at the start. Weight comes, Age goes and comes again, Sex is muted:
    # 2 + 2 opened - 2 closed = 2.
    travel("2026-03-26 10:00+00:00")
    see(product, "weight")
    see(product, "age", outcome="passed")
    travel("2026-03-27 10:00+00:00")
    see(product, "age")
    findings.mute(finding_of("sex"), actor=olga)
    travel("2026-03-28 10:00+00:00")
    closing = Closing("partly", "Sex is still missing.", override="The clinics answer in April.")
    closed = close_sprint(assessment, closing, actor=olga)
    assert closed.report is not None
    assert closed.report["findings"] == {"opened": 2, "closed": 2, "open": 2}
    last = [day for day in closed.report["days"] if day["findings_open"] is not None][-1]
    opening = closed.report["opening"]["findings_open"]
    assert (opening, opening + 2 - 2, last["findings_open"]) == (2, 2, 2)
    client.force_login(cast.vera)
    shown = client.get(f"/p/MED/sprints/{closed.pk}/report/").content.decode()
    assert "2 open at the end; muted ones count as closed" in shown


def test_what_findings_do_later_changes_nothing_of_a_closed_assessment(
    assessment: Sprint, product: Product, olga: Actor, travel: Travel, api: Any, cast: Cast
) -> None:
    travel("2026-03-26 10:00+00:00")
    see(product, "age", outcome="passed")
    closing = Closing("partly", "Sex is still missing.", override="The clinics answer in April.")
    closed = close_sprint(assessment, closing, actor=olga)
    before = burndown_of(closed)
    assert drawn(closed)[:3] == [("25", 2, 15), ("26", 1, 6), ("27", None, None)]
    travel("2026-04-10 10:00+00:00")
    see(product, "age")
    see(product, "sex", outcome="passed")
    Finding.objects.update(score=1)
    assert burndown_of(Sprint.objects.get(pk=closed.pk)) == before
    answer = api(cast.vera).get(f"/api/v1/sprints/{closed.pk}/burndown/").json()
    assert answer["days"][1]["findings_score"] == 6
    assert answer["opening"]["findings_open"] == 2


def test_a_sprint_that_assesses_no_data_has_no_findings_to_burn(running: Sprint) -> None:
    burndown = burndown_of(running)
    assert burndown["opening"]["findings_open"] is None
    assert {day["findings_score"] for day in burndown["days"]} == {None}


def test_a_report_from_before_findings_were_drawn_is_read_as_it_is(
    running: Sprint, items: list[Item], olga: Actor, travel: Travel
) -> None:
    travel("2026-04-07 16:00+00:00")
    closed = close_sprint(running, Closing("partly", "Late."), actor=olga)
    assert closed.report is not None
    for day in (closed.report["opening"], *closed.report["days"]):
        del day["findings_open"], day["findings_score"]
    closed.save(update_fields=["report"])
    assert burndown_of(closed)["days"][0]["findings_open"] is None


def test_of_the_time_before_the_start_only_how_each_finding_stood_is_read(
    assessment: Sprint, product: Product, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[FindingFact] = []

    def reading(facts: Iterable[FindingFact], moments: Sequence[datetime]) -> list[OpenFindings]:
        read[:] = facts
        return open_at(read, moments)

    monkeypatch.setattr("sprints.queries.findings.open_at", reading)
    travel("2026-03-26 10:00+00:00")
    see(product, "age", excess=30)  # S 12
    before, shown = len(read), drawn(assessment)
    assert len(read) == 3 > before
    age = finding_of("age")
    for hour in range(1, 20):  # a long past, written down with the ids of that time
        FindingTransition.objects.create(
            pk=-hour, finding=age, at=at(-24 * hour), state="open" if hour % 2 else "resolved",
            score=1,
        )  # fmt: skip
    assert drawn(assessment) == shown
    assert len(read) == 3
    # A clock that ran behind: the row holds from the one before it on.
    FindingTransition.objects.create(finding=age, at=at(-24), state="open", score=4)
    assert drawn(assessment)[:2] == [("25", 2, 15), ("26", 2, 10)]


def test_more_findings_take_no_more_statements(assessment: Sprint, product: Product) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            burndown_of(assessment)
        return len(seen)

    before = statements()
    see(product, *(f"column_{n}" for n in range(5)))
    assert statements() <= before


# The history itself ---------------------------------------------------------------------------


def finding_of(column: str) -> Finding:
    return Finding.objects.get(title__startswith=f"{column} ")


def history_of(column: str) -> list[tuple[str, int]]:
    return list(finding_of(column).transitions.values_list("state", "score"))


def test_a_row_is_left_whenever_state_or_score_change(product: Product, olga: Actor) -> None:
    see(product, "age")
    see(product, "age")  # the same again
    see(product, "age", excess=30)
    findings.set_priority(finding_of("age"), "P4", actor=olga)
    findings.mute(finding_of("age"), actor=olga)
    findings.reopen(finding_of("age"), actor=olga)
    see(product, "age", outcome="passed")
    see(product, "age", excess=30)
    findings.resolve(finding_of("age"), reason="fixed", actor=olga)
    assert history_of("age") == [
        ("open", 9),
        ("open", 12),
        ("muted", 12),
        ("open", 12),
        ("resolved", 12),
        ("open", 12),
        ("resolved", 12),
    ]


def test_a_mute_that_ends_with_the_trash_is_in_the_history(product: Product, olga: Actor) -> None:
    see(product, "age")
    item = finding_of("age").item
    assert item is not None
    findings.delete_item(item, actor=olga, findings="mute")
    item.refresh_from_db()
    restore_item(item, actor=olga)
    undo_last(product, actor=olga)
    assert [state for state, _ in history_of("age")] == ["open", "muted", "open", "muted"]


def test_the_history_of_findings_that_were_there_is_told_once(product: Product) -> None:
    see(product, "age")
    see(product, "sex")
    see(product, "sex", outcome="passed")
    FindingTransition.objects.all().delete()
    migration = import_module("backlog.migrations.0011_keep_how_findings_came_and_went")
    migration.tell_from_findings(apps, None)
    assert history_of("age") == [("open", 9)]
    assert history_of("sex") == [("open", 9), ("resolved", 9)]
    resolved = finding_of("sex").transitions.latest("pk")
    assert resolved.at == finding_of("sex").resolved_at
