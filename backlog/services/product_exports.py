"""Deeds on exports of whole products: ask for an archive, make it, let it go after a while."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from uuid import uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone

from backlog.models import Actor, ActorKind, Job, Product, ProductExport
from backlog.rules import keeping
from backlog.services import jobs, stored_files
from backlog.services.deeds import deed
from backlog.services.product_copies import Told, export_product
from mlscrum.lib.errors import Conflict, NotFound

JOB_KIND = "product.export"
KEPT_FOR = timedelta(days=keeping.ARCHIVES)


def request_export(product: Product, *, actor: Actor) -> ProductExport:
    """Ask for an archive of the whole product. Raises Conflict while another one is made."""
    with deed(product, actor, "product.export_requested") as done:
        Product.objects.select_for_update(no_key=True).get(pk=product.pk)
        for other in product.exports.filter(finished_at=None).select_related("job"):
            if other.is_under_way:
                raise Conflict("under_way", "An archive is being made already; wait for it.")
        export = ProductExport.objects.create(
            product=product, requested_by=actor.user, requested_at=done.at
        )
        export.job = jobs.enqueue(product, JOB_KIND, {"export": export.pk})
        export.save(update_fields=["job"])
        done.data["export"] = export.pk
    return export


def make_export(lease: jobs.Lease) -> None:
    """Write the archive that a job was asked for, and keep it for a week."""
    export = _export_of(lease.job)
    if export is None:
        return
    with _temporary_folder() as folder:
        path = folder / "product.zip"
        with told_aside(lease) as told:
            made = export_product(export.product, path, told=told)
        with path.open("rb") as content:
            key = default_storage.save(
                f"exports/{export.product.key}/{uuid4().hex}.zip", File(content)
            )
        try:
            with lease.finish():
                export.file, export.bytes = key, path.stat().st_size
                export.rows, export.files = made.rows, made.files
                export.finished_at = timezone.now()
                export.expires_at = export.finished_at + KEPT_FOR
                export.save()
        except BaseException:
            stored_files.remove(key)
            raise


def actor_of(job: Job) -> Actor | None:
    """Who asked for the archive, or None where that is gone."""
    export = _export_of(job)
    if export is None:
        return None
    user = export.requested_by
    return Actor(ActorKind.PERSON if user else ActorKind.SYSTEM, user=user)


def opened_export(export: ProductExport) -> IO[bytes]:
    """The content of an archive. Raises Conflict for one that is not made, and NotFound where the
    storage has lost it."""
    if not export.file:
        raise Conflict("not_made", "This archive is not made yet.")
    try:
        return default_storage.open(export.file)
    except FileNotFoundError:
        raise NotFound("file_lost", "The storage has lost this archive; make it anew.") from None


def delete_export(export: ProductExport, *, actor: Actor) -> None:
    """Take an archive away, be it made or not."""
    with deed(export.product, actor, "product.export_deleted", export=export.pk):
        fresh = ProductExport.objects.select_related("job").get(pk=export.pk)
        if fresh.is_under_way and fresh.job is not None:
            jobs.request_cancel(fresh.job)
        _forget(fresh)


def forget_exports(now: datetime) -> int:
    """Delete archives whose week is over; how many went."""
    gone = list(ProductExport.objects.filter(expires_at__lt=now))
    for export in gone:
        with transaction.atomic():
            _forget(export)
    return len(gone)


@contextmanager
def told_aside(lease: jobs.Lease) -> Iterator[Told]:
    """Tells the lease's progress over a connection of its own, for work within a transaction that
    only reads. Raises LeaseLost or Cancelled where it is told."""
    with ThreadPoolExecutor(1, "progress") as aside:

        def told(fraction: float, message: str) -> None:
            aside.submit(lease.progress, fraction, message).result()

        try:
            yield told
        finally:
            aside.submit(lambda: connection.close()).result()  # that of its thread


def _export_of(job: Job) -> ProductExport | None:
    found = ProductExport.objects.select_related("product", "requested_by")
    return found.filter(pk=job.args["export"], job=job).first()


def _forget(export: ProductExport) -> None:
    key = export.file
    export.delete()
    if key:
        transaction.on_commit(lambda: stored_files.remove(key))


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    home = Path(settings.FILE_UPLOAD_TEMP_DIR)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="archive-", dir=home) as folder:
        yield Path(folder)
