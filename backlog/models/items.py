"""Items: the entries of a backlog, whatever their kind."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from backlog.models.backlogs import Backlog
from backlog.models.fields import RankField
from backlog.models.people import User
from backlog.models.products import Product, Status
from mlscrum.lib import clock

if TYPE_CHECKING:
    from backlog.models.grooming import Label


class Kind(models.TextChoices):
    STORY = "story", "Story"
    TASK = "task", "Task"
    BUG = "bug", "Bug"
    EPIC = "epic", "Epic"
    DATA_ASSESSMENT = "data_assessment", "Data assessment"
    DATA_NEED = "data_need", "Data need"
    FEEDBACK = "feedback", "Feedback"
    ETHICS = "ethics", "Ethics"
    SPIKE = "spike", "Spike"


class ItemQuerySet(models.QuerySet["Item"]):
    def alive(self) -> ItemQuerySet:
        """Without what lies in the trash."""
        return self.filter(deleted_at__isnull=True)

    def lying_in(self, product: Product, kind: Backlog.Kind) -> ItemQuerySet:
        """In the product's one backlog of this kind: PRODUCT or INBOX.

        By the backlog's id, so that a slice in rank order is read off the index of ranks.
        """
        home = Backlog.objects.filter(product=product, kind=kind).values("pk")[:1]
        return self.filter(backlog=home)

    def with_row(self) -> ItemQuerySet:
        """With all that a row or card shows, in a number of queries that never grows."""
        return self.select_related("product", "status", "backlog", "parent").prefetch_related(
            "assignees", "findings"
        )


class Item(models.Model):
    """One entry of a backlog. `version` counts changes of its own fields."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="items")
    number = models.PositiveIntegerField(editable=False)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.STORY)
    title = models.CharField(max_length=250)
    description = models.TextField(blank=True, max_length=100_000)
    status = models.ForeignKey(Status, models.PROTECT, related_name="items")
    points = models.DecimalField(
        max_digits=6,
        decimal_places=1,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(9999))],
    )
    parent = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="children"
    )
    assignees = models.ManyToManyField(User, related_name="items", blank=True)
    labels: models.ManyToManyField[Label, Any] = models.ManyToManyField(
        "Label", related_name="items", blank=True
    )
    watchers = models.ManyToManyField(User, related_name="watched_items", blank=True)
    due_date = models.DateField(null=True, blank=True)
    blocked_reason = models.CharField(max_length=300, blank=True)
    gpu_hours = models.DecimalField(
        max_digits=9,
        decimal_places=1,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
    )
    # [{"text": …, "is_met": …}]: read and written whole, and never looked for by itself.
    criteria = models.JSONField(default=list, blank=True)
    extra = models.JSONField(default=dict, blank=True)
    external_source = models.CharField(max_length=60, blank=True)
    external_id = models.CharField(max_length=200, blank=True)
    external_url = models.URLField(max_length=1000, blank=True)
    backlog = models.ForeignKey(Backlog, models.PROTECT, related_name="items")
    rank = RankField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    done_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = ItemQuerySet.as_manager()

    class Meta:
        ordering = ["rank"]
        constraints = [
            models.UniqueConstraint(fields=["product", "number"], name="item_number_in_product"),
            models.UniqueConstraint(fields=["backlog", "rank"], name="item_rank_in_backlog"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="item_kind"),
            models.UniqueConstraint(
                fields=["product", "external_source", "external_id"],
                condition=~Q(external_id=""),
                name="one_item_per_external_id",
            ),
            models.CheckConstraint(
                condition=Q(rank__isnull=False) | Q(deleted_at__isnull=False),
                name="a_living_item_has_a_rank",
            ),
            models.CheckConstraint(
                condition=Q(points__isnull=True) | Q(points__gte=0), name="item_points_not_negative"
            ),
        ]
        indexes = [
            models.Index(fields=["product", "updated_at", "id"], name="item_updated"),
            models.Index(fields=["product", "status"], name="item_status"),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    @property
    def ref(self) -> str:
        """The name people use, such as MED-12; it never changes."""
        return f"{self.product.key}-{self.number}"


class Comment(models.Model):
    """What somebody, or the evidence, said on an item."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="comments")
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    # Who said it where that is nobody of the house: a name that came with an import.
    said_by = models.CharField(max_length=120, blank=True)
    text = models.TextField(max_length=20_000)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    edited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.text[:80]
