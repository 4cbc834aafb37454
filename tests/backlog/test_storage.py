"""Administrators see what takes room and for how long, and have what is past its time deleted."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from backlog.models import Actor, Job, KeptAnswer, Product, User
from backlog.queries.storage import Kept, Room, storage
from backlog.rules.keeping import in_words
from backlog.services import housekeeping, jobs
from backlog.services.attachments import Incoming, add_attachment
from backlog.services.items import ItemDraft, create_item
from tests.conftest import Cast

PAGE = "/storage/"


def kind(name: str) -> Kept:
    return next(kept for kept in storage().kinds if kept.name == name)


@pytest.mark.parametrize(("days", "words"), [(0, "for ever"), (1, "1 day"), (30, "30 days")])
def test_how_long_in_words(days: int, words: str) -> None:
    assert in_words(days) == words


def test_files_are_counted_by_kind_and_product(product: Product, cast: Cast) -> None:
    olga = Actor.person(cast.olga)
    item = create_item(product, ItemDraft("Second reading"), actor=olga)
    for name, size in (("a.txt", 1000), ("b.txt", 24)):
        add_attachment(item, Incoming(name, [b"x" * size]), actor=olga)
    assert kind("Attachments").all == Room(2, 1024)
    found = storage()
    assert found.files == Room(2, 1024)
    assert [(row.product, row.files) for row in found.products] == [(product, Room(2, 1024))]
    assert found.database is None or found.database > 0
    assert found.free is not None


@pytest.fixture
def nora(db: None) -> User:
    """The administrator, who is a member of no product."""
    return User.objects.create_user(
        "nora@example.org", "Nora Lindqvist", "pw", is_administrator=True
    )


def test_the_page_is_for_administrators(
    product: Product, cast: Cast, nora: User, as_person: Any
) -> None:
    assert as_person(cast.max).get(PAGE).status_code in {403, 404}
    html = as_person(nora).get(PAGE).content.decode()
    for words in ("Versions of datasets", "Attachments", "Deliveries of webhooks", "30 days"):
        assert words in html


def test_an_administrator_has_it_pruned(nora: User, as_person: Any) -> None:
    old(timezone.now() - timedelta(days=2))
    assert as_person(nora).post(f"{PAGE}prune/").status_code == 302
    job = Job.objects.get(kind="prune")
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, KeptAnswer.objects.count()) == ("done", 0)


def old(at: datetime) -> None:
    answer = KeptAnswer.objects.create(principal="user:1", route="POST /", key="k", body_hash="h")
    KeptAnswer.objects.filter(pk=answer.pk).update(created_at=at)


def test_the_command_says_what_went(db: None) -> None:
    old(timezone.now() - timedelta(days=2))
    said = StringIO()
    call_command("prune", stdout=said)
    assert said.getvalue() == "forget_answers: 1\n"
    call_command("prune", stdout=said)
    assert said.getvalue().endswith("Nothing is past its time.\n")


def test_chores_of_one_name_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    def chore(*counts: int) -> Any:
        left = list(counts)

        def forget(now: datetime) -> int:
            return left.pop(0)

        return forget

    monkeypatch.setattr(housekeeping, "_chores", [chore(3, 0), chore(0, 0)])
    assert housekeeping.prune(timezone.now()) == {"forget": 3}


def test_pruning_goes_on_until_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    left = {"many": [3, 2, 0], "none": [0]}

    def many(now: datetime) -> int:
        return left["many"].pop(0)

    def none(now: datetime) -> int:
        return left["none"].pop(0)

    def fails(now: datetime) -> int:
        raise ValueError("a file is in the way")

    monkeypatch.setattr(housekeeping, "_chores", [many, fails, none])
    assert housekeeping.prune(timezone.now()) == {"many": 5, "none": 0}
    assert left == {"many": [], "none": []}
