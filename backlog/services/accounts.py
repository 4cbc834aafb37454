"""Deeds of people on their own account; they belong to no product and leave no activity."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from backlog.models import User

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
