"""Rows on their way lie in one closed folder, and nothing of them stays."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backlog.models import Product
from dataquality.models import Dataset
from dataquality.services import files
from dataquality.services.files import (
    ServerPath,
    local_copy,
    prepare_temporary_files,
    received,
)
from mlscrum.lib.errors import DomainError
from tests.dataquality.conftest import PATIENTS, upload


def test_rows_on_their_way_lie_within_the_data_folder_and_are_gone_afterwards(
    patients: Dataset, product: Product, settings: Any
) -> None:
    home = settings.DATA_DIR / "tmp"
    version = patients.current_version
    assert version is not None
    with received(upload(PATIENTS), product) as content, local_copy(version) as copy:
        assert content.path.is_relative_to(home)
        assert copy.is_relative_to(home)
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert list(home.iterdir()) == []


def test_a_start_sweeps_what_killed_processes_left_and_no_more(settings: Any) -> None:
    prepare_temporary_files()
    home: Path = settings.DATA_DIR / "tmp"
    old, new, upload_left = home / "rows-old", home / "rows-new", home / "x.upload"
    for folder in (old, new):
        folder.mkdir()
        (folder / "content.csv").write_text("Meyer")
    upload_left.write_text("Meyer")
    outside = settings.DATA_DIR / "precious"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (home / "link").symlink_to(outside)
    before = time.time() - settings.JOB_TIME_LIMIT_S - 3600
    for path in (old, upload_left, home / "link"):
        os.utime(path, (before, before), follow_symlinks=False)
    prepare_temporary_files()
    assert sorted(path.name for path in home.iterdir()) == ["rows-new"]
    assert (outside / "kept").exists()


def test_a_refused_file_leaves_no_rows(product: Product, settings: Any) -> None:
    with pytest.raises(ValueError, match="stop"), received(upload(PATIENTS), product):
        raise ValueError("stop")
    assert list((settings.DATA_DIR / "tmp").iterdir()) == []


# Path sources --------------------------------------------------------------------------------
def by_link(folder: Path, secrets: Path) -> None:
    (folder / "p.csv").unlink()
    (folder / "p.csv").symlink_to(secrets / "p.csv")


def by_folder(folder: Path, secrets: Path) -> None:
    folder.rename(folder.with_name("moved"))
    folder.symlink_to(secrets)


def by_pipe(folder: Path, secrets: Path) -> None:
    (folder / "p.csv").unlink()
    os.mkfifo(folder / "p.csv")


@pytest.fixture(params=["by Linux", "by its path"])
def asks_where_it_lies(request: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if request.param == "by its path":
        monkeypatch.setattr(files, "DESCRIPTORS", tmp_path / "nowhere")


@pytest.mark.usefixtures("asks_where_it_lies")
@pytest.mark.parametrize("swap", [by_link, by_folder, by_pipe])
def test_a_file_swapped_between_look_and_reading_is_not_read(
    product: Product,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    swap: Callable[[Path, Path], None],
) -> None:
    folder, secrets = settings.SOURCES_DIR / "MED" / "weekly", tmp_path / "secrets"
    for place in (folder, secrets):
        place.mkdir(parents=True)
        (place / "p.csv").write_text(PATIENTS)
    look = files.resolved
    looks: list[Path] = []

    def look_and_swap(path: str, of: Product) -> Path:
        found = look(path, of)
        if not looks:
            swap(folder, secrets)
        looks.append(found)
        return found

    monkeypatch.setattr(files, "resolved", look_and_swap)
    with pytest.raises(DomainError), received(ServerPath("weekly/p.csv"), product):
        pass
    assert looks


@pytest.mark.usefixtures("asks_where_it_lies")
def test_a_path_source_is_read(product: Product, settings: Any) -> None:
    folder = settings.SOURCES_DIR / "MED"
    folder.mkdir()
    (folder / "p.csv").write_text(PATIENTS)
    (folder / "now.csv").symlink_to(folder / "p.csv")
    with received(ServerPath("now.csv"), product) as content:
        assert content.path.read_text() == PATIENTS
