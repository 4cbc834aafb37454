"""Which fields of which models name files in the storage: what leaves with the rows must know."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from django.core.exceptions import ImproperlyConfigured
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import models

logger = logging.getLogger(__name__)
CHUNK_BYTES = 1024 * 1024
_fields: dict[str, str] = {}


def register(model: type[models.Model], field: str) -> None:
    """Name the field of a model that holds the key of a file, or nothing."""
    model._meta.get_field(field)  # raises for a name that is none
    if _fields.setdefault(model._meta.label_lower, field) != field:
        raise ImproperlyConfigured(f"{model.__name__} names files in two fields.")


def field_of(label: str) -> str | None:
    """The field of the model of this label (`backlog.attachment`) that names files, if one does."""
    return _fields.get(label)


def keys_of(rows: models.QuerySet[models.Model]) -> Iterator[str]:
    """The keys of the files that these rows name."""
    field = _fields.get(rows.model._meta.label_lower)
    if field is not None:
        named = rows.exclude(**{field: ""}).order_by("pk").values_list(field, flat=True)
        yield from named.iterator(chunk_size=2000)


@contextmanager
def content_of(key: str) -> Iterator[Iterator[bytes] | None]:
    """The content of a file in chunks, or None where the storage has lost it."""
    try:
        file = default_storage.open(key)
    except FileNotFoundError:
        yield None
        return
    with file:
        yield _chunks(file)


def put(key: str, content: IO[bytes], sha256: str) -> tuple[str, bool]:
    """Keep a file under this key, or a like one where another lies there: its key, and whether it
    was written now. One that lies there already with this checksum is left as it is."""
    if default_storage.exists(key) and _digest(key) == sha256:
        return key, False
    return default_storage.save(key, File(content)), True


def remove(key: str) -> None:
    """Delete a file; one that the storage won't delete is logged, and no trouble of the caller."""
    try:
        default_storage.delete(key)
    except Exception as error:  # noqa: BLE001  each storage has errors of its own
        logger.warning("The file %s could not be deleted: %r", key, error)


def _digest(key: str) -> str:
    digest = hashlib.sha256()
    with suppress(FileNotFoundError), default_storage.open(key) as file:
        for chunk in _chunks(file):
            digest.update(chunk)
    return digest.hexdigest()


def _chunks(file: File[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
