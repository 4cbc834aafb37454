"""Evidence that turns to and fro, that is missing, and mutes that end: marks that come and go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from backlog.models import Finding, FindingNews, Item, Subject
from backlog.queries import subjects
from backlog.rules.finding_life import (
    greens_needed,
    is_flapping,
    is_stale,
    is_storm,
    recent_flips,
)
from backlog.services import findings
from tests.backlog.test_finding_life import World, world

__all__ = ["world"]  # the fixture
NOW = datetime.fromisoformat("2026-11-27T12:00:00+00:00")


def days_ago(*days: float) -> list[datetime]:
    return [NOW - timedelta(days=day) for day in days]


@pytest.mark.parametrize(
    ("flips", "already", "flapping"),
    [
        ((), False, False),
        ((6, 4, 2), False, False),
        ((6, 4, 2, 1), False, True),
        ((8, 6, 4, 2), False, False),
        ((7, 6, 4, 2), False, True),
        ((6,), True, True),
        ((7.1,), True, False),
        ((), True, False),
    ],
)
def test_more_than_three_flips_in_a_week_are_flapping_until_a_week_is_calm(
    flips: Sequence[float], already: bool, flapping: bool
) -> None:
    assert is_flapping(days_ago(*flips), NOW, already=already) is flapping


def test_only_the_flips_of_a_week_count() -> None:
    assert recent_flips(days_ago(9, 3, 1), NOW) == days_ago(3, 1)


@pytest.mark.parametrize(
    ("green_batches", "flapping", "needed"),
    [(1, False, 1), (1, True, 4), (2, True, 4), (9, True, 9)],
)
def test_what_flaps_needs_four_greens(green_batches: int, flapping: bool, needed: int) -> None:
    assert greens_needed(green_batches, flapping=flapping) == needed


@pytest.mark.parametrize(
    ("new", "in_the_hour", "storm"),
    [(20, 0, False), (21, 0, True), (1, 49, False), (1, 50, True), (20, 31, True)],
)
def test_more_than_twenty_of_a_run_or_fifty_in_an_hour_are_a_storm(
    new: int, in_the_hour: int, storm: bool
) -> None:
    assert is_storm(new, in_the_hour) is storm


def test_evidence_is_stale_after_twice_its_time() -> None:
    day = timedelta(days=1)
    assert not is_stale(NOW - 2 * day, day, NOW)
    assert is_stale(NOW - 2 * day - timedelta(seconds=1), day, NOW)


def turn(world: World, times: int) -> None:
    """Red, green, red, …: as many turns after the first red."""
    for number in range(times + 1):
        world.see("failed" if number % 2 == 0 else "passed")


def test_at_the_fourth_flip_it_is_flapping_and_its_owner_told_once(world: World) -> None:
    turn(world, 3)
    assert world.finding.flapping is False
    FindingNews.objects.all().delete()
    world.see()
    marked = Finding.objects.filter(flapping=True)
    assert marked.count() == 1
    world.see("passed")
    world.see()
    (news,) = FindingNews.objects.all()
    assert news.user == world.cast.max
    assert "flapping" in news.words


def test_what_is_muted_flaps_in_silence(world: World) -> None:
    world.see()
    findings.mute(world.finding, actor=world.olga)
    FindingNews.objects.all().delete()
    for outcome in ("passed", "failed") * 3:
        world.see(outcome)
    assert (world.finding.state, world.finding.flapping) == ("muted", True)
    assert not FindingNews.objects.exists()


def test_what_flaps_resolves_only_after_four_greens_in_a_row(world: World) -> None:
    turn(world, 4)
    for _ in range(3):
        world.see("passed")
        assert world.finding.state == "open"
    world.see("passed")
    assert (world.finding.state, world.item.status.category) == ("resolved", "done")


def test_a_red_begins_the_four_greens_anew(world: World) -> None:
    turn(world, 4)
    for outcome in ("passed", "passed", "passed", "failed", "passed", "passed", "passed"):
        world.see(outcome)
    assert world.finding.state == "open"


def test_the_mark_goes_after_a_calm_week(world: World) -> None:
    turn(world, 4)
    soon, later = timezone.now() + timedelta(days=6), timezone.now() + timedelta(days=8)
    assert findings.calm_down(soon) == 0
    assert findings.calm_down(later) == 1
    assert (world.finding.flapping, world.finding.flips) == (False, [])


def test_the_same_batch_seen_otherwise_is_no_flip(world: World) -> None:
    at = timezone.now()
    for outcome in ("failed", "passed") * 4:
        world.see(outcome, batch=1, batch_at=at)
    assert world.finding.flips == []


def test_data_older_than_what_was_seen_is_no_flip(world: World) -> None:
    world.see()
    for _ in range(5):
        world.see("passed", batch_at=timezone.now() - timedelta(days=9))
    assert world.finding.flips == []


# Stale --------------------------------------------------------------------------------------


@pytest.fixture
def daily(monkeypatch: pytest.MonkeyPatch) -> None:
    def every_day(found: Sequence[Subject]) -> dict[int, float]:
        return {subject.pk: 24.0 for subject in found}

    monkeypatch.setitem(subjects._hours, "dataset", every_day)


def test_what_has_had_no_evidence_for_twice_its_time_is_stale(world: World, daily: None) -> None:
    world.see()
    now = timezone.now()
    assert findings.mark_stale(now + timedelta(hours=47)) == 0
    assert findings.mark_stale(now + timedelta(hours=49)) == 1
    assert world.finding.stale
    assert findings.mark_stale(now + timedelta(hours=50)) == 0
    world.see("vacuous")
    assert world.finding.stale
    world.see()
    assert not world.finding.stale


def test_nothing_is_stale_where_no_evidence_is_expected(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(subjects._hours, "dataset", lambda found: {})
    world.see()
    assert findings.mark_stale(timezone.now() + timedelta(days=90)) == 0


def test_what_is_settled_is_never_stale(world: World, daily: None) -> None:
    world.see()
    findings.mark_stale(timezone.now() + timedelta(days=9))
    findings.resolve(world.finding, reason="fixed", actor=world.olga)
    assert not world.finding.stale
    assert findings.mark_stale(timezone.now() + timedelta(days=9)) == 0


# Mutes that end by themselves -----------------------------------------------------------------


def muted_until_yesterday(world: World) -> None:
    findings.mute(world.finding, actor=world.olga, until=timezone.now() + timedelta(hours=1))


def test_a_mute_ends_by_itself_at_its_date_and_says_so(world: World) -> None:
    world.see()
    muted_until_yesterday(world)
    FindingNews.objects.all().delete()
    assert findings.end_mutes(timezone.now()) == 0
    assert findings.end_mutes(timezone.now() + timedelta(hours=2)) == 1
    assert (world.finding.state, world.finding.muted_until) == ("open", None)
    assert "mute is over" in world.last_comment()
    assert "no longer muted" in FindingNews.objects.get().words
    assert findings.end_mutes(timezone.now() + timedelta(hours=2)) == 0


def test_what_is_green_when_its_mute_ends_is_resolved(world: World) -> None:
    world.see()
    muted_until_yesterday(world)
    world.see("passed")
    findings.end_mutes(timezone.now() + timedelta(hours=2))
    assert (world.finding.state, world.finding.resolved_reason) == ("resolved", "green")
    assert world.item.status.category == "done"


def test_a_finished_item_comes_back_when_its_mute_ends(world: World) -> None:
    world.see()
    muted_until_yesterday(world)
    world.set_status("done")
    findings.end_mutes(timezone.now() + timedelta(hours=2))
    assert world.item.status.category == "todo"


def test_what_was_muted_with_its_item_waits_for_the_next_red(world: World) -> None:
    world.see()
    until = timezone.now() + timedelta(hours=1)
    findings.delete_item(world.item, actor=world.olga, findings="mute", until=until)
    assert findings.end_mutes(timezone.now() + timedelta(hours=2)) == 0
    assert not Item.objects.alive().exists()


def test_a_mute_that_ends_by_its_cap_says_so(world: World) -> None:
    world.see(excess=6.7)
    findings.mute(world.finding, actor=world.olga, cap=7)
    world.see(excess=8)
    assert world.finding.state == "open"
    assert "worse than the 7 points accepted" in world.last_comment()


def test_what_is_accepted_is_muted_until_a_date(world: World) -> None:
    world.see()
    with pytest.raises(Exception, match="until when"):
        findings.resolve(world.finding, reason="accepted", actor=world.olga)
    until = timezone.now() + timedelta(days=30)
    findings.resolve(world.finding, reason="accepted", until=until, actor=world.olga)
    assert (world.finding.state, world.finding.muted_until) == ("muted", until)


# News -----------------------------------------------------------------------------------------


def test_the_owner_is_told_once_of_a_report_and_gets_its_items(world: World) -> None:
    world.see(others=(world.other("id"), world.other("name")))
    (news,) = FindingNews.objects.all()
    assert (news.user, news.words) == (world.cast.max, "Patients: 3 new findings")
    assert {item.assignees.get() for item in Item.objects.all()} == {world.cast.max}
    assert not world.cast.max.notifications.exists()


def test_nobody_is_assigned_where_the_product_does_not_want_it(world: World) -> None:
    world.product.assign_owner = False
    world.product.save()
    world.see()
    assert not world.item.assignees.exists()


def test_the_same_red_again_is_no_news_until_it_gets_worse(world: World) -> None:
    world.see(excess=0.5)
    FindingNews.objects.all().delete()
    world.see(excess=0.6)
    assert not FindingNews.objects.exists()
    world.see(excess=30)
    assert FindingNews.objects.get().words == "Patients: got worse, age is missing in 8.7 % of rows"
    world.see(excess=0.5)
    assert FindingNews.objects.count() == 1


def test_without_an_owner_the_product_owner_is_told(world: World) -> None:
    Subject.objects.update(owner=None)
    world.patients.refresh_from_db()
    world.see()
    assert FindingNews.objects.get().user == world.cast.olga


def test_the_bell_rings_for_findings_and_is_quiet_once_seen(world: World) -> None:
    from backlog.queries.notifications import unread_count
    from backlog.services.notifications import mark_read

    world.see()
    assert unread_count(world.cast.max) == 1
    assert mark_read(world.cast.max) == 1
    assert unread_count(world.cast.max) == 0


def test_a_rule_that_is_gone_asks_and_one_that_answers_again_does_not(world: World) -> None:
    world.see()
    asked = findings.propose_obsolete(
        world.patients, [world.finding], source="gx", actor=world.olga
    )
    assert (asked, world.finding.obsolete_proposed, world.finding.state) == (1, True, "open")
    findings.keep_watching(world.finding, actor=world.olga)
    assert not world.finding.obsolete_proposed
    findings.propose_obsolete(world.patients, [world.finding], source="gx", actor=world.olga)
    world.see()
    assert not world.finding.obsolete_proposed
    findings.propose_obsolete(world.patients, [world.finding], source="gx", actor=world.olga)
    findings.mark_obsolete(world.finding, actor=world.olga)
    assert (world.finding.state, world.finding.obsolete_proposed) == ("obsolete", False)
    assert not Finding.objects.filter(obsolete_proposed=True).exists()
