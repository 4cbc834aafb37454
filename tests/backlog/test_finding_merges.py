"""Merge and split, many choices at once, and taking the last of them back."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import Activity, Actor, Finding, FindingMerge, Item, Link, Occurrence, Subject
from backlog.queries.finding_figures import finding_figures
from backlog.rules.evidence import Observation, Outcome
from backlog.rules.severity import Severity
from backlog.services import findings
from backlog.services.findings import Choice, EvidenceReport, decide, merge, split
from backlog.services.undo import undo_last
from mlscrum.lib.errors import Conflict
from tests.backlog.test_finding_life import World, world

__all__ = ["world"]  # the fixture


def age(world: World) -> Finding:
    return world.finding


def other(world: World) -> Finding:
    return Finding.objects.select_related("item__status", "item__product", "product").get(
        check_name="expect_column_values_to_be_unique"
    )


def see(world: World, of_age: str, of_id: str, **more: Any) -> findings.Filed:
    return world.see(of_age, others=(world.other("id", of_id),), **more)


@pytest.fixture
def merged(world: World) -> World:
    """`id` is merged into `age`; both were red, twice and once."""
    world.see()
    see(world, "failed", "failed")
    merge(other(world), age(world), actor=world.olga)
    return world


def test_the_losers_item_is_closed_as_a_duplicate_with_a_link(merged: World) -> None:
    gone, kept = other(merged), age(merged)
    assert (gone.state, gone.resolved_reason, gone.merged_into) == ("resolved", "duplicate", kept)
    assert gone.item is not None
    assert kept.item is not None
    assert gone.item.status.category == "done"
    link = Link.objects.get()
    assert (link.source, link.kind, link.target) == (gone.item, "duplicates", kept.item)
    assert kept.item.status.category == "todo"
    assert kept.times_seen == 2  # one report saw both


# What both are seen to be -> state of the one that speaks, how often it was seen.
TOGETHER = [
    ("failed", "failed", "open", 3),
    ("passed", "failed", "open", 3),
    ("failed", "passed", "open", 3),
    ("passed", "passed", "resolved", 2),
    ("passed", "vacuous", "open", 2),
    ("vacuous", "passed", "open", 2),
    ("errored", "passed", "open", 2),
]


@pytest.mark.parametrize(("of_age", "of_id", "state", "seen"), TOGETHER)
def test_the_evidence_of_an_alias_reports_to_the_other(
    merged: World, of_age: str, of_id: str, state: str, seen: int
) -> None:
    filed = see(merged, of_age, of_id)
    kept = age(merged)
    assert (kept.state, kept.times_seen) == (state, seen)
    assert other(merged).state == "resolved"
    assert Item.objects.exclude(kind="task").count() == 2
    if of_id in {"failed", "passed"}:
        assert filed.findings[1] == kept.pk


def test_what_is_green_in_one_report_waits_for_what_is_red_in_another(merged: World) -> None:
    merged.see("passed")  # of `id` nothing is said
    assert age(merged).state == "open"
    merged.see("passed", others=(merged.other("id", "passed"),))
    assert age(merged).state == "resolved"
    assert merged.item.status.category == "done"


def test_an_alias_that_turns_red_brings_the_other_back(merged: World) -> None:
    see(merged, "passed", "passed")
    see(merged, "passed", "failed")
    assert (age(merged).state, age(merged).regressed) == ("open", True)
    assert merged.item.status.category == "todo"


def test_a_split_leaves_all_counted_as_before(merged: World) -> None:
    see(merged, "passed", "failed")
    see(merged, "failed", "failed")
    assert age(merged).times_seen == 4
    split(other(merged), actor=merged.olga)
    gone, kept = other(merged), age(merged)
    assert (gone.times_seen, kept.times_seen) == (3, 3)
    assert (gone.merged_into, gone.state, gone.resolved_reason) == (None, "open", "")
    assert gone.item is not None
    assert gone.item.status.category == "todo"
    assert not Link.objects.exists()
    assert not FindingMerge.objects.exists()
    assert Occurrence.objects.filter(finding=gone).count() == 3
    see(merged, "passed", "failed")
    assert (age(merged).state, other(merged).state) == ("resolved", "open")


def test_what_turned_green_as_an_alias_is_resolved_after_the_split(merged: World) -> None:
    see(merged, "failed", "passed")
    split(other(merged), actor=merged.olga)
    assert (other(merged).state, other(merged).resolved_reason) == ("resolved", "green")


# How severe the one that goes is, and what then is the urgency of the one that speaks.
WORSE = [("critical", 6.7, "P1"), ("warning", 6.7, "P2"), ("info", 30.0, "P3"), ("info", 0.5, "P3")]


@pytest.mark.parametrize(("severity", "excess", "urgency"), WORSE)
@pytest.mark.parametrize("take_back", ["split", "undo"])
def test_the_worse_of_two_is_the_severity_at_once_until_they_are_parted(
    world: World, severity: str, excess: float, urgency: str, take_back: str
) -> None:
    gone = world.other("id", severity=Severity(severity), excess=excess)
    world.see(severity=Severity.INFO, others=(gone,))
    mild = age(world)
    assert (mild.severity, mild.excess, mild.priority) == ("info", 6.7, "P3")
    merge(other(world), mild, actor=world.olga)
    kept = age(world)
    assert kept.priority == urgency
    # The next run says the same.
    measured = (kept.severity, kept.excess, kept.score)
    if take_back == "undo":
        undo_last(world.product, actor=world.olga)
    else:
        world.see(severity=Severity.INFO, others=(gone,))
        seen = age(world)
        assert (seen.severity, seen.excess, seen.score, seen.priority) == (*measured, urgency)
        split(other(world), actor=world.olga)
    parted = age(world)
    assert (parted.severity, parted.excess, parted.priority) == ("info", 6.7, "P3")
    assert (other(world).severity, other(world).excess) == (severity, excess)


@pytest.mark.parametrize("why", ["its urgency is a person's", "the other is settled"])
def test_some_take_nothing_over_of_the_worse(world: World, why: str) -> None:
    world.see(severity=Severity.INFO, others=(world.other("id", severity=Severity.CRITICAL),))
    if why == "the other is settled":
        findings.resolve(other(world), reason="false_positive", actor=world.olga)
    else:
        findings.set_priority(age(world), "P4", actor=world.olga)
    merge(other(world), age(world), actor=world.olga)
    assert age(world).priority == ("P3" if why == "the other is settled" else "P4")


def test_what_the_evidence_has_said_since_stays_after_a_split(world: World) -> None:
    world.see(severity=Severity.INFO, others=(world.other("id", severity=Severity.CRITICAL),))
    merge(other(world), age(world), actor=world.olga)
    world.see(severity=Severity.WARNING, others=(world.other("id", "passed"),))
    split(other(world), actor=world.olga)
    assert (age(world).severity, age(world).priority) == ("warning", "P2")


def test_an_item_is_handed_over_where_the_other_has_none(world: World) -> None:
    see(world, "failed", "failed")
    Finding.objects.filter(pk=age(world).pk).update(item=None)
    merge(other(world), age(world), actor=world.olga)
    assert age(world).item == other(world).item
    split(other(world), actor=world.olga)
    assert age(world).item is None
    assert other(world).item is not None


def test_aliases_follow_into_a_merge_and_back_out_of_it(world: World) -> None:
    world.see(others=(world.other("id"), world.other("name")))
    by_column = {f.fingerprint_inputs[4]["column"]: f for f in Finding.objects.all()}
    merge(by_column["name"], by_column["id"], actor=world.olga)
    merge(by_column["id"], age(world), actor=world.olga)
    assert set(Finding.objects.filter(merged_into=age(world))) == {
        by_column["id"],
        by_column["name"],
    }
    split(Finding.objects.get(pk=by_column["id"].pk), actor=world.olga)
    assert Finding.objects.get(pk=by_column["name"].pk).merged_into == by_column["id"]
    split(Finding.objects.get(pk=by_column["name"].pk), actor=world.olga)
    assert not Finding.objects.filter(merged_into__isnull=False).exists()


def test_findings_of_two_sources_can_be_one(world: World) -> None:
    world.see()
    elsewhere = Subject.objects.create(
        product=world.product, kind="dataset", slug="visits", name="Visits"
    )

    def posted(outcome: str) -> None:
        now = timezone.now() + timedelta(minutes=world.reports)
        findings.report(
            EvidenceReport(
                product=world.product,
                source="ci",
                key=str(now),
                subject=elsewhere,
                batch_key=str(now),
                batch_at=now,
                observations=[Observation("posted", {}, "id is empty", Outcome(outcome))],
            ),
            actor=Actor.system(),
        )

    posted("failed")
    merge(Finding.objects.get(source="ci"), age(world), actor=world.olga)
    world.see("passed")
    assert age(world).state == "open"
    posted("passed")
    assert age(world).state == "resolved"
    posted("failed")
    assert (age(world).state, age(world).times_seen) == ("open", 3)


BAD: list[tuple[str, Callable[[World], Any], type[Exception], str]] = [
    ("itself", lambda w: merge(age(w), age(w), actor=w.olga), ValidationError, "into itself"),
    (
        "settled",
        lambda w: (
            findings.resolve(age(w), reason="fixed", actor=w.olga),
            merge(other(w), age(w), actor=w.olga),
        ),
        Conflict,
        "reopen it first",
    ),
    (
        "twice",
        lambda w: (
            merge(other(w), age(w), actor=w.olga),
            merge(age(w), other(w), actor=w.olga),
        ),
        Conflict,
        "split it first",
    ),
    ("no alias", lambda w: split(age(w), actor=w.olga), Conflict, "merged into none"),
    (
        "reopen an alias",
        lambda w: (
            merge(other(w), age(w), actor=w.olga),
            findings.reopen(other(w), actor=w.olga),
        ),
        Conflict,
        "split",
    ),
    (
        "obsolete alias",
        lambda w: (
            merge(other(w), age(w), actor=w.olga),
            findings.mark_obsolete(other(w), actor=w.olga),
        ),
        Conflict,
        "decide about that one",
    ),
]


@pytest.mark.parametrize(
    ("act", "kind", "match"), [row[1:] for row in BAD], ids=[r[0] for r in BAD]
)
def test_what_can_not_be_merged_says_why(
    world: World, act: Callable[[World], Any], kind: type[Exception], match: str
) -> None:
    see(world, "failed", "failed")
    with pytest.raises(kind, match=match):
        act(world)


def test_the_same_merge_again_leaves_no_deed(merged: World) -> None:
    before = Activity.objects.count()
    merge(other(merged), age(merged), actor=merged.olga)
    assert Activity.objects.count() == before


def test_a_duplicate_of_another_is_merged_into_it(world: World) -> None:
    see(world, "failed", "failed")
    findings.resolve(other(world), reason="duplicate", duplicate_of=age(world), actor=world.olga)
    assert other(world).merged_into == age(world)


@pytest.mark.parametrize("seed", range(6))
def test_after_a_split_all_is_counted_as_if_there_had_been_no_merge(
    world: World, seed: int
) -> None:
    chance = random.Random(seed)
    columns = ("one", "two", "control one", "control two")

    def step(first: str, second: str) -> None:
        outcomes = (first, second, first, second)
        seen = [world.other(name, each) for name, each in zip(columns, outcomes, strict=True)]
        world.see("passed", others=tuple(seen))

    def counts(*names: str) -> list[Any]:
        found = Finding.objects.filter(title__in=[f"{name} is missing" for name in names])
        rows = found.order_by("title").values_list(
            "occurrence_count", "alias_count", "last_outcome", "merged_into"
        )
        return list(rows)

    step("failed", "failed")
    one, two = (Finding.objects.get(title=f"{name} is missing") for name in columns[:2])
    merge(two, one, actor=world.olga)
    for _ in range(8):
        step(*(chance.choice(["failed", "passed", "vacuous"]) for _ in range(2)))
        root = Finding.objects.get(pk=one.pk)
        reds = Occurrence.objects.filter(finding__in=[one, two], outcome="failed")
        assert root.times_seen == reds.values("report").distinct().count()
    split(Finding.objects.get(pk=two.pk), actor=world.olga)
    assert counts(*columns[:2]) == counts(*columns[2:])
    for _ in range(8):
        step("passed", "passed")
    states = Finding.objects.exclude(check_name__contains="null").values_list("state", flat=True)
    assert set(states) == {"resolved"}


# Many at once, and back -------------------------------------------------------------------------


def standing(world: World) -> list[Any]:
    rows = Finding.objects.order_by("pk").values_list(
        "state", "priority", "muted_until", "item__status__slug", "merged_into", "item__deleted_at"
    )
    return list(rows)


DECISIONS = {
    "mute": Choice("mute"),
    "accept": Choice("accept"),
    "watch": Choice("watch"),
    "resolve": Choice("resolve", reason="upstream", note="Clinic 4 mends it"),
    "merge": Choice("merge"),
    "priority": Choice("priority", priority="P4"),
    "obsolete": Choice("obsolete"),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_several_are_decided_in_one_deed_and_taken_back_by_one_undo(
    world: World, name: str
) -> None:
    see(world, "failed", "failed")
    before, deeds = standing(world), Activity.objects.count()
    counted = finding_figures(world.product)[0].figures
    decide(list(Finding.objects.select_related("product")), DECISIONS[name], actor=world.olga)
    assert standing(world) != before
    assert Activity.objects.count() == deeds + 1
    undone = undo_last(world.product, actor=world.olga)
    assert standing(world) == before, undone.said
    assert "before" in undone.said
    assert finding_figures(world.product)[0].figures == counted
    see(world, "passed", "passed")
    assert finding_figures(world.product)[0].figures.resolved == 2


def test_what_was_filed_goes_to_the_trash_and_waits_again(world: World) -> None:
    world.product.file_from = "P1"
    world.product.save()
    see(world, "failed", "failed", excess=0.5)
    waiting = list(Finding.objects.filter(item=None).select_related("product", "subject"))
    decide(waiting, Choice("file"), actor=world.olga)
    assert not Finding.objects.filter(item=None).exists()
    undo_last(world.product, actor=world.olga)
    assert Finding.objects.filter(item=None).count() == len(waiting)


def test_what_somebody_else_has_decided_since_stays(world: World) -> None:
    world.see()
    findings.mute(age(world), actor=world.olga)
    findings.reopen(age(world), actor=Actor.person(world.cast.max))
    undone = undo_last(world.product, actor=world.olga)
    assert "stands otherwise by now" in undone.said
    assert age(world).state == "open"


def test_assigning_files_what_has_no_item(world: World) -> None:
    world.product.file_from = "P1"
    world.product.save()
    world.see(excess=0.5)
    decide([age(world)], Choice("assign", person=world.cast.max), actor=world.olga)
    assert world.item.assignees.get() == world.cast.max


def test_all_or_none_are_decided(world: World) -> None:
    see(world, "failed", "failed")
    findings.resolve(other(world), reason="fixed", actor=world.olga)
    with pytest.raises(Conflict):
        decide(list(Finding.objects.all()), Choice("mute"), actor=world.olga)
    assert age(world).state == "open"
