"""Import a file of another tool into a product's backlog."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backlog.access.roles import may
from backlog.importers.formats import FORMATS
from backlog.models import Actor, Import, Product, User
from backlog.queries.imports import counts_of, find_import, lines_of
from backlog.services import jobs
from backlog.services.attachments import Incoming
from backlog.services.imports import receive_and_ask
from mlscrum.lib.errors import DomainError

CHUNK_BYTES = 1024 * 1024
LOOK_EVERY_S = 0.5


class Command(BaseCommand):
    help = (
        "Imports a file into the backlog of a product, as its Import page does, and says what "
        "became of each row that is not as it should be. Importing again updates by external id."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("product", help="the key, such as MED")
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=list(FORMATS), help="found out by default")
        parser.add_argument(
            "--mapping", type=Path, help="a JSON file with choices that change the proposed mapping"
        )
        parser.add_argument("--dry-run", action="store_true", help="import nothing, say what would")
        parser.add_argument(
            "--as", dest="email", help="the member who imports; the installation itself by default"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        product = Product.objects.filter(key=options["product"].upper()).first()
        if product is None:
            raise CommandError(f"There is no product {options['product']}.")
        actor = self._actor(product, options["email"])
        try:
            imported = self._imported(product, actor, options)
        except DomainError as error:
            raise CommandError(
                "\n".join([error.message, *(e.detail for e in error.errors)])
            ) from error
        except OSError as error:
            raise CommandError(f"{options['file']} can't be read: {error.strerror}.") from error
        self._tell(imported)
        if imported.state not in {Import.State.DONE, Import.State.CHECKED}:
            job = imported.present_job
            raise CommandError(
                f"Import {imported.pk} ended: {job.message if job else imported.state}"
            )

    def _imported(self, product: Product, actor: Actor, options: dict[str, Any]) -> Import:
        with options["file"].open("rb") as file:
            imported = receive_and_ask(
                product,
                Incoming(options["file"].name, iter(lambda: file.read(CHUNK_BYTES), b"")),
                actor=actor,
                file_format=options["format"] or "",
                choices=self._choices(options["mapping"]) if options["mapping"] else None,
                dry_run=options["dry_run"],
            )
        job = imported.present_job
        assert job is not None
        jobs.run(job.pk)
        # A worker may have been faster; then it is waited for.
        while (imported := find_import(product, imported.pk)).is_under_way:
            time.sleep(LOOK_EVERY_S)
        return imported

    def _choices(self, path: Path) -> dict[str, Any]:
        try:
            choices = json.loads(path.read_text())
        except ValueError as error:
            raise CommandError(f"{path} is no JSON: {error}.") from error
        if not isinstance(choices, dict):
            raise CommandError(f"{path} holds no JSON object.")
        return choices

    def _actor(self, product: Product, email: str | None) -> Actor:
        if email is None:
            return Actor.system()
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        actor = Actor.person(user) if user else None
        if actor is None or not may(actor, "import.run", product):
            raise CommandError(f"{email} may not import into {product.key}.")
        return actor

    def _tell(self, imported: Import) -> None:
        for line in lines_of(imported).exclude(level="").iterator(chunk_size=500):
            where = f"row {line.row}" if line.row else "file"
            for problem in line.problems:
                column = f"{problem['column']}: " if problem["column"] else ""
                self.stdout.write(f"{where} {problem['level']}: {column}{problem['message']}")
        counts = counts_of(imported)
        would = "would be " if imported.state == Import.State.CHECKED else ""
        self.stdout.write(
            f"{imported.filename}: {counts.new} {would}new, {counts.updated} updated, "
            f"{counts.unchanged} unchanged, {counts.skipped} skipped."
        )
        if sprints := imported.found.get("sprints"):
            self.stdout.write(
                f"{len(sprints)} closed {'sprint' if len(sprints) == 1 else 'sprints'} "
                f"{would}brought along: {', '.join(sprints)}."
            )
