"""Datasets of databases: registered through a connection, run, and run again after a fix."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from backlog.models import Actor, Finding, Product
from dataquality.models import Connection, Dataset, Profile, RunState
from dataquality.queries.gates import dataset_gate
from dataquality.services.connections import (
    ConnectionDraft,
    add_connection,
    pause_connection,
    resume_connection,
)
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.origins import DatabaseRows
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version, read_again
from mlscrum.lib.errors import DomainError
from tests.conftest import Cast
from tests.dataquality.conftest import AGE_NOT_NULL, NUCLEI_IN_SET, run_now, upload, work

SERVER = os.environ.get("TEST_POSTGRES", "postgres@127.0.0.1:5432")
USER, _, WHERE = SERVER.partition("@")
HOST, _, PORT = WHERE.partition(":")
PASSWORD = "a-word-nobody-may-see"


class Clinic:
    """A database of others, with a login that may read."""

    def __init__(self, name: str, login: str) -> None:
        self.name, self.login = name, login
        self.address = f"postgresql://{login}@{WHERE}/{name}"

    def does(self, *statements: str) -> None:
        with psycopg2.connect(host=HOST, port=PORT, user=USER, dbname=self.name) as connection:
            for statement in statements:
                connection.cursor().execute(statement)
        connection.close()


def _server(*statements: sql.Composable) -> None:
    connection = psycopg2.connect(host=HOST, port=PORT, user=USER, dbname="postgres")
    connection.autocommit = True
    for statement in statements:
        connection.cursor().execute(statement)
    connection.close()


@pytest.fixture
def clinic(settings: Any) -> Iterator[Clinic]:
    """Twenty patients in PostgreSQL, two of them with `?` nuclei."""
    name = f"clinic_{secrets.token_hex(4)}"
    called = sql.Identifier(name)
    try:
        _server(
            sql.SQL("create database {}").format(called),
            sql.SQL("create role {} login password {}").format(called, sql.Literal(PASSWORD)),
        )
    except psycopg2.OperationalError:
        pytest.skip(f"There is no PostgreSQL at {WHERE}.")
    settings.OUTBOUND_ALLOW = [WHERE]
    clinic = Clinic(name, name)
    clinic.does(
        "create table patients (id integer primary key, age integer, nuclei text)",
        "insert into patients select n, 20 + n, case when n in (3, 7) then '?' "
        "else (n % 10 + 1)::text end from generate_series(1, 20) n",
        f"grant select on all tables in schema public to {name}",
    )
    try:
        yield clinic
    finally:
        _server(
            sql.SQL("drop database {} with (force)").format(called),
            sql.SQL("drop role {}").format(called),
        )


@pytest.fixture
def connection(product: Product, olga_acts: Actor, clinic: Clinic) -> Connection:
    draft = ConnectionDraft("Clinic", "sql", clinic.address, secret=PASSWORD)
    return add_connection(product, draft, actor=olga_acts)


@pytest.fixture
def patients_of(product: Product, max_acts: Actor) -> Callable[[Connection], Dataset]:
    def register(connection: Connection) -> Dataset:
        draft = DatasetDraft(name="Patients", sample_policy="values", key_columns=["id"])
        rows = DatabaseRows(connection, table="patients")
        dataset = register_dataset(product, draft, rows, actor=max_acts)
        save_suite(dataset, [NUCLEI_IN_SET, AGE_NOT_NULL], actor=max_acts)
        return Dataset.objects.of(product).get(pk=dataset.pk)

    return register


def rows_of(dataset: Dataset) -> int:
    assert dataset.current_version is not None
    return int(dataset.current_version.rows)


def test_a_table_is_red_then_green_and_its_item_closes(
    connection: Connection,
    patients_of: Callable[[Connection], Dataset],
    clinic: Clinic,
    max_acts: Actor,
) -> None:
    dataset = patients_of(connection)
    assert connection.test_error == ""
    assert rows_of(dataset) == 20
    red = run_now(dataset, max_acts)
    assert (red.state, red.engine) == (RunState.FAILED, "postgresql")
    sample = red.results.get(type__endswith="in_set").sample
    assert sorted(row["id"] for row in sample) == [3, 7]
    finding = Finding.objects.get(subject=dataset.subject)
    assert finding.item is not None
    assert finding.last_batch_key == red.data_key
    clinic.does("update patients set nuclei = '4' where nuclei = '?'")
    dataset.refresh_from_db()
    green = run_now(dataset, max_acts)
    assert green.state == RunState.PASSED
    assert green.data_key != red.data_key
    finding.refresh_from_db()
    assert finding.state == Finding.State.RESOLVED
    finding.item.refresh_from_db()
    assert finding.item.status.category == "done"


def test_each_run_is_a_reading_of_its_own(
    connection: Connection,
    patients_of: Callable[[Connection], Dataset],
    clinic: Clinic,
    max_acts: Actor,
) -> None:
    dataset = patients_of(connection)
    clinic.does("delete from patients where id > 15")
    run = run_now(dataset, max_acts)
    reading = run.version
    assert reading is not None
    assert (reading.number, reading.rows, reading.file) == (2, 15, "")
    dataset = Dataset.objects.of(dataset.product).get(pk=dataset.pk)
    assert dataset.current_version == reading
    gate = dataset_gate(dataset)
    assert gate.run == run
    assert read_again(dataset, actor=max_acts).version.number == 3


def test_a_profile_of_a_table_is_made(
    connection: Connection, patients_of: Callable[[Connection], Dataset]
) -> None:
    dataset = patients_of(connection)
    work()
    profile = Profile.objects.get(version__dataset=dataset)
    assert (profile.state, profile.data["rows"]) == ("done", 20)


def errored(dataset: Dataset, actor: Actor) -> tuple[str, str]:
    run = run_now(Dataset.objects.of(dataset.product).get(pk=dataset.pk), actor)
    assert run.state == RunState.ERRORED
    assert PASSWORD not in run.error_detail
    assert run.version is not None
    assert not run.version.read_at
    return run.error_code, run.error_detail


def test_a_table_that_was_dropped_between_two_runs_is_said(
    connection: Connection,
    patients_of: Callable[[Connection], Dataset],
    clinic: Clinic,
    max_acts: Actor,
) -> None:
    dataset = patients_of(connection)
    run_now(dataset, max_acts)
    clinic.does("drop table patients")
    code, detail = errored(dataset, max_acts)
    assert code == "no_such_table"
    assert "dropped or renamed" in detail
    dataset = Dataset.objects.of(dataset.product).get(pk=dataset.pk)
    gate = dataset_gate(dataset)
    assert gate.run is not None
    assert (gate.passed, gate.run.state) == (False, RunState.ERRORED)
    assert rows_of(dataset) == 20
    task = Finding.objects.get(subject=dataset.subject, is_execution=True)
    assert "no such table" in task.title


def test_a_paused_connection_ends_runs_as_errored_with_that_reason(
    connection: Connection,
    patients_of: Callable[[Connection], Dataset],
    max_acts: Actor,
    olga_acts: Actor,
) -> None:
    dataset = patients_of(connection)
    pause_connection(connection, actor=olga_acts)
    code, detail = errored(dataset, max_acts)
    assert (code, "is paused" in detail) == ("paused", True)
    resume_connection(connection, actor=olga_acts)
    dataset = Dataset.objects.of(dataset.product).get(pk=dataset.pk)
    assert run_now(dataset, max_acts).state == RunState.FAILED


def test_a_wrong_password_is_said_without_it(
    clinic: Clinic, product: Product, olga_acts: Actor
) -> None:
    if clinic_trusts(clinic):
        pytest.skip("This PostgreSQL asks nobody for a password.")
    draft = ConnectionDraft("Clinic", "sql", clinic.address, secret="wrong")
    found = add_connection(product, draft, actor=olga_acts)
    assert "does not accept the user or the password" in found.test_error


def clinic_trusts(clinic: Clinic) -> bool:
    try:
        psycopg2.connect(
            host=HOST, port=PORT, user=clinic.login, dbname=clinic.name, password="no"
        ).close()
    except psycopg2.OperationalError:
        return False
    return True


def test_a_database_that_is_down_is_said(product: Product, olga_acts: Actor, settings: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings.OUTBOUND_ALLOW = [f"127.0.0.1:{port}"]
    draft = ConnectionDraft("Down", "sql", f"postgresql://127.0.0.1:{port}/x", secret=PASSWORD)
    found = add_connection(product, draft, actor=olga_acts)
    assert "can't be reached" in found.test_error
    assert PASSWORD not in found.test_error


def test_a_server_that_drops_the_connection_is_said(
    product: Product, olga_acts: Actor, settings: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings.OUTBOUND_ALLOW = [f"127.0.0.1:{port}"]

        def drop() -> None:
            for _ in range(4):
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=drop, daemon=True).start()
        draft = ConnectionDraft("Odd", "sql", f"postgresql://127.0.0.1:{port}/x", secret="x")
        found = add_connection(product, draft, actor=olga_acts)
    assert found.test_error != ""


@pytest.mark.parametrize(
    "query",
    [
        "delete from patients",
        "select 1; drop table patients",
        "with gone as (delete from patients returning id) select * from gone",
        "select id into copied from patients",
        "select nextval('numbers') as n",
        "select * from patients where id = wipe()",
    ],
)
def test_a_query_that_writes_is_refused_and_writes_nothing(
    connection: Connection, product: Product, clinic: Clinic, max_acts: Actor, query: str
) -> None:
    clinic.does(
        "create sequence numbers",
        f"grant usage on sequence numbers to {clinic.login}",
        f"grant delete on patients to {clinic.login}",
        "create function wipe() returns integer language sql as 'delete from patients; select 1'",
    )
    with pytest.raises(DomainError):
        register_dataset(
            product, DatasetDraft("P"), DatabaseRows(connection, query=query), actor=max_acts
        )
    with psycopg2.connect(host=HOST, port=PORT, user=USER, dbname=clinic.name) as admin:
        cursor = admin.cursor()
        cursor.execute("select count(*) from patients")
        assert cursor.fetchone() == (20,)
    admin.close()


def test_by_rest_a_table_is_registered_and_run(
    connection: Connection, cast: Cast, api: Any
) -> None:
    max_ = api(cast.max)
    sent = {
        "name": "Patients",
        "source": {"kind": "sql_table", "connection": connection.slug, "table": "patients"},
        "personal_data": False,
        "sample_policy": "values",
    }
    made = max_.post("/api/v1/products/MED/datasets/", sent)
    assert made.status_code == 201
    assert made.data["connection"] == connection.slug
    assert made.data["source"] == {"kind": "sql_table", "table": "patients"}
    suite = {"expectations": [{"type": "expect_column_values_to_not_be_null",
                               "kwargs": {"column": "age"}}]}  # fmt: skip
    here = "/api/v1/datasets/MED/patients/"
    assert max_.put(f"{here}suite/", suite).status_code == 200
    started = max_.post(f"{here}runs/", {})
    assert started.status_code == 202
    work()
    run = max_.get(started["Location"]).data
    assert (run["state"], run["engine"], run["version"]) == ("passed", "postgresql", 2)
    assert run["batch"].startswith("patients:20")
    assert max_.get(f"{here}gate/").data["state"] == "passed"


def test_no_file_is_sent_to_a_dataset_of_a_database(
    connection: Connection, patients_of: Callable[[Connection], Dataset], max_acts: Actor
) -> None:
    with pytest.raises(DomainError, match="no file is sent to it"):
        add_version(patients_of(connection), upload("id\n1\n"), actor=max_acts)
