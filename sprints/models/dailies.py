"""Dailies: what each person of a team has done, does next and waits for, day by day."""

from django.db import models

from backlog.models import Item, User
from sprints.models.sprints import Sprint


class DailyNote(models.Model):
    """What one person says on one day of a sprint, in the daily or before it.

    `blocked_item` is the item that waits by it, and `marked` the reason that was written on that
    item, by which it is known again when the person waits no more.
    """

    sprint = models.ForeignKey(Sprint, models.CASCADE, related_name="daily_notes")
    day = models.DateField()  # in the zone of the sprint
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    done = models.TextField(blank=True, max_length=2000)
    next = models.TextField(blank=True, max_length=2000)
    blocked = models.TextField(blank=True, max_length=2000)
    blocked_item = models.ForeignKey(Item, models.SET_NULL, null=True, related_name="+")
    marked = models.CharField(max_length=300, blank=True)
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["day", "user__name"]
        constraints = [
            models.UniqueConstraint(fields=["sprint", "day", "user"], name="one_daily_note_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.day}"
