"""The times of schedules in tests: they come when a test says so."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from dataquality.models import Dataset, Schedule, Slot
from dataquality.services.schedules import ask_for_due
from tests.dataquality.conftest import work


def is_due(dataset: Dataset, at: datetime | None = None) -> datetime:
    """Let the next time of its schedule be now; when that is."""
    now = at or timezone.now().replace(second=0, microsecond=0)
    Schedule.objects.filter(dataset=dataset).update(next_at=now)
    return now


def last_slot(dataset: Dataset) -> Slot:
    return Slot.objects.filter(schedule=dataset.pk).latest("pk")


def ask(dataset: Dataset) -> int:
    """The next time of the schedule has come: how many runs are asked for."""
    for slot in Slot.objects.filter(schedule=dataset.pk).order_by("due_at"):
        slot.due_at -= timedelta(days=9)  # the earliest first, for no two are at one time
        slot.save(update_fields=["due_at"])
    is_due(dataset)
    return ask_for_due(timezone.now())


def come(dataset: Dataset) -> Slot:
    """The next time of the schedule has come, and a worker has seen to it."""
    assert ask(dataset) == 1
    work()
    work()
    return last_slot(dataset)
