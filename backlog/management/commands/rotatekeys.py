"""Encrypt all stored secrets anew."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backlog.services.secret_keys import rotate


class Command(BaseCommand):
    help = (
        "Encrypts all stored secrets with the first of SECRETS_KEYS. Put a new key before the old "
        "ones, restart everything, run this, then take the old ones away."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        lost = []
        for rotated in rotate():
            self.stdout.write(f"{rotated.name}: {rotated.count} written anew")
            lost += [f"{rotated.name} of row {pk}" for pk in rotated.unreadable]
        if lost:
            raise CommandError(
                f"None of SECRETS_KEYS reads the {', '.join(lost)}; "
                "put their key back, or enter these secrets again."
            )
