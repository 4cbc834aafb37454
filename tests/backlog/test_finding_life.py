"""The life table of a finding and people's deeds on it, row by row, from report to item."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import (
    Activity,
    Actor,
    Backlog,
    Comment,
    Finding,
    Item,
    Occurrence,
    OnGreen,
    Place,
    Product,
    Stay,
    Subject,
)
from backlog.rules.evidence import Observation, Outcome
from backlog.rules.severity import Severity
from backlog.services import findings
from backlog.services.findings import EvidenceReport, Filed
from backlog.services.items import (
    ItemDraft,
    create_item,
    move_items,
    product_backlog,
    restore_item,
    update_item,
)
from backlog.services.ranks import Spot
from mlscrum.lib.errors import Conflict
from tests.conftest import Cast

START = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)


class World:
    """One dataset whose `age` is checked, batch after batch."""

    def __init__(self, product: Product, cast: Cast) -> None:
        self.product, self.cast = product, cast
        self.olga = Actor.person(cast.olga)
        self.patients = Subject.objects.create(
            product=product, kind="dataset", slug="patients", name="Patients", owner=cast.max
        )
        self.batch = 0
        self.reports = 0

    def see(
        self,
        outcome: str = "failed",
        *,
        excess: float | None = 6.7,
        severity: Severity = Severity.CRITICAL,
        batch: int | None = None,
        batch_at: datetime | None = None,
        others: tuple[Observation, ...] = (),
        evidence: dict[str, Any] | None = None,
        title: str = "age is missing in 8.7 % of rows",
        **more: Any,
    ) -> Filed:
        """Report on `age` in the next batch, or in the given one."""
        self.batch = self.batch + 1 if batch is None else batch
        self.reports += 1
        age = Observation(
            check="expect_column_values_to_not_be_null",
            identity={"column": "age"},
            title=title,
            outcome=Outcome(outcome),
            severity=severity,
            excess=excess,
            evidence=evidence or {},
        )
        more.setdefault("key", f"run:{self.reports}")
        return findings.report(
            EvidenceReport(
                product=self.product,
                source="gx",
                subject=self.patients,
                batch_key=f"batch-{self.batch}",
                batch_at=batch_at or timezone.now() + timedelta(seconds=self.batch),
                observations=(age, *others),
                **more,
            ),
            actor=Actor.system(),
        )

    @property
    def finding(self) -> Finding:
        return Finding.objects.select_related("item__backlog", "item__status").get(
            check_name="expect_column_values_to_not_be_null"
        )

    @property
    def item(self) -> Item:
        item = self.finding.item
        assert item is not None
        return item

    def last_comment(self) -> str:
        return self.item.comments.latest("id").text

    def sprint(self) -> Backlog:
        """A running sprint that holds the item."""
        sprint = Backlog.objects.create(
            product=self.product,
            kind="sprint",
            name="Sprint 1",
            team=self.product.teams.get(),
            state="active",
        )
        move_items(self.product, [self.item], actor=self.olga, spot=Spot.top(), to=sprint)
        return sprint

    def set_status(self, slug: str) -> None:
        status = self.product.statuses.get(slug=slug)
        update_item(self.item, actor=self.olga, status=status)

    def resolved_days_ago(self, days: int) -> None:
        at = timezone.now() - timedelta(days=days)
        Finding.objects.update(resolved_at=at, resolved_batch_at=at)

    def other(self, column: str, outcome: str = "failed", **more: Any) -> Observation:
        more.setdefault("title", f"{column} is missing")
        return Observation(
            check="expect_column_values_to_be_unique",
            identity={"column": column},
            outcome=Outcome(outcome),
            **more,
        )


@pytest.fixture
def world(product: Product, cast: Cast) -> World:
    return World(product, cast)


def muted(world: World) -> None:
    world.see()
    findings.mute(world.finding, actor=world.olga)


def resolved(days_ago: int) -> Callable[[World], None]:
    def arrange(world: World) -> None:
        world.see()
        world.see("passed")
        world.resolved_days_ago(days_ago)

    return arrange


def in_running_sprint(world: World) -> None:
    world.see()
    world.sprint()


def nothing(world: World) -> None:
    pass


def open_finding(world: World) -> None:
    world.see()


def done_by_hand(world: World) -> None:
    world.see()
    world.set_status("done")


def resolved_by_hand(world: World) -> None:
    world.see()
    findings.resolve(world.finding, reason="fixed", actor=world.olga)


def obsolete(world: World) -> None:
    world.see()
    findings.mark_obsolete(world.finding, actor=world.olga)


def deleted(fate: str) -> Callable[[World], None]:
    def arrange(world: World) -> None:
        world.see()
        findings.delete_item(world.item, actor=world.olga, findings=fate, reason="duplicate")

    return arrange


# arrange -> outcome -> finding state, its items in all, status of the present one, occurrences,
# marks; None where there is no such finding. "old" is red on data older than all that was seen.
Expected = tuple[str, int, str, int, set[str]]
LIFE: dict[Callable[[World], None], dict[str, Expected | None]] = {
    nothing: {
        "failed": ("open", 1, "to-do", 1, set()),
        "old": ("open", 1, "to-do", 1, set()),
        "passed": None,
        "vacuous": None,
        "errored": None,
    },
    open_finding: {
        "failed": ("open", 1, "to-do", 2, set()),
        "old": ("open", 1, "to-do", 2, set()),
        "passed": ("resolved", 1, "done", 1, set()),
        "vacuous": ("open", 1, "to-do", 1, set()),
        "errored": ("open", 1, "to-do", 1, set()),
    },
    in_running_sprint: {
        "failed": ("open", 1, "to-do", 2, set()),
        "old": ("open", 1, "to-do", 2, set()),
        "passed": ("resolved", 1, "done", 1, set()),
        "vacuous": ("open", 1, "to-do", 1, set()),
        "errored": ("open", 1, "to-do", 1, set()),
    },
    resolved(3): {
        "failed": ("open", 1, "to-do", 2, {"regressed"}),
        "old": ("resolved", 1, "done", 2, set()),
        "passed": ("resolved", 1, "done", 1, set()),
        "vacuous": ("resolved", 1, "done", 1, set()),
        "errored": ("resolved", 1, "done", 1, set()),
    },
    resolved(40): {
        "failed": ("open", 2, "to-do", 2, set()),
        "old": ("resolved", 1, "done", 2, set()),
        "passed": ("resolved", 1, "done", 1, set()),
        "vacuous": ("resolved", 1, "done", 1, set()),
        "errored": ("resolved", 1, "done", 1, set()),
    },
    muted: {
        "failed": ("muted", 1, "to-do", 2, set()),
        "old": ("muted", 1, "to-do", 2, set()),
        "passed": ("muted", 1, "to-do", 1, set()),
        "vacuous": ("muted", 1, "to-do", 1, set()),
        "errored": ("muted", 1, "to-do", 1, set()),
    },
    done_by_hand: {
        "failed": ("open", 1, "to-do", 2, {"regressed"}),
        "old": ("open", 1, "done", 2, {"awaiting_evidence"}),
        "passed": ("resolved", 1, "done", 1, set()),
        "vacuous": ("open", 1, "done", 1, {"awaiting_evidence"}),
        "errored": ("open", 1, "done", 1, {"awaiting_evidence"}),
    },
    resolved_by_hand: {
        "failed": ("open", 1, "to-do", 2, {"regressed"}),
        "old": ("resolved", 1, "done", 2, set()),
        "passed": ("resolved", 1, "done", 1, set()),
    },
    obsolete: {
        "old": ("obsolete", 1, "done", 2, set()),
        "passed": ("obsolete", 1, "done", 1, set()),
        "vacuous": ("obsolete", 1, "done", 1, set()),
    },
    deleted("keep"): {
        "failed": ("open", 1, "to-do", 2, set()),
        "passed": ("resolved", 1, "to-do", 1, set()),
        "vacuous": ("open", 1, "to-do", 1, set()),
    },
    deleted("mute"): {
        "failed": ("muted", 1, "to-do", 2, set()),
        "passed": ("muted", 1, "to-do", 1, set()),
    },
    deleted("resolve"): {
        "failed": ("open", 1, "to-do", 2, {"regressed"}),
        "old": ("resolved", 1, "to-do", 2, set()),
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("arrange", "outcome", "expected"),
    [
        pytest.param(arrange, outcome, expected, id=f"{number}-{arrange.__name__}-{outcome}")
        for number, (arrange, row) in enumerate(LIFE.items())
        for outcome, expected in row.items()
    ],
)
def test_the_life_table(
    world: World, arrange: Callable[[World], None], outcome: str, expected: Expected | None
) -> None:
    arrange(world)
    if outcome == "old":
        world.see(batch_at=timezone.now() - timedelta(days=90))
    else:
        world.see(outcome)
    its_items = Item.objects.exclude(kind="task")  # execution findings file tasks
    if expected is None:
        assert not Finding.objects.filter(is_execution=False).exists()
        assert not its_items.exists()
        return
    state, items, status, occurrences, marks = expected
    finding = world.finding
    assert finding.state == state
    assert its_items.count() == items
    assert world.item.status.slug == status
    assert finding.occurrence_count == occurrences
    names = ("regressed", "awaiting_evidence", "recovered", "awaiting_decision")
    assert {name for name in names if getattr(finding, name)} == marks


def test_a_new_finding_files_one_unestimated_item_in_the_inbox(world: World) -> None:
    filed = world.see()
    assert filed.created == [world.item.ref]
    assert world.item.backlog.kind == "inbox"
    assert world.item.kind == "data_assessment"
    assert world.item.points is None
    assert (world.finding.score, world.finding.priority) == (9, "P1")


def test_the_same_report_again_changes_nothing(world: World) -> None:
    first = world.see(key="run:7")
    seqs = Activity.objects.count()
    again = world.see(key="run:7")
    assert again == first
    assert world.finding.occurrence_count == 1
    assert Activity.objects.count() == seqs


def test_two_green_batches_are_needed_where_the_subject_says_so(world: World) -> None:
    world.patients.green_batches = 2
    world.patients.save()
    world.see(batch=1)
    world.see("passed", batch=2)
    assert world.finding.state == "open"
    world.see("passed", batch=2)
    assert world.finding.state == "open"
    world.see("passed", batch=3)
    assert world.finding.state == "resolved"
    assert world.item.status.category == "done"


def test_a_red_batch_between_two_greens_starts_the_count_again(world: World) -> None:
    world.patients.green_batches = 2
    world.patients.save()
    world.see()
    world.see("passed")
    world.see()
    world.see("passed")
    assert world.finding.state == "open"


def test_an_older_batch_changes_no_state(world: World) -> None:
    world.see(batch_at=START + timedelta(days=2))
    world.see("passed", batch_at=START)
    assert world.finding.state == "open"


def test_red_on_data_older_than_the_fix_is_only_an_occurrence(world: World) -> None:
    world.see(batch_at=START)
    world.see("passed", batch_at=START + timedelta(days=5))
    world.see(batch_at=START + timedelta(days=2))
    assert world.finding.state == "resolved"
    assert world.finding.occurrence_count == 2


def test_red_in_a_running_sprint_comments_and_leaves_the_status(world: World) -> None:
    world.see()
    sprint = world.sprint()
    world.set_status("in-review")
    world.see()
    assert world.item.status.slug == "in-review"
    assert world.item.backlog == sprint
    assert "Still red" in world.last_comment()


def test_a_regression_in_a_running_sprint_reopens_where_it_is(world: World) -> None:
    world.see()
    sprint = world.sprint()
    world.see("passed")
    world.see()
    assert world.item.status.slug == "in-progress"
    assert world.item.backlog == sprint
    assert world.finding.regressed


def test_the_title_of_an_item_follows_its_finding(world: World) -> None:
    world.see()
    version = world.item.version
    world.see(title="age is missing in 97.7 % of rows")
    assert world.item.title == world.finding.title == "age is missing in 97.7 % of rows"
    assert world.item.version == version + 1
    change = world.item.changes.latest("id")
    assert (change.field, change.activity.kind) == ("title", "evidence.reported")
    assert (change.before, change.after) == ("age is missing in 8.7 % of rows", world.item.title)
    world.see(title="age is missing in 97.7 % of rows")
    assert world.item.changes.latest("id") == change


def test_a_regression_comes_back_with_the_title_of_today(world: World) -> None:
    world.see()
    world.see("passed")
    world.see(title="age is missing in 1 % of rows")
    assert world.item.title == "age is missing in 1 % of rows"


def test_a_title_that_a_person_gave_stays(world: World) -> None:
    world.see()
    update_item(world.item, actor=world.olga, title="Ask clinic 4 for the ages")
    for title in ("age is missing in 97.7 % of rows", "age is missing in 1 % of rows"):
        world.see(title=title)
    assert world.item.title == "Ask clinic 4 for the ages"
    assert world.finding.title == "age is missing in 1 % of rows"


def test_a_regression_elsewhere_comes_back_atop_the_product_backlog(world: World) -> None:
    world.see()
    findings.take([world.item], actor=world.olga)
    other = create_item(world.product, ItemDraft("other"), actor=world.olga, spot=Spot.top())
    world.see("passed")
    filed = world.see()
    assert filed.reopened == [world.item.ref]
    order = product_backlog(world.product).items.order_by("rank")
    assert list(order) == [world.item, other]


def test_a_regression_of_an_item_in_a_closed_sprint_leaves_the_past_alone(world: World) -> None:
    world.see()
    sprint = world.sprint()
    world.see("passed")
    Backlog.objects.filter(pk=sprint.pk).update(state="closed", closed_at=timezone.now())
    world.see()
    assert world.item.backlog.kind == "product"
    assert Stay.objects.filter(item=world.item, backlog=sprint).get().left_at is not None


def test_green_asks_where_the_product_wants_to_be_asked(world: World) -> None:
    world.product.on_green = OnGreen.ASK
    world.product.save()
    in_running_sprint(world)
    world.see("passed")
    assert world.finding.state == "resolved"
    assert world.finding.recovered
    assert world.item.status.slug == "to-do"
    findings.confirm_done(world.item, actor=world.olga)
    assert world.item.status.category == "done"
    assert not world.finding.recovered


def test_green_moves_the_item_to_the_status_that_the_product_names(world: World) -> None:
    world.product.on_green = OnGreen.STATUS
    world.product.on_green_status = world.product.statuses.get(slug="in-review")
    world.product.save()
    world.see()
    world.see("passed")
    assert world.finding.state == "resolved"
    assert world.item.status.slug == "in-review"
    assert not world.finding.recovered


def test_an_item_that_is_where_green_moves_it_is_left_alone(world: World) -> None:
    world.product.on_green = OnGreen.STATUS
    world.product.on_green_status = world.product.statuses.get(slug="in-review")
    world.product.save()
    world.see()
    world.set_status("in-review")
    before = (world.item.version, world.item.transitions.count(), world.item.changes.count())
    filed = world.see("passed")
    after = (world.item.version, world.item.transitions.count(), world.item.changes.count())
    assert (filed.resolved, after) == ([world.item.ref], before)


def test_an_item_closes_only_with_its_last_open_finding(world: World) -> None:
    world.see(others=(world.other("id"),))
    second = Finding.objects.get(check_name="expect_column_values_to_be_unique")
    Finding.objects.filter(pk=second.pk).update(item=world.item)
    world.see("passed", others=(world.other("id"),))
    assert world.item.status.category == "todo"
    world.see("passed", others=(world.other("id", "passed"),))
    assert world.item.status.category == "done"


def test_recurring_after_thirty_days_files_a_new_item_that_names_the_old(world: World) -> None:
    resolved(40)(world)
    old = world.item
    world.see()
    assert f"Recurs from {old.ref}" in world.item.description
    assert world.item.ref in old.comments.get(text__contains="after more than").text
    assert Occurrence.objects.earliest("id").item == old


# People's deeds ----------------------------------------------------------------------------


def test_done_by_hand_awaits_evidence_and_green_resolves_it(world: World) -> None:
    world.see()
    world.set_status("done")
    assert world.finding.awaiting_evidence
    world.see("passed")
    assert (world.finding.state, world.finding.awaiting_evidence) == ("resolved", False)
    assert world.item.status.category == "done"


def test_red_on_a_newer_batch_reopens_what_was_done_by_hand_and_names_the_closer(
    world: World,
) -> None:
    world.see()
    world.set_status("done")
    world.see(batch_at=timezone.now() + timedelta(hours=1))
    assert world.finding.regressed
    assert world.item.status.category == "todo"
    assert "Olga Kuznetsova had set it to done" in world.last_comment()


def test_red_on_the_same_batch_is_only_an_occurrence_after_done_by_hand(world: World) -> None:
    seen_at = timezone.now() - timedelta(hours=1)
    world.see(batch=1, batch_at=seen_at)
    world.set_status("done")
    world.see(batch=1, batch_at=seen_at)
    assert world.item.status.category == "done"
    assert world.finding.occurrence_count == 2
    assert world.finding.awaiting_evidence


def test_a_deleted_item_whose_finding_is_kept_comes_back_with_the_next_red(world: World) -> None:
    world.see()
    findings.delete_item(world.item, actor=world.olga, findings="keep")
    assert not Item.objects.alive().exists()
    filed = world.see()
    assert filed.reopened == [world.item.ref]
    assert world.item.deleted_at is None
    assert world.item.backlog.kind == "product"


def test_one_deleted_in_a_running_sprint_comes_back_atop_the_product_backlog(world: World) -> None:
    in_running_sprint(world)
    findings.delete_item(world.item, actor=world.olga, findings="keep")
    world.see()
    item = world.item
    assert (item.deleted_at, item.backlog.kind) == (None, "product")
    assert item.rank
    assert item.stays.get(left_at=None).backlog == item.backlog
    assert item.changes.latest("id").field == "deleted"


def test_restoring_an_item_takes_back_the_mute_that_came_with_its_deletion(world: World) -> None:
    world.see(others=(world.other("id"),))
    Finding.objects.update(item=world.item)
    by_hand = Finding.objects.get(check_name="expect_column_values_to_be_unique")
    findings.mute(by_hand, actor=world.olga)
    findings.delete_item(world.item, actor=world.olga, findings="mute")
    restore_item(world.item, actor=world.olga)
    by_hand.refresh_from_db()
    assert (world.finding.state, by_hand.state) == ("open", "muted")


def test_red_that_restores_an_item_opens_what_was_muted_with_it(world: World) -> None:
    others = (world.other("id"), world.other("weight"))
    world.see(others=others)
    Finding.objects.update(item=world.item)
    findings.delete_item(world.item, actor=world.olga, findings="mute")
    findings.reopen(world.finding, actor=world.olga)
    world.see(others=others[:1])  # of the others, one is in the report and one is not
    assert world.item.deleted_at is None
    assert set(Finding.objects.values_list("state", "muted_with_item")) == {("open", False)}
    seen_again = Finding.objects.get(title=others[0].title)
    assert seen_again.occurrence_count == 2


def test_a_deleted_item_can_mute_its_finding_until_a_date(world: World) -> None:
    world.see()
    until = timezone.now() + timedelta(days=1)
    findings.delete_item(world.item, actor=world.olga, findings="mute", until=until)
    world.see()
    assert world.finding.state == "muted"
    assert world.item.deleted_at


def test_a_deleted_item_can_resolve_its_finding_with_a_reason(world: World) -> None:
    world.see()
    findings.delete_item(world.item, actor=world.olga, findings="resolve", reason="false_positive")
    assert (world.finding.state, world.finding.resolved_reason) == ("resolved", "false_positive")


def test_a_mute_ends_at_its_date(world: World) -> None:
    world.see()
    findings.mute(world.finding, actor=world.olga, until=timezone.now() + timedelta(days=1))
    Finding.objects.update(muted_until=timezone.now() - timedelta(days=1))
    world.see()
    assert (world.finding.state, world.finding.regressed) == ("open", False)


def test_a_mute_ends_when_it_gets_worse_than_the_accepted_level(world: World) -> None:
    world.see(excess=6.7)
    findings.accept_level([world.finding], actor=world.olga)
    world.see(excess=6.7)
    assert world.finding.state == "muted"
    world.see(excess=7.1)
    assert world.finding.state == "open"


def test_an_excess_that_nobody_can_measure_counts_as_a_full_one(world: World) -> None:
    world.see(excess=6.7)
    findings.accept_level([world.finding], actor=world.olga)
    world.see(excess=None)
    assert world.finding.state == "open"
    findings.accept_level([world.finding], actor=world.olga)
    assert world.finding.muted_cap == 100
    world.see(excess=None)
    assert world.finding.state == "muted"


def test_data_older_than_what_was_seen_ends_no_mute(world: World) -> None:
    world.see(batch_at=START)
    findings.mute(world.finding, actor=world.olga, cap=5)
    world.see(batch_at=START + timedelta(days=5), excess=1)
    world.see(batch_at=START + timedelta(days=2), excess=50)
    assert world.finding.state == "muted"
    assert world.finding.last_batch_at == START + timedelta(days=5)


def test_what_is_resolved_can_not_be_muted(world: World) -> None:
    resolved(3)(world)
    with pytest.raises(Conflict, match="reopen it before"):
        findings.mute(world.finding, actor=world.olga)
    assert world.finding.state == "resolved"


def test_reopening_what_is_open_leaves_no_deed(world: World) -> None:
    world.see()
    before = Activity.objects.count()
    findings.reopen(world.finding, actor=world.olga)
    assert Activity.objects.count() == before


def test_resolving_by_hand_needs_a_reason_and_finishes_the_item(world: World) -> None:
    world.see()
    with pytest.raises(ValidationError, match="Choose fixed"):
        findings.resolve(world.finding, reason="because", actor=world.olga)
    findings.resolve(world.finding, reason="upstream", note="Clinic 4 mends it", actor=world.olga)
    assert world.finding.resolved_by == world.cast.olga
    assert world.item.status.category == "done"


def test_what_a_person_resolves_is_said_in_their_name_with_their_note(world: World) -> None:
    world.see()
    findings.resolve(world.finding, reason="upstream", note="Clinic 4 mends it", actor=world.olga)
    said = world.item.comments.get()
    assert said.author == world.cast.olga
    assert said.text.startswith("Resolved (To be fixed upstream): age is missing")
    assert said.text.endswith("\n\nClinic 4 mends it")


def test_reopening_by_hand_brings_the_item_back(world: World) -> None:
    world.see()
    world.see("passed")
    findings.reopen(world.finding, actor=world.olga)
    assert world.finding.state == "open"
    assert world.item.status.category == "todo"


def test_a_persons_own_priority_sticks(world: World) -> None:
    world.see()
    findings.set_priority(world.finding, "P4", actor=world.olga)
    world.see(excess=50)
    assert (world.finding.priority, world.finding.score) == ("P4", 12)


def test_an_obsolete_finding_stays_so_when_green(world: World) -> None:
    world.see()
    findings.mark_obsolete(world.finding, actor=world.olga)
    world.see("passed")
    assert world.finding.state == "obsolete"


def test_an_obsolete_finding_finishes_its_item_and_waits_for_nothing(world: World) -> None:
    world.see()
    Finding.objects.update(awaiting_decision=True)
    findings.mark_obsolete(world.finding, actor=world.olga)
    assert not world.finding.awaiting_decision
    assert world.item.status.category == "done"
    assert "its check is gone" in world.last_comment()
    findings.reopen(world.finding, actor=world.olga)
    assert world.item.status.category == "todo"


def test_the_team_is_asked_about_the_item_of_an_obsolete_finding(world: World) -> None:
    world.product.on_green = OnGreen.ASK
    world.product.save()
    world.see()
    findings.mark_obsolete(world.finding, actor=world.olga)
    assert (world.finding.recovered, world.item.status.slug) == (True, "to-do")


def test_what_no_longer_waits_is_not_filed(world: World) -> None:
    world.product.file_from = "P1"
    world.product.save()
    world.see(severity=Severity.INFO)
    findings.mark_obsolete(world.finding, actor=world.olga)
    assert findings.file_findings([world.finding], actor=world.olga) == []
    assert not Item.objects.exists()


@pytest.mark.parametrize(
    "deed", ["file", "mute", "watch", "accept", "resolve", "obsolete", "green"]
)
def test_nothing_waits_for_a_yes_once_it_is_settled(world: World, deed: str) -> None:
    others = tuple(world.other(f"c{n}") for n in range(5))
    world.see(others=others)
    everything = list(Finding.objects.all())
    if deed == "file":
        findings.file_findings(everything, actor=world.olga)
    elif deed == "green":
        world.see("passed", others=tuple(world.other(f"c{n}", "passed") for n in range(5)))
    elif deed in {"watch", "accept"}:
        decide = findings.watch_only if deed == "watch" else findings.accept_level
        decide(everything, actor=world.olga)
    for each in everything:
        if deed == "mute":
            findings.mute(each, actor=world.olga)
        elif deed == "resolve":
            findings.resolve(each, reason="fixed", actor=world.olga)
        elif deed == "obsolete":
            findings.mark_obsolete(each, actor=world.olga)
    assert not Finding.objects.filter(awaiting_decision=True).exists()


def test_an_item_stays_open_where_one_finding_resolves_as_another_comes_back(world: World) -> None:
    world.see(others=(world.other("id", "passed"),))
    world.see(others=(world.other("id"),))
    Finding.objects.update(item=world.item)
    world.see("passed", others=(world.other("id", "passed"),))
    world.see(others=(world.other("id", "passed"),))
    world.see("passed", others=(world.other("id"),))
    assert world.item.status.category == "todo"


# Policy ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "kind", "first"),
    [("inbox", "inbox", True), ("top", "product", True), ("bottom", "product", False)],
)
def test_items_go_where_the_product_wants_them(
    world: World, place: str, kind: str, first: bool
) -> None:
    create_item(world.product, ItemDraft("other"), actor=world.olga)
    world.product.place = Place(place)
    world.product.save()
    world.see()
    assert world.item.backlog.kind == kind
    assert (world.item.backlog.items.order_by("rank").first() == world.item) is first


def test_below_the_products_threshold_a_finding_waits_in_triage(world: World) -> None:
    world.product.file_from = "P2"
    world.product.save()
    world.see(severity=Severity.INFO, excess=0.1)
    assert world.finding.state == "open"
    assert world.finding.item is None
    (item,) = findings.file_findings([world.finding], actor=world.olga)
    assert world.item == item


def test_a_triaged_finding_is_filed_once_it_gets_bad_enough(world: World) -> None:
    world.product.file_from = "P2"
    world.product.save()
    world.see(severity=Severity.INFO, excess=0.1)
    world.see(severity=Severity.CRITICAL, excess=30)
    assert world.item.kind == "data_assessment"


def test_a_first_run_that_would_file_more_than_five_items_waits_for_a_yes(world: World) -> None:
    others = tuple(world.other(f"c{n}") for n in range(5))
    filed = world.see(others=others)
    assert (filed.awaiting, filed.created) == (6, [])
    assert Finding.objects.filter(awaiting_decision=True, item=None).count() == 6
    items = findings.file_findings(list(Finding.objects.all()), actor=world.olga)
    assert len(items) == 6
    assert not Finding.objects.filter(awaiting_decision=True).exists()


def test_five_new_failures_are_filed_at_once(world: World) -> None:
    filed = world.see(others=tuple(world.other(f"c{n}") for n in range(4)))
    assert (filed.awaiting, len(filed.created)) == (0, 5)


def test_checks_that_were_green_before_do_not_wait(world: World) -> None:
    world.see("passed", others=tuple(world.other(f"c{n}", "passed") for n in range(9)))
    filed = world.see(others=tuple(world.other(f"c{n}") for n in range(9)))
    assert (filed.awaiting, len(filed.created)) == (0, 10)


def test_evidence_of_a_pull_request_changes_nothing(world: World) -> None:
    world.see()
    before = (Finding.objects.count(), world.finding.state, Item.objects.count())
    filed = world.see("passed", context={"branch": "fix-age", "pull_request": 12})
    assert filed.tracked is False
    assert filed.resolved == [world.item.ref]
    assert (Finding.objects.count(), world.finding.state, Item.objects.count()) == before
    assert world.finding.occurrence_count == 1


POLICIES: dict[str, dict[str, Any]] = {
    "everything": {},
    "urgent only": {"file_from": "P1"},
    "a small first run": {"first_run_limit": 1},
    "ask": {"on_green": OnGreen.ASK},
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("outcome", ["failed", "passed", "errored"])
def test_untracked_evidence_says_what_a_tracked_report_would_have_done(
    world: World, policy: str, outcome: str
) -> None:
    world.see(others=(world.other("id"), world.other("name", "passed")))
    Finding.objects.update(item=world.item)
    for name, value in POLICIES[policy].items():
        setattr(world.product, name, value)
    world.product.save()
    others = (
        world.other("name"),
        world.other("new", severity=Severity.INFO, excess=0.1),
        world.other("newer"),
        world.other("newest"),
    )
    would = world.see(outcome, others=others, context={"pull_request": 12})
    did = world.see(outcome, others=others)
    assert (would.tracked, did.tracked) == (False, True)
    for name in ("created", "errored"):
        assert len(getattr(would, name)) == len(getattr(did, name)), name
    for name in ("updated", "reopened", "resolved", "awaiting"):
        assert getattr(would, name) == getattr(did, name), name


def test_untracked_evidence_is_forgotten_after_thirty_days(world: World) -> None:
    world.see(context={"environment": "staging"})
    assert findings.forget_untracked(timezone.now() + timedelta(days=29)) == 0
    assert findings.forget_untracked(timezone.now() + timedelta(days=31)) == 1


def test_checks_that_can_not_run_file_one_task_for_the_owner(world: World) -> None:
    code = {"error_code": "column_missing"}
    filed = world.see(
        "errored", evidence=code, others=(world.other("b", "errored", evidence=code),)
    )
    finding = Finding.objects.get()
    assert (finding.is_execution, finding.severity) == (True, "warning")
    assert finding.item is not None
    assert finding.item.kind == "task"
    assert list(finding.item.assignees.all()) == [world.cast.max]
    assert filed.errored == [finding.item.ref]
    assert filed.findings == [finding.pk, finding.pk]


def test_an_execution_finding_resolves_when_the_check_runs_again(world: World) -> None:
    world.see("errored", evidence={"error_code": "column_missing"})
    world.see("vacuous")
    assert Finding.objects.get().state == "open"
    world.see("passed")
    finding = Finding.objects.get(is_execution=True)
    assert finding.state == "resolved"
    assert finding.item is not None
    assert finding.item.status.category == "done"


def test_a_pair_of_limits_on_one_column_is_one_finding(world: World) -> None:
    """A warning at 1 % and a critical limit at 5 %, seen at 2 % and then at 6 %."""

    def limit(severity: Severity, outcome: str, excess: float) -> Observation:
        return Observation(
            check="expect_column_values_to_not_be_null",
            identity={"column": "weight"},
            title=f"weight is missing ({severity})",
            outcome=Outcome(outcome),
            severity=severity,
            excess=excess,
        )

    at_two = (limit(Severity.WARNING, "failed", 1), limit(Severity.CRITICAL, "passed", 0))
    at_six = (limit(Severity.WARNING, "failed", 5), limit(Severity.CRITICAL, "failed", 1))
    world.see("passed", others=at_two)
    finding = Finding.objects.get()
    assert (finding.severity, finding.score) == ("warning", 4)
    filed = world.see("passed", others=at_six)
    finding.refresh_from_db()
    assert Finding.objects.count() == 1
    assert (finding.severity, finding.score, finding.occurrence_count) == ("critical", 6, 2)
    assert filed.findings == [None, finding.pk, finding.pk]


def test_moving_a_threshold_keeps_the_finding(world: World) -> None:
    world.see(excess=6.7)
    world.see(excess=1.7)
    assert Finding.objects.count() == 1


def test_two_thousand_observations_take_at_most_forty_statements(world: World) -> None:
    world.product.first_run_limit = 5000
    world.product.save()
    others = tuple(world.other(f"c{n}") for n in range(1999))
    for outcome in ("failed", "failed", "passed", "failed", "passed"):
        seen = tuple(
            Observation(o.check, o.identity, o.title, Outcome(outcome), o.severity) for o in others
        )
        with CaptureQueriesContext(connection) as queries:
            world.see(outcome, others=seen)
        if connection.vendor == "postgresql":
            assert len(queries) <= 40, [q["sql"][:120] for q in queries]
    assert Finding.objects.filter(state="resolved").count() == 2000
    assert Item.objects.filter(status__category="done").exclude(kind="epic").count() == 2000


def test_what_evidence_says_is_no_persons_comment(world: World) -> None:
    in_running_sprint(world)
    world.see()
    assert Comment.objects.get().author is None
    assert Decimal(world.finding.occurrence_count) == 2
