"""Rows on their way lie in one closed folder, and nothing of them stays."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from backlog.models import Product
from dataquality.models import Dataset
from dataquality.services.files import local_copy, prepare_temporary_files, received
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
