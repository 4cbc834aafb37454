"""What every report is drawn from: where an item stayed, how its status and points went, and how
findings came and went."""

from django.db import models
from django.db.models import F, Q

from backlog.models.backlogs import Backlog
from backlog.models.findings import Finding
from backlog.models.items import Item
from backlog.models.products import Category, Status


class Stay(models.Model):
    """The time that an item spent in a backlog. At most one stay of an item is open."""

    class Outcome(models.TextChoices):
        MOVED = "moved"
        DELETED = "deleted"
        CARRIED = "carried"
        DONE = "done"

    item = models.ForeignKey(Item, models.CASCADE, related_name="stays")
    backlog = models.ForeignKey(Backlog, models.PROTECT, related_name="stays")
    entered_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)

    class Meta:
        ordering = ["entered_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["item"], condition=Q(left_at__isnull=True), name="one_open_stay"
            ),
            models.CheckConstraint(
                condition=Q(left_at__isnull=True) | Q(left_at__gte=F("entered_at")),
                name="stay_ends_after_it_begins",
            ),
        ]
        indexes = [models.Index(fields=["backlog", "entered_at"], name="stay_in_backlog")]

    def __str__(self) -> str:
        return f"{self.item} in {self.backlog}"


class Transition(models.Model):
    """One row whenever an item's status or points change; the category is copied."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="transitions")
    at = models.DateTimeField()
    status = models.ForeignKey(Status, models.SET_NULL, null=True, related_name="+")
    category = models.CharField(max_length=10, choices=Category)
    points = models.DecimalField(max_digits=6, decimal_places=1, null=True)

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["item", "at"], name="transition_of_item")]

    def __str__(self) -> str:
        return f"{self.item}: {self.category}"


class FindingTransition(models.Model):
    """One row whenever a finding's state or score changes. Rows are never changed, and only
    an undo takes its own back: their ids are the order in which things happened, where two clocks
    differ."""

    finding = models.ForeignKey(Finding, models.CASCADE, related_name="transitions")
    at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=Finding.State)
    score = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.finding}: {self.state}"
