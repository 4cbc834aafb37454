"""Deeds on versions: every content a dataset ever had, each kept once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from backlog.models import Actor
from backlog.rules.evidence import is_tracked
from backlog.services import stored_files
from backlog.services.deeds import deed
from dataquality.engine import sources
from dataquality.engine.reading import Inspected
from dataquality.models import Dataset, DatasetVersion, Profile, Result
from dataquality.services.files import Received, Source, as_engine_reads, kept, received
from dataquality.services.origins import BucketFile, LiveRows, origin_of
from dataquality.services.profiles import request_profile
from dataquality.services.values import QUOTES_ROWS, forget_results
from mlscrum.lib.errors import Conflict, DomainError

KNOWN = "known_content"


@dataclass(frozen=True)
class Delivery:
    """A file on its way to become a version: what it is, what stands in it, where it is kept."""

    content: Received
    rows: int
    columns: list[dict[str, str]]
    file: str
    as_of: datetime | None
    context: Mapping[str, Any]
    partition: str = ""


@dataclass(frozen=True)
class Delivered:
    """The version of a delivered content; `created` is false where that content was known."""

    version: DatasetVersion
    created: bool


def add_version(
    dataset: Dataset,
    source: Source,
    *,
    actor: Actor,
    as_of: datetime | None = None,
    context: Mapping[str, Any] | None = None,
) -> Delivered:
    """Keep a new content of the dataset, read by its schema, and make it the current one.

    Its profile is asked for. The same content is the same version: it becomes current again, as of
    now or of the time given, if another one had replaced it or only a pull request had brought it.
    Content of an untracked context never becomes current. Raises DomainError for a file that can't
    be read, leaving nothing behind.
    """
    context = dict(context or {})
    if dataset.is_live:
        raise DomainError(
            "no_upload", f"{dataset.name} is read from a database; no file is sent to it."
        )
    with received(source, dataset.product) as content:
        is_first = not dataset.schema  # it was checked elsewhere so far
        if is_first:
            seen = sources.inspect(as_engine_reads(content.path, content.format))
            dataset.schema = [column.as_dict() for column in seen.columns]
            dataset.format = content.format
        if content.format != dataset.format:
            raise DomainError(
                "other_format",
                f"{dataset.name} is read as {dataset.get_format_display()}; "
                f"this is a {content.format.label} file. Register it as a dataset of its own.",
            )
        known = dataset.versions.filter(sha256=content.sha256).first()
        if known is not None and known.file:
            with suppress(_FileGoneError):  # which is brought back then
                return Delivered(_seen_again(known, as_of, context, actor=actor), created=False)
        found = sources.measure(as_engine_reads(content.path, content.format, dataset.schema))
        columns = columns_in(found)
        partition = source.partition if isinstance(source, BucketFile) else ""
        delivery = Delivery(content, found.rows, columns, "", as_of, context, partition)
        try:
            version = _keep(dataset, delivery, is_first=is_first, actor=actor)
        except Conflict as conflict:
            known = dataset.versions.filter(sha256=content.sha256).first()
            if conflict.code != KNOWN or known is None:
                raise
            return Delivered(_seen_again(known, as_of, context, actor=actor), created=False)
    return Delivered(version, created=True)


def _keep(dataset: Dataset, delivery: Delivery, *, is_first: bool, actor: Actor) -> DatasetVersion:
    """A new version of what was delivered, with its file. Raises Conflict where somebody else has
    brought the same content meanwhile."""
    with (
        kept(delivery.content, dataset.product, dataset.slug) as key,
        deed(dataset.product, actor, "dataset.version_added", subject=dataset.subject) as done,
    ):
        if is_first:
            dataset.save(update_fields=["format", "schema"])
        version = store_version(dataset, replace(delivery, file=key), actor=actor)
        request_profile(dataset, actor=actor, version=version)
        done.data.update(version=version.number, rows=version.rows)
    return version


def read_again(
    dataset: Dataset,
    *,
    actor: Actor,
    as_of: datetime | None = None,
    context: Mapping[str, Any] | None = None,
    partition: str = "",
) -> Delivered:
    """Read the source anew; of a divided object store the newest folder, or the one named.

    Raises DomainError for a dataset that people upload, and where the source can't be read.
    """
    source = origin_of(dataset, partition)
    if source is None:
        raise DomainError(
            "no_source", f"{dataset.name} has no source to read again; upload a file instead."
        )
    if isinstance(source, LiveRows):
        found = sources.measure(source.as_engine_reads(dataset.product, dataset.schema))
        with deed(dataset.product, actor, "dataset.read", subject=dataset.subject) as done:
            reading = new_reading(dataset, as_of=as_of, context=context or {}, actor=actor)
            note_read(reading, found, at=timezone.now())
            request_profile(dataset, actor=actor, version=reading)
            done.data.update(version=reading.number, rows=reading.rows)
        return Delivered(reading, created=True)
    return add_version(dataset, source, actor=actor, as_of=as_of, context=context)


def first_reading(dataset: Dataset, found: Inspected, *, actor: Actor) -> DatasetVersion:
    """The reading that registered a dataset of a database, within the caller's deed."""
    reading = new_reading(dataset, as_of=None, context={}, actor=actor)
    note_read(reading, found, at=timezone.now())
    return reading


def new_reading(
    dataset: Dataset, *, as_of: datetime | None, context: Mapping[str, Any], actor: Actor
) -> DatasetVersion:
    """A reading of a database that is to come, within the caller's deed; until then it has the
    rows and columns of the one before."""
    Dataset.objects.select_for_update(no_key=True, of=("self",)).get(pk=dataset.pk)
    before = dataset.current_version
    last = dataset.versions.aggregate(last=Max("number"))["last"] or 0
    return DatasetVersion.objects.create(
        dataset=dataset,
        number=last + 1,
        bytes=0,
        rows=before.rows if before else 0,
        columns=before.columns if before else [],
        as_of=as_of,
        seen_at=timezone.now(),
        tracked=_is_tracked(dataset, context),
        context=dict(context),
        created_by=actor.user,
    )


def columns_in(found: Inspected) -> list[dict[str, str]]:
    """The columns that were seen, as a version keeps them."""
    return [{"name": column.name, "type": column.type} for column in found.columns]


def note_read(reading: DatasetVersion, found: Inspected, *, at: datetime) -> None:
    """The database was read: what a reading has seen. It is the current one from now on, unless a
    later one was quicker."""
    reading.rows = found.rows
    reading.columns = columns_in(found)
    reading.read_at = reading.seen_at = at
    reading.save(update_fields=["rows", "columns", "read_at", "seen_at"])
    later = reading.dataset.versions.filter(pk=F("dataset__current_version"), seen_at__gt=at)
    if (reading.tracked and not later.exists()) or reading.number == 1:
        _make_current(reading.dataset, reading)


def store_version(dataset: Dataset, delivery: Delivery, *, actor: Actor) -> DatasetVersion:
    """Write the row of a version within the caller's deed; the next number is taken under lock."""
    Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
    purged = dataset.versions.filter(sha256=delivery.content.sha256).first()
    if purged is not None:
        return _bring_back(purged, delivery)
    last = dataset.versions.aggregate(last=Max("number"))["last"] or 0
    version = DatasetVersion.objects.create(
        dataset=dataset,
        number=last + 1,
        sha256=delivery.content.sha256,
        bytes=delivery.content.bytes,
        rows=delivery.rows,
        columns=delivery.columns,
        file=delivery.file,
        filename=delivery.content.filename,
        partition=delivery.partition,
        as_of=delivery.as_of,
        seen_at=timezone.now(),
        tracked=_is_tracked(dataset, delivery.context),
        context=dict(delivery.context),
        created_by=actor.user,
    )
    if version.tracked or last == 0:
        _make_current(dataset, version)
    return version


class _FileGoneError(Conflict):
    """The file of a known content was deleted while the content came in again."""


def purge_version(version: DatasetVersion, *, actor: Actor) -> DatasetVersion:
    """Delete the rows of a version for good: its file, profile and samples.

    Checksum, counts and findings stay.
    """
    dataset = version.dataset
    with deed(dataset.product, actor, "dataset.version_purged", subject=dataset.subject) as done:
        locked = DatasetVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
        was_gone, key = locked.purged_at is not None, locked.file
        if not was_gone:
            locked.file, locked.purged_at = "", done.at
            locked.save(update_fields=["file", "purged_at"])
        results = Result.objects.filter(run__version=locked)
        quoting = results.filter(QUOTES_ROWS).exists()
        profiles, _ = Profile.objects.filter(version=locked).delete()
        forget_results(results)
        done.data["version"] = locked.number
        if was_gone and not quoting and not profiles:
            done.nothing_happened()
        if key:
            transaction.on_commit(lambda: stored_files.remove(key))
    return locked


def _bring_back(version: DatasetVersion, delivery: Delivery) -> DatasetVersion:
    """Give a purged version its file again: the same content is the same version."""
    if version.file:
        raise Conflict(KNOWN, "This very content was brought by somebody else meanwhile.")
    version.file, version.purged_at = delivery.file, None
    version.save(update_fields=["file", "purged_at"])
    if _is_tracked(version.dataset, delivery.context):
        _return(version, delivery.as_of, delivery.context)
    return version


def _seen_again(
    version: DatasetVersion, as_of: datetime | None, context: dict[str, Any], *, actor: Actor
) -> DatasetVersion:
    """A known content came in once more; where that says nothing new, nothing happens."""
    dataset = version.dataset
    if not _is_tracked(dataset, context):
        return version
    with deed(dataset.product, actor, "dataset.version_returned", subject=dataset.subject) as done:
        present = Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
        version.refresh_from_db(fields=["tracked", "as_of", "file"])
        if not version.file:
            raise _FileGoneError(KNOWN, "The rows of this content went meanwhile; send it again.")
        is_in_force = version.tracked and present.current_version_id == version.pk
        if is_in_force and as_of in {None, version.as_of}:
            done.nothing_happened()
            return version
        _return(version, as_of, context)
        done.data["version"] = version.number
    return version


def _return(version: DatasetVersion, as_of: datetime | None, context: Mapping[str, Any]) -> None:
    """Make a known content the newest: without a time of its own it is of the delivery's."""
    version.tracked, version.context = True, dict(context)
    version.as_of, version.seen_at = as_of, timezone.now()
    version.save(update_fields=["tracked", "context", "as_of", "seen_at"])
    _make_current(version.dataset, version)


def _is_tracked(dataset: Dataset, context: Mapping[str, Any]) -> bool:
    product = dataset.product
    return is_tracked(context, product.tracked_environments, product.tracked_branches)


def _make_current(dataset: Dataset, version: DatasetVersion) -> None:
    dataset.current_version = version
    Dataset.objects.filter(pk=dataset.pk).update(current_version=version)
