"""Links that show one dataset to people without an account."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from backlog.models import User
from dataquality.models.datasets import Dataset


class ShareLink(models.Model):
    """A page of one dataset for whoever has the link, until it expires or is revoked; only its
    hash is kept. `opened_at` is when it was last opened."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="share_links")
    note = models.CharField(max_length=120, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"link to {self.dataset}"

    @property
    def is_valid(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()
