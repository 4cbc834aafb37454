"""Backlogs: the product backlog, the inbox above it, and one for each sprint."""

from django.db import models
from django.db.models import F, Q

from backlog.models.products import Product, Team


class Backlog(models.Model):
    """An ordered list of items. An item is in exactly one."""

    class Kind(models.TextChoices):
        PRODUCT = "product"
        INBOX = "inbox"
        SPRINT = "sprint"

    class State(models.TextChoices):
        PLANNED = "planned"
        ACTIVE = "active"
        CLOSED = "closed"

    product = models.ForeignKey(Product, models.CASCADE, related_name="backlogs")
    kind = models.CharField(max_length=10, choices=Kind)
    team = models.ForeignKey(Team, models.PROTECT, null=True, related_name="backlogs")
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    started_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    cancelled = models.BooleanField(default=False)
    # Of a sprint that an import brought along: where from, and its id there.
    external_source = models.CharField(max_length=60, blank=True, default="", editable=False)
    external_id = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "kind"],
                condition=Q(kind__in=["product", "inbox"]),
                name="one_product_backlog_and_inbox",
            ),
            models.UniqueConstraint(
                fields=["team"],
                condition=Q(kind="sprint", state="active"),
                name="one_active_sprint_per_team",
            ),
            models.UniqueConstraint(
                fields=["product", "external_source", "external_id"],
                condition=~Q(external_id=""),
                name="one_backlog_per_external_id",
            ),
            models.CheckConstraint(
                condition=Q(starts_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="backlog_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=~Q(kind="sprint") | Q(team__isnull=False), name="a_sprint_has_a_team"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["product", "inbox", "sprint"])
                & Q(state__in=["planned", "active", "closed"]),
                name="backlog_kind_and_state",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_running_sprint(self) -> bool:
        return self.kind == self.Kind.SPRINT and self.state == self.State.ACTIVE
