"""Print a new API token of a person, once."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backlog.models import Actor, Product, Scope, User
from backlog.services.tokens import create_token


class Command(BaseCommand):
    help = "Prints a new API token of the person with this e-mail address; it is shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", required=True, help="what the token is for")
        parser.add_argument(
            "--scopes", required=True, help=f"with commas between: {','.join(Scope)}"
        )
        parser.add_argument("--product", help="narrows the token to this product, by its key")
        parser.add_argument("--days", type=int, default=90, help="how long it lives; 90")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["email"], is_active=True).first()
        if user is None:
            raise CommandError(f"Nobody has an account with the address {options['email']}.")
        try:
            _, secret = create_token(
                name=options["name"],
                scopes=[scope for scope in options["scopes"].split(",") if scope],
                days=options["days"],
                actor=Actor.person(user),
                user=user,
                product=self._product(user, options["product"]),
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(secret)

    def _product(self, user: User, key: str | None) -> Product | None:
        if key is None:
            return None
        product: Product | None = Product.objects.visible_to(user).filter(key=key.upper()).first()
        if product is None:
            raise CommandError(f"{user.email} is a member of no product {key}.")
        return product
