"""Connections: where data lies outside, and with which credentials it is reached."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from backlog.models import Job, Product, User


class ConnectionKind(models.TextChoices):
    SQL = "sql", "Database"
    S3 = "s3", "Object store"
    HTTP = "http", "Web address"


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def usable_in(self, product: Product) -> ConnectionQuerySet:
        """The connections of a product, and those of the installation shared with it, by name."""
        return (
            self.filter(Q(product=product) | Q(product=None, shared_with=product))
            .select_related("product", "created_by")
            .distinct()
            .order_by("name", "pk")
        )


class Connection(models.Model):
    """An address and credentials, of a product, or without one of the installation.

    `address` holds no secret: of a database its SQLAlchemy URL, of an object store
    `s3://bucket/prefix`, of the web the URL that all its files begin with. `login` is a user, or
    the id of a key. `secret` is encrypted, never shown, and empty where `ambient` takes what the
    server has itself. `options` are `{"endpoint", "region"}` of an object store.
    """

    product = models.ForeignKey(Product, models.CASCADE, null=True, related_name="connections")
    shared_with = models.ManyToManyField(Product, related_name="+", blank=True)
    slug = models.CharField(max_length=80)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=ConnectionKind)
    address = models.CharField(max_length=500)
    login = models.CharField(max_length=250, blank=True)
    secret = models.TextField(blank=True)
    ambient = models.BooleanField(default=False)
    options = models.JSONField(default=dict, blank=True)
    profile_cap = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    paused_at = models.DateTimeField(null=True)
    rotated_at = models.DateTimeField(null=True)
    tested_at = models.DateTimeField(null=True)
    test_error = models.CharField(max_length=1000, blank=True)
    test_answer = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    objects: ClassVar[Any] = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "slug"], name="connection_slug_in_product"),
            models.UniqueConstraint(
                fields=["slug"],
                condition=Q(product__isnull=True),
                name="connection_slug_in_installation",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=ConnectionKind.values), name="connection_choices"
            ),
            models.CheckConstraint(
                condition=Q(ambient=False) | Q(secret=""), name="ambient_credentials_have_no_secret"
            ),
            models.CheckConstraint(
                condition=Q(profile_cap__gte=1) & Q(profile_cap__lte=20),
                name="profile_cap_is_1_to_20",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    @property
    def has_secret(self) -> bool:
        return bool(self.secret)

    @property
    def state(self) -> str:
        """paused, untested, failing or working, as its last test and its people say."""
        if self.is_paused:
            return "paused"
        if self.tested_at is None:
            return "untested"
        return "failing" if self.test_error else "working"


class Registration(models.Model):
    """Many datasets of one connection, registered in the background.

    `entries` are `[{"source", "name", "slug", "dataset", "error"}]`: what is wanted, and once it
    was tried the slug of the dataset, or why there is none. `schedule` is `{"cron", "zone"}` where
    all of them are to be checked by themselves.
    """

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="registrations")
    product = models.ForeignKey(Product, models.CASCADE, related_name="+")
    job = models.OneToOneField(Job, models.SET_NULL, null=True, related_name="registration")
    owner = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    personal_data = models.BooleanField(default=True)
    sample_policy = models.CharField(max_length=10, default="none")
    schedule = models.JSONField(null=True, blank=True)
    entries = models.JSONField(default=list)
    requested_at = models.DateTimeField(auto_now_add=True)
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"registration {self.pk} through {self.connection}"

    @property
    def state(self) -> str:
        """As its job is."""
        return str(self.job.state) if self.job else "done"

    @property
    def progress(self) -> float:
        """0 to 1."""
        return self.job.progress if self.job else 1.0

    @property
    def is_finished(self) -> bool:
        return self.job is None or self.job.is_finished

    @property
    def registered(self) -> int:
        return sum(bool(entry.get("dataset")) for entry in self.entries)

    @property
    def refused(self) -> int:
        return sum(bool(entry.get("error")) for entry in self.entries)
