"""What hangs on items: labels, links, attachments, fields of the product, views of the list."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from backlog.models.hues import Hue
from backlog.models.items import Comment, Item
from backlog.models.people import User
from backlog.models.products import Product
from backlog.rules import extra_fields


class Label(models.Model):
    """A word of a product that items bear, with a colour."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="labels")
    name = models.CharField(max_length=40)
    hue = models.CharField(max_length=10, choices=Hue, default=Hue.GREY)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["product", "name"], name="label_name_in_product"),
            models.CheckConstraint(condition=Q(hue__in=Hue.values), name="label_hue"),
        ]

    def __str__(self) -> str:
        return self.name


class Link(models.Model):
    """What one item is to another; `rules.links` has the words and refuses circles."""

    class Kind(models.TextChoices):
        BLOCKS = "blocks", "Blocks"
        RELATES = "relates", "Relates to"
        DUPLICATES = "duplicates", "Duplicates"
        NEEDS_DATA = "needs_data", "Needs data of"

    source = models.ForeignKey(Item, models.CASCADE, related_name="links_out")
    target = models.ForeignKey(Item, models.CASCADE, related_name="links_in")
    kind = models.CharField(max_length=12, choices=Kind)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "target", "kind"], name="one_link_of_a_kind"),
            models.CheckConstraint(
                condition=~Q(source=F("target")), name="an_item_is_not_linked_to_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.kind} {self.target}"


class Attachment(models.Model):
    """A file on an item. What it is was read from its content, not from its name."""

    PICTURES: ClassVar[frozenset[str]] = frozenset(
        {"image/png", "image/jpeg", "image/gif", "image/webp"}
    )

    item = models.ForeignKey(Item, models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    file = models.CharField(max_length=300)
    added_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_picture(self) -> bool:
        """Whether a browser may show it within a page."""
        return self.content_type in self.PICTURES


class ExtraField(models.Model):
    """A field that a product adds to its items; their values stand in `Item.extra` by slug."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="extra_fields")
    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=[(kind, kind) for kind in extra_fields.KINDS])
    choices = models.JSONField(default=list, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "slug"], name="extra_field_slug_in_product")
        ]

    def __str__(self) -> str:
        return self.name


class SavedView(models.Model):
    """Filters, grouping and columns of the backlog under a name, as the query of its address."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="saved_views")
    owner = models.ForeignKey(User, models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000, blank=True)
    is_shared = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "owner", "name"], name="one_view_of_a_name_each"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Notification(models.Model):
    """Something that concerns a person: a mention, an assignment, news of a watched item."""

    class Kind(models.TextChoices):
        MENTION = "mention", "mentioned you"
        ASSIGNED = "assigned", "assigned you"
        COMMENT = "comment", "commented"
        CHANGE = "change", "changed it"

    user = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    item = models.ForeignKey(Item, models.CASCADE, related_name="notifications")
    comment = models.ForeignKey(Comment, models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(
                fields=["user", "-at"], condition=Q(read_at__isnull=True), name="unread_of_user"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.kind}"


class FormerRef(models.Model):
    """A ref that an item had before it moved to another product; it leads to the item for ever."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="former_refs")
    number = models.PositiveIntegerField()
    item = models.ForeignKey(Item, models.CASCADE, related_name="former_refs")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "number"], name="a_ref_leads_to_one_item")
        ]

    def __str__(self) -> str:
        return f"{self.product.key}-{self.number}"
