"""Connections and datasets that a file in git declares: made once, changed where they differ."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backlog.models import Activity, Product
from dataquality.models import Connection, Dataset
from mlscrum.lib.secrets import decrypt
from tests.conftest import Cast

TABLES = 4


@pytest.fixture
def folder(settings: Any) -> Path:
    """The product's folder with a SQLite file of four tables."""
    folder = Path(settings.SOURCES_DIR / "MED")
    folder.mkdir()
    with sqlite3.connect(folder / "clinic.sqlite3") as file:
        for number in range(TABLES):
            file.execute(f"create table table_{number} (id integer)")
    file.close()
    return folder


FILE = """
product: MED
connections:
  - slug: clinic
    name: Clinic
    kind: sql
    address: sqlite:///clinic.sqlite3
  - slug: warehouse
    name: Warehouse
    kind: sql
    address: postgresql://warehouse.invalid/x
    login: reader
    secret: ${WAREHOUSE_PASSWORD}
datasets:
  - slug: rooms
    name: Rooms
    source: {kind: sql_table, connection: clinic, table: table_0}
    owner: dora@example.org
    personal_data: false
  - slug: beds
    name: Beds
    source: {kind: sql_query, connection: clinic, query: select id from table_1}
    health_target: 80
"""


@pytest.fixture
def declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, product: Product, folder: Path
) -> Callable[[str], str]:
    """Runs the command on a file of this content: what it said."""
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "pw-1")

    def run(content: str) -> str:
        file, out = tmp_path / "datasets.yml", io.StringIO()
        file.write_text(content)
        call_command("registerdatasets", str(file), stdout=out)
        return out.getvalue()

    return run


def test_a_file_makes_everything_once(declared: Callable[[str], str], cast: Cast) -> None:
    said = declared(FILE)
    assert "dataset rooms: made" in said
    assert "connection warehouse: made, but There is no host" in said
    rooms, beds = (Dataset.objects.get(subject__slug=slug) for slug in ("rooms", "beds"))
    assert (rooms.subject.owner, rooms.personal_data) == (cast.dora, False)
    assert (beds.personal_data, beds.health_target) == (True, 80)
    deeds = Activity.objects.count()
    again = declared(FILE)
    assert [line.split(":")[1].split(",")[0].strip() for line in again.splitlines()] == ["same"] * 4
    assert Activity.objects.count() == deeds


def test_a_file_changes_what_differs(
    declared: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(FILE)
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "pw-2")
    said = declared(FILE.replace("name: Beds", "name: Bunks").replace("table_0", "table_3"))
    assert "dataset beds: changed" in said
    assert "dataset rooms: changed" in said
    assert "connection warehouse: changed" in said
    assert decrypt(Connection.objects.get(slug="warehouse").secret) == "pw-2"
    rooms = Dataset.objects.get(subject__slug="rooms")
    assert rooms.source == {"table": "table_3"}


def test_a_schedule_is_the_same_however_its_times_are_written(
    declared: Callable[[str], str],
) -> None:
    beds = "    health_target: 80\n"

    def timed(schedule: str) -> str:
        return declared(FILE.replace(beds, f"{beds}    schedule: {schedule}\n"))

    assert "dataset beds: made" in timed("{cron: '@daily', zone: Europe/Berlin}")
    assert "dataset beds: same" in timed("{cron: '@daily', zone: Europe/Berlin}")
    assert "dataset beds: same" in timed("{cron: '0 0  * * *', zone: Europe/Berlin}")
    assert "dataset beds: changed" in timed("{cron: '@hourly', zone: Europe/Berlin}")
    assert "dataset beds: changed" in timed("null")
    assert "dataset beds: same" in timed("null")


def test_a_shared_connection_is_the_installation_s_and_used_by_the_products_it_names(
    declared: Callable[[str], str], product: Product, other_product: Product, cast: Cast, api: Any
) -> None:
    shared = FILE.replace("login: reader", "login: reader\n    shared_with: [MED]")
    assert "connection warehouse: made" in declared(shared)
    warehouse = Connection.objects.get(slug="warehouse")
    assert warehouse.product is None
    assert list(Connection.objects.usable_in(other_product)) == []
    here = "/api/v1/products/MED/connections/warehouse/"
    assert api(cast.olga).get(here).data["shared"] is True
    assert api(cast.olga).post(f"{here}pause/").status_code == 403
    both = shared.replace("[MED]", "[MED, SHOP]")
    assert "connection warehouse: changed" in declared(both)
    assert list(Connection.objects.usable_in(other_product)) == [warehouse]
    lone = (
        "product: MED\nconnections:\n  - {slug: x, name: X, kind: sql, address: 'sqlite:///a.db', "
    )
    with pytest.raises(CommandError, match="A database file belongs to one product"):
        declared(lone + "shared_with: [MED]}\n")


BAD_FILES = [
    ("a: [", 1, "This is no YAML"),
    ("product: MED\nthings: []\n", 2, "There is no things here"),
    (FILE.replace("${WAREHOUSE_PASSWORD}", "${NOT_SET}"), 13, "NOT_SET is not set"),
    (FILE.replace("personal_data: false", "personal: false"), 19, "personal is no field"),
    (FILE.replace("kind: sql_query", "kind: excel"), 22, "is not a valid choice"),
    (FILE.replace("slug: beds", "slug: rooms"), 20, "rooms stands here twice"),
    (FILE.replace("owner: dora@example.org", "owner: sam@example.org"), 18, "Name a member"),
    ("product: MED\ndatasets: five\n", 2, "datasets is a list"),
]


@pytest.mark.parametrize(("content", "line", "said"), BAD_FILES, ids=[row[2] for row in BAD_FILES])
def test_what_is_wrong_in_a_file_is_said_with_its_line_before_anything_is_done(
    declared: Callable[[str], str], content: str, line: int, said: str
) -> None:
    with pytest.raises(CommandError) as refused:
        declared(content)
    assert f"datasets.yml:{line}: " in str(refused.value)
    assert said in str(refused.value)
    assert not Connection.objects.exists()


def test_what_can_not_be_registered_is_said_with_its_line_and_the_rest_is_done(
    declared: Callable[[str], str],
) -> None:
    with pytest.raises(CommandError) as refused:
        declared(FILE.replace("table: table_0", "table: gone"))
    assert "datasets.yml:15: rooms: " in str(refused.value)
    assert Dataset.objects.get().slug == "beds"


def test_the_example_of_the_docs_can_be_read(
    product: Product, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = Path(__file__).parents[2] / "docs" / "registerdatasets.md"
    example = page.read_text().partition("```yaml\n")[2].partition("```")[0]
    for name in ("WAREHOUSE_PASSWORD", "LAKE_KEY", "LAKE_SECRET"):
        monkeypatch.setenv(name, "x")
    (tmp_path / "example.yml").write_text(example)
    out = io.StringIO()
    call_command("registerdatasets", str(tmp_path / "example.yml"), "--check", stdout=out)
    assert out.getvalue() == "2 connections and 4 datasets can be read.\n"
