"""Alerts: where a product's findings are told, by which rules, and what was sent."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from backlog.models.findings import StoredReport
from backlog.models.jobs import Job
from backlog.models.people import User
from backlog.models.products import Product
from backlog.rules.severity import Severity


class AlertChannel(models.Model):
    """A chat, mailbox or service that hears of findings. `address` is encrypted and never shown
    again; `service` says what it leads to. Within the quiet hours, in its zone, messages wait."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="alert_channels")
    name = models.CharField(max_length=80)
    service = models.CharField(max_length=60)
    address = models.TextField()
    is_active = models.BooleanField(default=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=60, default="UTC")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "name"], name="channel_name_in_product"),
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_begin_and_end",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AlertRule(models.Model):
    """What a channel hears: findings of a severity or worse, of everybody's data or of one
    owner's."""

    channel = models.ForeignKey(AlertChannel, models.CASCADE, related_name="rules")
    severity = models.CharField(
        max_length=10, choices=[(s, s) for s in Severity], default=Severity.CRITICAL
    )
    owner = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(severity__in=list(Severity)), name="alert_rule_choices"
            )
        ]

    def __str__(self) -> str:
        return f"{self.severity} to {self.channel}"


class AlertMessage(models.Model):
    """One message to one channel: of one report, or a trial. Counts, names and a link; no value.

    It waits until `not_before`, then its job sends it, with others of the channel that waited too.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Not sent"

    channel = models.ForeignKey(AlertChannel, models.CASCADE, related_name="messages")
    report = models.ForeignKey(StoredReport, models.SET_NULL, null=True, related_name="+")
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=200)
    lines = models.JSONField(default=list)
    link = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    error = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    not_before = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "report"], name="a_channel_hears_of_a_report_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "sending", "sent", "failed"]),
                name="alert_message_states",
            ),
        ]
        indexes = [models.Index(fields=["channel", "state"], name="messages_of_channel")]

    def __str__(self) -> str:
        return self.title
