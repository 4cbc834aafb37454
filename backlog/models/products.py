"""Products, their workflow, members, teams and invitations."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from backlog.models.hues import Hue
from backlog.models.people import User
from backlog.rules.severity import Priority

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class Role(models.TextChoices):
    PRODUCT_OWNER = "product_owner", "Product owner"
    SCRUM_MASTER = "scrum_master", "Scrum master"
    DEVELOPER = "developer", "Developer"
    DOMAIN_EXPERT = "domain_expert", "Domain expert"
    STAKEHOLDER = "stakeholder", "Stakeholder"


class Category(models.TextChoices):
    TODO = "todo", "To do"
    DOING = "doing", "In progress"
    DONE = "done", "Done"


class Place(models.TextChoices):
    """Where the items go that evidence files."""

    INBOX = "inbox", "Inbox above the backlog"
    TOP = "top", "Top of the backlog"
    BOTTOM = "bottom", "Bottom of the backlog"


class OnGreen(models.TextChoices):
    """What happens to an item when its evidence turns green."""

    DONE = "done", "Set it to done"
    STATUS = "status", "Set it to the status named below"
    ASK = "ask", "Ask the team: recovered?"


class ProductQuerySet(models.QuerySet["Product"]):
    def visible_to(self, user: User | AnonymousUser | None) -> ProductQuerySet:
        """The products that the user is a member of; being an administrator adds none."""
        if user is None or not user.is_authenticated or not user.is_active:
            return self.none()
        return self.filter(members__user=user)


class Product(models.Model):
    """What one backlog serves. The key is given once and never changes."""

    key = models.CharField(
        max_length=10,
        unique=True,
        validators=[
            RegexValidator(
                r"^[A-Z][A-Z0-9]{1,9}$", "A key is 2 to 10 capitals or digits, first a capital."
            )
        ],
    )
    name = models.CharField(max_length=120)
    # The words of the active goal, kept beside it for the many places that show them.
    goal = models.TextField(blank=True)
    definition_of_ready = models.TextField(blank=True)
    definition_of_done = models.TextField(blank=True)
    # Which checks of rules.definitions count, by name.
    ready_checks = models.JSONField(default=list, blank=True)
    done_checks = models.JSONField(default=list, blank=True)
    file_from = models.CharField(max_length=2, choices=[(p, p) for p in Priority], default="P4")
    place = models.CharField(max_length=10, choices=Place, default=Place.INBOX)
    on_green = models.CharField(max_length=10, choices=OnGreen, default=OnGreen.DONE)
    on_green_status = models.ForeignKey(
        "Status", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    first_run_limit = models.PositiveSmallIntegerField(default=5)
    # What evidence files goes to the owner of the dataset, model or pool that it is about.
    assign_owner = models.BooleanField(default=True)
    tracked_environments = models.JSONField(default=list, blank=True)
    tracked_branches = models.JSONField(default=list, blank=True)
    # Another one with every change of the glossary's names, empty without any: whoever has the
    # product knows whether what was made of the names still holds.
    glossary_stamp = models.CharField(max_length=32, blank=True)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[Any] = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["name", "key"]

    def __str__(self) -> str:
        return self.name


class ProductGoal(models.Model):
    """What a product is to become next: one at a time, fulfilled or abandoned before another."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        FULFILLED = "fulfilled", "Fulfilled"
        ABANDONED = "abandoned", "Abandoned"

    product = models.ForeignKey(Product, models.CASCADE, related_name="goals")
    text = models.TextField(max_length=10_000)
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    reason = models.TextField(blank=True, max_length=2000)

    class Meta:
        ordering = ["-set_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["product"], condition=models.Q(state="active"), name="one_active_goal"
            ),
            models.CheckConstraint(
                condition=models.Q(state="active", ended_at__isnull=True)
                | models.Q(state__in=["fulfilled", "abandoned"], ended_at__isnull=False),
                name="a_goal_is_active_until_it_ends",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="abandoned") | ~models.Q(reason=""),
                name="an_abandoned_goal_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.text


class Status(models.Model):
    """A column of the product's workflow."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="statuses")
    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=40)
    category = models.CharField(max_length=10, choices=Category)
    hue = models.CharField(max_length=10, choices=Hue, default=Hue.GREY)
    position = models.PositiveSmallIntegerField()
    wip_limit = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["product", "slug"], name="status_slug_in_product"),
            models.UniqueConstraint(fields=["product", "position"], name="status_position"),
            models.CheckConstraint(
                condition=models.Q(category__in=Category.values), name="status_category"
            ),
            models.CheckConstraint(condition=models.Q(hue__in=Hue.values), name="status_hue"),
        ]

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    """A user in a product, with one role."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="members")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["user__name"]
        constraints = [
            models.UniqueConstraint(fields=["product", "user"], name="one_membership"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="member_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class Team(models.Model):
    """Members who share sprints. Every product is born with one."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="teams")
    name = models.CharField(max_length=80)
    members = models.ManyToManyField(Member, related_name="teams", blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["product", "name"], name="team_name_in_product")
        ]

    def __str__(self) -> str:
        return self.name


def _week_from_now() -> datetime:
    return timezone.now() + timedelta(days=7)


class Invitation(models.Model):
    """A link that makes whoever opens it a member, once. Only the token's hash is kept.

    Without a product it is the one-time link of the first administrator.
    """

    product = models.ForeignKey(
        Product, models.CASCADE, related_name="invitations", null=True, blank=True
    )
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=20, choices=Role, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=_week_from_now)
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"invitation of {self.email}"

    @property
    def is_open(self) -> bool:
        return not (self.accepted_at or self.revoked_at) and self.expires_at > timezone.now()

    @staticmethod
    def new_token() -> str:
        return secrets.token_urlsafe(32)


class ItemCounter(models.Model):
    """The next item number of a product: a row of its own, whose lock holds nothing else up."""

    product = models.OneToOneField(Product, models.CASCADE, primary_key=True)
    next_number = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.product.key}-{self.next_number}"


class ActivityCounter(models.Model):
    """The last activity number of a product: a row of its own, so that no save of the product
    sets it back and no deed waits for the product's row."""

    product = models.OneToOneField(Product, models.CASCADE, primary_key=True)
    seq = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.product.key} {self.seq}"
