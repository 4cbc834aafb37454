"""What is kept for a while goes when its time is up."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.utils import timezone

from backlog.management.commands import dispatch
from backlog.models import KeptAnswer, Product, StoredReport
from backlog.services import housekeeping


def kept(product: Product) -> list[int]:
    return [model.objects.count() for model in (StoredReport, KeptAnswer, Session)]


def test_what_is_over_goes_and_what_is_not_stays(product: Product) -> None:
    now = timezone.now()
    for tracked in (True, False):
        StoredReport.objects.create(
            product=product,
            source="ci",
            key=str(tracked),
            batch_key="b",
            batch_at=now,
            reported_at=now,
            tracked=tracked,
        )
    KeptAnswer.objects.create(principal="user:1", route="POST /", key="k", body_hash="h")
    Session.objects.create(session_key="s", session_data="", expire_date=now + timedelta(days=14))
    for days, left in ((0, [2, 1, 1]), (2, [2, 0, 1]), (15, [2, 0, 0]), (31, [1, 0, 0])):
        housekeeping.tidy_up(now + timedelta(days=days))
        assert kept(product) == left, days


def test_a_chore_that_fails_keeps_no_other_from_being_done(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def fail(now: datetime) -> int:
        raise ValueError("a file is in the way")

    def sweep(now: datetime) -> int:
        done.append("sweep")
        return 1

    def cut_off(now: datetime) -> int:
        raise OperationalError("the database is away")

    monkeypatch.setattr(housekeeping, "_chores", [fail])
    housekeeping.register(sweep)
    housekeeping.tidy_up(timezone.now())
    assert done == ["sweep"]
    housekeeping.register(cut_off)
    with pytest.raises(OperationalError):
        housekeeping.tidy_up(timezone.now())


def test_the_dispatcher_tidies_up_once_an_hour(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    tidied: list[datetime] = []
    monkeypatch.setattr(dispatch, "tidy_up", tidied.append)
    monkeypatch.setattr(dispatch, "queue_depth", lambda queue: 0)
    dispatcher = dispatch.Dispatcher()
    for _ in range(3):
        dispatcher.turn()
    assert len(tidied) == 1
    dispatcher._tidied_at -= dispatch.TIDY_EVERY_S
    dispatcher.turn()
    assert len(tidied) == 2
