"""Backups of the whole installation: every row and file in one archive, and back from it.

What lives for a while only stays behind: sessions, caches, signs of life, the leases of workers,
and archives of single products. Jobs under way come back as waiting ones, and begin again as after
a crash.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.apps import apps
from django.apps.registry import Apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection, models, transaction
from django.utils import timezone

from backlog.models import Heartbeat, Job, Product, User
from backlog.services import row_copies, schemas, stored_files
from backlog.services.row_copies import Row
from mlscrum.lib import archives
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.lib.secrets import decrypt, encrypt

KIND = "installation"
CANARY = "ML Scrum"
LEFT_OUT = frozenset({"backlog.heartbeat", "backlog.productexport", "backlog.productimport"})
ALIVE = timedelta(seconds=30)
Tell = Callable[[str], None]


@dataclass
class Copied:
    """What went into an archive or came out of it; `lost` are keys of files that rows name and the
    storage no longer has."""

    tables: int = 0
    rows: int = 0
    files: int = 0
    lost: list[str] = field(default_factory=list)


def back_up(path: Path) -> Copied:
    """Write all rows and files of the installation into one archive, as they are at one moment.

    People may go on working meanwhile. Raises DomainError for a database that isn't up to date.
    """
    copied = Copied()
    with archives.written(path) as archive, schemas.one_moment():
        facts: dict[str, Any] = {
            "product_version": settings.VERSION,
            "made_at": timezone.now().isoformat(),
            "database": connection.vendor,
            "migrations": schemas.present_schema(),
            "canary": encrypt(CANARY),
            "tables": {},
        }
        tables = _tables(apps)
        for model in tables:
            label = model._meta.label_lower
            rows = model._base_manager.all()
            lines = row_copies.lines_of(rows, _at_rest if model is Job else None)
            part = archive.add_lines(_part_of(label), lines)
            facts["tables"][label] = row_copies.columns_of(model)
            copied.rows += part.lines
        copied.tables = len(tables)
        for model in tables:
            _add_files(archive, model, copied)
        archive.finish(KIND, facts)
    return copied


def restore(path: Path, *, replace: bool = False, any_key: bool = False) -> Copied:
    """Bring back an archive of `back_up`, whichever database it was made on: all of it or nothing.

    Only an installation without people and products is filled, unless it shall be replaced. With
    `any_key` secrets that can't be read here come along all the same. Raises DomainError for what
    can't be restored, before anything is written.
    """
    with archives.opened(path, KIND) as archive:
        facts = _Facts.of(archive)
        schemas.refuse_other_schema(facts.migrations, facts.version)
        _refuse_what_lives(replace=replace)
        if not any_key:
            _refuse_other_key(facts.canary)
        archive.check()
        registry = schemas.bring_to(facts.migrations)
        with _files_of(archive) as files:
            copied = _fill(archive, registry, facts, files)
        copied.files = files.count
    schemas.bring_up_to_date()
    return copied


@dataclass(frozen=True)
class _Facts:
    """What the manifest says of an installation."""

    version: str
    migrations: Mapping[str, list[str]]
    canary: str
    tables: Mapping[str, list[str]]

    @classmethod
    def of(cls, archive: archives.Reader) -> _Facts:
        said = archive.manifest
        try:
            migrations = {str(app): [*map(str, names)] for app, names in said["migrations"].items()}
            tables = {str(label): [*map(str, names)] for label, names in said["tables"].items()}
            return cls(str(said["product_version"]), migrations, str(said["canary"]), tables)
        except (KeyError, TypeError, AttributeError):
            raise DomainError(
                "no_archive", "The manifest of this archive lacks what a backup says of itself."
            ) from None


class _Keys:
    """Keys of files, any number of them, on disk."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def add(self, key: str) -> None:
        self._file.write(f"{key}\n")

    def __iter__(self) -> Iterator[str]:
        self._file.seek(0)
        for line in self._file:
            yield line.rstrip("\n")


@contextmanager
def _keys() -> Iterator[_Keys]:
    home = Path(settings.FILE_UPLOAD_TEMP_DIR)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile("w+", dir=home) as file:
        yield _Keys(file)


@dataclass
class _Files:
    """The files of an archive in the storage; `moved` has those that got another key there."""

    count: int = 0
    moved: dict[str, str] = field(default_factory=dict)


@contextmanager
def _files_of(archive: archives.Reader) -> Iterator[_Files]:
    """The files of the archive, put into the storage; where the block raises they go again."""
    files = _Files()
    with _keys() as written:
        try:
            for kept in archive.files():
                with archive.opened(kept) as content:
                    key, is_new = stored_files.put(_safe(kept.key), content, kept.sha256)
                if is_new:
                    written.add(key)
                if key != kept.key:
                    files.moved[kept.key] = key
                files.count += 1
            yield files
        except BaseException:
            for key in written:
                stored_files.remove(key)
            raise


def _fill(archive: archives.Reader, registry: Apps, facts: _Facts, files: _Files) -> Copied:
    """Write the rows in one transaction, in the place of all that were there."""
    tables = _tables(registry)
    if {model._meta.label_lower for model in tables} != set(facts.tables):
        raise DomainError("archive_does_not_fit", "The archive lacks tables, or has others.")
    copied = Copied(tables=len(tables))
    with _keys() as old:
        try:
            with transaction.atomic():
                for model in row_copies.models_of(registry):  # also of those that stay behind
                    for key in stored_files.keys_of(model._base_manager.all()):
                        old.add(key)
                row_copies.clear([*tables, *_momentary(registry)])
                for model in tables:
                    label = model._meta.label_lower
                    columns, lines = facts.tables[label], archive.lines(_part_of(label))
                    rewrite = _with_key(label, files)
                    copied.rows += row_copies.write_lines(model, columns, lines, rewrite)
                row_copies.go_on_counting(tables)
                connection.check_constraints()
        except DatabaseError as error:
            raise DomainError(
                "archive_does_not_fit",
                "The database refused rows of the archive, so it is as it was before: "
                f"{str(error).splitlines()[0]}",
            ) from error
        _forget_files(old, tables)
    return copied


def _tables(registry: Apps) -> list[type[models.Model]]:
    found = row_copies.models_of(registry)
    return [model for model in found if model._meta.label_lower not in LEFT_OUT]


def _momentary(registry: Apps) -> list[type[models.Model]]:
    """What stays behind, and what would let people of before in as others."""
    found = row_copies.models_of(registry)
    return [Session, *(model for model in found if model._meta.label_lower in LEFT_OUT)]


def _part_of(label: str) -> str:
    return f"rows/{label}.jsonl"


def _at_rest(row: Row) -> Row:
    """A job that nobody holds: what waits or is under way waits from its beginning."""
    if row["state"] in {Job.State.QUEUED, Job.State.RUNNING}:
        row |= {"state": Job.State.QUEUED, "progress": 0.0, "message": "", "published_at": None}
        row |= {"lease_until": None, "lease_owner": "", "attempts": 0, "started_at": None}
    return row


def _with_key(label: str, files: _Files) -> row_copies.Rewrite | None:
    """The row, naming its file as the storage here does."""
    name = stored_files.field_of(label)
    if name is None or not files.moved:
        return None

    def renamed(row: Row) -> Row:
        return row | {name: files.moved.get(row[name], row[name])}

    return renamed


def _add_files(archive: archives.Writer, model: type[models.Model], copied: Copied) -> None:
    for key in stored_files.keys_of(model._base_manager.all()):
        with stored_files.content_of(key) as content:
            if content is None:
                copied.lost.append(key)
                continue
            archive.add_file(key, content)
        copied.files += 1


def _forget_files(old: _Keys, tables: list[type[models.Model]]) -> None:
    """Delete the files of what was replaced, but those that rows name now."""
    named = [(m, n) for m in tables if (n := stored_files.field_of(m._meta.label_lower))]
    for key in old:
        if not any(model._base_manager.filter(**{name: key}).exists() for model, name in named):
            stored_files.remove(key)


def _safe(key: str) -> str:
    path = PurePosixPath(key)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise DomainError("archive_damaged", f"The archive names a file {key!r}, which can't be.")
    return key


def _refuse_what_lives(*, replace: bool) -> None:
    if schemas.is_bare():
        return
    if Heartbeat.objects.filter(beat_at__gte=timezone.now() - ALIVE).exists():
        raise Conflict(
            "still_running",
            "Dispatchers or workers of this installation are running; stop them and the web "
            "server, and try again half a minute later.",
        )
    if not replace and (User.objects.exists() or Product.objects.exists()):
        raise Conflict(
            "not_empty",
            "This installation has people or products already. Restore into an empty one, or say "
            "--replace to lose all that is in it.",
        )


def _refuse_other_key(canary: str) -> None:
    try:
        fits = decrypt(canary) == CANARY
    except DomainError:
        fits = False
    if not fits:
        raise DomainError(
            "other_key",
            "The secrets in this archive (passwords of connections, secrets of webhooks, addresses "
            "of alerts) are encrypted with another key. Set SECRETS_KEYS or SECRET_KEY as it was "
            "where it was made, or say --any-key and enter these secrets again afterwards.",
        )
