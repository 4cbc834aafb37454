"""What tools say of the work on an item: experiments, builds and pull requests."""

from __future__ import annotations

from django.db import models

from backlog.models.items import Item
from backlog.models.people import User
from backlog.models.tokens import ApiToken


class ItemEvidence(models.Model):
    """One run of one tool for an item, such as run 8f3c of MLflow, as the tool said it last.

    `status` is the tool's own word; `metrics` are numbers by name; `context` is where it ran.
    """

    item = models.ForeignKey(Item, models.CASCADE, related_name="evidence")
    tool = models.CharField(max_length=60)
    run_id = models.CharField(max_length=200)
    status = models.CharField(max_length=40)
    url = models.CharField(max_length=1000, blank=True)
    metrics = models.JSONField(default=dict)
    commit = models.CharField(max_length=100, blank=True)
    context = models.JSONField(default=dict)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    token = models.ForeignKey(ApiToken, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-updated_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["item", "tool", "run_id"], name="one_evidence_of_a_run_on_an_item"
            )
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.run_id}"
