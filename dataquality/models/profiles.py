"""Profiles: what a version of a dataset looks like, and the checks that this suggests."""

from django.db import models

from backlog.models import Job
from dataquality.models.datasets import DatasetVersion


class Profile(models.Model):
    """The profile of a version, redacted; its job says whether it is still being made.

    Where its connection makes as many profiles as it may, it has no job yet, and waits since
    `waiting_since`.

    `suggestions` are expectations as a suite holds them, each with a reason and the number of
    rows that break it now.
    """

    version = models.OneToOneField(DatasetVersion, models.CASCADE, related_name="profile")
    job = models.OneToOneField(Job, models.SET_NULL, null=True, related_name="profile")
    data = models.JSONField(default=dict)
    suggestions = models.JSONField(default=list)
    requested_at = models.DateTimeField(auto_now=True)
    waiting_since = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.CharField(max_length=1000, blank=True)

    def __str__(self) -> str:
        return f"profile of {self.version}"

    @property
    def state(self) -> str:
        """queued or running while its job is, then failed or done."""
        if self.waiting_since is not None:
            return "queued"
        if self.job is not None and not self.job.is_finished:
            return str(self.job.state)
        return "failed" if self.error_code else "done"
