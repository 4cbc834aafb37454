"""Tables of Spark: registered, checked by Spark itself, and what is said where they can't be read.

Those that need a Spark run on local[2], where pyspark and Java are.
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backlog.models import Actor, Finding, Product
from backlog.services.products import create_product
from dataquality.engine import choosing, running, sources
from dataquality.engine.choosing import SPARK
from dataquality.engine.limits import Limits, watched
from dataquality.engine.sources import Source
from dataquality.models import Dataset, Profile
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.novelty import state_of
from dataquality.services.origins import SparkTable, Wanted, source_of
from dataquality.services.suites import save_suite
from mlscrum.lib.errors import DomainError
from tests.conftest import Cast
from tests.dataquality import contract
from tests.dataquality.conftest import Check, check, run_now, work
from tests.dataquality.test_engine_contract import CASES, PART, assert_the_same, by_pandas

LOCAL = "local[2]"
LACKS = [
    *(["pyspark"] if importlib.util.find_spec("pyspark") is None else []),
    *(["Java"] if shutil.which("java") is None else []),
]
with_spark = pytest.mark.skipif(bool(LACKS), reason=f"{' and '.join(LACKS)} is not here")


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session with the contract's table as med.contract, and one of another product."""
    from pyspark.sql import SparkSession  # noqa: PLC0415  an extra

    home = tmp_path_factory.mktemp("spark")
    builder = SparkSession.builder.master(LOCAL).config("spark.ui.enabled", "false")
    settings = {
        "spark.sql.warehouse.dir": str(home / "tables"),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    for database in ("med", "shop"):
        session.sql(f"CREATE DATABASE {database}")
    session.sql("CREATE TABLE shop.theirs AS SELECT 1 AS id")
    kinds = {"integer": "bigint", "number": "double", "boolean": "boolean", "text": "string",
             "date": "date", "datetime": "timestamp_ntz"}  # fmt: skip
    types = ", ".join(f"`{name}` {kinds[kind]}" for name, kind in contract.KINDS.items())
    rows = [tuple(row[name] for name in contract.KINDS) for row in contract.rows()]
    session.createDataFrame(rows, types).write.saveAsTable("med.contract")
    yield session
    session.stop()


@pytest.fixture
def patients(spark: Any, product: Product, max_acts: Actor, settings: Any) -> Iterator[Dataset]:
    """Twenty patients, three of them without an age and one too old."""
    settings.SPARK_URL = LOCAL
    spark.sql(
        "CREATE TABLE med.patients AS SELECT id, CASE WHEN id IN (3, 7, 8) THEN NULL "
        "WHEN id = 5 THEN 205 ELSE 20 + id END AS age FROM range(1, 21)"
    )
    draft = DatasetDraft("Patients", sample_policy="values", key_columns=["id"])
    dataset = register_dataset(product, draft, SparkTable("patients"), actor=max_acts)
    checks = [
        check("column_values_to_not_be_null", column="age"),
        check("column_values_to_be_between", column="age", max_value=120),
    ]
    save_suite(dataset, checks, actor=max_acts)
    yield Dataset.objects.of(product).get(pk=dataset.pk)
    spark.sql("DROP TABLE IF EXISTS med.patients")


def source_in_spark() -> Source:
    return Source("spark", LOCAL, contract.SCHEMA, {"schema": "med", "table": "contract"})


def carried(cases: Iterable[Check]) -> list[Check]:
    """Those that Spark answers itself, perhaps unless values are missing."""
    return [one for one in cases if choosing.engine_for(one, contract.KINDS, SPARK).engine == SPARK]


@with_spark
def test_what_pandas_says_spark_says(spark: Any, tmp_path: Path, settings: Any) -> None:
    cases = carried(PART)
    assert len(cases) > 40
    assert_the_same(source_in_spark(), cases, by_pandas(tmp_path, cases, settings), SPARK)


@with_spark
@pytest.mark.soak
def test_the_whole_contract_holds_in_spark(spark: Any, tmp_path: Path, settings: Any) -> None:
    cases = carried(CASES)
    assert_the_same(source_in_spark(), cases, by_pandas(tmp_path, cases, settings), SPARK)


@with_spark
def test_conditions_and_batches_choose_rows_in_spark(spark: Any, tmp_path: Path) -> None:
    by_file = sources.seen_batches(contract.as_csv(tmp_path), by="month", column="at")
    assert sources.seen_batches(source_in_spark(), by="month", column="at") == by_file
    assert sources.newest(source_in_spark(), "at") == sources.newest(
        contract.as_csv(tmp_path), "at"
    )
    month = {"by": "month", "column": "at", "value": by_file[1].value}
    count = check("table_row_count_to_equal", value=by_file[1].rows)
    assert running.run_suite(source_in_spark(), [count], batch=month)[0].outcome == "passed"


@with_spark
def test_a_statement_of_spark_is_cancelled_at_the_limit_of_time(spark: Any) -> None:
    spark.sql(
        "CREATE VIEW med.endless AS SELECT a.id FROM range(100000000) a "
        "CROSS JOIN range(100000000) b WHERE a.id < b.id"
    )
    source = Source("spark", LOCAL, (), {"schema": "med", "table": "endless"})
    with pytest.raises(DomainError) as inspecting, watched(Limits(time_s=2)):
        sources.inspect(source)
    never = check("column_values_to_not_be_null", column="id")
    with pytest.raises(DomainError) as running_it:
        running.run_suite(source, [never], limits=Limits(time_s=2))
    assert [inspecting.value.code, running_it.value.code] == ["timed_out", "timed_out"]
    assert "the limit of one run" in running_it.value.message
    assert sources.inspect(source_in_spark()).rows == len(contract.rows())


@with_spark
def test_a_table_of_spark_is_registered_and_run_with_failing_rows_as_the_policy_allows(
    patients: Dataset, max_acts: Actor, cast: Cast
) -> None:
    run = run_now(patients, max_acts)
    assert (run.state, run.engine, run.version and run.version.rows) == ("failed", "spark", 20)
    missing, too_old = run.results.filter(guard=False)
    assert (missing.unexpected_count, missing.unexpected_percent) == (3, 15)
    assert sorted(row["id"] for row in missing.sample) == [3, 7, 8]
    assert too_old.sample == [{"id": 5, "age": 205}]
    assert Finding.objects.filter(subject=patients.subject, state="open").count() == 2
    work()
    assert Profile.objects.get(version=patients.current_version).data["rows"] == 20
    assert state_of(patients) == state_of(patients) != ""

    Dataset.objects.update(sample_policy="none")
    again = run_now(Dataset.objects.of(patients.product).get(), max_acts)
    assert all(result.sample == [] for result in again.results.all())


@with_spark
def test_a_table_that_was_dropped_is_said(patients: Dataset, spark: Any, max_acts: Actor) -> None:
    spark.sql("DROP TABLE med.patients")
    run = run_now(patients, max_acts)
    assert (run.state, run.error_code) == ("errored", "no_such_table")
    assert "dropped or renamed" in run.error_detail


@with_spark
@pytest.mark.parametrize("table", ["shop.theirs", "theirs", "`shop`.`theirs`", "x` UNION y"])
def test_no_product_reads_the_tables_of_another(
    spark: Any, product: Product, max_acts: Actor, settings: Any, table: str
) -> None:
    settings.SPARK_URL = LOCAL
    with pytest.raises(DomainError) as refused:
        register_dataset(product, DatasetDraft("Theirs"), SparkTable(table), actor=max_acts)
    assert refused.value.code == "no_such_table"


@with_spark
def test_no_table_is_a_file_of_the_workers(
    spark: Any, cast: Cast, olga_acts: Actor, settings: Any, tmp_path: Path
) -> None:
    settings.SPARK_URL = LOCAL
    (tmp_path / "secret").write_text("a secret")
    text = create_product(key="TEXT", name="Text", owner=cast.olga, actor=olga_acts)
    with pytest.raises(DomainError) as refused:
        register_dataset(
            text, DatasetDraft("Secret"), SparkTable(f"{tmp_path}/secret"), actor=olga_acts
        )
    assert refused.value.code in {"no_such_table", "failed"}
    assert not Dataset.objects.exists()


@pytest.mark.skipif("pyspark" in LACKS, reason="pyspark is not here")
def test_a_spark_connect_server_that_is_down_is_said_at_once(
    product: Product, max_acts: Actor, settings: Any
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.SPARK_URL = f"sc://127.0.0.1:{free.getsockname()[1]}/;token=a-word"
        with pytest.raises(DomainError) as refused:
            register_dataset(product, DatasetDraft("P"), SparkTable("patients"), actor=max_acts)
    assert refused.value.code == "cannot_connect"
    assert "a-word" not in refused.value.message


def test_without_a_spark_its_tables_are_refused(
    product: Product, max_acts: Actor, cast: Cast, as_person: Any, api: Any
) -> None:
    with pytest.raises(DomainError, match="SPARK_URL"):
        register_dataset(product, DatasetDraft("P"), SparkTable("patients"), actor=max_acts)
    page = as_person(cast.max).get("/p/MED/data/new/").content.decode()
    assert "A table of Spark" not in page
    sent = {"name": "P", "source": {"kind": "spark_table", "table": "patients"}}
    answer = api(cast.max).post("/api/v1/products/MED/datasets/", sent)
    assert answer.status_code == 400 or answer.status_code == 422
    assert "SPARK_URL" in answer.content.decode()


def test_workers_without_pyspark_say_so(
    product: Product, max_acts: Actor, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SPARK_URL = LOCAL
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(DomainError, match="pyspark is not installed") as refused:
        register_dataset(product, DatasetDraft("P"), SparkTable("patients"), actor=max_acts)
    assert refused.value.code == "no_driver"


def test_it_is_offered_on_the_page_where_there_is_a_spark(
    product: Product, cast: Cast, as_person: Any, settings: Any
) -> None:
    settings.SPARK_URL = LOCAL
    page = as_person(cast.max).get("/p/MED/data/new/").content.decode()
    assert "A table of Spark" in page
    assert "Of Spark one of its database med" in page
    assert source_of(product, Wanted("spark_table", table="patients")) == SparkTable("patients")
