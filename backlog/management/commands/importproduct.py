"""Make a product of an archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backlog.models import Actor, User
from backlog.services.product_copies import import_product
from mlscrum.lib.errors import DomainError


class Command(BaseCommand):
    help = "Makes a product of FILE, which `exportproduct` or an Export page wrote."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--owner", required=True, help="e-mail address of its product owner")
        parser.add_argument("--key", default="", help="another key than it had")
        parser.add_argument("--name", default="", help="another name than it had")
        parser.add_argument(
            "--person",
            action="append",
            default=[],
            metavar="THERE=HERE",
            help="who here is meant by an address of the archive; may be given several times",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        owner = self._user(options["owner"])
        pairs = [pair.partition("=")[::2] for pair in options["person"]]
        people = {there: self._user(here) for there, here in pairs}
        try:
            product = import_product(
                options["file"],
                owner=owner,
                actor=Actor.person(owner),
                key=options["key"],
                name=options["name"],
                people=people,
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{product.name} is there as {product.key}.")

    def _user(self, email: str) -> User:
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        if user is None:
            raise CommandError(f"Nobody here has the address {email}.")
        return user
