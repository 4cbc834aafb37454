"""Write one product into an archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backlog.models import Product
from backlog.services.product_copies import export_product
from mlscrum.lib.errors import DomainError


class Command(BaseCommand):
    help = "Writes all that belongs to a product into FILE, as its Export page does."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("product", help="the key, such as MED")
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        product = Product.objects.filter(key=options["product"].upper()).first()
        if product is None:
            raise CommandError(f"There is no product {options['product']}.")
        try:
            made = export_product(product, options["file"])
        except DomainError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{options['file']} can't be written: {error.strerror}.") from error
        self.stdout.write(
            f"{product.key}: {made.rows:,} rows, {made.files:,} files, {made.people:,} people."
        )
        for key in made.lost:
            self.stderr.write(f"The storage has lost {key}, so it is not in the archive.")
