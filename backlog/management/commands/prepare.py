"""What must be there before the processes start: tables, folders, assets, demo products."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from backlog.management.schema import refuse_newer_schema
from backlog.models import Product


class Command(BaseCommand):
    help = "Bring database, folders and browser assets up to date; quick where they are."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_newer_schema()
        for folder in (settings.DATA_DIR, settings.SOURCES_DIR):
            folder.mkdir(parents=True, exist_ok=True)
        call_command("assets", stdout=self.stdout)
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)
            self.stdout.write("Database brought up to date.")
        call_command("catalogue")
        if settings.DEMO and not Product.objects.exists():
            call_command("demo", stdout=self.stdout)
