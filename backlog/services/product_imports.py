"""Deeds on archives that come in: take one in, say what it is to become, carry it out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from backlog.models import Actor, Product, ProductImport, User
from backlog.rules import keeping
from backlog.services import jobs, stored_files
from backlog.services.attachments import Incoming, tidy_name
from backlog.services.product_copies import (
    Summary,
    free_key,
    import_product,
    refuse_key,
    summary_of,
)
from mlscrum.lib.errors import Conflict, DomainError, FieldError, Refused

JOB_KIND = "product.import"
KEPT_FOR = timedelta(days=keeping.ARCHIVES)
MEGABYTE = 1024 * 1024


def receive_archive(incoming: Incoming, *, user: User) -> ProductImport:
    """Take in an archive of a product; under its own key, or a free one like it.

    Raises DomainError for a file that is too large or no archive that can be imported here; then
    nothing of it is kept.
    """
    with _temporary_folder() as folder:
        path = folder / "product.zip"
        size = _copy(incoming, path)
        summary = summary_of(path)
        with path.open("rb") as content:
            file = default_storage.save(f"imports/products/{uuid4().hex}.zip", File(content))
    try:
        return ProductImport.objects.create(
            file=file,
            filename=tidy_name(incoming.name),
            bytes=size,
            said=_said(summary),
            key=free_key(summary.key),
            name=summary.name[:120],
            user=user,
            created_at=timezone.now(),
        )
    except BaseException:
        stored_files.remove(file)
        raise


def start_import(
    arriving: ProductImport, *, key: str, name: str, people: Mapping[str, str]
) -> ProductImport:
    """Ask for the product under this key and name. `people` says by address who here is meant by
    whom there; the others are who has the same address, or become people without a way in.

    Raises DomainError for a key that is taken or bad, for addresses that the archive lacks and for
    those that nobody has here, and Conflict once it is started.
    """
    key = key.strip().upper()
    refuse_key(key)
    _refuse_others(arriving, people)
    _known(people)
    with transaction.atomic():
        fresh = ProductImport.objects.select_for_update(no_key=True, of=("self",)).get(
            pk=arriving.pk
        )
        if fresh.state not in {"new", "failed", "cancelled"}:
            raise Conflict("import_begun", "This import has begun; upload the archive again.")
        if not fresh.file:
            raise Conflict("file_gone", "Its file is not kept any more; upload it again.")
        fresh.key, fresh.name, fresh.people = key, name.strip()[:120], dict(people)
        fresh.job = jobs.enqueue(None, JOB_KIND, {"import": fresh.pk})
        fresh.save(update_fields=["key", "name", "people", "job"])
    return fresh


def carry_out(lease: jobs.Lease) -> None:
    """Make the product of an archive, in one transaction with the end of its job."""
    found = ProductImport.objects.select_related("user").filter(job=lease.job)
    arriving = found.filter(pk=lease.job.args["import"]).first()
    if arriving is None:
        return
    if not arriving.user.is_active or not arriving.user.is_administrator:
        raise Refused("not_allowed", "Whoever asked for this administers the house no more.")

    def landed(product: Product) -> None:
        arriving.product, arriving.finished_at, arriving.file = product, timezone.now(), ""
        arriving.save(update_fields=["product", "finished_at", "file"])
        transaction.on_commit(lambda: stored_files.remove(file))

    file = arriving.file
    with _local_copy(file) as path:
        import_product(
            path,
            owner=arriving.user,
            actor=Actor.person(arriving.user),
            key=arriving.key,
            name=arriving.name,
            people=_known(arriving.people),
            told=lease.progress,
            fence=lease.finish,
            landed=landed,
        )


def discard_import(arriving: ProductImport) -> None:
    """Forget an archive that was not imported, or that it was. Raises Conflict while it is."""
    with transaction.atomic():
        fresh = ProductImport.objects.select_for_update(no_key=True, of=("self",)).get(
            pk=arriving.pk
        )
        if fresh.is_under_way:
            raise Conflict("under_way", "It is being imported; wait for its end.")
        _forget(fresh)


def forget_archives(now: datetime) -> int:
    """Delete archives that nobody has imported for a week; how many went."""
    old = ProductImport.objects.filter(finished_at=None, created_at__lt=now - KEPT_FOR)
    gone = [arriving for arriving in old.select_related("job") if not arriving.is_under_way]
    for arriving in gone:
        with transaction.atomic():
            _forget(arriving)
    return len(gone)


def _said(summary: Summary) -> dict[str, object]:
    return {
        "key": summary.key,
        "name": summary.name,
        "items": summary.items,
        "version": summary.version,
        "made_at": summary.made_at,
        "people": [[person.email, person.name] for person in summary.people],
    }


def _refuse_others(arriving: ProductImport, people: Mapping[str, str]) -> None:
    named = {str(email).lower() for email, _ in arriving.said["people"]}
    errors = [
        FieldError(f"/people/{there}", "not_in_archive", f"The archive names nobody {there}.")
        for there in people
        if there.lower() not in named
    ]
    if errors:
        raise DomainError("bad_people", errors[0].detail, errors=errors)


def _known(people: Mapping[str, str]) -> dict[str, User]:
    """The people here by the addresses there. Raises DomainError for addresses that nobody has."""
    wanted = {there.lower(): here.lower() for there, here in people.items() if here}
    users = {user.email.lower(): user for user in User.objects.filter(is_active=True)
             if user.email.lower() in wanted.values()}  # fmt: skip
    errors = [
        FieldError(f"/people/{there}", "nobody", f"Nobody here has the address {here}.")
        for there, here in wanted.items()
        if here not in users
    ]
    if len(set(wanted.values())) < len(wanted):
        errors.append(
            FieldError("/people", "people_joined", "Nobody here can be two people of the archive.")
        )
    if errors:
        raise DomainError("bad_people", errors[0].detail, errors=errors)
    return {there: users[here] for there, here in wanted.items()}


def _forget(arriving: ProductImport) -> None:
    key = arriving.file
    arriving.delete()
    if key:
        transaction.on_commit(lambda: stored_files.remove(key))


def _copy(incoming: Incoming, path: Path) -> int:
    size, limit = 0, settings.UPLOAD_LIMIT_MB
    with path.open("wb") as copy:
        for chunk in incoming.chunks:
            size += len(chunk)
            if size > limit * MEGABYTE:
                raise DomainError(
                    "too_large",
                    f"The archive is larger than {limit:,} MB, the limit of uploads; an "
                    "administrator can import it by `python manage.py importproduct`.",
                    status=413,
                )
            copy.write(chunk)
    return size


@contextmanager
def _local_copy(key: str) -> Iterator[Path]:
    try:
        file = default_storage.open(key)
    except FileNotFoundError:
        raise DomainError("file_lost", "The file is missing in storage; upload it again.") from None
    with file, _temporary_folder() as folder:
        path = folder / "product.zip"
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy, MEGABYTE)
        yield path


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    home = Path(settings.FILE_UPLOAD_TEMP_DIR)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="archive-", dir=home) as folder:
        yield Path(folder)
