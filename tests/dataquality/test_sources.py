"""Content from the web and from object stores: fetched within limits, a version by its checksum."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from backlog.models import Actor, Product
from dataquality.models import Connection, Dataset, RunState
from dataquality.rules import partitions
from dataquality.services.connections import ConnectionDraft, add_connection, pause_connection
from dataquality.services.datasets import DatasetDraft, register_dataset, update_dataset
from dataquality.services.files import SUFFIXES
from dataquality.services.origins import Wanted, source_of
from dataquality.services.suites import save_suite
from dataquality.services.versions import read_again
from mlscrum.lib.errors import DomainError
from tests.conftest import Cast
from tests.dataquality.conftest import (
    CLEANED,
    NUCLEI_IN_SET,
    PATIENTS,
    parquet,
    run_now,
    upload,
)
from tests.dataquality.servers import Web


@pytest.fixture
def register(product: Product, olga_acts: Actor) -> Callable[..., Dataset]:
    def registered(kind: str, **source: str) -> Dataset:
        found = source_of(product, Wanted(kind=kind, **source))
        draft = DatasetDraft("Patients", sample_policy="values", key_columns=["id"])
        dataset = register_dataset(product, draft, found, actor=olga_acts)
        return Dataset.objects.of(product).get(pk=dataset.pk)

    return registered


# The web --------------------------------------------------------------------------------------


def test_a_file_of_the_web_is_red_then_green(
    web: Web, register: Callable[..., Dataset], olga_acts: Actor
) -> None:
    web["/patients.csv"] = PATIENTS
    dataset = register("url", url=f"{web['home']}/patients.csv")
    save_suite(dataset, [NUCLEI_IN_SET], actor=olga_acts)
    dataset.refresh_from_db()
    assert run_now(dataset, olga_acts).state == RunState.FAILED
    assert not read_again(dataset, actor=olga_acts).created
    web["/patients.csv"] = CLEANED
    again = read_again(dataset, actor=olga_acts)
    assert (again.created, again.version.number) == (True, 2)
    dataset.refresh_from_db()
    assert run_now(dataset, olga_acts).state == RunState.PASSED


def test_the_server_may_say_what_kind_of_file_it_is(
    web: Web, register: Callable[..., Dataset]
) -> None:
    web |= {"/export": PATIENTS, "type": "text/csv; charset=utf-8"}
    assert register("url", url=f"{web['home']}/export?day=1").format == "csv"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://127.0.0.1:9/secret.csv", "leads to the server of ML Scrum itself"),
        ("http://169.254.169.254/latest/meta-data/x.csv", "metadata service of a cloud"),
        ("http://[::1]:9/secret.csv", "leads to the server of ML Scrum itself"),
    ],
)
def test_a_redirect_home_is_refused(
    web: Web,
    register: Callable[..., Dataset],
    stored_files: Callable[[], list[str]],
    target: str,
    said: str,
) -> None:
    web["/patients.csv"] = f"-> {target}"
    with pytest.raises(DomainError, match=said):
        register("url", url=f"{web['home']}/patients.csv")
    assert stored_files() == []


def test_a_file_over_the_limit_is_stopped_there_and_nothing_kept(
    web: Web,
    register: Callable[..., Dataset],
    stored_files: Callable[[], list[str]],
    settings: Any,
) -> None:
    settings.DOWNLOAD_LIMIT_MB = 1
    web["/large.csv"] = "a,b\n" + "1,2\n" * 400_000
    with pytest.raises(DomainError) as refused:
        register("url", url=f"{web['home']}/large.csv")
    assert refused.value.code == "too_large"
    assert not Dataset.objects.exists()
    assert stored_files() == []
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []


@pytest.mark.parametrize(("status", "code"), [(404, "no_such_file"), (401, "wrong_password"),
                                              (503, "cannot_read")])  # fmt: skip
def test_what_a_server_refuses_is_said(
    web: Web, register: Callable[..., Dataset], status: int, code: str
) -> None:
    web["/patients.csv"] = status
    with pytest.raises(DomainError) as refused:
        register("url", url=f"{web['home']}/patients.csv")
    assert refused.value.code == code


def test_credentials_go_below_their_address_alone(
    web: Web, product: Product, olga_acts: Actor, register: Callable[..., Dataset]
) -> None:
    web |= {"/exports/patients.csv": PATIENTS, "/patients.csv": PATIENTS}
    wanted = ConnectionDraft("Exports", "http", f"{web['home']}/exports/", secret="token")
    files = add_connection(product, wanted, actor=olga_acts)
    assert files.test_error == ""
    register("url", connection="exports", url="patients.csv")
    assert ("/exports/patients.csv", "Bearer token") in web["asked"]
    for outside in ("/patients.csv", "/exports/../patients.csv", "/exports/%2e%2e/patients.csv"):
        with pytest.raises(DomainError, match="address must"):
            register("url", connection="exports", url=f"{web['home']}{outside}")
    assert ("/patients.csv", "Bearer token") not in web["asked"]


# Object stores --------------------------------------------------------------------------------


def test_an_object_is_registered_and_read_again(
    lake: Connection, bucket: Any, register: Callable[..., Dataset], olga_acts: Actor
) -> None:
    assert lake.test_error == ""
    bucket.put_object(Bucket="lake", Key="exports/patients.csv", Body=PATIENTS.encode())
    dataset = register("s3", connection="lake", path="exports/patients.csv")
    assert dataset.current_version is not None
    assert dataset.current_version.rows == 20
    bucket.put_object(Bucket="lake", Key="exports/patients.csv", Body=CLEANED.encode())
    assert read_again(dataset, actor=olga_acts).version.rows == 18


def test_each_folder_of_a_divided_prefix_is_a_batch(
    lake: Connection,
    bucket: Any,
    register: Callable[..., Dataset],
    olga_acts: Actor,
    tmp_path: Path,
) -> None:
    for day, rows in (("2024-01-01", 2), ("2024-01-02", 3)):
        for part in range(2):
            body = parquet(tmp_path, id=list(range(rows)), nuclei=["1"] * rows)
            key = f"orders/dt={day}/part-{part}.parquet"
            bucket.put_object(Bucket="lake", Key=key, Body=body)
    dataset = register("s3", connection="lake", path="orders/dt=*/*.parquet")
    newest = dataset.current_version
    assert newest is not None
    assert (newest.rows, newest.partition) == (6, "dt=2024-01-02")
    older = read_again(dataset, actor=olga_acts, partition="dt=2024-01-01").version
    assert (older.rows, older.partition) == (4, "dt=2024-01-01")
    with pytest.raises(DomainError, match="There is no folder"):
        read_again(dataset, actor=olga_acts, partition="dt=1999-01-01")


def test_parts_with_other_columns_are_refused(
    lake: Connection, bucket: Any, register: Callable[..., Dataset]
) -> None:
    bucket.put_object(Bucket="lake", Key="o/dt=1/a.csv", Body=b"a,b\n1,2\n")
    bucket.put_object(Bucket="lake", Key="o/dt=1/b.csv", Body=b"b,a\n1,2\n")
    with pytest.raises(DomainError, match="different columns"):
        register("s3", connection="lake", path="o/dt=*/*.csv")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("gone.csv", "no_such_file"),
        ("s3://theirs/patients.csv", "other_bucket"),
        ("patients.xlsx", "unknown_format"),
        ("none/dt=*/*.csv", "no_such_file"),
    ],
)
def test_an_object_that_can_not_be_read_is_refused(
    lake: Connection, register: Callable[..., Dataset], path: str, code: str
) -> None:
    with pytest.raises(DomainError) as refused:
        register("s3", connection="lake", path=path)
    assert refused.value.code == code


def test_an_object_over_the_limit_is_not_fetched(
    lake: Connection, bucket: Any, register: Callable[..., Dataset], settings: Any
) -> None:
    settings.DOWNLOAD_LIMIT_MB = 1
    bucket.put_object(Bucket="lake", Key="large.csv", Body=b"a,b\n" + b"1,2\n" * 400_000)
    with pytest.raises(DomainError) as refused:
        register("s3", connection="lake", path="large.csv")
    assert refused.value.code == "too_large"


def test_a_bucket_that_is_not_there_fails_its_test(
    product: Product, olga_acts: Actor, bucket: Any, store: str
) -> None:
    wanted = ConnectionDraft(
        "Theirs", "s3", "s3://theirs", login="key", secret="x", options={"endpoint": store}
    )
    assert (
        "The bucket theirs does not exist"
        in add_connection(product, wanted, actor=olga_acts).test_error
    )


def test_a_paused_bucket_is_not_read(
    lake: Connection, bucket: Any, register: Callable[..., Dataset], olga_acts: Actor
) -> None:
    bucket.put_object(Bucket="lake", Key="patients.csv", Body=PATIENTS.encode())
    dataset = register("s3", connection="lake", path="patients.csv")
    pause_connection(lake, actor=olga_acts)
    dataset = Dataset.objects.of(dataset.product).get(pk=dataset.pk)
    with pytest.raises(DomainError) as refused:
        read_again(dataset, actor=olga_acts)
    assert refused.value.code == "paused"


# Rules ----------------------------------------------------------------------------------------


def test_a_star_stands_for_what_lies_within_one_folder() -> None:
    keys = ["o/dt=1/a.csv", "o/dt=1/sub/a.csv", "o/dt=2/b.csv", "o/x.csv", "p/dt=1/a.csv"]
    assert partitions.batches_of("o/dt=*/*.csv", keys) == {
        "dt=1": ["o/dt=1/a.csv"],
        "dt=2": ["o/dt=2/b.csv"],
    }
    assert partitions.batches_of("o/*.csv", keys) == {"o": ["o/x.csv"]}


def test_divided_folders_are_offered_as_one() -> None:
    keys = ["o/dt=1/h=2/a.parquet", "o/dt=2/h=3/b.parquet", "o/x.csv", "o/notes.txt"]
    assert partitions.offers_of(keys, SUFFIXES) == ["o/dt=*/h=*/*.parquet", "o/x.csv"]


# Batches of rows ------------------------------------------------------------------------------

MONTHS = "id,seen,nuclei\n1,2024-01-05,?\n2,2024-01-06,2\n3,2024-02-01,3\n4,2024-02-02,4\n"


@pytest.fixture
def by_month(product: Product, olga_acts: Actor) -> Dataset:
    draft = DatasetDraft("Visits", sample_policy="values", batch={"by": "month", "column": "seen"})
    dataset = register_dataset(product, draft, upload(MONTHS), actor=olga_acts)
    save_suite(dataset, [NUCLEI_IN_SET], actor=olga_acts)
    return Dataset.objects.of(product).get(pk=dataset.pk)


@pytest.mark.parametrize("by", ["month", "day"])
def test_only_a_column_of_times_divides_by_month_and_day(
    by_month: Dataset, olga_acts: Actor, by: str
) -> None:
    with pytest.raises(ValidationError, match=f"The column nuclei holds no .*, and a {by} is one"):
        update_dataset(by_month, actor=olga_acts, batch={"by": by, "column": "nuclei"})
    update_dataset(by_month, actor=olga_acts, batch={"by": "value", "column": "nuclei"})


def test_a_run_looks_at_the_newest_month_or_the_one_that_is_named(
    by_month: Dataset, olga_acts: Actor
) -> None:
    newest = run_now(by_month, olga_acts)
    assert (newest.state, newest.data_key) == (RunState.PASSED, "visits:2024-02")
    older = run_now(by_month, olga_acts, batch="2024-01")
    assert (older.state, older.data_key) == (RunState.FAILED, "visits:2024-01")
    assert older.batch_at is not None
    assert newest.batch_at is not None
    assert older.batch_at < newest.batch_at


@pytest.mark.parametrize("batch", ["2024", "2024-13", "january"])
def test_a_batch_that_is_none_is_refused(by_month: Dataset, olga_acts: Actor, batch: str) -> None:
    with pytest.raises(DomainError, match="Give the month such as 2024-01"):
        run_now(by_month, olga_acts, batch=batch)


def test_a_batch_is_asked_for_by_rest(by_month: Dataset, cast: Cast, api: Any) -> None:
    answer = api(cast.max).post("/api/v1/datasets/MED/visits/runs/", {"batch": "2024-01"})
    assert (answer.status_code, answer.data["batch"]) == (202, "visits:2024-01")
    changed = api(cast.olga).patch("/api/v1/datasets/MED/visits/", {"batch": None})
    assert changed.data["batch"] is None
    bad = api(cast.olga).patch(
        "/api/v1/datasets/MED/visits/", {"batch": {"by": "day", "column": "gone"}}
    )
    assert bad.status_code == 400


def test_a_batch_is_chosen_on_the_page(by_month: Dataset, cast: Cast, as_person: Any) -> None:
    max_ = as_person(cast.max)
    assert "Run on the month of seen" in max_.get("/p/MED/data/visits/runs/").content.decode()
    max_.post("/p/MED/data/visits/runs/", {"batch": "2024-01"})
    run = by_month.runs.get()
    assert run.batch == {"by": "month", "column": "seen", "value": "2024-01"}
