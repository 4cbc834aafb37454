"""How files come in and are kept: streamed, measured, checked, stored, never left as orphans."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from uuid import uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile

from backlog.models import Product
from dataquality.engine.sources import Source as EngineSource
from dataquality.models import DatasetVersion, FileFormat, SourceKind
from mlscrum.lib.errors import DomainError

CHUNK_BYTES = 1024 * 1024
MEGABYTE = 1024 * 1024
DESCRIPTORS = Path("/proc/self/fd")  # where Linux says which file is open
SPARE_S = 600  # a job is ended soon after its time limit, not at once
SUFFIXES = {
    ".csv": FileFormat.CSV,
    ".parquet": FileFormat.PARQUET,
    ".pq": FileFormat.PARQUET,
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
}


@dataclass(frozen=True)
class Upload:
    """A file that somebody sends, read once. `size` is in bytes, where the sender tells it, and
    `limit_mb` how large it may be, by default as large as any upload."""

    filename: str
    chunks: Iterable[bytes]
    size: int | None = None
    limit_mb: int | None = None

    @classmethod
    def of(cls, file: UploadedFile[bytes]) -> Upload:
        """The upload of a page or of REST."""
        return cls(file.name or "", file.chunks(CHUNK_BYTES), file.size)


@dataclass(frozen=True)
class ServerPath:
    """A file on the server, by its path within SOURCES_DIR/<product key>/."""

    path: str


class Remote(Protocol):
    """A file elsewhere, which is fetched; see `origins`."""

    def opened(self, product: Product, folder: Path) -> AbstractContextManager[Upload]:
        """The file as it comes in; `folder` is for what has to be put together first."""
        ...


Source = Upload | ServerPath | Remote


@dataclass(frozen=True)
class Received:
    """A file that has come in: a temporary copy of ours, and what is known of it."""

    path: Path
    filename: str
    format: FileFormat
    sha256: str
    bytes: int


@contextmanager
def received(source: Source, product: Product) -> Iterator[Received]:
    """A temporary copy of the source with its checksum, gone afterwards.

    Raises DomainError for a file too large (413), of no format that we read, or a path that
    leads out of the product's folder, and for what can't be fetched.
    """
    with _temporary_folder() as folder:
        with ExitStack() as stack:
            upload = _incoming(source, product, Path(folder), stack)
            name = PurePosixPath(upload.filename.replace("\\", "/")).name[:255]
            file_format = format_of(name)
            copy = Path(folder) / f"content{_suffix(file_format)}"
            sha256, size = _copy(upload, copy)
        yield Received(copy, name, file_format, sha256, size)


def format_of(filename: str) -> FileFormat:
    """The format that a file's name promises; raises DomainError for a name that promises none."""
    found = SUFFIXES.get(PurePosixPath(filename).suffix.lower())
    if found is None:
        raise DomainError(
            "unknown_format",
            "The file's name must end in .csv, .parquet or .jsonl, so that we know how to read it.",
        )
    return found


@contextmanager
def kept(content: Received, product: Product, slug: str) -> Iterator[str]:
    """Store the file and give its key; it is deleted again if the block raises."""
    wanted = f"datasets/{product.key}/{slug}/{uuid4().hex}{_suffix(content.format)}"
    with content.path.open("rb") as file:
        key = default_storage.save(wanted, File(file))
    try:
        yield key
    except BaseException:
        default_storage.delete(key)
        raise


@contextmanager
def local_copy(version: DatasetVersion) -> Iterator[Path]:
    """The version's file as a file on this machine, gone afterwards where it was copied.

    Raises DomainError where the version was purged or the storage has lost the file.
    """
    file = opened(version)
    with file, _temporary_folder() as folder:
        copy = Path(folder) / f"content{_suffix(FileFormat(version.dataset.format))}"
        if not _linked(version.file, copy):
            with copy.open("wb") as target:
                shutil.copyfileobj(file, target, CHUNK_BYTES)
        yield copy


def as_engine_reads(
    path: Path, file_format: str, schema: Sequence[Mapping[str, Any]] = ()
) -> EngineSource:
    """A local file as the engine takes it."""
    return EngineSource(SourceKind.UPLOAD, str(path), schema, {"format": str(file_format)})


def opened(version: DatasetVersion) -> File[bytes]:
    """The version's file, open for reading; raises DomainError where its rows are gone."""
    if version.is_reading:
        raise DomainError(
            "no_file", f"Version {version.number} is a reading of a database; its rows stay there."
        )
    if not version.file:
        raise DomainError("purged", f"Version {version.number} was purged; its rows are gone.")
    try:
        return default_storage.open(version.file)
    except FileNotFoundError:
        raise DomainError(
            "file_lost", f"The file of version {version.number} is missing; upload it again."
        ) from None


def resolved(path: str, product: Product) -> Path:
    """Where a path source really lies, symlinks followed.

    Raises DomainError for anything outside SOURCES_DIR/<product key>/ or inside DATA_DIR, in the
    same words whether it exists or not, and for what is no readable file.
    """
    home = _home_of(product)
    try:
        place = (home / path).resolve()
    except (OSError, RuntimeError, ValueError):  # loops, and characters no path may hold
        raise _outside(product) from None
    _require_within(place, product)
    try:
        is_file = stat.S_ISREG(place.stat().st_mode)
    except OSError:
        is_file = False
    if not is_file:
        raise _no_such_file(path)
    return place


def prepare_temporary_files() -> None:
    """Make the folder of rows on their way, closed to other users, and remove what processes that
    were killed left there: whatever is older than the longest job."""
    home = _temporary_home()
    oldest = time.time() - settings.JOB_TIME_LIMIT_S - SPARE_S
    for left in home.iterdir():
        with suppress(FileNotFoundError):  # another process removes it too
            if left.lstat().st_mtime >= oldest:
                continue
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()


def too_large(limit_mb: int | None = None) -> DomainError:
    """The refusal of a file beyond the limit of this installation."""
    return DomainError(
        "too_large",
        f"The file is larger than {limit_mb or settings.UPLOAD_LIMIT_MB:,} MB, the limit of this "
        "installation.",
        status=413,
    )


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="rows-", dir=_temporary_home())


def _temporary_home() -> Path:
    home = Path(settings.FILE_UPLOAD_TEMP_DIR)
    home.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    return home


def _linked(key: str, place: Path) -> bool:
    """Give a stored file a second name, which outlives the first; whether it lies on this disk."""
    try:
        os.link(default_storage.path(key), place)
    except (NotImplementedError, OSError):
        return False
    return True


def _incoming(source: Source, product: Product, folder: Path, stack: ExitStack) -> Upload:
    if isinstance(source, Upload):
        return source
    if isinstance(source, ServerPath):
        upload, file = _open(source, product)
        stack.callback(file.close)
        return upload
    return stack.enter_context(source.opened(product, folder))


def _open(source: ServerPath, product: Product) -> tuple[Upload, File[bytes]]:
    """The file of a path source. Whatever was swapped since its path was resolved, what is read
    is a regular file within the product's folder."""
    place = resolved(source.path, product)
    try:
        # Without O_NONBLOCK a pipe would hold the request until somebody writes to it.
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        raise DomainError("unreadable", "The server may not read this file.") from None
    file = File(os.fdopen(descriptor, "rb"))
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise _no_such_file(source.path)
        _require_within(_place_of(descriptor, source, product), product)
    except BaseException:
        file.close()
        raise
    return Upload(place.name, file.chunks(CHUNK_BYTES), seen.st_size), file


def _place_of(descriptor: int, source: ServerPath, product: Product) -> Path:
    """Where an open file lies: as Linux says, elsewhere by resolving its path once more."""
    if DESCRIPTORS.is_dir():
        return (DESCRIPTORS / str(descriptor)).readlink()
    place = resolved(source.path, product)
    if not os.path.samestat(os.fstat(descriptor), place.stat()):
        raise _outside(product)
    return place


def _home_of(product: Product) -> Path:
    home: Path = settings.SOURCES_DIR / product.key
    return home.resolve()


def _require_within(place: Path, product: Product) -> None:
    is_ours = place.is_relative_to(settings.DATA_DIR.resolve())
    if is_ours or not place.is_relative_to(_home_of(product)):
        raise _outside(product)


def _outside(product: Product) -> DomainError:
    return DomainError(
        "path_outside",
        f"The path must lead to a file within the folder {product.key} of SOURCES_DIR.",
    )


def _no_such_file(path: str) -> DomainError:
    return DomainError("no_such_file", f"There is no file {path} in the product's folder.")


def _copy(upload: Upload, target: Path) -> tuple[str, int]:
    """Write the upload to the target: its SHA-256 and its size in bytes."""
    limit_mb = upload.limit_mb or int(settings.UPLOAD_LIMIT_MB)
    if upload.size is not None and upload.size > limit_mb * MEGABYTE:
        raise too_large(limit_mb)
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as out:
        for chunk in upload.chunks:
            size += len(chunk)
            if size > limit_mb * MEGABYTE:
                raise too_large(limit_mb)
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest(), size


def _suffix(file_format: FileFormat) -> str:
    return f".{file_format.value}"
