"""Deeds of people on their own account; they belong to no product and leave no activity."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from backlog.models import User
from mlscrum.lib.errors import Conflict

THEMES = ("light", "dark", "system")


def update_profile(user: User, *, name: str, email: str, time_zone: str) -> User:
    """Change who the person is here. Raises ValidationError for an address that is taken."""
    if User.objects.exclude(pk=user.pk).filter(email__iexact=email).exists():
        raise ValidationError({"email": "Somebody else here has this address."})
    user.name, user.email, user.time_zone = name, email, time_zone
    user.save(update_fields=["name", "email", "time_zone"])
    return user


def choose_theme(user: User, theme: str) -> User:
    """Keep how the person wants the pages: light, dark, or as their system has it."""
    if theme not in THEMES:
        raise ValidationError({"theme": f"A theme is one of {', '.join(THEMES)}."})
    user.theme = theme
    user.save(update_fields=["theme"])
    return user


def set_administrator(user: User, *, administers: bool) -> User:
    """Make somebody an administrator of the installation, or no longer one.

    Raises Conflict where the last one would go.
    """
    with transaction.atomic():
        if not administers:
            _keep_an_administrator(user)
        user.is_administrator = administers
        user.save(update_fields=["is_administrator"])
    return user


def set_active(user: User, *, active: bool) -> User:
    """Close an account, or open it again; what the person did stays.

    A closed account can't sign in, and its tokens are refused. Raises Conflict for the last
    administrator's.
    """
    with transaction.atomic():
        if not active:
            _keep_an_administrator(user)
        user.is_active = active
        user.save(update_fields=["is_active"])
    return user


def _keep_an_administrator(user: User) -> None:
    administrators = User.objects.select_for_update(no_key=True).filter(
        is_administrator=True, is_active=True
    )
    if [person.pk for person in administrators.order_by("pk")] == [user.pk]:
        raise Conflict(
            "last_administrator",
            "The installation needs an administrator; make somebody else one first.",
        )
