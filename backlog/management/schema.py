"""What commands that start a process ask first: is the database one that this release knows?"""

from __future__ import annotations

from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from backlog.services.row_copies import OURS


def refuse_newer_schema() -> None:
    """Raise CommandError where a newer release has changed the database: this one would write what
    that one can't read. A database that is out of reach is another matter."""
    try:
        loader = MigrationLoader(connection)
    except DatabaseError:
        connection.close()
        return
    unknown = sorted(key for key in loader.applied_migrations if key[0] in OURS)
    unknown = [key for key in unknown if key not in loader.disk_migrations]
    if unknown:
        app, name = unknown[-1]
        raise CommandError(
            f"The database belongs to a newer release of ML Scrum (it has {app}.{name}); "
            "start that release, or restore a backup that was made with this one."
        )
