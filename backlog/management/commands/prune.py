"""Delete what is past its time, as the dispatcher does every hour."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from backlog.services.housekeeping import prune


class Command(BaseCommand):
    help = "Delete what is past its time now: sessions, samples, runs, versions, …"

    def handle(self, *args: Any, **options: Any) -> None:
        gone = {name: count for name, count in prune(timezone.now()).items() if count}
        for name, count in gone.items():
            self.stdout.write(f"{name}: {count}")
        if not gone:
            self.stdout.write("Nothing is past its time.")
