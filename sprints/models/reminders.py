"""How long ahead a product reminds its people, and what they are told of actions."""

from __future__ import annotations

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from backlog.models import Product, User
from sprints.models.ceremonies import LONGEST_NOTICE, Outcome

USUAL_MINUTES, USUAL_DAYS = 15, 1
MOST_DAYS = 30


class Notice(models.Model):
    """How long ahead people are reminded; a product without a row does as usual.

    `ceremony_minutes` before the start is what new ceremonies begin with, None for not at all;
    `action_days` before its day the owner of an action is reminded, None for never.
    """

    product = models.OneToOneField(Product, models.CASCADE, primary_key=True, related_name="notice")
    ceremony_minutes = models.PositiveSmallIntegerField(
        null=True, default=USUAL_MINUTES, validators=[MaxValueValidator(LONGEST_NOTICE)]
    )
    action_days = models.PositiveSmallIntegerField(
        null=True, default=USUAL_DAYS, validators=[MaxValueValidator(MOST_DAYS)]
    )

    def __str__(self) -> str:
        return f"Notice of {self.product_id}"


class ActionNews(models.Model):
    """What the owner of an action is told: that it is due."""

    outcome = models.ForeignKey(Outcome, models.CASCADE, related_name="news")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    due_date = models.DateField()
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(
                fields=["user"], condition=Q(read_at__isnull=True), name="unseen_action_of_user"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["outcome", "user", "due_date"], name="told_once_of_a_due_date"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.outcome_id} is due"
