"""Databases as sources: read and never written, and what goes wrong said in words of ours."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa

from dataquality.engine import running, sources, sql, statements, suites
from dataquality.engine.sources import Limits, Source
from mlscrum.lib.errors import DomainError
from tests.dataquality.conftest import check
from tests.dataquality.databases import postgresql_url

SCHEMA = [
    {"name": "id", "type": "integer", "null_words": []},
    {"name": "name", "type": "text", "null_words": ["?"]},
    {"name": "age", "type": "integer", "null_words": []},
    {"name": "at", "type": "datetime", "null_words": []},
]
PASSWORD = "canary-of-a-password"
NOT_NULL = check("column_values_to_not_be_null", column="name")
NEVER_NULL = check("column_values_to_not_be_null", column="n")
AGES = check("column_values_to_be_between", column="age", min_value=18, max_value=60)


@pytest.fixture
def people(tmp_path: Path) -> str:
    """Forty people in a SQLite file; every tenth has no name, every fifth is too young."""
    path = tmp_path / "people.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE people (id INTEGER, name TEXT, age INTEGER, at TIMESTAMP)")
        connection.executemany(
            "INSERT INTO people VALUES (?, ?, ?, ?)",
            [
                (n, "?" if n % 10 == 0 else f"Name {n}", 10 if n % 5 == 0 else 20 + n,
                 f"2024-0{1 + n // 20}-{1 + n % 20:02} 12:00:00")
                for n in range(40)
            ],
        )  # fmt: skip
    connection.close()
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A database of our own on a PostgreSQL server, with a password that must not be told."""
    address = postgresql_url()
    if address is None:
        pytest.skip("no PostgreSQL answers at DATABASE_URL or 127.0.0.1:5432")
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS mlscrum_sources WITH (FORCE)"))
        connection.execute(sa.text("CREATE DATABASE mlscrum_sources"))
    url = sa.make_url(address).set(database="mlscrum_sources", password=PASSWORD)
    made = sa.create_engine(url)
    with made.begin() as connection:
        connection.execute(sa.text("CREATE TABLE orders (id int, paid numeric, note text)"))
        connection.execute(
            sa.text("INSERT INTO orders SELECT n, n * 1.5, 'n' || n FROM generate_series(1, 50) n")
        )
        connection.execute(
            sa.text(
                "CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM orders; SELECT 1'"
            )
        )
    made.dispose()
    yield url.render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sa.text("DROP DATABASE mlscrum_sources WITH (FORCE)"))
    engine.dispose()


def refusal(of: Any) -> DomainError:
    with pytest.raises(DomainError) as refused:
        of()
    assert PASSWORD not in str(refused.value)
    assert PASSWORD not in refused.value.message
    return refused.value


# Queries -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1",
        "select a, 'x; drop table y' from t;",
        "WITH a AS (SELECT 1 AS n) SELECT n FROM a",
        "(SELECT 1) UNION (SELECT 2)",
        "SELECT \"update\" FROM t -- it's a comment\n WHERE replace(a, 'x', '') = ''",
        "SELECT created_at, dataset FROM settings",
    ],
)
def test_one_select_passes(query: str) -> None:
    assert statements.one_select(query)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "not_one_select"),
        ("DELETE FROM t", "not_one_select"),
        ("SELECT 1; DROP TABLE t", "not_one_select"),
        ("SELECT 1) AS q; COMMIT; DROP TABLE t; SELECT (1", "not_one_select"),
        ("SELECT 1) INTO OUTFILE '/tmp/x' -- (", "not_one_select"),
        ("SELECT * INTO copy FROM t", "writes"),
        ("WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone", "writes"),
        ("SELECT * FROM t FOR UPDATE", "writes"),
        ("SELECT $$;$$", "not_one_select"),
        (r"SELECT 'a\'; DROP TABLE t; --'", "not_one_select"),
        ("SELECT 1 /*! INTO OUTFILE '/tmp/x' */", "not_one_select"),
        ("PRAGMA query_only = 0", "not_one_select"),
        ("SELECT 'unfinished", "not_one_select"),
        ("SELECT 1 # ; DROP TABLE t", "not_one_select"),
        ("SELECT " + "1," * 20_000 + "1", "not_one_select"),
    ],
)
def test_anything_else_is_refused(query: str, code: str) -> None:
    assert refusal(lambda: statements.one_select(query)).code == code


def test_no_function_of_a_query_writes_whatever_it_sets_before(server: str) -> None:
    for query in (
        "SELECT wipe() AS n",
        "SELECT set_config('transaction_read_only', 'off', false) AS a, wipe() AS n",
        "SELECT set_config('default_transaction_read_only', 'off', false) AS a, wipe() AS n",
    ):
        source = Source("sql", server, (), {"query": query})
        refused = refusal(lambda source=source: running.run_suite(source, [NEVER_NULL]))
        assert refused.code == "writes"
    with psycopg2.connect(sa.make_url(server).set(drivername="postgresql").render_as_string(
        hide_password=False)) as connection, connection.cursor() as cursor:  # fmt: skip
        cursor.execute("SELECT count(*) FROM orders")
        assert cursor.fetchone() == (50,)
    connection.close()


def test_a_query_of_failing_rows_is_judged_before_it_is_saved() -> None:
    def suite(query: str) -> list[Any]:
        return [{"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": query}}]

    good = suite("SELECT * FROM {batch} WHERE age < 18")
    assert suites.problems(good, SCHEMA, on_sql=True) == []
    assert [error.code for error in suites.problems(good, SCHEMA)] == ["sql_only"]
    bad = suite("SELECT 1; DELETE FROM people")
    assert [error.code for error in suites.problems(bad, SCHEMA, on_sql=True)] == ["bad_query"]


# Runs ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "options",
    [
        {"table": "people"},
        {"query": "SELECT * FROM people"},
        {"query": "SELECT * FROM people -- all of them"},
    ],
)
def test_a_table_and_a_query_are_checked_where_they_are(people: str, options: Any) -> None:
    suite = [
        NOT_NULL,
        AGES,
        check("column_values_to_be_unique", column="id"),
        check("column_values_to_be_dateutil_parseable", column="name"),
        check("column_values_to_be_between", column="at", min_value="2024-02-01"),
        check("table_columns_to_match_ordered_list", column_list=["id", "name", "age", "at"]),
    ]
    found = running.run_suite(Source("sql", people, SCHEMA, options), suite, key_columns=["id"])
    assert [(r.outcome, r.engine, r.unexpected_count) for r in found[:5]] == [
        ("failed", "sqlite", 4),
        ("failed", "sqlite", 8),
        ("passed", "sqlite", 0),
        ("failed", "pandas", 36),
        ("failed", "pandas", 20),
    ]
    assert [r.outcome for r in found[5:]] == ["passed", "passed"]
    assert found[1].sample[:2] == [{"id": 0, "age": 10}, {"id": 5, "age": 10}]


def test_a_condition_and_a_batch_choose_rows_of_a_database(people: str) -> None:
    source = Source("sql", people, SCHEMA, {"table": "people"})
    old = {"type": "comparison", "column": {"name": "age"}, "operator": ">", "parameter": 30}
    narrowed = {**NOT_NULL, "kwargs": {**NOT_NULL["kwargs"], "row_condition": old}}
    found = running.run_suite(source, [NOT_NULL, narrowed])
    assert [r.element_count for r in found[:2]] == [40, 24]
    assert [(b.value, b.rows) for b in sources.seen_batches(source, by="month", column="at")] == [
        ("2024-01", 20),
        ("2024-02", 20),
    ]
    batch = {"by": "month", "column": "at", "value": "2024-02"}
    in_february = running.run_suite(source, [NOT_NULL], batch=batch)
    assert [r.element_count for r in in_february[:1]] == [20]
    newest = sources.newest(source, "at")
    assert newest is not None
    assert newest.isoformat() == "2024-02-20T12:00:00"


def test_a_table_is_looked_into_and_found(people: str) -> None:
    seen = sources.inspect(Source("sql", people, (), {"table": "people"}))
    assert [(column.name, column.type) for column in seen.columns] == [
        ("id", "integer"), ("name", "text"), ("age", "integer"), ("at", "datetime"),
    ]  # fmt: skip
    assert seen.rows == 40
    assert sql.try_out(people).startswith("SQLite 3")
    assert [(table.name, table.kind) for table in sql.browse(people)] == [("people", "table")]


def test_a_database_file_is_never_written(people: str, tmp_path: Path) -> None:
    before = (tmp_path / "people.sqlite3").read_bytes()
    session = sql.opened(people, {"table": "people"}, SCHEMA)
    with session as data, data.opened.engine.connect() as connection:
        for statement in ("DELETE FROM people", "CREATE TABLE marker (x)", "PRAGMA user_version=7"):
            with pytest.raises(sa.exc.OperationalError, match="readonly|read"):
                connection.exec_driver_sql(statement)
    assert (tmp_path / "people.sqlite3").read_bytes() == before


# What goes wrong -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("location", "options", "code"),
    [
        ("sqlite:////nowhere/x.sqlite3", {"table": "t"}, "cannot_connect"),
        ("sqlite://", {"table": "t"}, "bad_url"),
        ("nonsense", {"table": "t"}, "bad_url"),
        ("oracle://u:" + PASSWORD + "@h/x", {"table": "t"}, "no_driver"),
        ("postgresql://u:" + PASSWORD + "@127.0.0.1:9/x", {"table": "t"}, "cannot_connect"),
        ("postgresql://u:p@h/x?host=127.0.0.1", {"table": "t"}, "bad_url"),
        ("mysql://u:p@h/x?local_infile=1", {"table": "t"}, "bad_url"),
        ("mysql://u:" + PASSWORD + "@127.0.0.1:9/x", {"table": "t"}, "cannot_connect"),
    ],
)
def test_an_address_that_leads_nowhere_is_said(location: str, options: Any, code: str) -> None:
    refused = refusal(lambda: sources.inspect(Source("sql", location, (), options)))
    assert refused.code == code


def test_a_source_does_not_tell_its_address() -> None:
    assert PASSWORD not in repr(Source("sql", f"postgresql://me:{PASSWORD}@h/x"))


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"table": "gone"}, "no_such_table"),
        ({"query": "SELECT nothing_such FROM people"}, "bad_query"),
        ({"query": "SELECT FROM WHERE"}, "bad_query"),
        ({}, "no_source"),
        ({"table": "people", "query": "SELECT 1"}, "no_source"),
    ],
)
def test_what_is_not_there_is_said(people: str, options: Any, code: str) -> None:
    assert refusal(lambda: sources.inspect(Source("sql", people, (), options))).code == code


def test_a_table_dropped_between_two_runs_is_missed(people: str, tmp_path: Path) -> None:
    source = Source("sql", people, SCHEMA, {"table": "people"})
    running.run_suite(source, [AGES])
    with sqlite3.connect(tmp_path / "people.sqlite3") as connection:
        connection.execute("DROP TABLE people")
    connection.close()
    assert refusal(lambda: running.run_suite(source, [AGES])).code == "no_such_table"


def test_a_column_of_another_type_does_not_fit(people: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "people.sqlite3") as connection:
        connection.execute("UPDATE people SET age = 'Meyer' WHERE id = 3")
    connection.close()
    source = Source("sql", people, SCHEMA, {"table": "people"})
    refused = refusal(lambda: running.run_suite(source, [AGES]))
    assert refused.code == "does_not_fit"
    assert "age" in refused.message
    assert "Meyer" not in refused.message


@pytest.mark.parametrize("limit", [{"statement_timeout_s": 0.3}, {}])
def test_a_slow_query_is_stopped(people: str, limit: Any) -> None:
    endless = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT x FROM n WHERE x < 0"
    )
    source = Source("sql", people, (), {"query": endless, **limit})
    if limit:
        assert refusal(lambda: sources.inspect(source)).code == "timed_out"
    else:
        slow = Source("sql", people, SCHEMA, {"table": "people"})
        told = Limits(time_s=0.0)
        assert refusal(lambda: running.run_suite(slow, [AGES], limits=told)).code == "timed_out"


def test_a_statement_beyond_its_limit_is_stopped_by_postgresql(server: str) -> None:
    source = Source(
        "sql", server, (), {"query": "SELECT pg_sleep(20), 1 AS n", "statement_timeout_s": 1}
    )
    refused = refusal(lambda: sources.inspect(source))
    assert refused.code == "timed_out"


def test_a_wrong_login_is_said(server: str) -> None:
    nobody = sa.make_url(server).set(username="nobody_such").render_as_string(hide_password=False)
    refused = refusal(lambda: sql.try_out(nobody))
    assert refused.code in {"wrong_password", "cannot_connect"}


def test_a_connection_that_is_dropped_in_the_middle_ends_the_run(server: str) -> None:
    source = Source("sql", server, (), {"table": "orders"})
    # Alike, they would be counted once for all.
    suite = [
        check("column_values_to_be_in_set", column="note", value_set=[f"{number}"])
        for number in range(60)
    ]

    def drop(done: int, total: int) -> None:
        with psycopg2.connect(sa.make_url(server).set(drivername="postgresql").render_as_string(
            hide_password=False)) as connection, connection.cursor() as cursor:  # fmt: skip
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = 'mlscrum_sources' AND pid <> pg_backend_pid()"
            )
        connection.close()

    refused = refusal(lambda: running.run_suite(source, suite, progress=drop))
    assert refused.code == "connection_lost"


def test_a_server_that_falls_silent_in_the_middle_is_given_up_after_a_minute(server: str) -> None:
    with (
        sql._Session.of(server, {}) as session,
        socket.socket(fileno=os.dup(session.raw[0].fileno())) as line,
    ):
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        told = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert [line.getsockopt(socket.IPPROTO_TCP, one) for one in told] == [30, 10, 3]
    assert sources.inspect(Source("sql", server, (), {"query": "SELECT 1 AS n"})).rows == 1


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        url = f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/x"
        refused = refusal(lambda: sql.try_out(url, {"connect_timeout_s": 2}))
    assert refused.code in {"cannot_connect", "timed_out"}


def test_more_rows_than_pandas_may_have_are_errored_with_the_reason(people: str) -> None:
    source = Source("sql", people, SCHEMA, {"table": "people"})
    rising = check("column_values_to_be_increasing", column="id")
    found = running.run_suite(source, [rising, AGES], limits=Limits(pandas_rows=39))
    assert [(r.outcome, r.error_code) for r in found[:2]] == [
        ("errored", "needs_pandas"),
        ("failed", ""),
    ]
    assert "40 rows" in found[0].message
    assert "39" in found[0].message


def test_columns_of_postgresql_may_be_of_any_type(server: str) -> None:
    query = (
        "SELECT 1 AS \"A b\", 'NaN'::float8 AS nan, 'Infinity'::float8 AS inf, "
        "repeat('9', 300)::numeric AS long, '{\"a\": [1]}'::jsonb AS js, ARRAY[1, 2] AS arr, "
        "'9999-12-31'::date AS far, 'infinity'::timestamptz AS never, '\\x00'::bytea AS raw, "
        "interval '1 day' AS span, NULL AS nothing, 'x'::\"char\" AS sign, "
        "gen_random_uuid() AS uid, true AS flag"
    ).replace("'\\x00'", "decode('00', 'hex')")
    source = Source("sql", server, (), {"query": query})
    seen = sources.inspect(source)
    suite = [check("column_values_to_not_be_null", column=column.name) for column in seen.columns]
    suite += [check("column_values_to_be_in_set", column="js", value_set=["x"])]
    suite += [check("column_max_to_be_between", column="far", max_value="2024-01-01")]
    suite += [check("column_max_to_be_between", column="inf", max_value=1)]
    found = running.run_suite(source, suite, key_columns=["A b"])
    assert "errored" not in {result.outcome for result in found}
    missing = {r.column for r in found if r.unexpected_count}
    assert missing >= {"nan", "nothing", "js"}


def test_sampling_asks_for_no_more_than_twenty_rows(people: str) -> None:
    suite = [check("column_values_to_be_between", column="age", max_value=0)]
    source = Source("sql", people, SCHEMA, {"table": "people"})
    found = running.run_suite(source, suite, key_columns=["id", "name"])
    assert (found[0].unexpected_count, len(found[0].sample)) == (40, 20)
    assert set(found[0].sample[0]) == {"id", "name", "age"}
