"""Fifty tables and a divided prefix of an object store, from one file in git."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from backlog.models import Job, Product
from backlog.services import jobs
from dataquality.models import Dataset, Profile, Schedule
from tests.conftest import Cast
from tests.dataquality.conftest import parquet

TABLES = 50
CAP = 3
CONNECTIONS = """
product: MED
connections:
  - slug: clinic
    name: Clinic
    kind: sql
    address: sqlite:///clinic.sqlite3
    profile_cap: {cap}
  - slug: lake
    name: Lake
    kind: s3
    address: s3://lake
    login: ${{LAKE_KEY}}
    secret: ${{LAKE_SECRET}}
    options: {{endpoint: "{endpoint}"}}
datasets:
"""
DATASET = """
  - slug: {slug}
    name: {slug}
    source: {source}
    owner: dora@example.org
    personal_data: false
    schedule: {{cron: "0 5 * * *", zone: Europe/Berlin}}
"""


@pytest.fixture
def file(
    product: Product, settings: Any, tmp_path: Path, bucket: Any, store: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:  # fmt: skip
    """The file, with the tables and objects that it declares."""
    folder = settings.SOURCES_DIR / "MED"
    folder.mkdir()
    with sqlite3.connect(folder / "clinic.sqlite3") as database:
        for number in range(TABLES):
            database.execute(f"create table table_{number} (id integer, seen date)")
            database.execute(f"insert into table_{number} values (1, '2026-11-01')")  # noqa: S608
    database.close()
    for day in ("2026-11-01", "2026-11-02"):
        for part in range(2):
            key = f"orders/dt={day}/part-{part}.parquet"
            bucket.put_object(Bucket="lake", Key=key, Body=parquet(tmp_path, id=[1, 2, part]))
    monkeypatch.setenv("LAKE_KEY", "key")
    monkeypatch.setenv("LAKE_SECRET", "secret")
    sources = {
        f"table-{number}": f"{{kind: sql_table, connection: clinic, table: table_{number}}}"
        for number in range(TABLES)
    }
    sources["orders"] = '{kind: s3, connection: lake, path: "orders/dt=*/*.parquet"}'
    content = CONNECTIONS.format(cap=CAP, endpoint=store)
    content += "".join(DATASET.format(slug=s, source=source) for s, source in sources.items())
    path = tmp_path / "datasets.yml"
    path.write_text(content)
    return path


def test_one_file_registers_schedules_and_profiles_them_all(file: Path, cast: Cast) -> None:
    out = io.StringIO()
    call_command("registerdatasets", str(file), stdout=out)
    assert out.getvalue().count(": made\n") == TABLES + 3
    datasets = Dataset.objects.select_related("subject", "schedule")
    assert len(datasets) == TABLES + 1
    assert {dataset.subject.owner for dataset in datasets} == {cast.dora}
    assert {(one.cron, one.zone) for one in Schedule.objects.all()} == {
        ("0 5 * * *", "Europe/Berlin")
    }
    assert Schedule.objects.filter(next_at__isnull=False).count() == TABLES + 1
    orders = datasets.get(subject__slug="orders").current_version
    assert orders is not None
    assert (orders.rows, orders.partition) == (6, "dt=2026-11-02")

    of_clinic = Job.objects.filter(kind="profile", args__connection__isnull=False)
    most = 0
    while waiting := Job.objects.filter(kind="profile", state=Job.State.QUEUED).order_by("pk"):
        clinic = datasets.get(subject__slug="table-0").connection_id
        most = max(
            most,
            of_clinic.filter(state=Job.State.QUEUED, args__connection=clinic).count(),
        )
        jobs.run(waiting[0].pk)
    assert most == CAP
    assert Profile.objects.filter(finished_at__isnull=False).count() == TABLES + 1

    again = io.StringIO()
    call_command("registerdatasets", str(file), stdout=again)
    assert again.getvalue().count(": same\n") == TABLES + 3
