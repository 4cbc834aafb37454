"""Limits of a run: it ends as errored with what to do about it, and the next one works."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from backlog.models import Actor, Job, Product
from dataquality.engine import files, limits, reading, running, sources
from dataquality.engine.limits import Limits, interruptible, watched
from dataquality.engine.sources import Source
from dataquality.models import Dataset
from dataquality.services.connections import ConnectionDraft, add_connection
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.origins import DatabaseRows
from dataquality.services.suites import save_suite
from mlscrum.lib.errors import DomainError
from tests.dataquality.conftest import check, run_now, upload, with_checks
from tests.dataquality.databases import postgresql_url

ENDLESS = "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range < b.range"
AGES = check("column_values_to_be_between", column="age", min_value=0, max_value=120)


def refusal_of(work: Any, **limits: Any) -> DomainError:
    with pytest.raises(DomainError) as caught, watched(Limits(**limits)):
        work()
    return caught.value


@pytest.fixture
def little_memory(settings: Any) -> None:
    settings.RUN_MEMORY_MB = 150


@pytest.fixture
def clinic(product: Product, cast: Any, settings: Any) -> Iterator[Dataset]:
    """A dataset of a view in a SQLite file; `make_endless` and `mend` change the view."""
    folder = settings.SOURCES_DIR / "MED"
    folder.mkdir()
    olga = Actor.person(cast.olga)
    _view(folder, "SELECT id, age FROM people")
    connection = add_connection(
        product, ConnectionDraft("Clinic", "sql", "sqlite:///clinic.sqlite3"), actor=olga
    )
    dataset = register_dataset(
        product, DatasetDraft(name="Ages"), DatabaseRows(connection, table="ages"), actor=olga
    )
    Job.objects.all().delete()  # its profile is not on trial here
    save_suite(dataset, [AGES], actor=olga)
    yield dataset


def _view(folder: Path, query: str) -> None:
    with sqlite3.connect(folder / "clinic.sqlite3") as file:
        file.execute("CREATE TABLE IF NOT EXISTS people (id integer, age integer)")
        file.execute("INSERT INTO people VALUES (1, 20), (2, 30)")
        file.execute("DROP VIEW IF EXISTS ages")
        file.execute(f"CREATE VIEW ages AS {query}")
    file.close()


# Time -----------------------------------------------------------------------------------------


def test_a_statement_of_duckdb_is_interrupted() -> None:
    def ask() -> None:
        with files.database([]) as connection:
            connection.execute(ENDLESS)

    refused = refusal_of(ask, time_s=0.3)
    assert refused.code == "timed_out"
    assert "RUN_TIME_LIMIT_S" in refused.message and "0.3 s" in refused.message


def test_a_statement_of_postgresql_is_cancelled() -> None:
    server = postgresql_url()
    if server is None:
        pytest.skip("no PostgreSQL answers at DATABASE_URL or 127.0.0.1:5432")
    source = Source("sql", server, (), {"query": "SELECT 1 AS n, pg_sleep(600) AS slept"})
    assert refusal_of(lambda: sources.inspect(source), time_s=0.5).code == "timed_out"


def test_what_never_asks_a_database_ends_too() -> None:
    def turn() -> None:
        while True:
            pass

    assert refusal_of(turn, time_s=0.2).code == "timed_out"


def test_a_library_that_swallows_every_error_does_not_hide_the_limit() -> None:
    def swallow() -> None:
        while limits._present.get().reason is None:  # type: ignore[union-attr]
            try:
                while True:
                    pass
            except:  # noqa: E722, S110  as Great Expectations does where it reads JSON
                pass

    assert refusal_of(swallow, time_s=0.2).code == "timed_out"


def test_a_run_of_a_slow_database_is_errored_and_the_next_one_works(
    clinic: Dataset, max_acts: Actor, settings: Any
) -> None:
    folder = settings.SOURCES_DIR / "MED"
    assert run_now(clinic, max_acts).state == "passed"
    _view(
        folder,
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT x AS id, x AS age FROM n",
    )
    settings.RUN_TIME_LIMIT_S = 1
    run = run_now(clinic, max_acts)
    assert (run.state, run.error_code) == ("errored", "timed_out")
    assert "longer than 1 s" in run.error_detail and "RUN_TIME_LIMIT_S" in run.error_detail
    _view(folder, "SELECT id, age FROM people")
    assert run_now(clinic, max_acts).state == "passed"


def test_a_slow_statement_is_errored_by_a_limit_of_its_own(
    clinic: Dataset, max_acts: Actor, settings: Any
) -> None:
    _view(
        settings.SOURCES_DIR / "MED",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT x AS id, x AS age FROM n",
    )
    settings.STATEMENT_TIMEOUT_S = 0.5
    run = run_now(clinic, max_acts)
    assert (run.state, run.error_code) == ("errored", "timed_out")
    assert "0.5 s for one statement" in run.error_detail
    assert "STATEMENT_TIMEOUT_S" in run.error_detail


# Memory ---------------------------------------------------------------------------------------


def test_a_run_that_needs_too_much_memory_is_errored_and_the_next_one_works(
    product: Product, max_acts: Actor, little_memory: None
) -> None:
    line = '{"id": %d, "name": "' + "x" * 40 + '", "age": 30}\n'
    large = "".join(line % number for number in range(600_000))
    _give_memory_back()  # or what earlier tests have left would be enough for the run
    draft = DatasetDraft(name="Names", sample_policy="values", key_columns=["id"])
    dataset = register_dataset(product, draft, upload(large, "names.jsonl"), actor=max_acts)
    with_checks(dataset, [AGES])
    run = run_now(dataset, max_acts)
    assert (run.state, run.error_code) == ("errored", "out_of_memory")
    assert "more than 150 MB" in run.error_detail and "RUN_MEMORY_MB" in run.error_detail

    small = register_dataset(
        product, DatasetDraft(name="Few"), upload(line % 1, "few.jsonl"), actor=max_acts
    )
    with_checks(small, [AGES])
    assert run_now(small, max_acts).state == "passed"


def _give_memory_back() -> None:
    """To the system: what a process has set free stays its own else."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):  # of glibc alone
        ctypes.CDLL(None).malloc_trim(0)


def test_without_a_limit_memory_is_free(settings: Any) -> None:
    settings.RUN_MEMORY_MB = 0
    with watched():
        held = bytes(b"x" * 300_000_000)
    assert len(held) == 300_000_000


def test_memory_that_the_system_refuses_is_said_as_well() -> None:
    def take() -> None:
        raise MemoryError

    refused = refusal_of(take)
    assert (refused.code, "than there is" in refused.message) == ("out_of_memory", True)


# The watch itself -----------------------------------------------------------------------------


def test_within_a_watch_another_leaves_the_limits_to_it() -> None:
    with watched(Limits(time_s=60)), watched(Limits(time_s=0)):
        pass


def test_after_a_watch_nothing_is_raised_or_interrupted() -> None:
    called: list[int] = []
    with watched(Limits(time_s=60)), interruptible(lambda: called.append(1)):
        watch = limits._present.get()
        assert watch is not None
    watch._stop(limits.timed_out(1))
    for _ in range(1000):
        pass
    assert (called, watch.reason) == ([], None)


def test_a_limit_that_was_reached_unnoticed_counts_at_the_end(tmp_path: Path) -> None:
    schema = [{"name": "age", "type": "integer", "null_words": []}]
    path = tmp_path / "few.csv"
    path.write_text("age\n30\n")
    source = Source("path", str(path), schema, {"format": "csv"})
    with pytest.raises(DomainError, match="RUN_TIME_LIMIT_S"):
        running.run_suite(source, [AGES], limits=Limits(time_s=0))
    assert running.run_suite(source, [AGES])[0].outcome == "passed"
    assert reading.read(path, "csv", schema).frame.shape == (1, 1)


def test_a_watch_leaves_nothing_behind_that_a_profiler_would_stumble_over() -> None:
    code = (
        "from django.conf import settings\n"
        "settings.configure(RUN_TIME_LIMIT_S=60, RUN_MEMORY_MB=0)\n"
        "import cProfile, pathlib\n"
        "from dataquality.engine.limits import watched\n"
        "with watched(): pass\n"
        "profile = cProfile.Profile(); profile.enable()\n"
        "pathlib.Path('a') / 'b'\n"
        "profile.disable()\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
