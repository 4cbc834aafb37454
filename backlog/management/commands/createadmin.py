"""Print the one-time link of the first administrator."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from backlog.services.invitations import invite_administrator
from mlscrum.lib.errors import DomainError


class Command(BaseCommand):
    help = "Prints a one-time link, good for a week, under which the first administrator begins."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
            self.stdout.write(invite_administrator(options["email"]))
        except ValidationError:
            raise CommandError(f"{options['email']} is no e-mail address.") from None
        except DomainError as error:
            raise CommandError(error.message) from None
