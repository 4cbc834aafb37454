"""Who calls the REST API: bearer tokens, checked against their hash."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from backlog.models import Actor, ApiToken, User
from backlog.rules.tokens import hash_of

LAST_USED_STEP = timedelta(minutes=5)  # a write for every read would be one too many


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer mls_…`; `request.auth` is then the ApiToken."""

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, ApiToken] | None:
        header = get_authorization_header(request).decode("latin-1").split()
        if not header or header[0].lower() != "bearer":
            return None
        if len(header) != 2:
            raise AuthenticationFailed("Send the token as 'Authorization: Bearer mls_…'.")
        token = find_token(header[1])
        if token is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked.")
        return token.user or AnonymousUser(), token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def find_token(secret: str) -> ApiToken | None:
    """The valid token with this secret, marked as used, or None."""
    try:
        token = ApiToken.objects.select_related("user").get(token_hash=hash_of(secret))
    except ApiToken.DoesNotExist:
        return None
    if not token.is_valid:
        return None
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_STEP:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def actor_of(request: Request | Any) -> Actor | None:
    """The principal of a REST request, or None for nobody."""
    if isinstance(request.auth, ApiToken):
        return Actor.of_token(request.auth)
    if isinstance(request.user, User):
        return Actor.person(request.user)
    return None
