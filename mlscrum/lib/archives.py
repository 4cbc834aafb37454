"""Archives of rows and files: a ZIP with a manifest, written whole or not at all, and checked from
end to end before anything of it is used. Nothing is ever held in memory whole."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from mlscrum.lib.errors import DomainError

FORMAT = "mlscrum-archive"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
FILES = "files.jsonl"
CHUNK_BYTES = 1024 * 1024
MEGABYTE = 1024 * 1024
LONGEST_MANIFEST = 16 * MEGABYTE
LONGEST_LINE = 256 * MEGABYTE
# What reading a part of a damaged archive raises.
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


@dataclass(frozen=True)
class Part:
    """A part of an archive: its checksum and size before it was packed, and its lines, 0 where it
    is no list of them."""

    sha256: str
    bytes: int
    lines: int = 0


@dataclass(frozen=True)
class KeptFile:
    """A file in an archive: its key in the storage that it came from, and the part that it is."""

    key: str
    part: str
    sha256: str
    bytes: int


class Writer:
    """An archive that is being written: lists of lines, then files, then what is to be known of
    all of it."""

    def __init__(self, packed: zipfile.ZipFile, facts: IO[str]) -> None:
        self._packed = packed
        self._facts = facts
        self._parts: dict[str, Part] = {}
        self.files = 0

    def add_lines(self, name: str, lines: Iterable[str]) -> Part:
        """Write one part of the lines; none of them may hold a line break."""
        count = 0

        def encoded() -> Iterator[bytes]:
            nonlocal count
            for line in lines:
                count += 1
                yield line.encode() + b"\n"

        digest, size = self._pack(name, encoded())
        part = self._parts[name] = Part(digest, size, count)
        return part

    def add_file(self, key: str, chunks: Iterable[bytes]) -> KeptFile:
        """Keep a file that lies in a storage under this key."""
        self.files += 1
        name = f"files/{self.files:08d}"
        digest, size = self._pack(name, chunks)
        kept = KeptFile(key, name, digest, size)
        self._facts.write(json.dumps(asdict(kept)) + "\n")
        return kept

    def finish(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Write the list of files and the manifest, with which the archive is whole."""
        self._facts.seek(0)
        self.add_lines(FILES, (line.rstrip("\n") for line in self._facts))
        manifest = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "kind": kind,
            **facts,
            "parts": {name: asdict(part) for name, part in self._parts.items()},
        }
        text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False)
        self._packed.writestr(MANIFEST, text)

    def _pack(self, name: str, chunks: Iterable[bytes]) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        with self._packed.open(name, "w", force_zip64=True) as part:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                part.write(chunk)
        return digest.hexdigest(), size


@contextmanager
def written(path: Path) -> Iterator[Writer]:
    """Write an archive of this name. Under it there is the whole of it or, where the block raises,
    what was there before. Nobody but its owner may read it."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            with (
                tempfile.TemporaryFile("w+", encoding="utf-8", dir=path.parent) as facts,
                zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as packed,
            ):
                yield Writer(packed, facts)
            out.flush()
            os.fsync(out.fileno())
        draft.chmod(stat.S_IRUSR | stat.S_IWUSR)
        draft.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise


class Reader:
    """An archive that somebody brought: nothing that it says of itself is believed unchecked."""

    def __init__(self, packed: zipfile.ZipFile, kind: str) -> None:
        self._packed = packed
        self.manifest = self._manifest(kind)
        self.parts = {name: Part(**facts) for name, facts in self.manifest["parts"].items()}

    def check(self, *, most_bytes: int | None = None) -> int:
        """Read every part and compare it with the manifest; how many bytes that were.

        Raises DomainError for one that is missing, changed, or more than it says, and where all
        together are more than `most_bytes`.
        """
        total = sum(part.bytes for part in self.parts.values())
        for name, part in self.parts.items():
            if most_bytes is not None and total > most_bytes:
                raise _too_much(most_bytes)
            self.check_part(name, part)
        for kept in self.files():
            total += kept.bytes
            if most_bytes is not None and total > most_bytes:
                raise _too_much(most_bytes)
            self.check_part(kept.part, Part(kept.sha256, kept.bytes))
        return total

    def lines(self, name: str) -> Iterator[Any]:
        """The lines of a part, read as JSON."""
        with self._open(name) as part:
            while True:
                try:
                    line = part.readline(LONGEST_LINE)
                    value = json.loads(line) if line else None
                except (*BROKEN, RecursionError):
                    raise _damaged(f"{name} holds a line that can't be read") from None
                if not line:
                    return
                yield value

    def files(self) -> Iterator[KeptFile]:
        for facts in self.lines(FILES):
            try:
                kept = KeptFile(**facts)
                is_one = _is_size(kept.bytes) and all(
                    isinstance(text, str) for text in (kept.key, kept.part, kept.sha256)
                )
            except TypeError:
                is_one = False
            if not is_one:
                raise _damaged(f"{FILES} holds a line that can't be read")
            yield kept

    def opened(self, kept: KeptFile) -> IO[bytes]:
        """The content of a file."""
        return self._open(kept.part)

    def _manifest(self, kind: str) -> dict[str, Any]:
        try:
            with self._open(MANIFEST) as part:
                text = part.read(LONGEST_MANIFEST + 1)
            manifest = json.loads(text)
            said = (manifest["format"], manifest["format_version"], manifest["kind"])
            parts = {name: Part(**facts) for name, facts in manifest["parts"].items()}
            sizes = [(part.bytes, part.lines) for part in parts.values()]
        except (DomainError, *BROKEN, KeyError, TypeError, AttributeError, RecursionError):
            raise _none_of_ours() from None
        if said[0] != FORMAT or not all(_is_size(n) for pair in sizes for n in pair):
            raise _none_of_ours()
        if said[1] != FORMAT_VERSION:
            raise DomainError(
                "archive_too_new",
                f"This archive has format {said[1]}, and this release reads format "
                f"{FORMAT_VERSION}; use the release that wrote it, "
                f"{manifest.get('product_version', 'which it does not name')}.",
            )
        if said[2] != kind:
            raise DomainError(
                "other_archive", f"This is an archive of one {said[2]}, not of one {kind}."
            )
        return dict(manifest)

    def check_part(self, name: str, part: Part) -> None:
        """Read one part and compare it with what is said of it; raises DomainError as `check`."""
        digest, size, lines = hashlib.sha256(), 0, 0
        try:
            with self._open(name) as content:
                while chunk := content.read(CHUNK_BYTES):
                    digest.update(chunk)
                    size += len(chunk)
                    lines += chunk.count(b"\n")
                    if size > part.bytes:
                        break
        except BROKEN:
            raise _damaged(f"{name} can't be read") from None
        fits = size == part.bytes and digest.hexdigest() == part.sha256
        if not fits or (part.lines and lines != part.lines):
            raise _damaged(f"{name} is not what its checksum says")

    def _open(self, name: str) -> IO[bytes]:
        try:
            return self._packed.open(name)
        except (KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
            raise _damaged(f"{name} is missing") from None


@contextmanager
def opened(path: Path, kind: str) -> Iterator[Reader]:
    """The archive of this kind in the file; raises DomainError for what is none."""
    try:
        packed = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise DomainError("unreadable", f"{path} can't be read: {error.strerror}.") from None
        raise _none_of_ours() from None
    with packed:
        yield Reader(packed, kind)


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0


def _damaged(what: str) -> DomainError:
    return DomainError(
        "archive_damaged", f"The archive is damaged: {what}. Nothing of it was used."
    )


def _none_of_ours() -> DomainError:
    return DomainError("no_archive", "This is no archive of ML Scrum, or only the start of one.")


def _too_much(most_bytes: int) -> DomainError:
    return DomainError(
        "too_large",
        f"Unpacked, the archive holds more than {most_bytes // MEGABYTE:,} MB, the limit of this "
        "installation.",
        status=413,
    )
