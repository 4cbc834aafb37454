"""Storms: many new findings at once come under one item, with one message."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from backlog.models import Finding, FindingNews, Item, Storm
from backlog.queries.items import inbox_page
from backlog.rules.evidence import Observation, Outcome
from backlog.services import findings
from tests.backlog.test_finding_life import World, world

__all__ = ["world"]  # the fixture


def many(world: World, count: int, outcome: str = "failed", first: int = 0) -> Any:
    return tuple(world.other(f"c{first + n}", outcome) for n in range(count))


def known(world: World, count: int) -> None:
    """These checks were green before, so that nothing waits for the yes to a first run."""
    world.see("passed", others=many(world, count, "passed"))


def test_twenty_new_findings_of_a_run_are_no_storm(world: World) -> None:
    known(world, 30)
    world.see("passed", others=many(world, 20))
    assert not Storm.objects.exists()
    assert Item.objects.count() == 20


def test_more_come_under_one_item_with_one_message(world: World) -> None:
    known(world, 30)
    filed = world.see("passed", others=many(world, 21))
    epic = Item.objects.get(kind="epic")
    assert epic.title == "Patients: 21 checks turned red at once"
    assert epic.backlog.kind == "inbox"
    assert Item.objects.filter(parent=epic, kind="data_assessment").count() == 21
    assert len(filed.created) == 21
    (news,) = FindingNews.objects.all()
    assert (news.item, news.words) == (epic, epic.title)


def test_what_follows_within_the_hour_joins_the_storm_silently(world: World) -> None:
    known(world, 30)
    world.see("passed", others=many(world, 21))
    world.see("passed", others=many(world, 3, first=21))
    epic = Item.objects.get(kind="epic")
    assert epic.children.count() == 24
    assert FindingNews.objects.count() == 1


def test_more_than_fifty_in_an_hour_are_a_storm_of_the_product(world: World) -> None:
    known(world, 60)
    for start in (0, 20):
        world.see("passed", others=many(world, 20, first=start))
    assert not Storm.objects.exists()
    world.see("passed", others=many(world, 11, first=40))
    epic = Item.objects.get(kind="epic")
    assert epic.title == f"{world.product.name}: 51 checks turned red within an hour"
    assert epic.children.count() == 51


def test_the_item_above_closes_with_the_last_below_and_opens_with_the_first(world: World) -> None:
    known(world, 22)
    world.see("passed", others=many(world, 22))
    epic = Item.objects.get(kind="epic")
    world.see("passed", others=(*many(world, 21, "passed"), world.other("c21")))
    epic.refresh_from_db()
    assert epic.status.category == "todo"
    world.see("passed", others=many(world, 22, "passed"))
    epic.refresh_from_db()
    assert epic.status.category == "done"
    world.see("passed", others=(*many(world, 21, "passed"), world.other("c21")))
    epic.refresh_from_db()
    assert epic.status.category == "todo"
    assert Item.objects.get(title="c21 is missing").parent == epic


def test_what_stands_under_a_storm_is_taken_from_the_inbox_with_it(world: World) -> None:
    known(world, 22)
    world.see("passed", others=many(world, 22))
    epic = Item.objects.select_related("product", "backlog").get(kind="epic")
    assert [row.ref for row in inbox_page(world.product).rows] == [epic.ref]
    findings.take([epic], actor=world.olga)
    assert set(Item.objects.values_list("backlog__kind", flat=True)) == {"product"}


def test_what_a_person_files_of_a_first_run_is_no_storm(world: World) -> None:
    world.see("passed", others=many(world, 25))
    findings.file_findings(list(Finding.objects.all()), actor=world.olga)
    assert not Storm.objects.exists()


def test_a_storm_takes_no_more_statements_the_larger_it_is(world: World) -> None:
    def taken(count: int, first: int) -> int:
        world.see("passed", others=many(world, count, "passed", first))
        Storm.objects.update(last_at="2020-01-01T00:00Z")
        Finding.objects.update(first_seen="2020-01-01T00:00Z")
        with CaptureQueriesContext(connection) as seen:
            world.see("passed", others=many(world, count, first=first))
        # SQLite inserts so many rows in several statements.
        return len([each for each in seen if not each["sql"].startswith("INSERT")])

    assert taken(21, 0) == taken(60, 100)


def test_checks_that_could_not_run_belong_to_it_as_well(world: World) -> None:
    known(world, 22)
    errored = Observation("check", {}, "check", Outcome.ERRORED, evidence={"error_code": "gone"})
    world.see("passed", others=(*many(world, 22), errored))
    assert Item.objects.get(kind="task").parent == Item.objects.get(kind="epic")
