"""The demo, backed up and restored by the commands themselves, from one database to another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
import sqlalchemy as sa

from tests.backlog.product_archives import content_of, differences
from tests.dataquality.databases import postgresql_url
from tests.processes.conftest import ROOT

KEY = "the same key on both sides"
FILL = """
from backlog.models import Actor, Item, Job
from backlog.services import jobs
from backlog.services.attachments import Incoming, add_attachment
from dataquality.models import Dataset
from dataquality.services.runs import request_run
item = Item.objects.filter(deleted_at=None).order_by("pk")[0]
add_attachment(item, Incoming("plan.txt", [b"a plan"] * 1000), actor=Actor.system())
for dataset in Dataset.objects.all():
    request_run(dataset, actor=Actor.system())
for job in Job.objects.order_by("pk"):
    jobs.run(job.pk)
"""

ADMIN = """
from backlog.models import User
User.objects.create_user("olga@demo.example", "Olga Kuznetsova", is_administrator=True)
"""


class Installation:
    """A database and a folder of files, for the commands."""

    def __init__(self, folder: Path, database: str = "") -> None:
        inherited = {k: v for k, v in os.environ.items() if k not in {"STORAGE_URL", "REDIS_URL"}}
        self.files = folder / "data" / "files"
        self._env = inherited | {
            "DATA_DIR": str(folder / "data"),
            "SOURCES_DIR": str(folder / "sources"),
            "DATABASE_URL": database or f"sqlite:///{folder / 'data' / 'rows.sqlite3'}",
            "SECRET_KEY": KEY,
            "DEMO": "1",
            "BASE_URL": "http://127.0.0.1:8000",
            "DJANGO_SETTINGS_MODULE": "mlscrum.settings",
        }

    def manage(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *command],
            cwd=ROOT, env=self._env, capture_output=True, text=True, timeout=400,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def backed_up(self, path: Path) -> dict[str, Any]:
        """Every row and file, as the manifest of a backup has them."""
        self.manage("backup", str(path))
        with zipfile.ZipFile(path) as packed:
            manifest: dict[str, Any] = json.loads(packed.read("manifest.json"))
        return manifest


@pytest.fixture
def postgresql() -> Iterator[Callable[[], str]]:
    """Makes empty databases on a PostgreSQL that answers."""
    server = postgresql_url()
    if server is None:
        pytest.skip("no PostgreSQL answers")
    url = sa.make_url(server)
    made: list[str] = []

    def execute(statement: str) -> None:
        connection = psycopg2.connect(
            host=url.host, port=url.port, user=url.username, password=url.password,
            dbname="postgres",
        )  # fmt: skip
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()

    def make() -> str:
        name = f"round_trip_{uuid4().hex[:12]}"
        execute(f"CREATE DATABASE {name}")
        made.append(name)
        there = url.set(drivername="postgres", database=name)
        return there.render_as_string(hide_password=False)

    yield make
    for name in made:
        execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def demo(tmp_path: Path) -> Installation:
    """The demo products on SQLite, their runs carried out, with a file on an item."""
    house = Installation(tmp_path / "first")
    house.manage("migrate", "--verbosity=0")
    house.manage("demo")
    house.manage("shell", "-c", FILL)
    return house


@pytest.mark.soak  # the next one goes that way as well, and farther
def test_the_demo_is_the_same_row_by_row_on_sqlite(demo: Installation, tmp_path: Path) -> None:
    first = demo.backed_up(tmp_path / "a.zip")
    other = Installation(tmp_path / "second")
    assert "Restored" in other.manage("restore", str(tmp_path / "a.zip"))
    assert other.backed_up(tmp_path / "b.zip")["parts"] == first["parts"]
    lines = {name: part["lines"] for name, part in first["parts"].items()}
    for name in ("item", "stay", "transition", "activity", "change", "attachment", "finding"):
        assert lines[f"rows/backlog.{name}.jsonl"] > 0, name
    assert lines["rows/dataquality.result.jsonl"] > 0
    assert lines["rows/sprints.outcome.jsonl"] > 0
    assert lines["files.jsonl"] == sum(path.is_file() for path in other.files.rglob("*"))


def test_the_demo_goes_from_sqlite_to_postgresql_to_postgresql_and_back(
    demo: Installation, postgresql: Callable[[], str], tmp_path: Path
) -> None:
    said = demo.backed_up(tmp_path / "0.zip")["parts"]
    bases = [postgresql(), postgresql(), ""]
    for number, database in enumerate(bases, start=1):
        house = Installation(tmp_path / f"house-{number}", database)
        house.manage("restore", str(tmp_path / f"{number - 1}.zip"))
        parts = house.backed_up(tmp_path / f"{number}.zip")["parts"]
        assert [name for name in said if parts[name] != said[name]] == []
    # Whoever goes on there gets keys and numbers that come after.
    more = "from backlog.models import *; from backlog.services.items import *; "
    more += "create_item(Product.objects.first(), ItemDraft(title='Next'), actor=Actor.system())"
    Installation(tmp_path / "house-2", bases[1]).manage("shell", "-c", more)


def test_a_backup_of_an_older_release_is_brought_up_to_date(tmp_path: Path) -> None:
    """Tables as an earlier release had them, rows in them, and then what came since."""
    old = Installation(tmp_path / "old")
    old.manage("migrate", "--verbosity=0")
    made = "from backlog.models import User; User.objects.create_user('o@example.org', 'Olga')"
    old.manage("shell", "-c", made)
    manifest = old.backed_up(tmp_path / "now.zip")
    older = manifest | {"migrations": manifest["migrations"] | {"sprints": []}}
    older["tables"] = {k: v for k, v in manifest["tables"].items() if not k.startswith("sprints.")}
    older["product_version"] = "0.0.1"
    with (
        zipfile.ZipFile(tmp_path / "now.zip") as packed,
        zipfile.ZipFile(tmp_path / "old.zip", "w") as forged,
    ):
        for name in packed.namelist():
            is_manifest = name == "manifest.json"
            forged.writestr(name, json.dumps(older) if is_manifest else packed.read(name))
    new = Installation(tmp_path / "new")
    new.manage("restore", str(tmp_path / "old.zip"))
    again = new.backed_up(tmp_path / "again.zip")
    assert again["migrations"] == manifest["migrations"]
    assert again["parts"] == manifest["parts"]


@pytest.mark.parametrize("vendor", [pytest.param("sqlite", marks=pytest.mark.soak), "postgresql"])
def test_each_demo_product_is_the_same_in_an_empty_installation(
    demo: Installation, vendor: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database = request.getfixturevalue("postgresql")() if vendor == "postgresql" else ""
    other = Installation(tmp_path / "other", database)
    other.manage("migrate", "--verbosity=0")
    other.manage("shell", "-c", ADMIN)
    for key in ("MED", "CITY"):
        there, here = tmp_path / f"{key}-there.zip", tmp_path / f"{key}-here.zip"
        demo.manage("exportproduct", key, str(there))
        other.manage("importproduct", str(there), "--owner", "olga@demo.example")
        other.manage("exportproduct", key, str(here))
        before, after = content_of(there), content_of(here)
        assert differences(before, after) == {}
        assert before["backlog.item"] and before["sprints.sprint"]
        assert before["backlog.change"] and before["files"]
    # What was made of people whom nobody knew there.
    said = other.manage("shell", "-c", "from backlog.models import User; "
                        "print(User.objects.filter(is_active=False).count())")  # fmt: skip
    assert said.split()[-1] == "4"
