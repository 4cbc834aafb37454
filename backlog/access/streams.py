"""Streams outlive the request that opened them: whether their reader still may is asked anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user
from django.http import HttpRequest

from backlog.access.roles import may
from backlog.models import Actor, ApiToken, Product, User


def still_may(request: Any, permission: str, product: Product) -> Callable[[], bool]:
    """Whether the principal of this request, by session or token, may still do this today."""
    token = getattr(request, "auth", None)
    if isinstance(token, ApiToken):
        return lambda: _token_may(token.pk, permission, product)
    session = request.session
    return lambda: _session_may(type(session)(session.session_key), permission, product)


def reader_name(request: Any) -> str:
    """What tells this principal apart from all others."""
    token = getattr(request, "auth", None)
    return f"token {token.pk}" if isinstance(token, ApiToken) else f"person {request.user.pk}"


def _token_may(token_id: int, permission: str, product: Product) -> bool:
    token = ApiToken.objects.select_related("user").filter(pk=token_id).first()
    return token is not None and token.is_valid and may(Actor.of_token(token), permission, product)


def _session_may(session: Any, permission: str, product: Product) -> bool:
    """Who has signed out, changed the password elsewhere or been locked out has no session left."""
    asked = HttpRequest()
    asked.session = session
    user = get_user(asked)
    return isinstance(user, User) and may(Actor.person(user), permission, product)
