"""Deeds on API tokens: made once, shown once, revoked at once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import Actor, ApiToken, Product, Scope, User
from backlog.rules.tokens import hash_of
from backlog.services.deeds import deed

MAX_DAYS = 366


def create_token(
    *,
    name: str,
    scopes: Sequence[str],
    days: int,
    actor: Actor,
    user: User | None = None,
    product: Product | None = None,
) -> tuple[ApiToken, str]:
    """A token and its secret, which is not kept. Raises ValidationError for bad fields.

    A user's token acts as the user, within `product` alone where one is given; a product's
    token (no user) acts as a developer of it.
    """
    unknown = [scope for scope in scopes if scope not in set(Scope)]
    if unknown or not scopes:
        raise ValidationError({"scopes": f"Scopes are {', '.join(Scope)}."})
    if not 1 <= days <= MAX_DAYS:
        raise ValidationError({"days": f"A token lives 1 to {MAX_DAYS} days."})
    secret = ApiToken.PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        name=name.strip(),
        prefix=secret[:10],
        token_hash=hash_of(secret),
        user=user,
        product=product,
        created_by=actor.user,
        scopes=sorted(set(scopes)),
        expires_at=timezone.now() + timedelta(days=days),
    )
    token.clean_fields(
        exclude=("user", "product", "created_by", "last_used_at", "revoked_at", "revoked_by")
    )
    if product is None:
        token.save()
    else:
        with deed(product, actor, "token.created", name=token.name, scopes=token.scopes):
            token.save()
    return token, secret


def revoke_token(token: ApiToken, *, actor: Actor) -> None:
    """End the token; every later request with it is refused. It stays listed with who ended it."""
    if token.revoked_at:
        return
    token.revoked_at, token.revoked_by = timezone.now(), actor.user
    if token.product is None:
        token.save(update_fields=["revoked_at", "revoked_by"])
        return
    with deed(token.product, actor, "token.revoked", name=token.name):
        token.save(update_fields=["revoked_at", "revoked_by"])
