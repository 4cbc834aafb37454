"""Deeds against each other on PostgreSQL: none waits for another that waits for it."""

from __future__ import annotations

import contextlib
import random
import re
import threading
from collections.abc import Callable, Iterable

import pytest
from django.core.exceptions import ValidationError
from django.db import close_old_connections, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Activity, Actor, Finding, FindingMerge, Item, Product, Subject
from backlog.rules.evidence import Observation, Outcome
from backlog.services import findings
from backlog.services.findings import EvidenceReport
from backlog.services.items import (
    ItemDraft,
    create_items,
    inbox,
    move_items,
    product_backlog,
    restore_item,
    trash_items,
    update_item,
)
from backlog.services.products import change_product, create_product, update_product
from backlog.services.ranks import Spot
from backlog.services.transfer import move_to_product
from backlog.services.undo import undo_last
from backlog.services.workflow import StatusLine, set_workflow
from mlscrum.lib.errors import Conflict, DomainError
from tests.conftest import Cast

DEEDS = (
    "report", "mute", "accept", "resolve", "obsolete", "reopen", "file", "delete", "restore",
    "edit", "move", "add", "rename", "redesign", "bin", "undo", "send", "merge", "split", "decide",
)  # fmt: skip
# Every deed takes its locks in this order (DECISIONS of the house, 9).
ORDER = ("backlog_backlog", "backlog_itemcounter", "backlog_item", "backlog_activitycounter")
CHECKS = 12
DEEDS_EACH = 8


class Crowd:
    """Everybody at work on one product, each with a chance of their own."""

    def __init__(self, product: Product, cast: Cast) -> None:
        self.product = product
        self.actor = Actor.person(cast.olga)
        self.patients = Subject.objects.create(
            product=product, kind="dataset", slug="patients", name="Patients", owner=cast.max
        )
        self.other = create_product(key="OTHER", name="Other", owner=cast.olga, actor=self.actor)
        create_items(self.other, [ItemDraft("There")] * 3, actor=self.actor)
        self.failures: list[Exception] = []

    def report(self, chance: random.Random) -> None:
        now = timezone.now()
        key = f"{threading.get_ident()}-{now.isoformat()}"
        observations = [
            Observation(f"check {n}", {}, f"check {n}", Outcome(outcome))
            for n in range(CHECKS)
            if (outcome := chance.choice(["failed", "passed", "errored", "vacuous"]))
        ]
        findings.report(
            EvidenceReport(self.product, "gx", key, self.patients, key, now, observations),
            actor=Actor.system(),
        )

    def mute(self, chance: random.Random) -> None:
        findings.mute(self._finding(chance), actor=self.actor)

    def accept(self, chance: random.Random) -> None:
        some = [self._finding(chance) for _ in range(3)]
        findings.accept_level(some, actor=self.actor)

    def resolve(self, chance: random.Random) -> None:
        findings.resolve(self._finding(chance), reason="fixed", actor=self.actor)

    def obsolete(self, chance: random.Random) -> None:
        findings.mark_obsolete(self._finding(chance), actor=self.actor)

    def reopen(self, chance: random.Random) -> None:
        findings.reopen(self._finding(chance), actor=self.actor)

    def merge(self, chance: random.Random) -> None:
        findings.merge(self._finding(chance), self._finding(chance), actor=self.actor)

    def split(self, chance: random.Random) -> None:
        aliases = Finding.objects.filter(merged_into__isnull=False).order_by("pk")
        for alias in aliases.select_related("product", "item__product")[:1]:
            findings.split(alias, actor=self.actor)
            return
        findings.merge(self._finding(chance), self._finding(chance), actor=self.actor)

    def decide(self, chance: random.Random) -> None:
        some = {found.pk: found for found in (self._finding(chance) for _ in range(3))}
        choice = chance.choice(["mute", "merge", "obsolete", "reopen"])
        findings.decide(list(some.values()), findings.Choice(choice), actor=self.actor)

    def file(self, chance: random.Random) -> None:
        findings.file_findings([self._finding(chance)], actor=self.actor)

    def delete(self, chance: random.Random) -> None:
        fate = chance.choice(["keep", "mute", "resolve"])
        findings.delete_item(
            self._item(chance), actor=self.actor, findings=fate, reason="false_positive"
        )

    def restore(self, chance: random.Random) -> None:
        restore_item(self._item(chance), actor=self.actor)

    def bin(self, chance: random.Random) -> None:
        some = {item.pk: item for item in (self._item(chance) for _ in range(3))}
        trash_items(self.product, list(some.values()), actor=self.actor)

    def undo(self, chance: random.Random) -> None:
        undo_last(self.product, actor=self.actor)

    def send(self, chance: random.Random) -> None:
        there = self.other if chance.random() < 0.5 else self.product
        here = self.product if there == self.other else self.other
        items = Item.objects.with_row().filter(product=here).order_by("pk")
        if items:
            move_to_product(chance.choice(list(items)), there, actor=self.actor)

    def edit(self, chance: random.Random) -> None:
        status = chance.choice(list(self.product.statuses.all()))
        update_item(self._item(chance), actor=self.actor, status=status)

    def move(self, chance: random.Random) -> None:
        home = chance.choice([inbox, product_backlog])(self.product)
        some = [self._item(chance) for _ in range(3)]
        move_items(self.product, some, actor=self.actor, spot=Spot.top(), to=home)

    def add(self, chance: random.Random) -> None:
        parent = self._item(chance)
        drafts = [ItemDraft("task", kind="task", parent=parent), ItemDraft("story")]
        create_items(self.product, drafts, actor=self.actor)

    def rename(self, chance: random.Random) -> None:
        mine = Product.objects.get(pk=self.product.pk)
        update_product(mine, actor=self.actor, goal=str(chance.random()))

    def redesign(self, chance: random.Random) -> None:
        mine = Product.objects.get(pk=self.product.pk)
        lines = _lines(mine)
        goal = str(chance.random())
        change_product(mine, actor=self.actor, statuses=lines, goal=goal)
        set_workflow(mine, lines, actor=self.actor)

    def _finding(self, chance: random.Random) -> Finding:
        ids = Finding.objects.order_by("pk").values_list("pk", flat=True)
        return Finding.objects.select_related("item__product", "item__backlog").get(
            pk=chance.choice(list(ids))
        )

    def _item(self, chance: random.Random) -> Item:
        mine = Item.objects.filter(product=self.product)
        ids = mine.order_by("pk").values_list("pk", flat=True)
        found: Item = Item.objects.with_row().get(pk=chance.choice(list(ids)))
        return found

    def work(self, seed: int, start: threading.Barrier) -> None:
        chance = random.Random(seed)
        start.wait()
        try:
            for _ in range(DEEDS_EACH):
                # Where it is refused, the world has moved on, which is no fault here.
                with contextlib.suppress(DomainError, ValidationError):
                    getattr(self, chance.choice(DEEDS))(chance)
        except Exception as error:  # noqa: BLE001 - any failure of a thread must reach the test
            self.failures.append(error)
        finally:
            close_old_connections()
            connection.close()


def _lines(product: Product) -> list[StatusLine]:
    return [
        StatusLine(status.name, status.category, status.slug) for status in product.statuses.all()
    ]


def locked_tables(statements: Iterable[str]) -> list[str]:
    """The tables of ORDER as they were first locked or written."""
    found = []
    for sql in statements:
        written = re.match(r'UPDATE "?(\w+)"?', sql)
        read = re.search(r'FROM "(\w+)".* FOR NO KEY UPDATE', sql, re.DOTALL)
        if table := written or read:
            found.append(table.group(1))
    return [table for table in dict.fromkeys(found) if table in ORDER]


@pytest.mark.parametrize("deed", DEEDS)
def test_each_deed_takes_its_locks_in_the_one_order(
    product: Product, cast: Cast, deed: str
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    crowd = Crowd(product, cast)
    update_product(product, actor=crowd.actor, first_run_limit=CHECKS)
    crowd.report(random.Random(1))
    Finding.objects.filter(pk__lte=Finding.objects.earliest("pk").pk + 2).update(item=None)
    seen = 0
    for seed in range(10):
        with (
            CaptureQueriesContext(connection) as queries,
            contextlib.suppress(DomainError, ValidationError),
            transaction.atomic(),
        ):
            getattr(crowd, deed)(random.Random(seed))
        tables = locked_tables(query["sql"] for query in queries)
        assert tables == sorted(tables, key=ORDER.index)
        seen += bool(tables)
    assert seen


@pytest.mark.django_db(transaction=True)
def test_whatever_people_and_evidence_do_at_once_nobody_waits_in_a_circle(
    product: Product, cast: Cast
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time; this is about PostgreSQL's locks")
    crowd = Crowd(product, cast)
    update_product(product, actor=crowd.actor, first_run_limit=3)
    for seed in range(3):
        crowd.report(random.Random(seed))
    start = threading.Barrier(16)
    threads = [threading.Thread(target=crowd.work, args=(seed, start)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert crowd.failures == []
    seqs = list(Activity.objects.filter(product=product).values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))
    assert not Item.objects.filter(deleted_at=None, rank=None).exists()


def at_once(*deeds: Callable[[], object]) -> list[Exception]:
    """Do these in threads of their own that start together; what was refused or failed."""
    start, failures = threading.Barrier(len(deeds)), []

    def work(deed: Callable[[], object]) -> None:
        start.wait()
        try:
            deed()
        except Exception as error:  # noqa: BLE001 - the test looks at each
            failures.append(error)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=work, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


@pytest.mark.django_db(transaction=True)
def test_of_two_merges_of_the_same_two_findings_at_once_one_is_refused(
    product: Product, cast: Cast
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time; this is about PostgreSQL's locks")
    crowd = Crowd(product, cast)
    crowd.report(random.Random(1))
    one, other = Finding.objects.filter(is_execution=False).order_by("pk")[:2]
    failures = at_once(
        lambda: findings.merge(one, other, actor=crowd.actor),
        lambda: findings.merge(other, one, actor=crowd.actor),
    )
    assert [type(failure) for failure in failures] == [Conflict]
    alias = Finding.objects.get(merged_into__isnull=False)
    assert alias.merged_into in {one, other} - {alias}
    assert FindingMerge.objects.get().gone == alias


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(5))
def test_a_merge_while_a_report_comes_in_loses_no_count(
    product: Product, cast: Cast, seed: int
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time; this is about PostgreSQL's locks")
    crowd = Crowd(product, cast)
    update_product(product, actor=crowd.actor, first_run_limit=CHECKS)

    def red(key: str) -> None:
        now = timezone.now()
        seen = [Observation(f"check {n}", {}, f"check {n}", Outcome.FAILED) for n in range(2)]
        findings.report(
            EvidenceReport(product, "gx", key, crowd.patients, key, now, seen),
            actor=Actor.system(),
        )

    red("first")
    one, other = Finding.objects.order_by("pk")
    failures = at_once(
        lambda: red("second"),
        lambda: findings.merge(one, other, actor=crowd.actor),
        lambda: red("third"),
    )
    assert failures == []
    counts = {found.pk: found for found in Finding.objects.all()}
    assert counts[one.pk].occurrence_count == counts[other.pk].occurrence_count == 3
    assert counts[other.pk].times_seen == 3
    assert (counts[one.pk].state, counts[other.pk].state) == ("resolved", "open")
    findings.split(counts[one.pk], actor=crowd.actor)
    assert set(Finding.objects.values_list("state", "occurrence_count")) == {("open", 3)}
