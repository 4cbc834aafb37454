"""Imports: a file of another tool on its way into the backlog, and what became of each row."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.functional import cached_property

from backlog.models.items import Item
from backlog.models.jobs import Job
from backlog.models.people import Actor, ActorKind, User
from backlog.models.products import Product
from backlog.models.tokens import ApiToken


class Import(models.Model):
    """A file that somebody sent, how it is mapped, and the jobs that try it, carry it out and
    revert it.

    Whoever sent it is the actor of all that the import does. The file is kept until the import is
    done; `mapping` is that of `importers.mapping`, `found` what a person sees while mapping, and
    `reverted` says what a revert did, see `services.import_reverts`.
    """

    class State(models.TextChoices):
        """Follows from the jobs."""

        MAPPING = "mapping", "to be mapped"
        CHECKING = "checking", "dry run under way"
        CHECKED = "checked", "ready to start"
        IMPORTING = "importing", "importing"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"
        REVERTING = "reverting", "being reverted"
        REVERTED = "reverted", "reverted"

    product = models.ForeignKey(Product, models.CASCADE, related_name="imports")
    filename = models.CharField(max_length=200)
    file = models.CharField(max_length=300, blank=True)
    bytes = models.PositiveBigIntegerField()
    rows = models.PositiveIntegerField(default=0)
    mapping = models.JSONField(default=dict)
    found = models.JSONField(default=dict)
    check_job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    actor_kind = models.CharField(max_length=10, choices=ActorKind)
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    token = models.ForeignKey(ApiToken, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    revert_job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    reverter_kind = models.CharField(max_length=10, choices=ActorKind, blank=True)
    reverter = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    reverter_token = models.ForeignKey(ApiToken, models.SET_NULL, null=True, related_name="+")
    reverted_at = models.DateTimeField(null=True)
    reverted = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["product", "-id"], name="import_of_product")]

    def __str__(self) -> str:
        return self.filename

    @cached_property
    def actor(self) -> Actor:
        return Actor(ActorKind(self.actor_kind), user=self.user, token=self.token)

    @property
    def reverting_actor(self) -> Actor:
        """Who asked for the revert."""
        kind = ActorKind(self.reverter_kind)
        return Actor(kind, user=self.reverter, token=self.reverter_token)

    @property
    def state(self) -> str:
        if self.reverted_at is not None:
            return self.State.REVERTED
        if self.revert_job is not None and self.revert_job.state in UNDER_WAY:
            return self.State.REVERTING
        if self.finished_at is not None:
            return self.State.DONE
        if self.job is not None:
            return _STATES_OF_IMPORT[self.job.state]
        if self.check_job is not None:
            return _STATES_OF_CHECK[self.check_job.state]
        return self.State.MAPPING

    @property
    def present_job(self) -> Job | None:
        """The job that the state follows from."""
        if self.state in {self.State.REVERTING, self.State.REVERTED}:
            return self.revert_job
        return self.job or self.check_job

    @property
    def failed_revert(self) -> Job | None:
        """The job of a revert that came to nothing, where the import stands as it was."""
        job = self.revert_job
        return job if job is not None and job.state not in (*UNDER_WAY, Job.State.DONE) else None

    @property
    def is_under_way(self) -> bool:
        return self.state in {self.State.CHECKING, self.State.IMPORTING, self.State.REVERTING}

    @property
    def has_ended(self) -> bool:
        """Whether it was carried out, if only in part, so that it can be reverted."""
        return self.state in {self.State.DONE, self.State.FAILED, self.State.CANCELLED}

    @property
    def has_begun(self) -> bool:
        """Whether it was started, so that its mapping is fixed."""
        return self.job is not None or self.finished_at is not None

    @property
    def source(self) -> str:
        """Under which the items' external ids are unique."""
        return str(self.mapping.get("source", ""))


UNDER_WAY = (Job.State.QUEUED, Job.State.RUNNING)
_STATES_OF_IMPORT: dict[str, str] = {
    Job.State.QUEUED: Import.State.IMPORTING,
    Job.State.RUNNING: Import.State.IMPORTING,
    Job.State.DONE: Import.State.DONE,
    Job.State.FAILED: Import.State.FAILED,
    Job.State.CANCELLED: Import.State.CANCELLED,
}
_STATES_OF_CHECK: dict[str, str] = {
    Job.State.QUEUED: Import.State.CHECKING,
    Job.State.RUNNING: Import.State.CHECKING,
    Job.State.DONE: Import.State.CHECKED,
    Job.State.FAILED: Import.State.MAPPING,
    Job.State.CANCELLED: Import.State.MAPPING,
}


class ImportLine(models.Model):
    """What becomes of one row of the file, or became of it once `is_written`.

    Rows are numbered as a spreadsheet does, the header being row 1; row 0 holds what is said of
    the whole file. `problems` are `{"column", "level", "code", "message"}`, `level` is the worst.
    `before` is what a revert gives back and no change tells: of an item that was there already,
    `digests` of its origin as `{name: [before, after]}` and `done_at` as `[before, after]`.
    """

    class Outcome(models.TextChoices):
        NEW = "new", "new"
        UPDATED = "updated", "updated"
        UNCHANGED = "unchanged", "unchanged"
        SKIPPED = "skipped", "skipped"

    class Level(models.TextChoices):
        WARNING = "warning"
        ERROR = "error"

    imported = models.ForeignKey(Import, models.CASCADE, related_name="lines")
    row = models.PositiveIntegerField()
    external_id = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=250, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    item = models.ForeignKey(Item, models.SET_NULL, null=True, related_name="+")
    problems = models.JSONField(default=list)
    level = models.CharField(max_length=10, choices=Level, blank=True)
    is_written = models.BooleanField(default=False)
    before = models.JSONField(default=dict)

    class Meta:
        ordering = ["row"]
        constraints = [
            models.UniqueConstraint(fields=["imported", "row"], name="one_line_per_row_of_import")
        ]

    def __str__(self) -> str:
        return f"row {self.row}: {self.outcome}"


class Origin(models.Model):
    """What the last import of an item read in its file: a digest of each field's value.

    A field whose digest is the same again is left as it is here, whatever people made of it.
    """

    item = models.OneToOneField(Item, models.CASCADE, primary_key=True, related_name="origin")
    digests: models.JSONField[dict[str, str], Any] = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"origin of {self.item_id}"
