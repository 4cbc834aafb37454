"""Products that leave as a file, and files that become products."""

from __future__ import annotations

from django.db import models

from backlog.models.jobs import Job
from backlog.models.people import User
from backlog.models.products import Product


class ProductExport(models.Model):
    """A whole product as one archive: asked for, made by its job, kept until `expires_at`."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="exports")
    job = models.OneToOneField(Job, models.SET_NULL, null=True, related_name="+")
    file = models.CharField(max_length=300, blank=True)
    bytes = models.PositiveBigIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    files = models.PositiveIntegerField(default=0)
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["product", "-id"], name="export_of_product")]

    def __str__(self) -> str:
        return f"export {self.pk} of {self.product_id}"

    @property
    def state(self) -> str:
        """queued or running while its job is, then done or failed or cancelled."""
        if self.finished_at is not None:
            return "done"
        return str(self.job.state) if self.job else "failed"

    @property
    def is_under_way(self) -> bool:
        return self.finished_at is None and self.job is not None and not self.job.is_finished


class ProductImport(models.Model):
    """An archive on its way to becoming a product, under `key` and `name`.

    `said` is what the archive says of itself: `{"key", "name", "items", "version", "made_at",
    "people": [[e-mail address, name]]}`; `people` says who of this installation is meant by whom:
    `{address there: address here}`. The file goes as soon as the product is there.
    """

    file = models.CharField(max_length=300, blank=True)
    filename = models.CharField(max_length=200)
    bytes = models.PositiveBigIntegerField()
    said = models.JSONField(default=dict)
    key = models.CharField(max_length=10)
    name = models.CharField(max_length=120)
    people = models.JSONField(default=dict)
    job = models.OneToOneField(Job, models.SET_NULL, null=True, related_name="+")
    product = models.ForeignKey(Product, models.SET_NULL, null=True, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.filename

    @property
    def state(self) -> str:
        """new until it is started, then as its job is; done once the product is there."""
        if self.finished_at is not None:
            return "done"
        return str(self.job.state) if self.job else "new"

    @property
    def is_under_way(self) -> bool:
        return self.finished_at is None and self.job is not None and not self.job.is_finished
