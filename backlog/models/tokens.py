"""API tokens and the answers kept for repeated requests."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from backlog.models.people import Scope, User
from backlog.models.products import Product


class TokenState(models.TextChoices):
    """How a token stands; one that has ended stays listed."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ApiToken(models.Model):
    """A named, scoped, expiring key of a person or of a product; only its hash is kept."""

    PREFIX: ClassVar[str] = "mls_"

    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    token_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="tokens")
    product = models.ForeignKey(Product, models.CASCADE, null=True, related_name="tokens")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False) | Q(product__isnull=False),
                name="a_token_belongs_to_somebody",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_valid(self) -> bool:
        owner_active = self.user is None or self.user.is_active
        return self.state == TokenState.ACTIVE and owner_active

    @property
    def state(self) -> TokenState:
        if self.revoked_at:
            return TokenState.REVOKED
        return TokenState.ACTIVE if self.expires_at > timezone.now() else TokenState.EXPIRED

    def allows(self, scope: Scope) -> bool:
        return scope in self.scopes


class KeptAnswer(models.Model):
    """The answer to a POST with an Idempotency-Key, given again for 24 hours."""

    principal = models.CharField(max_length=80)
    route = models.CharField(max_length=300)
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    location = models.CharField(max_length=500, blank=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["principal", "route", "key"], name="one_answer_per_key")
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
