"""Runs: one execution of a suite on a version of a dataset, and what each check said."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from backlog.models import Finding, Job, StoredReport, User
from backlog.rules.severity import Severity
from dataquality.models.datasets import Dataset, DatasetVersion
from dataquality.models.suites import SuiteVersion
from dataquality.rules.batches import batch_key


class RunState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    PASSED = "passed", "Passed"
    FAILED = "failed", "Failed"
    ERRORED = "errored", "Could not run"
    CANCELLED = "cancelled", "Cancelled"


class Trigger(models.TextChoices):
    MANUAL = "manual", "by hand"
    SCHEDULE = "schedule", "by schedule"
    API = "api", "by REST"
    UPLOAD = "upload", "with an upload"
    INGEST = "ingest", "made elsewhere"


class Outcome(models.TextChoices):
    PASSED = "passed", "Passed"
    FAILED = "failed", "Failed"
    ERRORED = "errored", "Could not run"
    VACUOUS = "vacuous", "Nothing to check"


FINISHED = frozenset({RunState.PASSED, RunState.FAILED, RunState.ERRORED, RunState.CANCELLED})


class RunQuerySet(models.QuerySet["Run"]):
    def with_row(self) -> RunQuerySet:
        """With all that a row of a list shows."""
        waiting = (
            Result.objects.filter(run=OuterRef("pk"), finding__awaiting_decision=True)
            .order_by()
            .values("run")
            .annotate(number=Count("finding", distinct=True))
            .values("number")
        )
        return self.annotate(awaiting=Coalesce(Subquery(waiting), 0)).select_related(
            "job",
            "version__dataset__subject",
            "dataset__connection",
            "suite_version",
            "requested_by",
            "dataset__subject__product",
        )


MAKERS = {
    "gx": "Great Expectations",
    "dbt": "dbt",
    "junit": "JUnit tests",
    "generic": "another tool",
}
TEST = "junit"  # the type of what a test of a program said
UNNAMED = "post:"  # begins the key of a posted report that has no name of its own
SOURCE_OF_RUNS = "gx"  # what findings name as the source of what a run says


class Run(models.Model):
    """One execution of a suite on a version. Its job carries progress; its state what was found.

    `statistics` is `{"total", "passed", "failed", "errored", "vacuous", "health"}` without the
    guard, and the outcome of that as `"guard"`. `awaiting`, of `with_row`, counts the findings of
    the run that wait for a yes by now. `batch` is `{"by", "column", "value"}` where the run looks
    at a part of the rows, and `batch_at` when that part was complete. At `samples_removed_at` its
    failing rows were removed, as their time was up.

    A run of trigger `ingest` was made elsewhere and posted by `source`: it has no suite of ours and
    no version, but a `batch_key` of its own, and counts for health and gate where the dataset has
    no suite here. `digest` tells whether the same `external_id` came with the same content.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="runs")
    version = models.ForeignKey(DatasetVersion, models.CASCADE, null=True, related_name="runs")
    suite_version = models.ForeignKey(SuiteVersion, models.CASCADE, null=True, related_name="runs")
    source = models.CharField(max_length=60, default=SOURCE_OF_RUNS)
    batch_key = models.CharField(max_length=200, blank=True)
    batch_at = models.DateTimeField(null=True)
    external_id = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    job = models.OneToOneField(Job, models.SET_NULL, null=True, related_name="run")
    batch = models.JSONField(null=True, blank=True)
    engine = models.CharField(max_length=20, default="pandas")
    trigger = models.CharField(max_length=10, choices=Trigger, default=Trigger.MANUAL)
    context = models.JSONField(default=dict)
    tracked = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=RunState, default=RunState.QUEUED)
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    statistics = models.JSONField(default=dict)
    health = models.FloatField(null=True)
    samples_removed_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.CharField(max_length=1000, blank=True)
    report = models.OneToOneField(StoredReport, models.SET_NULL, null=True, related_name="run")

    objects: ClassVar[Any] = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=RunState.values) & Q(trigger__in=Trigger.values),
                name="run_choices",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"], finished_at__isnull=True)
                | Q(
                    state__in=["passed", "failed", "errored", "cancelled"],
                    finished_at__isnull=False,
                ),
                name="a_run_ends_when_it_is_finished",
            ),
            models.CheckConstraint(
                condition=~Q(state="errored") | ~Q(error_code=""),
                name="an_errored_run_says_why",
            ),
            models.CheckConstraint(
                condition=Q(started_at__isnull=True)
                | Q(finished_at__isnull=True)
                | Q(finished_at__gte=F("started_at")),
                name="a_run_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(trigger="ingest", batch_at__isnull=False)
                | Q(version__isnull=False, suite_version__isnull=False),
                name="a_run_of_ours_has_version_and_suite",
            ),
        ]
        indexes = [
            models.Index(fields=["dataset", "-id"], name="run_of_dataset"),
            models.Index(fields=["requested_at"], name="runs_by_age"),
            models.Index(fields=["dataset", "tracked", "state"], name="run_that_counts"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.dataset}"

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether its results were posted; it can be neither cancelled nor run again here."""
        return self.trigger == Trigger.INGEST

    @property
    def made_by(self) -> str:
        """What carried it out, as people call it."""
        return MAKERS.get(self.engine, self.engine)

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED

    @property
    def data_key(self) -> str:
        """What tells the data that it looked at from other data of the dataset."""
        if self.batch is not None:
            return batch_key(self.dataset.slug, self.batch)
        return self.batch_key or (self.version.batch_key if self.version else "")

    @property
    def data_name(self) -> str:
        """What people elsewhere call the data of a posted run; empty where they named none, and
        its key is one of ours."""
        part = self.batch_key.removeprefix(f"{self.dataset.slug}:")
        return "" if part.startswith(UNNAMED) else self.batch_key

    @property
    def batch_label(self) -> str:
        """Which part of the rows it looked at, in words; empty where all."""
        if self.batch is None:
            return ""
        value = self.batch["value"]
        return f"{self.batch['column']} {'null' if value is None else value}"

    @property
    def progress(self) -> float:
        """0 to 1."""
        if self.is_finished:
            return 1.0
        return self.job.progress if self.job else 0.0

    @property
    def duration_s(self) -> float | None:
        """How long the work took, without waiting in the queue."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


class Result(models.Model):
    """One expectation in one run. Values stand in `observed_value` and `sample` alone, redacted."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="results")
    position = models.PositiveIntegerField()
    type = models.CharField(max_length=120)
    column = models.CharField(max_length=250, blank=True)
    kwargs = models.JSONField(default=dict)
    meta = models.JSONField(default=dict)
    severity = models.CharField(max_length=10, choices=[(s, s) for s in Severity])
    outcome = models.CharField(max_length=10, choices=Outcome)
    guard = models.BooleanField(default=False)
    fingerprint = models.CharField(max_length=64, blank=True)
    observed_value = models.JSONField(null=True)
    element_count = models.PositiveBigIntegerField(null=True)
    unexpected_count = models.PositiveBigIntegerField(null=True)
    unexpected_percent = models.FloatField(null=True)
    excess = models.FloatField(null=True)
    sample = models.JSONField(default=list)
    message = models.TextField(max_length=4096, blank=True)
    finding = models.ForeignKey(Finding, models.SET_NULL, null=True, related_name="results")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="result_position_in_run"),
            models.CheckConstraint(
                condition=Q(outcome__in=Outcome.values) & Q(severity__in=list(Severity)),
                name="result_choices",
            ),
        ]
        indexes = [models.Index(fields=["fingerprint", "run"], name="result_over_runs")]

    def __str__(self) -> str:
        return f"{self.type} {self.column}: {self.outcome}"

    @property
    def about(self) -> str:
        """Its column, else the table; a test of a program is about neither."""
        return self.column or ("–" if self.type == TEST else "table")
