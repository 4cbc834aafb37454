"""A table of MySQL or MariaDB: registered, run, run again after a fix, and what goes wrong."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from backlog.models import Actor, Finding, Product
from dataquality.engine import running, sources
from dataquality.engine.limits import Limits
from dataquality.engine.sources import Source
from dataquality.models import Dataset, Profile
from dataquality.services.connections import ConnectionDraft, add_connection
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.origins import DatabaseRows
from dataquality.services.suites import save_suite
from mlscrum.lib.errors import DomainError
from tests.conftest import Cast
from tests.dataquality.conftest import AGE_NOT_NULL, NUCLEI_IN_SET, check, run_now, work
from tests.dataquality.databases import mysql_url

PASSWORD = "a-word-nobody-may-see"


class Clinic:
    """A database of others, with a login that may read."""

    def __init__(self, server: sa.URL) -> None:
        self.name = f"clinic_{secrets.token_hex(4)}"
        self.server = server
        self.where = f"{server.host}:{server.port or 3306}"
        self.serves(
            f"create database {self.name} character set utf8mb4",
            f"create user {self.name} identified by '{PASSWORD}'",
            f"grant select on {self.name}.* to {self.name}",
        )
        rows = [(n, 20 + n, "?" if n in (3, 7) else str(n % 10 + 1)) for n in range(1, 21)]
        self.does(
            "create table patients (id int primary key, age int, nuclei varchar(20))",
            *(f"insert into patients values {row}" for row in rows),  # noqa: S608  our own
        )

    @property
    def url(self) -> str:
        own = self.server.set(username=self.name, password=PASSWORD, database=self.name)
        return own.render_as_string(hide_password=False)

    def does(self, *statements: str) -> None:
        """By an administrator, within the database."""
        self._carry_out(self.server.set(database=self.name), statements)

    def serves(self, *statements: str) -> None:
        """By an administrator of the server."""
        self._carry_out(self.server, statements)

    @staticmethod
    def _carry_out(url: sa.URL, statements: Sequence[str]) -> None:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()


@pytest.fixture
def clinic(settings: Any) -> Iterator[Clinic]:
    server = mysql_url()
    if server is None:
        pytest.skip("no MySQL or MariaDB answers at MYSQL_URL or 127.0.0.1:3306")
    clinic = Clinic(sa.make_url(server))
    settings.OUTBOUND_ALLOW = [clinic.where]
    yield clinic
    clinic.serves(f"drop database {clinic.name}", f"drop user {clinic.name}")


@pytest.fixture
def patients_there(product: Product, cast: Cast, clinic: Clinic, max_acts: Actor) -> Dataset:
    """Twenty patients, two of them with `?` nuclei."""
    address = f"mysql://{clinic.name}@{clinic.where}/{clinic.name}"
    connection = add_connection(
        product,
        ConnectionDraft("Clinic", "sql", address, secret=PASSWORD),
        actor=Actor.person(cast.olga),
    )
    assert connection.test_error == ""
    draft = DatasetDraft(name="Patients", sample_policy="values", key_columns=["id"])
    rows = DatabaseRows(connection, table="patients")
    dataset = register_dataset(product, draft, rows, actor=max_acts)
    save_suite(dataset, [NUCLEI_IN_SET, AGE_NOT_NULL], actor=max_acts)
    return dataset


def refusal(of: Any) -> DomainError:
    with pytest.raises(DomainError) as refused:
        of()
    assert PASSWORD not in refused.value.message
    return refused.value


def test_a_table_is_red_then_green_and_its_profile_is_made(
    patients_there: Dataset, clinic: Clinic, max_acts: Actor
) -> None:
    work()
    profile = Profile.objects.get(version__dataset=patients_there)
    assert (profile.state, profile.data["rows"]) == ("done", 20)
    red = run_now(patients_there, max_acts)
    assert (red.state, red.engine) in {("failed", "mariadb"), ("failed", "mysql")}
    assert sorted(row["id"] for row in red.results.get(column="nuclei").sample) == [3, 7]
    clinic.does("update patients set nuclei = '4' where nuclei = '?'")
    green = run_now(patients_there, max_acts)
    assert green.state == "passed"
    assert Finding.objects.get(subject=patients_there.subject).state == "resolved"


def test_a_table_that_is_gone_is_said(
    patients_there: Dataset, clinic: Clinic, max_acts: Actor
) -> None:
    clinic.does("drop table patients")
    run = run_now(patients_there, max_acts)
    assert (run.state, run.error_code) == ("errored", "no_such_table")


def test_a_wrong_password_is_said(clinic: Clinic) -> None:
    wrong = sa.make_url(clinic.url).set(password="wrong").render_as_string(hide_password=False)
    source = Source("sql", wrong, (), {"table": "patients"})
    assert refusal(lambda: sources.inspect(source)).code == "wrong_password"


def test_nothing_is_written_even_by_a_login_that_may(clinic: Clinic) -> None:
    clinic.serves(f"grant all on {clinic.name}.* to {clinic.name}")
    source = Source("sql", clinic.url, (), {"query": "DELETE FROM patients"})
    assert refusal(lambda: sources.inspect(source)).code == "not_one_select"
    clinic.does("create function wipe() returns int begin delete from patients; return 1; end")
    source = Source("sql", clinic.url, (), {"query": "SELECT wipe() AS n"})
    assert refusal(lambda: sources.inspect(source)).code == "writes"


def test_a_slow_statement_ends_at_its_limit_and_at_that_of_the_run(clinic: Clinic) -> None:
    slow = {"query": "SELECT sleep(600) AS n, 1 AS one"}
    source = Source("sql", clinic.url, (), {**slow, "statement_timeout_s": 1})
    assert refusal(lambda: sources.inspect(source)).code == "timed_out"
    schema = [{"name": "n", "type": "integer", "null_words": []}]
    source = Source("sql", clinic.url, schema, slow)
    wanted = [check("column_values_to_not_be_null", column="n")]
    refused = refusal(lambda: running.run_suite(source, wanted, limits=Limits(time_s=2)))
    assert refused.code == "timed_out"
    assert "RUN_TIME_LIMIT_S" in refused.message


def test_texts_are_as_long_as_their_characters(clinic: Clinic) -> None:
    clinic.does("update patients set nuclei = 'Ünï'")
    schema = [{"name": "nuclei", "type": "text", "null_words": []}]
    source = Source("sql", clinic.url, schema, {"table": "patients"})
    wanted = [check("column_value_lengths_to_equal", column="nuclei", value=3)]
    assert running.run_suite(source, wanted)[0].outcome == "passed"
