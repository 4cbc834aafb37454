"""Deeds of people on their own account; they belong to no product and leave no activity."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from backlog.models import Invitation, User
from mlscrum.lib.errors import Conflict

THEMES = ("light", "dark", "system")


def update_profile(
    user: User, *, name: str, email: str, time_zone: str, password: str = ""
) -> User:
    """Change who the person is here; another address takes the password.

    Raises ValidationError for a wrong password, and for an address that is taken or invited.
    """
    if email.lower() != user.email.lower():
        _check_address(user, email, password)
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


def _check_address(user: User, email: str, password: str) -> None:
    """People are known by their address, so nobody takes one that is meant for somebody else."""
    if User.objects.exclude(pk=user.pk).filter(email__iexact=email).exists():
        raise ValidationError({"email": "Somebody else here has this address."})
    waiting = Invitation.objects.filter(
        email__iexact=email, accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
    )
    if waiting.exists():
        raise ValidationError(
            {"email": "This address is invited; open the link of the invitation instead."}
        )
    if not user.check_password(password):
        raise ValidationError({"password": "Enter your password to change the address."})


def _keep_an_administrator(user: User) -> None:
    administrators = User.objects.select_for_update(no_key=True).filter(
        is_administrator=True, is_active=True
    )
    if [person.pk for person in administrators.order_by("pk")] == [user.pk]:
        raise Conflict(
            "last_administrator",
            "The installation needs an administrator; make somebody else one first.",
        )
