"""Write the whole installation into one archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backlog.services.backups import back_up
from mlscrum.lib.errors import DomainError


class Command(BaseCommand):
    help = (
        "Writes all rows and files of the installation into FILE, which appears once it is whole. "
        "May run while people work. `restore` brings it back, on SQLite and PostgreSQL alike."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            copied = back_up(path)
        except DomainError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{path} can't be written: {error.strerror}.") from error
        size = path.stat().st_size / 1024 / 1024
        self.stdout.write(
            f"Backed up {copied.rows:,} rows of {copied.tables} tables and {copied.files:,} files "
            f"to {path} ({size:,.1f} MB)."
        )
        self.stdout.write(
            "Keep SECRETS_KEYS or SECRET_KEY (DATA_DIR/secret-key, where you set neither) apart "
            "from it: the secrets in it can be read with them alone."
        )
        for key in copied.lost:
            self.stderr.write(f"The storage has lost {key}, so it is not in the backup.")
