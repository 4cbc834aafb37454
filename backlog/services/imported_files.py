"""The files that an import brings: each kept once on its item, gone where its transaction fails."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from django.core.files.storage import default_storage
from django.db import transaction

from backlog.importers.parsed import ImportedFile
from backlog.models import Actor, Attachment, Item
from backlog.services.attachments import Incoming, add_attachment, tidy_name


def missing_files(
    wanted: Sequence[tuple[Item, Sequence[ImportedFile]]],
) -> dict[int, list[ImportedFile]]:
    """The files that the items lack, by the item's id: those of another name or content than all
    that it has. A file that can't be decoded is missing."""
    if not wanted:
        return {}
    rows = Attachment.objects.filter(item__in=[item.pk for item, _ in wanted])
    present = set(rows.values_list("item", "name", "sha256"))
    return {
        item.pk: [
            file for file in files if (item.pk, tidy_name(file.name), _digest(file)) not in present
        ]
        for item, files in wanted
    }


def attach(item: Item, file: ImportedFile, *, actor: Actor) -> Attachment:
    """Keep a file on its item. Raises DomainError where it can't be, see add_attachment, and
    ValueError where it is broken."""
    return add_attachment(item, Incoming(file.name, [file.content()]), actor=actor)


@contextmanager
def kept_with_rows() -> Iterator[list[Attachment]]:
    """A list for files that were stored: their content goes where the transaction does not come
    to its end."""
    stored: list[Attachment] = []
    try:
        yield stored
    except BaseException:
        for attachment in stored:
            default_storage.delete(attachment.file)
        raise


def take_off(ids: Iterable[int], items: Iterable[int]) -> set[int]:
    """Remove these files of these items, once that is certain; which items had some."""
    files = Attachment.objects.filter(pk__in=list(ids), item__in=list(items))
    found = list(files.values_list("item", "file"))
    files.delete()
    for _, key in found:
        transaction.on_commit(partial(default_storage.delete, key), robust=True)
    return {item for item, _ in found}


def _digest(file: ImportedFile) -> str:
    try:
        return hashlib.sha256(file.content()).hexdigest()
    except ValueError:
        return ""
