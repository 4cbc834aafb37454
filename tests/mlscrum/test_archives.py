"""Archives are whole or not there, and nothing that they say of themselves is believed."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mlscrum.lib import archives
from mlscrum.lib.errors import DomainError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An archive with two rows and a file."""
    path = tmp_path / "all.zip"
    with archives.written(path) as archive:
        archive.add_lines("rows/one.jsonl", ['["a"]', '["b"]'])
        archive.add_file("attachments/MED/1", [b"hel", b"lo"])
        archive.finish("product", {"product_version": "1.2"})
    return path


def changed(path: Path, **parts: bytes | None) -> Path:
    """The same archive with parts that somebody changed, or took away."""
    other = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            content = parts.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return other


def manifest_of(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as packed:
        manifest: dict[str, Any] = json.loads(packed.read("manifest.json"))
    return manifest


def test_what_is_written_is_read_again(path: Path) -> None:
    with archives.opened(path, "product") as archive:
        assert archive.check() > 0
        assert list(archive.lines("rows/one.jsonl")) == [["a"], ["b"]]
        (file,) = archive.files()
        assert (file.key, file.bytes) == ("attachments/MED/1", 5)
        with archive.opened(file) as content:
            assert content.read() == b"hello"


def test_only_its_owner_may_read_it(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_that_is_not_finished_leaves_what_was_there_before(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(RuntimeError), archives.written(path) as archive:
        archive.add_lines("rows/one.jsonl", ['["c"]'])
        raise RuntimeError
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["all.zip"]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"rows/one.jsonl": b'["a"]\n["c"]\n'}, "rows/one.jsonl is not what its checksum says"),
        ({"rows/one.jsonl": b'["a"]\n'}, "not what its checksum says"),
        ({"rows/one.jsonl": None}, "rows/one.jsonl is missing"),
        ({"files/00000001": b"hallo"}, "files/00000001 is not what its checksum says"),
        ({"files/00000001": b"hello, and much more"}, "not what its checksum says"),
        ({"files/00000001": None}, "files/00000001 is missing"),
        ({"files.jsonl": None}, "files.jsonl is missing"),
    ],
)
def test_one_that_was_changed_is_refused(
    path: Path, parts: dict[str, bytes | None], words: str
) -> None:
    with (
        archives.opened(changed(path, **parts), "product") as archive,
        pytest.raises(DomainError, match=words),
    ):
        archive.check()


@pytest.mark.parametrize(
    "manifest", [b"", b"[]", b"{", b'{"format": "mlscrum-archive"}', b"[" * 100_000]
)
def test_a_manifest_that_is_none_is_refused(path: Path, manifest: bytes) -> None:
    other = changed(path, **{"manifest.json": manifest})
    with (
        pytest.raises(DomainError, match="no archive of ML Scrum"),
        archives.opened(other, "product"),
    ):
        pass


@pytest.mark.parametrize("content", [b"", b"PK", b"hello"])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(DomainError, match="no archive of ML Scrum"), archives.opened(path, "x"):
        pass


def test_half_of_one_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])
    with (
        pytest.raises(DomainError, match="only the start of one"),
        archives.opened(path, "product"),
    ):
        pass


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with (
        pytest.raises(DomainError, match=r"gone\.zip can't be read: No such file"),
        archives.opened(tmp_path / "gone.zip", "x"),
    ):
        pass


def test_one_of_another_kind_and_one_of_a_later_format_say_so(path: Path) -> None:
    with (
        pytest.raises(DomainError, match="of one product, not of one installation"),
        archives.opened(path, "installation"),
    ):
        pass
    later = json.dumps(manifest_of(path) | {"format_version": 2}).encode()
    other = changed(path, **{"manifest.json": later})
    with (
        pytest.raises(DomainError, match=r"format 2.*use the release that wrote it, 1\.2"),
        archives.opened(other, "product"),
    ):
        pass


def test_one_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with archives.written(path) as archive:
        archive.add_file("a", [bytes(1024 * 1024)] * 5)
        archive.finish("product", {})
    with (
        archives.opened(path, "product") as archive,
        pytest.raises(DomainError, match="more than 4 MB"),
    ):
        archive.check(most_bytes=4 * 1024 * 1024)


def test_one_that_says_less_than_it_holds_is_refused(tmp_path: Path) -> None:
    """A part of which only the beginning fits its checksum, and its size is a lie."""
    path = tmp_path / "lies.zip"
    long = b"x" * (3 * archives.MEGABYTE)
    start = hashlib.sha256(long[: archives.CHUNK_BYTES]).hexdigest()
    for size in (0, archives.CHUNK_BYTES, -1):
        part = {"sha256": start, "bytes": size, "lines": 0}
        manifest = {"format": "mlscrum-archive", "format_version": 1, "kind": "product",
                    "parts": {"rows/one.jsonl": part}}  # fmt: skip
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("rows/one.jsonl", long)
            packed.writestr("files.jsonl", b"")
            packed.writestr("manifest.json", json.dumps(manifest))
        with pytest.raises(DomainError), archives.opened(path, "product") as archive:
            archive.check(most_bytes=100 * archives.MEGABYTE)


def test_a_file_that_says_less_than_it_holds_is_refused(path: Path) -> None:
    long = b"x" * (2 * archives.MEGABYTE)
    start = hashlib.sha256(long[: archives.CHUNK_BYTES]).hexdigest()
    fact = {"key": "attachments/MED/1", "part": "files/00000001", "sha256": start, "bytes": 0}
    facts = json.dumps(fact).encode() + b"\n"
    manifest = manifest_of(path)
    manifest["parts"]["files.jsonl"] = {
        "sha256": hashlib.sha256(facts).hexdigest(), "bytes": len(facts), "lines": 1,
    }  # fmt: skip
    other = changed(path, **{"files.jsonl": facts, "files/00000001": long,
                             "manifest.json": json.dumps(manifest).encode()})  # fmt: skip
    with (
        pytest.raises(DomainError, match="not what its checksum says"),
        archives.opened(other, "product") as archive,
    ):
        archive.check()


@pytest.mark.parametrize("name", ["manifest.json", "rows/one.jsonl", "files.jsonl"])
def test_a_broken_byte_is_a_clear_refusal(path: Path, name: str) -> None:
    with zipfile.ZipFile(path) as packed:
        info = packed.getinfo(name)
        start = info.header_offset + 30 + len(info.filename.encode()) + len(info.extra)
    data = bytearray(path.read_bytes())
    # Past the header of the part, in which ZIP64 may have written more than the directory says.
    for place in range(start + 24, start + 24 + 4):
        data[place] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DomainError), archives.opened(path, "product") as archive:
        archive.check()
        list(archive.lines(name))
