"""Findings: one trouble as the evidence sees it, however often it is seen."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from backlog.models.items import Item
from backlog.models.people import User
from backlog.models.products import Product
from backlog.models.subjects import Subject
from backlog.rules.severity import Priority, Severity


class EvidenceSource(models.Model):
    """Who speaks for a source: the person who used its name first, else the product's tokens."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="sources")
    name = models.CharField(max_length=60)
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "name"], name="a_source_has_one_speaker")
        ]

    def __str__(self) -> str:
        return self.name


class StoredReport(models.Model):
    """A report that has been taken: the same (source, key) again changes nothing.

    `observations` says what untracked evidence saw, which touches no finding; of tracked evidence
    the occurrences say it.
    """

    product = models.ForeignKey(Product, models.CASCADE, related_name="reports")
    source = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    subject = models.ForeignKey(Subject, models.CASCADE, null=True, related_name="reports")
    batch_key = models.CharField(max_length=200)
    batch_at = models.DateTimeField()
    reported_at = models.DateTimeField()
    trigger = models.CharField(max_length=20, blank=True)
    context = models.JSONField(default=dict)
    tracked = models.BooleanField(default=True)
    awaiting = models.PositiveIntegerField(default=0)
    filed = models.JSONField(default=dict)
    observations = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "source", "key"], name="a_report_is_taken_once"
            )
        ]
        indexes = [models.Index(fields=["subject", "batch_at"], name="report_of_subject")]

    def __str__(self) -> str:
        return f"{self.source} {self.key}"


class Finding(models.Model):
    """One trouble: unique by product, source and fingerprint, with at most one present item.

    `errored_checks` are the fingerprints of the checks that an execution finding waits to be
    judged again. `muted_with_item`: it was muted as its item went into the trash. `last_outcome`
    is what the newest batch said, and `flips` are the times at which that turned within the last
    week. What is merged into another keeps its own row and counts: it is an alias, whose evidence
    reports to the other; `alias_count` is how often aliases were red while this was not.
    """

    class State(models.TextChoices):
        OPEN = "open"
        MUTED = "muted"
        RESOLVED = "resolved"
        OBSOLETE = "obsolete"

    class Reason(models.TextChoices):
        """Why a finding was resolved."""

        GREEN = "green", "The evidence turned green"
        FIXED = "fixed", "Fixed"
        FALSE_POSITIVE = "false_positive", "False positive"
        ACCEPTED = "accepted", "Accepted for now"
        DUPLICATE = "duplicate", "Duplicate"
        UPSTREAM = "upstream", "To be fixed upstream"

    product = models.ForeignKey(Product, models.CASCADE, related_name="findings")
    source = models.CharField(max_length=60)
    fingerprint = models.CharField(max_length=64)
    fingerprint_inputs = models.JSONField(default=list)
    subject = models.ForeignKey(Subject, models.CASCADE, null=True, related_name="findings")
    check_name = models.CharField(max_length=120)
    title = models.CharField(max_length=250)
    is_execution = models.BooleanField(default=False)
    severity = models.CharField(max_length=10, choices=[(s, s) for s in Severity])
    excess = models.FloatField(null=True)
    score = models.PositiveSmallIntegerField(default=0)
    priority = models.CharField(max_length=2, choices=[(p, p) for p in Priority])
    priority_set_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    regressed = models.BooleanField(default=False)
    awaiting_evidence = models.BooleanField(default=False)
    awaiting_decision = models.BooleanField(default=False)
    recovered = models.BooleanField(default=False)
    flapping = models.BooleanField(default=False)
    stale = models.BooleanField(default=False)
    obsolete_proposed = models.BooleanField(default=False)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    last_batch_key = models.CharField(max_length=200, blank=True)
    last_batch_at = models.DateTimeField()
    last_failed_at = models.DateTimeField()
    green_batch_keys = models.JSONField(default=list)
    occurrence_count = models.PositiveIntegerField(default=0)
    evidence = models.JSONField(default=dict)
    item = models.ForeignKey(Item, models.SET_NULL, null=True, related_name="findings")
    resolved_at = models.DateTimeField(null=True)
    resolved_reason = models.CharField(max_length=20, choices=Reason, blank=True)
    resolved_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    resolved_note = models.TextField(blank=True)
    resolved_batch_at = models.DateTimeField(null=True)
    muted_until = models.DateTimeField(null=True)
    muted_cap = models.FloatField(null=True)
    muted_with_item = models.BooleanField(default=False)
    errored_checks = models.JSONField(default=list)
    last_outcome = models.CharField(max_length=10, blank=True)
    flips = models.JSONField(default=list)
    merged_into = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="aliases"
    )
    alias_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["priority", "-last_seen"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "source", "fingerprint"], name="one_finding_per_fingerprint"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "muted", "resolved", "obsolete"]),
                name="finding_state",
            ),
            models.CheckConstraint(
                condition=~Q(state="resolved") | ~Q(resolved_reason=""),
                name="a_resolved_finding_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | Q(state="resolved"),
                name="what_is_merged_is_resolved",
            ),
        ]
        indexes = [
            models.Index(fields=["product", "state", "priority"], name="finding_in_product"),
            models.Index(fields=["subject", "state"], name="finding_of_subject"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def times_seen(self) -> int:
        """How many reports saw it red, under its own name or that of an alias."""
        return self.occurrence_count + self.alias_count


class FindingMerge(models.Model):
    """That a finding is merged into another, and how things stood before: what a split needs."""

    gone = models.OneToOneField(Finding, models.CASCADE, related_name="merge")
    kept = models.ForeignKey(Finding, models.CASCADE, related_name="merges")
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    before = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.gone} into {self.kept}"


class Storm(models.Model):
    """Many new findings at once, under one item. It goes on while more come within the hour."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="storms")
    subject = models.ForeignKey(Subject, models.CASCADE, null=True, related_name="+")
    item = models.OneToOneField(Item, models.CASCADE, related_name="storm")
    began_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["product", "last_at"], name="storm_in_product")]

    def __str__(self) -> str:
        return self.item.title


class FindingNews(models.Model):
    """What one person is told of findings: one row for all of a report. Without a finding it leads
    to the triage."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    product = models.ForeignKey(Product, models.CASCADE, related_name="+")
    finding = models.ForeignKey(Finding, models.CASCADE, null=True, related_name="+")
    item = models.ForeignKey(Item, models.CASCADE, null=True, related_name="+")
    words = models.CharField(max_length=400)
    icon = models.CharField(max_length=30)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["user"], condition=Q(read_at__isnull=True), name="finding_news")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.words}"


class KnownCheck(models.Model):
    """A check that has been judged before: a first red of one that is not known is a new check."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="known_checks")
    source = models.CharField(max_length=60)
    fingerprint = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "source", "fingerprint"], name="a_check_is_known_once"
            )
        ]

    def __str__(self) -> str:
        return self.fingerprint


class Occurrence(models.Model):
    """A finding as one report saw it; with the item that it belonged to at that time."""

    finding = models.ForeignKey(Finding, models.CASCADE, related_name="occurrences")
    report = models.ForeignKey(StoredReport, models.CASCADE, related_name="occurrences")
    outcome = models.CharField(max_length=10)
    severity = models.CharField(max_length=10)
    excess = models.FloatField(null=True)
    score = models.PositiveSmallIntegerField(default=0)
    evidence = models.JSONField(default=dict)
    item = models.ForeignKey(Item, models.SET_NULL, null=True, related_name="+")
    batch_key = models.CharField(max_length=200)
    batch_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-seen_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["finding", "report"], name="one_occurrence_per_report")
        ]

    def __str__(self) -> str:
        return f"{self.finding} {self.outcome}"
