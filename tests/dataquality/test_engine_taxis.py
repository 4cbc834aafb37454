"""The same taxi trips as CSV, Parquet, PostgreSQL table and SQLite table say the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from dataquality.engine import reading, running, sources
from dataquality.engine.sources import Source
from tests.dataquality.conftest import Check, check
from tests.dataquality.databases import postgresql_url

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "nyc_taxis.csv"
TRIPS = 3_000
LONG = {"type": "comparison", "column": {"name": "distance"}, "operator": ">", "parameter": 5}
SUITE: list[Check] = [
    check("table_row_count_to_be_between", min_value=1000, max_value=10_000),
    check("column_values_to_not_be_null", column="payment", mostly=0.99),
    check("column_values_to_not_be_null", column="pickup_zone"),
    check("column_values_to_be_in_set", column="payment", value_set=["cash", "credit card"]),
    check("column_values_to_be_in_set", column="color", value_set=["yellow"], mostly=0.8),
    check("column_values_to_be_between", column="fare", min_value=3, max_value=100),
    check("column_values_to_be_between", column="passengers", min_value=1),
    check("column_values_to_be_between", column="pickup", min_value="2019-03-01T12:00"),
    check("column_values_to_match_regex", column="pickup_zone", regex="^[A-Z][a-z]+"),
    check("column_values_to_be_unique", column="pickup"),
    check("column_mean_to_be_between", column="fare", min_value=3, max_value=10),
    check("column_median_to_be_between", column="distance", min_value=1, max_value=1.5),
    check("column_max_to_be_between", column="dropoff", max_value="2019-03-30"),
    check("column_stdev_to_be_between", column="fare", max_value=10),
    check("column_pair_values_a_to_be_greater_than_b", column_A="dropoff", column_B="pickup"),
    check("compound_columns_to_be_unique", column_list=["pickup", "dropoff"]),
    check("column_unique_value_count_to_be_between", column="color", min_value=3),
    check("column_value_lengths_to_be_between", column="payment", max_value=5),
    check("column_values_to_not_be_null", column="payment", row_condition=LONG),
    check("column_values_to_be_between", column="gone", min_value=3),
]


def generated(path: Path) -> None:
    """Trips such as those of the shared file, the same each time."""
    dice = random.Random(3)
    zones = ["Lenox Hill West", "JFK Airport", "East Village", "el Barrio", None]
    rows = []
    for _ in range(TRIPS):
        pickup = datetime(2019, 3, 1) + timedelta(seconds=dice.randrange(30 * 86_400))  # noqa: DTZ001
        fare = round(dice.expovariate(0.08) + 2.5, 2)
        rows.append({
            "pickup": pickup,
            "dropoff": pickup + timedelta(seconds=dice.randrange(-20, 4000)),
            "passengers": dice.randrange(6),
            "distance": round(dice.expovariate(0.4), 2),
            "fare": fare,
            "color": dice.choice(["yellow", "yellow", "yellow", "green"]),
            "payment": dice.choice(["cash", "credit card", "credit card", None]),
            "pickup_zone": dice.choice(zones),
        })  # fmt: skip
    pd.DataFrame(rows).to_csv(path, index=False)


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """The trips as CSV: the shared file where it is there."""
    path = SHARED
    if not path.exists():
        path = tmp_path_factory.mktemp("trips") / "trips.csv"
        generated(path)
    looked = sources.inspect(Source("path", str(path), (), {"format": "csv"}))
    return Source(
        "path", str(path), [column.as_dict() for column in looked.columns], {"format": "csv"}
    )


@pytest.fixture(scope="module")
def frame(trips: Source) -> pd.DataFrame:
    return reading.read(Path(trips.location), "csv", trips.schema).frame


def into(url: str, frame: pd.DataFrame) -> None:
    engine = sa.create_engine(url)
    frame.to_sql("trips", engine, index=False, if_exists="replace")
    engine.dispose()


@pytest.fixture(scope="module", params=["csv", "parquet", "sqlite", "postgresql"])
def source(
    request: pytest.FixtureRequest,
    trips: Source,
    frame: pd.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Source]:
    folder = tmp_path_factory.mktemp("trips")
    if request.param == "csv":
        yield trips
    elif request.param == "parquet":
        frame.to_parquet(folder / "trips.parquet", index=False)
        yield Source("path", str(folder / "trips.parquet"), trips.schema, {"format": "parquet"})
    elif request.param == "sqlite":
        into(f"sqlite:///{folder}/trips.sqlite3", frame)
        yield Source("sql", f"sqlite:///{folder}/trips.sqlite3", trips.schema, {"table": "trips"})
    else:
        yield from _on_postgresql(trips, frame)


def _on_postgresql(trips: Source, frame: pd.DataFrame) -> Iterator[Source]:
    server = postgresql_url()
    if server is None:
        pytest.skip("no PostgreSQL answers at DATABASE_URL or 127.0.0.1:5432")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS mlscrum_trips WITH (FORCE)"))
        connection.execute(sa.text("CREATE DATABASE mlscrum_trips"))
    url = sa.make_url(server).set(database="mlscrum_trips").render_as_string(hide_password=False)
    into(url, frame)
    yield Source("sql", url, trips.schema, {"table": "trips"})
    with engine.connect() as connection:
        connection.execute(sa.text("DROP DATABASE mlscrum_trips WITH (FORCE)"))
    engine.dispose()


def said(source: Source, **options: Any) -> list[Any]:
    return [
        (r.type, r.outcome, r.element_count, r.unexpected_count, _figure(r.observed_value))
        for r in running.run_suite(source, SUITE, key_columns=["pickup"], **options)
    ]


def _figure(value: Any) -> Any:
    return float(f"{value:.8g}") if isinstance(value, float) else value


def test_twenty_checks_say_the_same_wherever_the_trips_are(
    source: Source, trips: Source, settings: Any
) -> None:
    ours = said(source)
    settings.FILE_ENGINE = "pandas"
    theirs = said(trips)
    assert ours == theirs
    assert {outcome for _, outcome, *_ in ours} == {"passed", "failed", "errored"}


def test_one_day_of_them_says_the_same(source: Source, trips: Source, settings: Any) -> None:
    batch = {"by": "day", "column": "pickup", "value": "2019-03-14"}
    ours = said(source, batch=batch)
    settings.FILE_ENGINE = "pandas"
    assert ours == said(trips, batch=batch)
    seen = sources.seen_batches(source, by="day", column="pickup")
    (day,) = [one for one in seen if one.value == "2019-03-14"]
    assert day.rows == ours[1][2] > 0
