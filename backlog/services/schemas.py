"""Which migrations a database has had, and making it like an archive's; read at one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.apps.registry import Apps
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from backlog.services.row_copies import OURS
from mlscrum.lib.errors import DomainError

Node = tuple[str, str]
Names = dict[str, list[str]]


def present_schema() -> Names:
    """The migrations that the database has had, by app. Raises DomainError for one that is not up
    to date."""
    loader = MigrationLoader(connection)
    applied = _ours(loader.applied_migrations)
    if applied != _ours(loader.disk_migrations):
        raise DomainError(
            "schema_differs",
            "The database is not that of this release; run `python manage.py prepare` first, or "
            "start the release that it belongs to.",
        )
    return {app: sorted(name for at, name in applied if at == app) for app in sorted(OURS)}


def is_bare() -> bool:
    """Whether the database has no tables of ours yet."""
    return not _ours(MigrationLoader(connection).applied_migrations)


def refuse_other_schema(archived: Mapping[str, Sequence[str]], version: str) -> None:
    """Raise DomainError where rows of an archive with these migrations can't be written here."""
    loader = MigrationLoader(connection)
    wanted = _nodes(archived)
    unknown = sorted(wanted - _ours(loader.disk_migrations))
    if unknown:
        app, name = unknown[-1]
        raise DomainError(
            "schema_too_new",
            f"The archive comes from a newer release of ML Scrum, {version} (it has {app}.{name}); "
            "restore it with that release.",
        )
    if _ours(loader.applied_migrations) - wanted:
        raise DomainError(
            "schema_too_old",
            f"The archive comes from an older release of ML Scrum, {version}, and the tables here "
            "are newer; restore it into a database without tables: they are made as they were then "
            "and brought up to date afterwards.",
        )


def refuse_another_release(archived: Mapping[str, Sequence[str]], version: str) -> None:
    """Raise DomainError where an archive comes from tables that are not like those here."""
    loader = MigrationLoader(connection)
    wanted, known = _nodes(archived), _ours(loader.disk_migrations)
    if wanted == known:
        return
    is_newer = bool(wanted - known)
    raise DomainError(
        "schema_too_new" if is_newer else "schema_too_old",
        f"The archive comes from a{' newer' if is_newer else 'n older'} release of ML Scrum, "
        f"{version}; bring {'this' if is_newer else 'that'} installation up to date"
        f"{' first.' if is_newer else ' and export it there again.'}",
    )


def bring_to(archived: Mapping[str, Sequence[str]]) -> Apps:
    """Make the tables as the archive's were, and give the models that they had."""
    executor = MigrationExecutor(connection)
    wanted = _nodes(archived)
    targets = [node for node in sorted(wanted) if not _children(executor.loader, node) & wanted]
    others = [node for node in executor.loader.graph.leaf_nodes() if node[0] not in OURS]
    if wanted - _ours(executor.loader.applied_migrations):
        executor.migrate([*targets, *others])
        executor.loader.build_graph()
    if wanted == _ours(executor.loader.disk_migrations):
        return apps
    return executor.loader.project_state(targets).apps


def bring_up_to_date() -> None:
    """Apply all migrations that the database has not had yet."""
    call_command("migrate", interactive=False, verbosity=0)


@contextmanager
def one_moment() -> Iterator[None]:
    """A transaction that sees the database as it is now, and holds up nobody who writes."""
    if connection.vendor == "sqlite":
        wrapper: Any = connection
        wrapper.ensure_connection()  # which sets the mode
        usual, wrapper.transaction_mode = wrapper.transaction_mode, "DEFERRED"
        try:
            with transaction.atomic():
                yield
        finally:
            wrapper.transaction_mode = usual
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _children(loader: MigrationLoader, node: Node) -> set[Node]:
    """Those of the same app that come right after it."""
    return {child.key for child in loader.graph.node_map[node].children if child.key[0] == node[0]}


def _ours(found: Mapping[Node, object]) -> set[Node]:
    return {node for node in found if node[0] in OURS}


def _nodes(archived: Mapping[str, Sequence[str]]) -> set[Node]:
    return {(app, name) for app, names in archived.items() for name in names}
