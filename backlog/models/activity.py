"""Activity: one append-only row per deed, and what the deed changed."""

from django.db import models

from backlog.models.code_hosts import CodeHost
from backlog.models.items import Item
from backlog.models.people import ActorKind, User
from backlog.models.products import Product
from backlog.models.subjects import Subject
from backlog.models.tokens import ApiToken


class Activity(models.Model):
    """A deed. `seq` counts 1, 2, 3 … within the product, without gaps, in order of commit."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="activities")
    seq = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=60)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=10, choices=ActorKind)
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    token = models.ForeignKey(ApiToken, models.SET_NULL, null=True, related_name="+")
    code_host = models.ForeignKey(
        CodeHost, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    item = models.ForeignKey(Item, models.SET_NULL, null=True, related_name="activities")
    subject = models.ForeignKey(Subject, models.SET_NULL, null=True, related_name="activities")
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["product", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["product", "seq"], name="activity_seq_in_product")
        ]
        indexes = [
            # Asked only when a code host is removed: of its own few rows of this longest table.
            models.Index(
                fields=["code_host"],
                condition=models.Q(code_host__isnull=False),
                name="activity_of_code_host",
            )
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class Change(models.Model):
    """One field of one item that a deed changed."""

    activity = models.ForeignKey(Activity, models.CASCADE, related_name="changes")
    item = models.ForeignKey(Item, models.CASCADE, related_name="changes")
    field = models.CharField(max_length=40)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    version = models.PositiveIntegerField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["item", "version"], name="change_of_item")]

    def __str__(self) -> str:
        return f"{self.field} of {self.item_id}"
