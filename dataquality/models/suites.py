"""Suites: what is expected of a dataset; each saved suite is a version that never changes."""

from django.db import models
from django.db.models import Q

from backlog.models import User
from dataquality.models.datasets import Dataset


class SuiteVersion(models.Model):
    """A suite as saved: `[{"type", "kwargs", "severity", "meta"}]`, in order, as GX has it.

    It is in force from the moment it is saved. Approval says that somebody else has looked at it;
    once a suite of the dataset was approved, gates stay shut for a later one until it is, too.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="suite_versions")
    number = models.PositiveIntegerField()
    expectations = models.JSONField(default=list)
    saved_at = models.DateTimeField(auto_now_add=True)
    saved_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    needs_approval = models.BooleanField(default=False)
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="suite_number_in_dataset"),
            models.CheckConstraint(condition=Q(number__gte=1), name="suites_count_from_one"),
        ]

    def __str__(self) -> str:
        return f"suite {self.number} of {self.dataset}"
