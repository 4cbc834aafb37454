"""Browser assets: install, copy, and collect them under names that change with their content."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from mlscrum.lib.assets import AssetsFailed, build_assets, digest


class Command(BaseCommand):
    help = "Install browser packages, build the icon sprite and collect static files, if needed."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            build_assets(settings.BASE_DIR, self.stdout.write)
        except AssetsFailed as error:
            raise CommandError(error.message) from None
        stamp = Path(settings.STATIC_ROOT) / ".stamp"
        wanted = _state_of_static_files()
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(wanted)
        self.stdout.write("Static files collected.")


def _state_of_static_files() -> str:
    """A fingerprint of names, sizes and times of all that collectstatic would read."""
    files = []
    for finder in get_finders():
        for name, storage in finder.list([]):
            facts = Path(storage.path(name)).stat()
            files.append(f"{name} {facts.st_size} {facts.st_mtime_ns}".encode())
    return digest(sorted(files))
