"""The lines of the docs that call the REST API, run as they stand against a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backlog.models import Actor, Scope
from backlog.services.items import ItemDraft, create_items
from backlog.services.tokens import create_token
from dataquality.models import Dataset
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version
from tests.conftest import Cast
from tests.dataquality.conftest import CLEANED, NUCLEI_IN_SET, run_now, upload, work

ROOT = Path(__file__).resolve().parent.parent.parent
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REPORT = '<testsuite name="n" tests="1"><testcase classname="orders" name="add up"/></testsuite>'
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


def pages() -> list[Path]:
    """The docs that hold lines to run."""
    return [
        page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if lines(page)
    ]


def lines(page: Path) -> list[str]:
    return [block for block in BLOCK.findall(page.read_text()) if "curl" in block]


@pytest.fixture
def env(
    live_server: Any, patients: Dataset, cast: Cast, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """What the docs say that is set, and the files that they send."""
    olga = Actor.person(cast.olga)
    save_suite(patients, [NUCLEI_IN_SET], actor=olga)
    add_version(patients, upload(CLEANED), actor=olga)
    patients.refresh_from_db()
    run_now(patients, olga)
    create_items(patients.product, [ItemDraft(f"Item {n}") for n in range(1, 13)], actor=olga)
    _, secret = create_token(name="x", scopes=list(Scope), days=1, actor=olga, user=cast.olga)
    (tmp_path / "report.xml").write_text(REPORT)
    (tmp_path / "patients.csv").write_text(CLEANED + "99,42,1\n")
    yield {**os.environ, "MLSCRUM_URL": live_server.url, "MLSCRUM_TOKEN": secret}


def run(block: str, env: dict[str, str], folder: Path) -> tuple[int, str]:
    """How the lines end and what they say, while jobs are carried out as a worker would."""
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", block], cwd=folder, env=env,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    while process.poll() is None:
        work()
        time.sleep(0.05)
    said, _ = process.communicate()
    return process.returncode, said


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_line_of_the_docs_does_what_it_says(
    page: Path, env: dict[str, str], tmp_path: Path
) -> None:
    for block in lines(page):
        code, said = run(block, env, tmp_path)
        assert code == 0, (block, said)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_line_of_the_docs_fails_where_it_is_refused(
    page: Path, env: dict[str, str], tmp_path: Path
) -> None:
    for block in lines(page):
        code, said = run(block, {**env, "MLSCRUM_TOKEN": "mls_nobody"}, tmp_path)
        assert code == 22, (block, said)


def test_the_docs_hold_lines_to_run() -> None:
    assert {"README.md", "ci.md", "rest.md"} <= {page.name for page in pages()}
