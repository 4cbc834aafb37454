"""Files in DuckDB: read as `reading` reads them, and locked in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from dataquality.engine import duck, files, reading, running, sources
from dataquality.engine.sources import Limits, Source
from mlscrum.lib.errors import DomainError
from tests.dataquality.conftest import check


def file_of(folder: Path, content: str | bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# Locked in -----------------------------------------------------------------------------------
@pytest.fixture
def locked(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    file_of(tmp_path, "secret\nmarker\n", "secret.csv")
    with files.database([file_of(tmp_path, "a\n1\n")]) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM '{folder}/secret.csv'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('{folder}/*')",
        "COPY (SELECT 1) TO '{folder}/marker.csv'",
        "COPY (SELECT 1) TO '{folder}/file.csv'",
        "ATTACH '{folder}/marker.db'",
        "EXPORT DATABASE '{folder}/marker'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET allowed_paths = ['{folder}/secret.csv']",
        "RESET allowed_paths",
        "SET memory_limit = '100GB'",
        "SET temp_directory = '{folder}'",
        "SET log_query_path = '{folder}/marker'",
        "PRAGMA profiling_output = '{folder}/marker'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')",
    ],
)
def test_a_file_of_one_dataset_opens_nothing_else(
    locked: duckdb.DuckDBPyConnection, tmp_path: Path, statement: str
) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(duckdb.Error) as refused:
        locked.execute(statement.format(folder=tmp_path)).fetchall()
    assert "marker" not in str(refused.value).partition("Cannot access")[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (tmp_path / "file.csv").read_text() == "a\n1\n"


def test_the_one_file_can_be_read(locked: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    found = locked.execute(f"SELECT a FROM '{tmp_path}/file.csv'").fetchall()  # noqa: S608
    assert found == [(1,)]


# Read as pandas reads ------------------------------------------------------------------------
def looked_at(path: Path, file_format: str, schema: Any = ()) -> Any:
    """Columns and rows, or the refusal, as DuckDB finds them; None where it leaves the file."""
    try:
        found = duck.inspect([path], file_format, schema)
    except DomainError as error:
        return error.code, error.message
    except files.NotForDuckError:
        return None
    return [(column.name, column.type) for column in found.columns], found.rows


def looked_at_by_pandas(path: Path, file_format: str, schema: Any = ()) -> Any:
    try:
        found = reading.measure(path, file_format, schema)
    except DomainError as error:
        return error.code, error.message
    return [(column.name, column.type) for column in found.columns], found.rows


def read(path: Path, file_format: str, schema: Any) -> Any:
    """The values of the file, or the refusal; None where DuckDB leaves the file."""
    try:
        with duck.opened([path], file_format, schema) as data:
            rows = data.rows(None)
            wanted = [check("column_values_to_be_unique", column=name) for name in rows.names]
            return rows.in_memory(wanted, []).frame
    except DomainError as error:
        return error.code, error.message
    except files.NotForDuckError:
        return None


def read_by_pandas(path: Path, file_format: str, schema: Any) -> Any:
    try:
        return reading.read(path, file_format, schema).frame
    except DomainError as error:
        return error.code, error.message


def assert_same(ours: Any, theirs: Any) -> None:
    if ours is None:
        return
    if isinstance(theirs, pd.DataFrame):
        assert isinstance(ours, pd.DataFrame), ours
        pd.testing.assert_frame_equal(ours, theirs, check_index_type=False)
    else:
        assert ours == theirs


BAD_FILES = [
    b"",
    b"\n1,2\n",
    b"a,,c\n1,2,3\n",
    b"a,b\n1,2\n1,2,3\n",
    b"a,b\n1,2\n1\n",
    b'a,b\n"x\ny",2\n1\n',
    b"a,a\n1,2\n",
    b"1,2\n3,4\n",
    "a,b\nGr\u00fcn,1\n".encode("latin-1"),
    b'a,b\n"x,2\n3,4\n',
    b"a,b\n  \n3,4\n",
]


@pytest.mark.parametrize("content", BAD_FILES)
def test_a_bad_csv_is_refused_in_the_same_words(tmp_path: Path, content: bytes) -> None:
    path = file_of(tmp_path, content)
    ours = looked_at(path, "csv")
    assert ours is None or ours == looked_at_by_pandas(path, "csv")
    through = sources.Source("path", str(path), (), {"format": "csv"})
    with pytest.raises(DomainError) as refused:
        sources.inspect(through)
    assert (refused.value.code, refused.value.message) == looked_at_by_pandas(path, "csv")


WORDS = st.sampled_from([
    "", " ", "1", "-7", "+3", "007", "1.5", " 2 ", ".5", "5.", "1e3", "1e", "0x10", "1_000", "inf",
    "nan", "NaN", "true", "FALSE", "yes", "0", "?", " ? ", "NA", "2024-01-31", "2024-1-5",
    "2024-02-30", "9999-12-31", "0001-01-01", "2024-01-31T12:00", "2024-01-31 12:00:01",
    "2024-01-31T12:00:00Z", "2024-01-31T12:00:00+02:00", "2024-01-31T12:00:00-0530",
    "2024-01-31T24:00", "2024-01-31T12:61", "123456789012345678", "1234567890123456789",
    "9" * 300, "9" * 400, "\u00a0", "\u0661", "Gr\u00fcn", "a\tb", "x" * 300,
])  # fmt: skip
TYPE = st.sampled_from(reading.TYPES)
NULLS = st.sampled_from([(), ("?",), ("NA", "-7"), ("1",)])
COLUMN = st.fixed_dictionaries({"type": TYPE, "null_words": NULLS})


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8),
    columns=st.tuples(COLUMN, COLUMN),
    alike=st.booleans(),
)
def test_values_are_read_as_pandas_reads_them(
    tmp_path_factory: pytest.TempPathFactory, rows: Any, columns: Any, *, alike: bool
) -> None:
    if alike:  # the same word in a whole column, so that types are found at all
        rows = [rows[0]] * len(rows)
    lines = "".join(f"{left},{right}\n" for left, right in rows)
    path = file_of(tmp_path_factory.mktemp("csv"), "a,b\n" + lines)
    assert_same(looked_at(path, "csv"), looked_at_by_pandas(path, "csv"))
    schema = [{"name": name, **column} for name, column in zip("ab", columns, strict=True)]
    assert_same(read(path, "csv", schema), read_by_pandas(path, "csv", schema))


LETTERS = st.text(alphabet='ab,;"\n\r \t\\1', max_size=12)


@settings(max_examples=40, deadline=None)
@given(body=LETTERS)
def test_odd_csv_is_read_as_pandas_reads_it_or_left_to_it(
    tmp_path_factory: pytest.TempPathFactory, body: str
) -> None:
    path = file_of(tmp_path_factory.mktemp("csv"), "head,tail\n" + body)
    schema = [{"name": name, "type": "text"} for name in ("head", "tail")]
    ours, theirs = read(path, "csv", schema), read_by_pandas(path, "csv", schema)
    if not (isinstance(theirs, tuple) and theirs[0] == "not_csv"):
        assert_same(ours, theirs)


PARQUET = {
    "whole": pa.array([1, None, 3], pa.int32()),
    "long": pa.array([123456789012345678, None, 1], pa.int64()),
    "fraction": pa.array([1.5, float("nan"), float("inf")], pa.float32()),
    "money": pa.array([1, 2, None], pa.decimal128(10, 2)),
    "truth": pa.array([True, None, False]),
    "word": pa.array(["a", " ", ""]),
    "digits": pa.array(["1", "2", None]),
    "day": pa.array([19000, None, 1], pa.date32()),
    "at": pa.array([10**15, None, 0], pa.timestamp("us")),
    "zoned": pa.array([10**15, None, 0], pa.timestamp("us", "Europe/Berlin")),
    "nested": pa.array([[1, 2], None, []], pa.list_(pa.int64())),
    "record": pa.array([{"x": 1, "y": ["z"]}, None, {"x": None, "y": []}]),
}


@pytest.mark.parametrize("kind", reading.TYPES)
@pytest.mark.parametrize("name", PARQUET)
def test_parquet_is_read_as_pandas_reads_it(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({name: PARQUET[name]}), path)
    schema = [{"name": name, "type": kind, "null_words": []}]
    assert_same(read(path, "parquet", schema), read_by_pandas(path, "parquet", schema))


@pytest.mark.parametrize("rows", [3, 0])
@pytest.mark.parametrize("name", PARQUET)
def test_parquet_has_the_columns_that_pandas_finds(tmp_path: Path, name: str, rows: int) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({name: PARQUET[name][:rows]}), path)
    found = looked_at(path, "parquet")
    assert found[1] == rows
    assert found == looked_at_by_pandas(path, "parquet")


@pytest.mark.parametrize("year", [1, 9999])
def test_times_out_of_reach_do_not_fit_in_duckdb_either(tmp_path: Path, year: int) -> None:
    path = tmp_path / "x.parquet"
    seconds = (date(year, 1, 1) - date(1970, 1, 1)).days * 86_400
    pq.write_table(pa.table({"at": pa.array([seconds, None], pa.timestamp("s"))}), path)
    schema = [{"name": "at", "type": "datetime", "null_words": []}]
    assert looked_at(path, "parquet") == looked_at_by_pandas(path, "parquet")
    assert read(path, "parquet", schema)[0] == "does_not_fit"


@pytest.mark.parametrize("look", [looked_at, looked_at_by_pandas])
def test_names_that_differ_in_case_alone_are_refused(tmp_path: Path, look: Any) -> None:
    code, message = look(file_of(tmp_path, "a,b,A\n1,2,3\n"), "csv")
    assert code == "duplicate_columns"
    assert "a and A" in message


@pytest.mark.parametrize("name", ["a b", 'say "x"', "100%", "größe", "select", ":x", "o'clock"])
def test_columns_may_be_called_anything(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({name: [1, 2, 2]}), path)
    source = Source("path", str(path), [{"name": name, "type": "integer"}], {"format": "parquet"})
    suite = [
        check("column_values_to_be_unique", column=name),
        check("column_values_to_be_between", column=name, max_value=1),
        check("column_mean_to_be_between", column=name, max_value=1),
    ]
    found = running.run_suite(source, suite, key_columns=[name])
    assert [result.outcome for result in found] == ["failed"] * 3 + ["passed"]
    assert found[1].sample == [{"row": 2, name: 2}, {"row": 3, name: 2}]


def test_a_run_that_needs_more_memory_than_it_may_take_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    texts = [f"{number:07}" + "x" * 500 for number in range(60_000)]
    pq.write_table(pa.table({"text": texts}), path)
    source = Source("path", str(path), [{"name": "text", "type": "text"}], {"format": "parquet"})
    with pytest.raises(DomainError) as refused:
        running.run_suite(
            source,
            [check("column_values_to_be_unique", column="text")],
            limits=Limits(memory_mb=5),
        )
    assert refused.value.code == "out_of_memory"


def test_json_is_left_as_it_is(tmp_path: Path) -> None:
    path = file_of(tmp_path, json.dumps({"x": {"y": [1]}}) + "\n", "x.jsonl")
    source = Source("path", str(path), (), {"format": "jsonl"})
    assert [(column.name, column.type) for column in sources.inspect(source).columns] == [
        ("x", "text")
    ]


def test_a_check_that_fails_on_every_row_keeps_twenty_of_them(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": range(300_000), "x": [float("inf")] * 300_000}), path)
    schema = [{"name": "id", "type": "integer"}, {"name": "x", "type": "number"}]
    source = Source("path", str(path), schema, {"format": "parquet"})
    suite = [
        check("column_values_to_be_between", column="x", max_value=1),
        check("column_max_to_be_between", column="x", max_value=1),
    ]
    found = running.run_suite(source, suite, key_columns=["id"])
    assert (found[0].unexpected_count, len(found[0].sample)) == (300_000, 20)
    assert found[0].sample[0] == {"row": 1, "id": 0, "x": "Infinity"}
    assert (found[1].outcome, found[1].observed_value) == ("failed", None)


def test_a_result_that_somebody_still_holds_keeps_no_rows_from_being_read(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,age\n" + "".join(f"{n},{n}\n" for n in range(5000)))
    schema = [{"name": name, "type": "integer"} for name in ("id", "age")]
    with duck.opened([path], "csv", schema) as data:
        opened = data.opened
        with opened.engine.connect() as connection:
            held = connection.execute(sa.text("SELECT id FROM data"))
            assert held.fetchone() is not None
            frame = opened.frame(opened.rows, ["id"])
        assert len(frame) == 5000
