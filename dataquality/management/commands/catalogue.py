"""The catalogue of expectations, read once from Great Expectations and kept beside the data."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dataquality.engine import catalogue


class Command(BaseCommand):
    help = "Make the catalogue of expectations, unless it is there for this version."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        catalogue.load(settings.DATA_DIR / "cache")
