"""Dispatchers that look at the clock in the same moment."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection, connections
from django.utils import timezone

from backlog.models import Actor, Job
from backlog.services.products import create_product
from dataquality.models import Schedule, Slot
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.schedules import ScheduleDraft, ask_for_due
from tests.conftest import Cast
from tests.dataquality.conftest import PATIENTS, upload

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]
DISPATCHERS, TIMES = 4, 5


def test_each_time_comes_once_however_many_dispatchers_look(
    transactional_db: None, cast: Cast
) -> None:
    olga = Actor.person(cast.olga)
    product = create_product(key="MED", name="Diagnosis model", owner=cast.olga, actor=olga)
    draft = DatasetDraft(name="Patients", schedule=ScheduleDraft("* * * * *"))
    register_dataset(product, draft, upload(PATIENTS), actor=olga)
    first = timezone.now().replace(second=0, microsecond=0)
    asked: list[int] = []
    for number in range(TIMES):
        now = first + timedelta(minutes=number)
        Schedule.objects.update(next_at=now)
        Slot.objects.update(state="ran")
        barrier = Barrier(DISPATCHERS)

        def look() -> None:
            try:
                barrier.wait(timeout=10)  # noqa: B023  joined within the round
                asked.append(ask_for_due(now))  # noqa: B023
            finally:
                connections.close_all()

        threads = [Thread(target=look) for _ in range(DISPATCHERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (len(asked), sum(asked)) == (DISPATCHERS * TIMES, TIMES)
    assert Slot.objects.count() == TIMES
    assert Job.objects.filter(kind="scheduled_run").count() == TIMES
