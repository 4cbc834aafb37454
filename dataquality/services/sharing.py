"""Deeds on links that show one dataset without an account."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import Actor
from backlog.rules.tokens import hash_of
from backlog.services.deeds import deed
from dataquality.models import Dataset, ShareLink

PREFIX = "mls_"
LONGEST = timedelta(days=366)
USUAL = timedelta(days=30)
MOST_VALID = 20  # at a time, of one dataset
SEEN_EVERY = timedelta(minutes=5)


def make_share_link(
    dataset: Dataset, *, actor: Actor, note: str = "", expires_at: datetime | None = None
) -> tuple[ShareLink, str]:
    """A link and its secret, which is not kept. Raises ValidationError for an end that is past or
    more than a year away, and where there are 20 valid links already."""
    now = timezone.now()
    expires_at = expires_at or now + USUAL
    if expires_at <= now:
        raise ValidationError({"expires_at": "A link ends in the future; this time is over."})
    if expires_at > now + LONGEST:
        raise ValidationError({"expires_at": "A link ends within a year."})
    valid = ShareLink.objects.filter(dataset=dataset, revoked_at=None, expires_at__gt=now)
    if valid.count() >= MOST_VALID:
        raise ValidationError(f"There are {MOST_VALID} links already; revoke one first.")
    secret = PREFIX + secrets.token_urlsafe(32)
    with deed(dataset.product, actor, "dataset.shared", subject=dataset.subject):
        link = ShareLink(
            dataset=dataset,
            note=" ".join(note.split()),
            token_hash=hash_of(secret),
            created_by=actor.user,
            expires_at=expires_at,
        )
        link.clean_fields(exclude=["created_by", "revoked_at", "opened_at"])
        link.save()
    return link, secret


def revoke_share_link(link: ShareLink, *, actor: Actor) -> None:
    """End a link: it shows nothing from now on."""
    if link.revoked_at is not None:
        return
    dataset = link.dataset
    with deed(dataset.product, actor, "dataset.unshared", subject=dataset.subject):
        link.revoked_at = timezone.now()
        link.save(update_fields=["revoked_at"])


def open_share_link(secret: str) -> ShareLink | None:
    """The valid link with this secret, or None; that it was opened is noted."""
    found = ShareLink.objects.select_related(
        "dataset__subject__product", "dataset__current_version", "dataset__current_suite"
    ).filter(token_hash=hash_of(secret))
    link = found.first()
    if link is None or not link.is_valid:
        return None
    now = timezone.now()
    if link.opened_at is None or now - link.opened_at > SEEN_EVERY:
        ShareLink.objects.filter(pk=link.pk).update(opened_at=now)
    return link
