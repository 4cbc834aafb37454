"""The troubles of connections: one finding for all that read through one, until it works again."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from backlog.models import Actor, Finding, Item, Product
from dataquality.models import Connection, Dataset
from dataquality.services.connections import (
    ConnectionDraft,
    add_connection,
    pause_connection,
    remove_connection,
    resume_connection,
)
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.origins import BucketFile, DatabaseRows, Wanted, source_of
from dataquality.services.schedules import ScheduleDraft, set_schedule
from dataquality.services.suites import save_suite
from dataquality.services.troubles import report_reached, report_unreached
from mlscrum.lib.errors import DomainError
from tests.conftest import Cast
from tests.dataquality.conftest import NUCLEI_IN_SET, PATIENTS, check, run_now, work
from tests.dataquality.servers import Web
from tests.dataquality.times import come

TABLES = 50
ID_NOT_NULL = check("column_values_to_not_be_null", column="id")


@pytest.fixture
def file(settings: Any) -> Path:
    """The product's database, with fifty tables."""
    folder = settings.SOURCES_DIR / "MED"
    folder.mkdir()
    with sqlite3.connect(folder / "clinic.sqlite3") as database:
        for number in range(TABLES):
            database.execute(f"create table table_{number} (id integer)")
            database.execute(f"insert into table_{number} values (1)")  # noqa: S608  our own number
    database.close()
    return Path(folder / "clinic.sqlite3")


@pytest.fixture
def clinic(product: Product, olga_acts: Actor, file: Path) -> Connection:
    return add_connection(
        product, ConnectionDraft("Clinic", "sql", "sqlite:///clinic.sqlite3"), actor=olga_acts
    )


def read_through(clinic: Connection, actor: Actor, number: int = TABLES) -> list[Dataset]:
    """So many datasets of the connection, each with a suite."""
    product = clinic.product
    assert product is not None
    for at in range(number):
        rows = DatabaseRows(clinic, table=f"table_{at}")
        dataset = register_dataset(product, DatasetDraft(f"Table {at}"), rows, actor=actor)
        save_suite(dataset, [ID_NOT_NULL], actor=actor)
    return list(Dataset.objects.of(product).order_by("pk"))


def test_a_database_that_is_down_is_one_finding_however_many_datasets_it_has(
    clinic: Connection, file: Path, max_acts: Actor
) -> None:
    datasets = read_through(clinic, max_acts)
    content = file.read_bytes()
    file.write_bytes(b"no database at all" * 99)
    for dataset in datasets:
        run = run_now(dataset, max_acts)
        assert (run.state, run.error_code) == ("errored", "cannot_connect")
    finding = Finding.objects.get()
    assert (finding.subject, finding.is_execution) == (None, True)
    assert (finding.state, finding.occurrence_count) == ("open", TABLES)
    assert finding.title.startswith("Clinic: The database file can't be reached")
    assert finding.evidence["readers"] == TABLES
    item = Item.objects.get()
    assert (finding.item, item.kind) == (item, "task")
    assert run.report is not None and run.report.filed["updated"] == [item.ref]

    file.write_bytes(content)
    assert run_now(datasets[0], max_acts).state == "passed"
    finding.refresh_from_db()
    item.refresh_from_db()
    assert (finding.state, finding.resolved_reason) == ("resolved", "green")
    assert item.status.category == "done"
    reports = finding.occurrences.count()
    run_now(datasets[1], max_acts)
    assert finding.occurrences.count() == reports  # of a connection that is well nothing is said

    file.unlink()
    assert run_now(datasets[0], max_acts).error_code == "no_such_file"
    file.write_bytes(b"no database at all" * 99)
    run_now(datasets[0], max_acts)
    finding.refresh_from_db()
    assert (finding.state, finding.regressed) == ("open", True)
    assert Finding.objects.filter(subject=None, state="open").count() == 2  # one per code


def test_what_is_wrong_with_one_table_is_a_finding_of_its_dataset(
    clinic: Connection, file: Path, max_acts: Actor
) -> None:
    [dataset] = read_through(clinic, max_acts, 1)
    with sqlite3.connect(file) as database:
        database.execute("drop table table_0")
    database.close()
    assert run_now(dataset, max_acts).error_code == "no_such_table"
    assert Finding.objects.get().subject == dataset.subject


def test_a_pause_is_one_finding_that_is_over_with_the_next_run(
    clinic: Connection, max_acts: Actor, olga_acts: Actor
) -> None:
    first, second = read_through(clinic, max_acts, 2)
    pause_connection(clinic, actor=olga_acts)
    for dataset in Dataset.objects.of(first.product):
        run_now(dataset, max_acts)
    finding = Finding.objects.get()
    assert (finding.evidence["error_code"], finding.occurrence_count) == ("paused", 2)
    resume_connection(clinic, actor=olga_acts)
    run_now(Dataset.objects.of(first.product).get(pk=second.pk), max_acts)
    finding.refresh_from_db()
    assert finding.state == "resolved"


def test_a_run_of_a_pull_request_says_nothing_of_the_connection(
    clinic: Connection, file: Path, max_acts: Actor
) -> None:
    [dataset] = read_through(clinic, max_acts, 1)
    file.write_bytes(b"no database at all" * 99)
    run_now(dataset, max_acts, context={"pull_request": 5})
    assert not Finding.objects.exists()


def test_what_got_through_before_says_nothing_of_what_came_later(
    clinic: Connection, file: Path, max_acts: Actor
) -> None:
    [dataset] = read_through(clinic, max_acts, 1)
    file.write_bytes(b"no database at all" * 99)
    run_now(dataset, max_acts)
    report_reached(dataset, key="old", at=timezone.now() - timedelta(hours=1))
    assert Finding.objects.get().state == "open"
    report_reached(dataset, key="new", at=timezone.now())
    assert Finding.objects.get().state == "resolved"


def test_one_that_flaps_is_well_again_after_four_that_got_through(
    clinic: Connection, max_acts: Actor
) -> None:
    [dataset] = read_through(clinic, max_acts, 1)
    for turn in range(3):
        report_unreached(dataset, "cannot_connect", "It is down.", key=f"down {turn}")
        report_reached(dataset, key=f"up {turn}", at=timezone.now())
    finding = Finding.objects.get()
    assert (finding.state, finding.flapping) == ("open", True)
    for turn in range(3, 6):
        report_reached(dataset, key=f"up {turn}", at=timezone.now())
    finding.refresh_from_db()
    assert finding.state == "resolved"
    seen = finding.occurrences.count()
    report_reached(dataset, key="up again", at=timezone.now())
    assert finding.occurrences.count() == seen


def test_a_wrong_password_of_the_web_is_one_finding_for_all_its_files(
    web: Web, product: Product, olga_acts: Actor, max_acts: Actor
) -> None:
    wanted = ConnectionDraft("Exports", "http", f"{web['home']}/", secret="token")
    add_connection(product, wanted, actor=olga_acts)
    for name in ("one", "two", "three"):
        web[f"/{name}.csv"] = PATIENTS
        source = source_of(product, Wanted("url", connection="exports", url=f"{name}.csv"))
        dataset = register_dataset(product, DatasetDraft(name), source, actor=max_acts)
        save_suite(dataset, [NUCLEI_IN_SET], actor=max_acts)
        set_schedule(dataset, ScheduleDraft("@hourly"), actor=max_acts)
    work()
    datasets = list(Dataset.objects.of(product))
    web |= dict.fromkeys(["/one.csv", "/two.csv", "/three.csv"], 401)
    for dataset in datasets:
        assert come(dataset).state == "refused"
    finding = Finding.objects.get()
    assert (finding.evidence["error_code"], finding.occurrence_count) == ("wrong_password", 3)
    web["/one.csv"] = PATIENTS
    one = next(dataset for dataset in datasets if dataset.name == "one")
    assert come(one).state == "ran"
    finding.refresh_from_db()
    assert finding.state == "resolved"
    web["/one.csv"] = 403  # this file alone
    come(one)
    assert Finding.objects.filter(is_execution=True, subject=one.subject).exists()
    finding.refresh_from_db()
    assert finding.state == "resolved"


@pytest.fixture
def exported(web: Web, product: Product, olga_acts: Actor, max_acts: Actor) -> Dataset:
    """A file of the web that is looked at each hour, through a connection."""
    web["/one.csv"] = PATIENTS
    wanted = ConnectionDraft("Exports", "http", f"{web['home']}/", secret="token")
    add_connection(product, wanted, actor=olga_acts)
    source = source_of(product, Wanted("url", connection="exports", url="one.csv"))
    dataset = register_dataset(product, DatasetDraft("One"), source, actor=max_acts)
    save_suite(dataset, [NUCLEI_IN_SET], actor=max_acts)
    set_schedule(dataset, ScheduleDraft("@hourly"), actor=max_acts)
    work()
    return Dataset.objects.of(product).get()


def test_what_answers_questions_alone_stays_in_trouble(exported: Dataset, web: Web) -> None:
    web["GET /one.csv"] = 401
    for _ in range(2):
        assert come(exported).state == "refused"
    finding = Finding.objects.get()
    assert (finding.evidence["error_code"], finding.occurrence_count) == ("wrong_password", 2)
    assert (finding.state, finding.regressed) == ("open", False)


@pytest.mark.parametrize("case", ["refused", "unwelcome", "broken_off"])
def test_a_bad_redirect_and_a_broken_transfer_are_of_their_file_alone(
    exported: Dataset, web: Web, settings: Any, case: str
) -> None:
    if case == "refused":
        web["/one.csv"] = "-> http://169.254.169.254/one.csv"
    elif case == "unwelcome":
        port = web["home"].rpartition(":")[2]
        settings.OUTBOUND_ALLOW = [*settings.OUTBOUND_ALLOW, f"localhost:{port}"]
        web |= {"/one.csv": f"-> http://localhost:{port}/two.csv", "/two.csv": 401}
    else:
        web["headers"] = {"Content-Length": "100000"}
    assert come(exported).state == "refused"
    finding = Finding.objects.get()
    assert finding.subject == exported.subject
    assert finding.evidence["error_code"] == (case if case == "broken_off" else "bad_redirect")


def test_an_object_that_breaks_off_is_no_trouble_of_its_bucket(
    web: Web, product: Product, olga_acts: Actor, tmp_path: Path
) -> None:
    web |= {"/exports/one.csv": PATIENTS, "headers": {"Content-Length": "100000"}}
    wanted = ConnectionDraft("Exports", "s3", "s3://exports", options={"endpoint": web["home"]})
    bucket = add_connection(product, wanted, actor=olga_acts)
    with (
        pytest.raises(DomainError) as refused,
        BucketFile(bucket, "one.csv").opened(product, tmp_path) as upload,
    ):
        list(upload.chunks)
    assert refused.value.code == "broken_off"


@pytest.mark.parametrize("is_scheduled", [True, False])
def test_a_database_that_lacks_the_table_has_answered(
    clinic: Connection, file: Path, max_acts: Actor, is_scheduled: bool
) -> None:
    [dataset] = read_through(clinic, max_acts, 1)
    report_unreached(dataset, "cannot_connect", "It is down.", key="down")
    with sqlite3.connect(file) as database:
        database.execute("drop table table_0")
    database.close()
    if is_scheduled:
        set_schedule(dataset, ScheduleDraft("@hourly"), actor=max_acts)
        assert come(dataset).state == "refused"
    else:
        assert run_now(dataset, max_acts).error_code == "no_such_table"
    assert Finding.objects.get(subject=None).state == "resolved"
    assert Finding.objects.get(subject=dataset.subject).state == "open"


def test_the_page_of_a_connection_tells_its_trouble(
    clinic: Connection, file: Path, max_acts: Actor, cast: Cast, as_person: Any
) -> None:
    [dataset] = read_through(clinic, max_acts, 1)
    file.write_bytes(b"no database at all" * 99)
    run_now(dataset, max_acts)
    finding = Finding.objects.get()
    page = as_person(cast.max).get("/p/MED/connections/clinic/").content.decode()
    assert f'href="/p/MED/findings/{finding.pk}/"' in page
    assert finding.item is not None and finding.item.ref in page
    told = as_person(cast.vera).get(f"/p/MED/findings/{finding.pk}/").content.decode()
    assert "Datasets that read through it" in told
    assert 'href="/p/MED/connections/clinic/"' in told


def test_the_trouble_of_a_connection_that_is_removed_is_obsolete(
    clinic: Connection, file: Path, max_acts: Actor, olga_acts: Actor
) -> None:
    [dataset] = read_through(clinic, max_acts, 1)
    file.write_bytes(b"no database at all" * 99)
    run_now(dataset, max_acts)
    dataset.subject.delete()
    remove_connection(clinic, actor=olga_acts)
    finding = Finding.objects.get()
    assert finding.state == "obsolete"
    assert finding.item is not None and finding.item.status.category == "done"
