"""Fifty tables and a divided prefix of an object store, registered by hand in a browser."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from backlog.models import Job, Product
from backlog.services import jobs
from dataquality.models import Dataset, Profile, Schedule
from tests.conftest import Cast
from tests.dataquality.conftest import parquet
from tests.dataquality.servers import bucket_in
from tests.e2e.conftest import serious_faults, work

TABLES = 50
CAP = 2  # as the form of a connection proposes


@pytest.fixture
def clinic(site: str, house: Path) -> None:
    """A SQLite file of fifty tables in the product's folder."""
    folder = house / "sources" / "MED"
    folder.mkdir()
    with sqlite3.connect(folder / "clinic.sqlite3") as database:
        for number in range(TABLES):
            database.execute(f"create table table_{number:02} (id integer, age integer)")
            database.execute(f"insert into table_{number:02} values (1, 20)")  # noqa: S608
    database.close()


@pytest.fixture
def lake(store: str, store_port: int, tmp_path: Path, settings: Any) -> Iterator[None]:
    """A bucket with orders of two days."""
    settings.OUTBOUND_ALLOW = [f"127.0.0.1:{store_port}"]  # of the worker, which is this process
    with bucket_in(store, "lake") as client:
        for day in ("2026-11-01", "2026-11-02"):
            body = parquet(tmp_path, id=[1, 2, 3])
            client.put_object(Bucket="lake", Key=f"orders/dt={day}/part-0.parquet", Body=body)
        yield


def add_connection(page: Page, kind: str, **answers: str) -> None:
    """Add a connection through its form; answers by the names of the fields."""
    page.goto("/p/MED/connections/new/")
    page.get_by_role("radio", name=kind).check()
    for name, answer in answers.items():
        page.locator(f"input[name={name}]").fill(answer)
    page.get_by_role("button", name="Add and test").click()
    expect(page.get_by_text("is kept, and works")).to_be_visible()


def say_of_all(page: Page, owner: str) -> None:
    """What is asked of all that are ticked: no personal data, an owner, six on workdays."""
    page.get_by_role("group", name="Do they hold personal data?").get_by_label("No,").check()
    page.get_by_label("Owner").select_option(label=owner)
    page.get_by_label("Check them at").fill("0 6 * * MON-FRI")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_role("button", name="Register what is ticked").click()
    expect(page).to_have_url(re.compile(r"/registrations/\d+/$"))


def register_waiting() -> None:
    """Carry out the registration, and none of the profiles that follow."""
    [job] = Job.objects.filter(kind="register_many", state=Job.State.QUEUED)
    jobs.run(job.pk)


def test_fifty_tables_and_a_divided_prefix_are_registered_by_hand(
    product: Product,
    cast: Cast,
    open_page: Callable[..., Page],
    clinic: None,
    lake: None,
    store: str,
) -> None:
    page = open_page(cast.olga)
    add_connection(page, "Database", name="Clinic", address="sqlite:///clinic.sqlite3")
    page.get_by_role("link", name="Register many").click()
    expect(page.get_by_text(f"{TABLES} not registered yet")).to_be_visible()
    assert not serious_faults(page)
    page.get_by_label("All", exact=True).check()
    expect(page.locator("input[name=entry]:checked")).to_have_count(TABLES)
    say_of_all(page, f"Dora Anyango ({cast.dora.email})")
    register_waiting()
    # The page asks for itself: nobody reloads it.
    expect(page.get_by_text(f"{TABLES} of {TABLES} registered")).to_be_visible()
    assert not serious_faults(page)

    profiles = Job.objects.filter(kind="profile", state=Job.State.QUEUED)
    assert profiles.count() == CAP
    while profiles.exists():
        work()
        assert profiles.count() <= CAP
    assert Profile.objects.filter(finished_at__isnull=False).count() == TABLES
    datasets = Dataset.objects.of(product)
    assert {dataset.subject.owner for dataset in datasets} == {cast.dora}
    assert Schedule.objects.filter(cron="0 6 * * MON-FRI", zone="Europe/Berlin").count() == TABLES

    add_connection(
        page, "Object store", name="Lake", address="s3://lake", endpoint=store,
        login="key", secret="secret",
    )  # fmt: skip
    page.get_by_role("link", name="Register many").click()
    expect(page.get_by_text("orders/dt=*/*.parquet")).to_be_visible()
    page.get_by_label("All", exact=True).check()
    say_of_all(page, f"Dora Anyango ({cast.dora.email})")
    work()
    expect(page.get_by_text("1 of 1 registered")).to_be_visible()
    work()
    page.get_by_role("link", name="orders", exact=True).click()
    expect(page.get_by_role("rowheader", name="id")).to_be_visible()
    orders = datasets.get(subject__slug="orders")
    assert orders.current_version is not None
    assert (orders.current_version.rows, orders.current_version.partition) == (3, "dt=2026-11-02")
