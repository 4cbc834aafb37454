"""Profiles: the same whatever reads the rows, of every version, and two of them side by side."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from django.test import Client

from backlog.models import Actor, Product
from dataquality.engine import profiling, reading, sources
from dataquality.engine.profiling import Profiled
from dataquality.engine.sources import Source
from dataquality.models import Dataset, Profile
from dataquality.queries.version_comparisons import (
    ColumnPair,
    comparison_of,
    versions_to_compare,
)
from dataquality.services.datasets import DatasetDraft, change_schema, register_dataset
from dataquality.services.profiles import request_profile
from dataquality.services.versions import add_version
from mlscrum.lib.errors import DomainError
from tests.conftest import Cast
from tests.dataquality.conftest import upload, work
from tests.dataquality.databases import postgresql_url

ROWS = 90
SCHEMA = [
    {"name": name, "type": kind, "null_words": []}
    for name, kind in (
        ("id", "integer"), ("age", "integer"), ("weight", "number"), ("clinic", "text"),
        ("seen", "date"), ("code", "text"), ("smokes", "boolean"),
    )
]  # fmt: skip


def patients_frame() -> pd.DataFrame:
    numbers = range(ROWS)
    return pd.DataFrame({
        "id": list(numbers),
        "age": pd.array([None if n % 9 == 0 else 20 + n for n in numbers], dtype="Int64"),
        "weight": [900.5 if n == 5 else 50 + n / 4 for n in numbers],
        "clinic": [None if n % 9 == 0 else ["North", "Hill", "?"][n % 3] for n in numbers],
        "seen": [f"2024-{1 + n % 7:02}-1{n % 9}" for n in numbers],
        "code": ["12 " if n % 2 else " 3.5e1" for n in numbers],
        "smokes": [n % 4 == 0 for n in numbers],
    })  # fmt: skip


CREATE = (
    "CREATE TABLE visits (id integer, age integer, weight {number}, clinic text, seen date, "
    "code text, smokes boolean)"
)
INSERT = "INSERT INTO visits VALUES (:id, :age, :weight, :clinic, :seen, :code, :smokes)"


def records() -> list[dict[str, Any]]:
    frame = patients_frame().astype(object)
    return [
        {str(name): value for name, value in row.items()}
        for row in frame.where(frame.notna(), None).to_dict("records")
    ]


@pytest.fixture
def by_pandas(tmp_path: Path) -> Profiled:
    path = tmp_path / "visits.csv"
    patients_frame().to_csv(path, index=False)
    return profiling.profile(reading.read(path, "csv", SCHEMA), SCHEMA)


def profile_of(source: Source) -> Profiled:
    with sources.counted(source) as figures:
        return profiling.profile(figures, SCHEMA)


def test_a_file_in_duckdb_has_the_profile_that_pandas_gives(
    tmp_path: Path, by_pandas: Profiled
) -> None:
    path = str(tmp_path / "visits.csv")
    assert profile_of(Source("path", path, SCHEMA, {"format": "csv"})) == by_pandas
    age, weight = by_pandas.data["columns"][1], by_pandas.data["columns"][2]
    assert (age["nulls"], age["distinct"], age["min"], age["max"]) == (10, 80, 21, 109)
    assert weight["outliers"]["above"] == 1
    assert sum(count for _, count in weight["histogram"]) == ROWS
    assert by_pandas.data["missing_together"] == [{"columns": ["age", "clinic"], "rows": 10}]


def test_a_table_of_sqlite_has_the_same_profile(tmp_path: Path, by_pandas: Profiled) -> None:
    path = tmp_path / "visits.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute(CREATE.format(number="real"))
        connection.executemany(INSERT, records())
    connection.close()
    assert profile_of(Source("sql", f"sqlite:///{path}", SCHEMA, {"table": "visits"})) == by_pandas


@pytest.fixture
def server() -> Iterator[str]:
    address = postgresql_url()
    if address is None:
        pytest.skip("no PostgreSQL answers at DATABASE_URL or 127.0.0.1:5432")
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS mlscrum_profiles WITH (FORCE)"))
        connection.execute(sa.text("CREATE DATABASE mlscrum_profiles"))
    yield (
        sa.make_url(address).set(database="mlscrum_profiles").render_as_string(hide_password=False)
    )
    with engine.connect() as connection:
        connection.execute(sa.text("DROP DATABASE mlscrum_profiles WITH (FORCE)"))
    engine.dispose()


def test_a_table_of_postgresql_has_the_same_profile(server: str, by_pandas: Profiled) -> None:
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        connection.execute(sa.text(CREATE.format(number="numeric")))
        connection.execute(sa.text(INSERT), records())
    engine.dispose()
    assert profile_of(Source("sql", server, SCHEMA, {"table": "visits"})) == by_pandas


def test_infinite_numbers_leave_a_profile_without_a_picture() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, float("inf"), float("-inf")] * 10})
    (column,) = profiling.profile(reading.Table(frame), [{"name": "x", "type": "number"}]).data[
        "columns"
    ]
    assert (column["distinct"], column["max"]) == (4, None)
    assert "histogram" not in column


def test_a_file_of_more_rows_than_pandas_may_take_has_a_profile(
    settings: Any, tmp_path: Path
) -> None:
    settings.PANDAS_ROWS = 10
    path = tmp_path / "visits.csv"
    patients_frame().to_csv(path, index=False)
    found = profile_of(Source("path", str(path), SCHEMA, {"format": "csv"}))
    assert found.data["rows"] == ROWS


# Versions -------------------------------------------------------------------------------------
PROFILE = "/p/MED/data/visits/profile/"
REST = "/api/v1/datasets/MED/visits/profile/"


def visits_csv(more: int = 0, *, gone: str = "") -> str:
    rows = range(300)
    lines = [f"{n},{30 + (n * 7) % 40 + more},{'North' if n % 3 else 'Hill'}" for n in rows]
    text = "id,age,clinic\n" + "\n".join(lines) + "\n"
    if gone:
        frame = pd.read_csv(StringIO(text)).drop(columns=gone)
        text = frame.assign(ward="A").to_csv(index=False)
    return text


@pytest.fixture
def visits(product: Product, max_acts: Actor) -> Dataset:
    """Three hundred visits in three versions: later all are older, then without a clinic."""
    draft = DatasetDraft(name="Visits", sample_policy="values")
    dataset = register_dataset(product, draft, upload(visits_csv()), actor=max_acts)
    add_version(dataset, upload(visits_csv(25)), actor=max_acts)
    add_version(dataset, upload(visits_csv(25, gone="clinic")), actor=max_acts)
    work()
    dataset.refresh_from_db()
    return dataset


def test_every_version_keeps_a_profile_of_its_own(visits: Dataset) -> None:
    profiles = Profile.objects.filter(version__dataset=visits).order_by("version__number")
    assert [(p.state, p.data["columns"][1]["min"]) for p in profiles[:2]] == [
        ("done", 30), ("done", 55),
    ]  # fmt: skip
    assert profiles.count() == 3


def test_two_versions_are_compared_column_by_column(visits: Dataset) -> None:
    before, after = versions_to_compare(visits, 1, 2)
    found = {p.name: p for p in comparison_of(visits, before, after, with_values=True).columns}
    assert found["age"].verdict == "moved"
    assert (found["age"].mean.before, found["age"].mean.after) == pytest.approx((49.5, 74.5), abs=1)
    assert found["age"].distance is not None
    assert found["age"].distance > 0.5
    assert (found["clinic"].verdict, found["clinic"].effect) == ("steady", 0.0)
    assert found["age"].overlay is not None


def test_columns_that_came_and_went_stand_first(visits: Dataset) -> None:
    before, after = versions_to_compare(visits, None, None)
    assert (before.number, after.number) == (2, 3)
    found = comparison_of(visits, before, after, with_values=True)
    assert [(pair.name, pair.change) for pair in found.columns][:2] == [
        ("clinic", "removed"), ("ward", "added"),
    ]  # fmt: skip
    assert (found.counts["removed"], found.counts["added"]) == (1, 1)


def test_without_the_permission_a_comparison_holds_counts_alone(visits: Dataset) -> None:
    found = comparison_of(visits, *versions_to_compare(visits, 1, 2), with_values=False)
    assert not found.holds_values
    assert {pair.psi for pair in found.columns} == {None}
    assert {pair.mean.after for pair in found.columns} == {None}


def test_profiles_that_read_a_column_otherwise_are_not_compared(
    visits: Dataset, max_acts: Actor
) -> None:
    add_version(visits, upload(visits_csv(26)), actor=max_acts)
    work()
    visits.refresh_from_db()
    visits = change_schema(
        visits, columns={"clinic": {"null_words": ["Hill"]}}, actor=max_acts
    ).dataset
    work()

    def clinic() -> ColumnPair:
        pairs = comparison_of(visits, *versions_to_compare(visits, 1, 4), with_values=True).columns
        return next(pair for pair in pairs if pair.name == "clinic")

    assert (clinic().verdict, clinic().psi) == ("", None)
    assert "make the older one anew" in clinic().untold
    request_profile(visits, actor=max_acts, version=visits.versions.get(number=1))
    work()
    assert (clinic().verdict, clinic().untold) == ("steady", "")


def test_one_version_can_not_be_compared(product: Product, max_acts: Actor) -> None:
    draft = DatasetDraft(name="Alone")
    dataset = register_dataset(product, draft, upload(visits_csv()), actor=max_acts)
    with pytest.raises(DomainError, match="no version before version 1"):
        versions_to_compare(dataset, None, None)


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


def words_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_the_pages_show_a_version_and_two(visits: Dataset, max_: Client) -> None:
    page = words_of(max_.get(f"{PROFILE}?version=1"))
    assert "300 rows of version 1" in page
    assert "Suggested checks" not in page
    assert max_.get(f"{PROFILE}?version=9").status_code == 404
    assert max_.get(f"{PROFILE}?version=x").status_code == 404
    page = words_of(max_.get(f"{PROFILE}compare/?from=1&to=3"))
    assert "1 column removed" in page
    assert "moved" in page
    assert "There is no version 9" not in page
    assert "has no version 9." in words_of(max_.get(f"{PROFILE}compare/?from=9&to=3"))


def test_a_version_without_a_profile_is_offered_one(visits: Dataset, max_: Client) -> None:
    Profile.objects.filter(version__number=1).delete()
    page = words_of(max_.get(f"{PROFILE}compare/?from=1&to=2"))
    assert "There is no profile of version 1" in page
    answer = max_.post(f"{PROFILE}again/", {"version": 1})
    assert answer["Location"] == f"{PROFILE}?version=1"
    assert "is being made" in words_of(max_.get(f"{PROFILE}compare/?from=1&to=2"))
    work()
    assert "PSI" in words_of(max_.get(f"{PROFILE}compare/?from=1&to=2"))


def test_rest_tells_of_a_version_and_of_two(visits: Dataset, api: Any, cast: Cast) -> None:
    client = api(cast.max)
    assert client.get(f"{REST}?version=2").json()["columns"][1]["min"] == 55
    assert client.get(f"{REST}?version=2").json()["missing_together"] == []
    assert client.get(f"{REST}?version=9").status_code == 404
    found = client.get(f"{REST}compare/?from=1&to=2").json()
    assert (found["before"], found["after"], found["missing"]) == (1, 2, [])
    age = next(column for column in found["columns"] if column["name"] == "age")
    assert (age["verdict"], age["change"]) == ("moved", "same")
    assert client.get(f"{REST}compare/?of=1").status_code == 400
    assert client.get(f"{REST}compare/?from=8").status_code == 422
