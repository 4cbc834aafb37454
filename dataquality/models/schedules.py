"""Schedules: when datasets are checked by themselves, and what became of each of those times."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from backlog.models import Job, User
from dataquality.models.datasets import Dataset
from dataquality.models.runs import Run
from dataquality.rules.schedules import in_words


class Schedule(models.Model):
    """When a dataset is checked: `cron` in five fields, as clocks of the IANA zone `zone` show it.

    `next_at` is the next time, None while it is paused or where none is to come. With `only_new` a
    time at which the source shows nothing new starts no run; `watch_column`, of a database, holds
    times that grow with whatever is new. `seen` tells the state of the source when it was last
    read from other states, without a value of it; `changed_at` when that last became another one.
    """

    dataset = models.OneToOneField(
        Dataset, models.CASCADE, primary_key=True, related_name="schedule"
    )
    cron = models.CharField(max_length=100)
    zone = models.CharField(max_length=60, default="UTC")
    only_new = models.BooleanField(default=True)
    watch_column = models.CharField(max_length=250, blank=True)
    paused_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True, db_index=True)
    seen = models.CharField(max_length=64, blank=True)
    looked_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)
    set_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    set_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(paused_at__isnull=True) | Q(next_at__isnull=True),
                name="a_paused_schedule_has_no_next_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.cron} ({self.zone})"

    @property
    def words(self) -> str:
        """When that is, such as `At 06:00 every day`."""
        return in_words(self.cron)

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None


class SlotState(models.TextChoices):
    """What became of a time of a schedule."""

    WAITING = "waiting", "Under way"
    RAN = "ran", "Ran"
    UNCHANGED = "unchanged", "No new data"
    SKIPPED = "skipped", "Left out"
    REFUSED = "refused", "Could not run"


class Slot(models.Model):
    """One time of a schedule, and what became of it; there is one row a time, whoever saw it first.

    `missed` are times right before it that nobody was there to see; this one stands for them.
    """

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="slots")
    due_at = models.DateTimeField()
    missed = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=SlotState, default=SlotState.WAITING)
    detail = models.CharField(max_length=1000, blank=True)
    job = models.OneToOneField(Job, models.SET_NULL, null=True, related_name="slot")
    run = models.OneToOneField(Run, models.SET_NULL, null=True, related_name="slot")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-due_at"]
        constraints = [
            models.UniqueConstraint(fields=["schedule", "due_at"], name="a_time_comes_once"),
            models.CheckConstraint(condition=Q(state__in=SlotState.values), name="slot_choices"),
        ]

    def __str__(self) -> str:
        return f"{self.schedule} at {self.due_at:%Y-%m-%d %H:%M}: {self.state}"
