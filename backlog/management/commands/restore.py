"""Bring an archive of `backup` back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backlog.services.backups import restore
from mlscrum.lib.errors import DomainError


class Command(BaseCommand):
    help = (
        "Fills an empty installation with what `backup` wrote, whichever database that was made "
        "on. Stop web server, dispatchers and workers first."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--replace", action="store_true", help="lose all that is in this installation"
        )
        parser.add_argument(
            "--any-key",
            action="store_true",
            help="go on where the secrets in the archive can't be read with the keys set here",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for folder in (settings.DATA_DIR, settings.SOURCES_DIR):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            copied = restore(
                options["file"], replace=options["replace"], any_key=options["any_key"]
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(
            f"Restored {copied.rows:,} rows of {copied.tables} tables and {copied.files:,} files "
            f"from {options['file']}."
        )
