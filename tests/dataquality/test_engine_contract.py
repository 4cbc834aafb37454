"""What pandas says, every other engine says: the contract, and the table of it in docs/engines.md.

`make test` tries a part of the cases, `make soak` all of them on all engines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from django.conf import settings

from dataquality.engine import choosing, running, sql
from dataquality.engine.answers import CheckResult
from dataquality.engine.sources import Source
from tests.dataquality import contract
from tests.dataquality.conftest import Check
from tests.dataquality.databases import mysql_url, postgresql_url

ENGINES = ("duckdb", "postgresql", "sqlite")
SOURCES = ("csv", "parquet", "postgresql", "sqlite", "mysql")
DOCUMENT = Path(settings.BASE_DIR) / "docs" / "engines.md"
CASES = list(contract.cases())
# One of each expectation and kind of column is a part that any machine runs in a minute.
PART = list({(case["type"], *contract.kinds_of(case)): case for case in reversed(CASES)}.values())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contract")


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A database of its own on the PostgreSQL that tests may use."""
    server = postgresql_url()
    if server is None:
        pytest.skip("no PostgreSQL answers at DATABASE_URL or 127.0.0.1:5432")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    name = "mlscrum_contract"
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield str(sa.make_url(server).set(database=name).render_as_string(hide_password=False))
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(scope="module")
def mysql() -> Iterator[str]:
    """A database of its own on the MySQL or MariaDB that tests may use."""
    server = mysql_url()
    if server is None:
        pytest.skip("no MySQL or MariaDB answers at MYSQL_URL or 127.0.0.1:3306")
    engine = sa.create_engine(server)
    name = "mlscrum_contract"
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(sa.text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    yield str(sa.make_url(server).set(database=name).render_as_string(hide_password=False))
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name}"))
    engine.dispose()


def by_pandas(folder: Path, cases: Sequence[Check], settings: Any) -> list[CheckResult]:
    settings.FILE_ENGINE = "pandas"
    found = running.run_suite(contract.as_csv(folder), cases, key_columns=["id"])
    settings.FILE_ENGINE = "duckdb"
    return found[:-1]


def assert_the_same(
    source: Source, cases: Sequence[Check], by_pandas: Sequence[CheckResult], engine: str
) -> None:
    found = running.run_suite(source, cases, key_columns=["id"])[:-1]
    kinds = {str(column["name"]): str(column["type"]) for column in source.schema}
    differences = []
    for case, ours, theirs in zip(cases, found, by_pandas, strict=True):
        choice = choosing.engine_for(case, kinds, engine)
        assert ours.engine in {choice.engine, "pandas" if choice.unless_missing else choice.engine}
        if not is_comparable(case, engine):
            assert ours.outcome != "errored", contract.label(case)
            continue
        left, right = contract.says(ours), contract.says(theirs)
        if left != right or not has_such_a_sample(ours, theirs, engine):
            differences.append((contract.label(case), ours.engine, left, right))
    assert differences == []


def is_comparable(case: Check, engine: str) -> bool:
    """Whether pandas can answer it, and in the same words."""
    name = case["type"].removeprefix("expect_")
    return name not in choosing.OF_SQL and (engine == "duckdb" or name not in choosing.OF_TYPES)


def has_such_a_sample(ours: CheckResult, theirs: CheckResult, engine: str) -> bool:
    """The same failing rows in files; from a database as many, which come in no order."""
    if engine == "duckdb":
        return ours.sample == theirs.sample
    return len(ours.sample) == len(theirs.sample)


Sources = Callable[[str], Source]


@pytest.fixture(scope="module")
def source_of(folder: Path, request: pytest.FixtureRequest) -> Sources:
    def source(name: str) -> Source:
        if name == "postgresql":
            return contract.as_table(request.getfixturevalue("postgresql"))
        if name == "mysql":
            url = request.getfixturevalue("mysql")
            return contract.as_table(url, contract.KINDS_OF_MYSQL)
        if name == "sqlite":
            return contract.as_table(f"sqlite:///{folder}/contract.sqlite3")
        return contract.as_parquet(folder) if name == "parquet" else contract.as_csv(folder)

    return source


@pytest.mark.parametrize("name", SOURCES)
def test_a_part_of_the_contract_holds(
    folder: Path, source_of: Sources, settings: Any, name: str
) -> None:
    source = source_of(name)
    engine = engine_of(name, source)
    part = [case for case in PART if engine != "duckdb" or works_on_files(case)]
    assert_the_same(source, part, by_pandas(folder, part, settings), engine)


@pytest.mark.soak
@pytest.mark.parametrize("name", SOURCES)
def test_the_whole_contract_holds(
    folder: Path, source_of: Sources, settings: Any, name: str
) -> None:
    source = source_of(name)
    engine = engine_of(name, source)
    cases = [case for case in CASES if engine != "duckdb" or works_on_files(case)]
    assert_the_same(source, cases, by_pandas(folder, cases, settings), engine)


def engine_of(name: str, source: Source) -> str:
    if name == "mysql":  # or MariaDB, which behaves otherwise here and there
        return sql.try_out(source.location).partition(" ")[0].lower()
    return "duckdb" if name in {"csv", "parquet"} else name


def works_on_files(case: Check) -> bool:
    return case["type"].removeprefix("expect_") not in choosing.OF_SQL


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_carried_that_no_case_has_proved(engine: str) -> None:
    proved = {
        (case["type"].removeprefix("expect_"), kind)
        for case in CASES
        if choosing.engine_for(case, contract.KINDS, engine).engine == engine
        for kind in contract.kinds_of(case) or [""]
    }
    for name, kinds in choosing.CARRIED.items():
        if engine == "sqlite" and "regex" in name:
            continue  # Python's own engine would carry them there, and stop at none
        found = {kind for known, kind in proved if known == name}
        assert found, f"no case of {name} is carried by {engine}"
        if engine != "sqlite" and "" not in found and name not in AS_ANY_KIND:
            assert found >= set(kinds), f"{name} on {set(kinds) - found}"


# What compares values with nothing but each other, and is proved on some kinds for all.
AS_ANY_KIND = frozenset({
    "column_distinct_values_to_be_in_set", "column_distinct_values_to_contain_set",
    "column_distinct_values_to_equal_set", "column_most_common_value_to_be_in_set",
    "column_pair_values_to_be_equal", "column_pair_values_to_be_in_set",
    "compound_columns_to_be_unique", "multicolumn_values_to_be_equal",
    "select_column_values_to_be_unique_within_record", "column_to_exist",
})  # fmt: skip


def test_every_expectation_has_cases() -> None:
    from dataquality.engine import catalogue  # noqa: PLC0415  reads settings when imported

    ours = {entry.type for entry in catalogue.ours()}  # test_drift_checks.py has theirs
    theirs = {entry.type for entry in catalogue.expectations()} - ours
    missing = theirs - {case["type"] for case in CASES}
    assert missing == {"expect_query_results_to_match_comparison"}


def test_the_table_in_the_documents_is_this_one() -> None:
    assert DOCUMENT.read_text() == document(), "Run: python -m tests.dataquality.engines"


def document() -> str:
    from tests.dataquality.engines import document as made  # noqa: PLC0415  it imports this module

    return made()
