"""Subjects: what evidence is about, and how each stands now."""

from django.db import models

from backlog.models.people import User
from backlog.models.products import Product


class Subject(models.Model):
    """A dataset, model, audit or compute pool, known to the ground floor by kind and slug alone."""

    class Kind(models.TextChoices):
        DATASET = "dataset"
        MODEL = "model"
        AUDIT = "audit"
        POOL = "pool"

    product = models.ForeignKey(Product, models.CASCADE, related_name="subjects")
    kind = models.CharField(max_length=10, choices=Kind)
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=120)
    owner = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    steward = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    green_batches = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "kind", "slug"], name="subject_slug_in_product"
            ),
            models.CheckConstraint(
                condition=models.Q(green_batches__gte=1), name="at_least_one_green_batch"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Measurement(models.Model):
    """How a subject stood at one batch: health 0 to 100, null where nothing was judged."""

    subject = models.ForeignKey(Subject, models.CASCADE, related_name="measurements")
    batch_key = models.CharField(max_length=200)
    batch_at = models.DateTimeField()
    measured_at = models.DateTimeField()
    health = models.FloatField(null=True)
    executed = models.PositiveIntegerField()
    total = models.PositiveIntegerField()
    open_critical_errors = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["batch_at", "measured_at"]
        indexes = [models.Index(fields=["subject", "batch_at"], name="measurement_of_subject")]

    def __str__(self) -> str:
        return f"{self.subject}: {self.health}"
