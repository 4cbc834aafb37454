"""Load the demo products, or take them away."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backlog.services import demo


class Command(BaseCommand):
    help = "Loads the demo products; with --remove takes them and the demo people away."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remove", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["remove"]:
            self._remove()
            return
        if not (settings.DEMO or settings.LOOPBACK):
            raise CommandError("Set DEMO=1 to load demo data where BASE_URL is a public host.")
        made = demo.load()
        names = ", ".join(product.name for product in made) or "nothing new"
        self.stdout.write(f"Demo loaded: {names}.")

    def _remove(self) -> None:
        removed = demo.remove()
        self.stdout.write(f"Demo products removed: {', '.join(removed.gone) or 'none'}.")
        for key in removed.kept:
            self.stdout.write(
                f"{key} is kept, for people who are no demo people are members of it; remove them "
                "first if it is to go."
            )
