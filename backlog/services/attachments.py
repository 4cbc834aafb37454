"""Deeds on the files of items: taken in safely, kept under names of our own, given back as data."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO
from uuid import uuid4

import filetype
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from backlog.models import Actor, Attachment, Item
from backlog.services.deeds import deed
from backlog.services.items import refuse_trashed
from mlscrum.lib.errors import DomainError, NotFound

logger = logging.getLogger(__name__)
MEGABYTE = 1024 * 1024
LONGEST_NAME = 200
PICTURE_SUFFIXES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
UNKNOWN = "application/octet-stream"


@dataclass(frozen=True)
class Incoming:
    """A file on its way in; `name` is what its sender calls it."""

    name: str
    chunks: Iterable[bytes]


def add_attachment(item: Item, incoming: Incoming, *, actor: Actor) -> Attachment:
    """Keep a file on an item. What it is is read from its content, never from its name.

    Nothing of it is ever unpacked or run. Raises DomainError for an empty or too large file and
    for a picture that is none; then nothing is kept.
    """
    refuse_trashed(item)
    name = tidy_name(incoming.name)
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        digest, size = _copied(incoming.chunks, copy)
        content_type = _type_of(copy, name)
        key = f"attachments/{item.product.key}/{uuid4().hex}"
        copy.seek(0)
        stored = default_storage.save(key, File(copy))
    try:
        with deed(item.product, actor, "item.attachment_added", item=item, name=name) as done:
            attachment = Attachment.objects.create(
                item=item,
                name=name,
                content_type=content_type,
                bytes=size,
                sha256=digest,
                file=stored,
                added_by=actor.user,
            )
            done.change(item, "attachments", None, name)
    except BaseException:
        default_storage.delete(stored)
        raise
    return attachment


def opened(attachment: Attachment) -> IO[bytes]:
    """The content of a file.

    Raises NotFound where the storage has lost it, and DomainError with status 503 where the
    storage itself can't be asked.
    """
    try:
        return default_storage.open(attachment.file)
    except FileNotFoundError:
        raise NotFound(
            "file_lost", f"The content of {attachment.name} is not in the storage any more."
        ) from None
    except Exception as error:  # noqa: BLE001  each storage has errors of its own
        logger.warning("Attachment %s could not be opened: %r", attachment.pk, error)
        raise DomainError(
            "storage_unavailable",
            f"The storage of files is out of reach, and {attachment.name} with it; "
            "try again in a minute.",
            status=503,
        ) from error


def remove_attachment(attachment: Attachment, *, actor: Actor) -> None:
    """Take a file off its item; it is deleted once that is certain."""
    item, key = attachment.item, attachment.file
    refuse_trashed(item)
    with deed(item.product, actor, "item.attachment_removed", item=item) as done:
        attachment.delete()
        done.change(item, "attachments", attachment.name, None)
        transaction.on_commit(lambda: default_storage.delete(key))


def tidy_name(name: str) -> str:
    """A name without folders, signs that can't be shown, and length: `../../x` is `x`."""
    base = PureWindowsPath(PurePosixPath(name).name).name
    shown = "".join(sign for sign in base if unicodedata.category(sign)[0] != "C")
    shown = " ".join(shown.split()).strip(". ") or "file"
    if len(shown) <= LONGEST_NAME:
        return shown
    suffix = PurePosixPath(shown).suffix[:20]
    return shown[: LONGEST_NAME - len(suffix)] + suffix


def _copied(chunks: Iterable[bytes], copy: IO[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > settings.ATTACHMENT_LIMIT_MB * MEGABYTE:
            raise DomainError(
                "too_large",
                f"The file is larger than {settings.ATTACHMENT_LIMIT_MB:,} MB; link to it instead.",
                status=413,
            )
        digest.update(chunk)
        copy.write(chunk)
    if size == 0:
        raise DomainError("empty_file", "The file is empty; choose one that holds something.")
    return digest.hexdigest(), size


def _type_of(copy: IO[bytes], name: str) -> str:
    copy.seek(0)
    found = filetype.guess_mime(copy.read(4096)) or UNKNOWN
    promised = PICTURE_SUFFIXES.get(PurePosixPath(name).suffix.lower())
    if promised and found != promised:
        raise DomainError(
            "not_a_picture", f"{name} is no {promised.partition('/')[2].upper()} picture."
        )
    return str(found)
