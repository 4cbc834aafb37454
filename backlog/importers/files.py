"""Any file that can be imported, told by its content: CSV, JSON, or an archive with one of them."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from pathlib import Path
from typing import Any

from backlog.importers import github, json_files, own, plane, taiga
from backlog.importers.csv_files import Table, table_in
from backlog.importers.formats import detect
from backlog.importers.json_files import bad_shape, objects
from mlscrum.lib.errors import DomainError

ZIP = b"PK\x03\x04"
LARGEST_INSIDE = 256 * 1024 * 1024  # bytes: a small archive may unpack to gigabytes
READABLE = (".csv", ".json")
# What reading an archive that is damaged, locked or packed in another way raises.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)


def read_file(path: Path, *, delimiter: str | None = None) -> Table:
    """The table in a file, laid out as its format wants it; the delimiter is that of a CSV file,
    found out where none is given.

    Raises DomainError for what can't be read: see csv_files.read_table and json_files.parse, and
    `unknown_json` for JSON that is none of the formats.
    """
    with path.open("rb") as file:
        is_archive = file.read(len(ZIP)) == ZIP
    data = _unpacked(path) if is_archive else path.read_bytes()
    is_json = json_files.is_json(data)
    table = _json_table(data) if is_json else table_in(data, delimiter=delimiter)
    return detect(table).prepare(table)


def _json_table(data: bytes) -> Table:
    text, encoding = json_files.decoded(data)
    return json_files.of_encoding(_laid_out(json_files.parse(text)), encoding)


def _laid_out(document: Any) -> Table:
    if isinstance(document, dict):
        return _of_object(document)
    records = document if isinstance(document, list) else []
    if records and all(isinstance(each, list) for each in records):
        records = [each for page in records for each in page]  # pages that gh put side by side
    if not records:
        raise DomainError("no_rows", "The list is empty: export it again, with its items.")
    first = objects(records, "The list")[0]
    if taiga.is_taiga(first):
        raise bad_shape("This is a list where Taiga writes one project as an object.")
    if own.is_own(first):
        return own.table_of(records)
    if github.is_github(first):
        return github.table_of(records)
    if plane.is_plane(first):
        return plane.table_of(records)
    raise _unknown()


def _of_object(document: dict[str, Any]) -> Table:
    if taiga.is_taiga(document):
        return taiga.table_of(document)
    items = own.items_of(document)
    if items is not None:
        return own.table_of(items)
    if {"message", "documentation_url"} <= document.keys():
        said = json_files.cell(document["message"])[:200]
        raise DomainError("github_error", f"This is an answer of GitHub and no list: {said}")
    if github.is_github(document) or own.is_own(document) or plane.is_plane(document):
        raise bad_shape("This is one item as an object, where a list of items is expected.")
    raise _unknown()


def _unknown() -> DomainError:
    return DomainError(
        "unknown_json",
        "This JSON is none that is known: GitHub's issues, a project of Taiga, Plane's export or "
        "our own. Export it as CSV instead.",
    )


def _unpacked(path: Path) -> bytes:
    """The one CSV or JSON file in an archive, such as Plane's export comes in."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [
                each
                for each in archive.infolist()
                if each.filename.lower().endswith(READABLE)
                and not each.filename.startswith("__MACOSX/")
            ]
            if not names:
                raise DomainError(
                    "not_a_csv",
                    "This is an Excel workbook or an archive without a CSV or JSON file: save the "
                    "sheet as CSV first.",
                )
            if len(names) > 1:
                raise DomainError(
                    "many_files",
                    f"The archive holds {len(names):,} files: unpack it, and import one at a time.",
                )
            if names[0].file_size > LARGEST_INSIDE:
                raise _too_large()
            with archive.open(names[0]) as file:
                data = file.read(LARGEST_INSIDE + 1)  # what it says of its size may be wrong
    except BROKEN as error:
        raise DomainError(
            "bad_archive", "The archive is broken, or locked by a password: unpack it first."
        ) from error
    if len(data) > LARGEST_INSIDE:
        raise _too_large()
    return data


def _too_large() -> DomainError:
    return DomainError(
        "too_large",
        f"The file in the archive is larger than {LARGEST_INSIDE // 1024**2} MB unpacked: export "
        "fewer items at once.",
        status=413,
    )
