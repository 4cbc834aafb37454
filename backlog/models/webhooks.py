"""Webhooks: who outside is told of a product's events, and what became of each message."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from backlog.models.jobs import Job
from backlog.models.people import User
from backlog.models.products import Product


class Webhook(models.Model):
    """An address that is told of a product's events, in their order.

    `told_seq` is the last event that was looked at for it. While `rests_until` lies ahead nothing
    is sent: the receiver was slow, or down the last `failures` times. Since `failing_since` nothing
    was received of what was tried.
    """

    product = models.ForeignKey(Product, models.CASCADE, related_name="webhooks")
    name = models.CharField(max_length=80)
    url = models.CharField(max_length=2000)
    events = models.JSONField(default=list)
    told_seq = models.PositiveBigIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    ended_why = models.CharField(max_length=300, blank=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    rests_until = models.DateTimeField(null=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "name"], name="webhook_name_in_product")
        ]

    def __str__(self) -> str:
        return self.name


class WebhookSecret(models.Model):
    """What the messages of a webhook are signed with, encrypted; after a change the ones before
    hold `until` a day later."""

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="secrets")
    secret = models.TextField()
    until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"a secret of {self.webhook}"


class Delivery(models.Model):
    """One message to one webhook: of the event `seq`, or a ping, which has none.

    `message_id` stays the same however often it is sent, so that receivers know it again. `about`
    names items and other things whose messages stay in order. `tries` says how each went:
    `{"at", "status", "error", "ms"}`.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Received"
        FAILED = "failed", "Not received"

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    message_id = models.CharField(max_length=80)
    seq = models.PositiveBigIntegerField(null=True)
    kind = models.CharField(max_length=60)
    payload = models.JSONField()
    about = models.JSONField(default=list)
    about_more = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    tries = models.JSONField(default=list)
    created_at = models.DateTimeField()
    due_since = models.DateTimeField()
    not_before = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "message_id"], name="a_webhook_hears_of_an_event_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "sent", "failed"]), name="delivery_states"
            ),
        ]
        indexes = [
            models.Index(
                fields=["webhook", "id"],
                condition=Q(state="waiting"),
                name="deliveries_that_wait",
            ),
            models.Index(
                fields=["webhook"], condition=Q(state="failed"), name="deliveries_that_failed"
            ),
            models.Index(fields=["created_at"], name="deliveries_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} {self.kind}"


class WebhookNews(models.Model):
    """That a webhook was switched off because its receiver failed for days, told to one person."""

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="news")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.webhook} to {self.user}"
