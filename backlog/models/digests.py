"""What a person wants to be told of, and how often it also goes out to them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from backlog.models.people import User
from backlog.models.products import Product


class NewsChoice(models.Model):
    """How much of one product a person hears of; without a choice, all that concerns them."""

    class Level(models.TextChoices):
        WATCHED = "watched", "All that concerns me"
        DIRECT = "direct", "Mentions and assignments"
        NONE = "none", "Nothing"

    user = models.ForeignKey(User, models.CASCADE, related_name="news_choices")
    product = models.ForeignKey(Product, models.CASCADE, related_name="+")
    level = models.CharField(max_length=10, choices=Level)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "product"], name="one_choice_of_news"),
            models.CheckConstraint(
                condition=Q(level__in=["watched", "direct", "none"]), name="levels_of_news"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.level} of {self.product}"


class Digest(models.Model):
    """How a person gets what they have not read: by mail, to a chat of their own, or both.

    Who has none gets nothing. `chat_address` is encrypted and never shown again, `chat_service`
    says what it leads to; `hour` is of the person's own zone; what happened until `told_until` was
    told, and the next goes out at `next_at`. `error` says why the last one did not arrive.
    """

    class Every(models.TextChoices):
        HOUR = "hour", "Every hour"
        DAY = "day", "Once a day"
        WORKDAY = "workday", "Once a day, Monday to Friday"

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="digest")
    every = models.CharField(max_length=10, choices=Every)
    hour = models.PositiveSmallIntegerField(default=8)
    by_mail = models.BooleanField(default=True)
    chat_service = models.CharField(max_length=60, blank=True)
    chat_address = models.TextField(blank=True)
    told_until = models.DateTimeField()
    next_at = models.DateTimeField(db_index=True)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(every__in=["hour", "day", "workday"]), name="rhythms_of_digests"
            ),
            models.CheckConstraint(condition=Q(hour__lte=23), name="a_digest_comes_at_an_hour"),
            models.CheckConstraint(
                condition=Q(by_mail=True) | ~Q(chat_address=""), name="a_digest_goes_somewhere"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_every_display()} to {self.user}"
