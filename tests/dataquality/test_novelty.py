"""Whether the web and object stores hold something new, seen without fetching it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backlog.models import Actor, Finding, Product
from dataquality.models import Connection, Dataset, Run
from dataquality.services.connections import pause_connection
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.novelty import state_of
from dataquality.services.origins import Wanted, source_of
from dataquality.services.schedules import ScheduleDraft, set_schedule
from dataquality.services.suites import save_suite
from tests.dataquality.conftest import CLEANED, NUCLEI_IN_SET, PATIENTS, parquet, work
from tests.dataquality.servers import Web
from tests.dataquality.times import come

Scheduled = Callable[..., Dataset]
AS_IT_WAS, SAME_CONTENT = "The source is as it was.", "Its content is the same as before."


@pytest.fixture
def scheduled(product: Product, max_acts: Actor) -> Scheduled:
    """A dataset of this source with a suite, checked every hour."""

    def registered(kind: str, **source: str) -> Dataset:
        found = source_of(product, Wanted(kind=kind, **source))
        dataset = register_dataset(product, DatasetDraft("Patients"), found, actor=max_acts)
        save_suite(dataset, [NUCLEI_IN_SET], actor=max_acts)
        set_schedule(dataset, ScheduleDraft("@hourly"), actor=max_acts)
        work()
        return dataset

    return registered


def last_run() -> tuple[str, int]:
    run = Run.objects.latest("pk")
    assert run.version is not None
    return run.state, run.version.number


# The web --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"ETag": '"one"'}, {"ETag": '"two"'}),
        (
            {"Last-Modified": "Mon, 02 Nov 2026 08:00:00 GMT"},
            {"Last-Modified": "Tue, 03 Nov 2026 08:00:00 GMT"},
        ),
    ],
    ids=["ETag", "Last-Modified"],
)
def test_a_web_address_is_fetched_only_where_it_says_that_it_changed(
    web: Web, scheduled: Scheduled, before: dict[str, str], after: dict[str, str]
) -> None:
    web |= {"/patients.csv": PATIENTS, "headers": before}
    dataset = scheduled("url", url=f"{web['home']}/patients.csv")
    assert come(dataset).state == "ran"
    web["methods"].clear()
    web["/patients.csv"] = CLEANED  # of which its headers say nothing yet
    same = come(dataset)
    assert (same.state, same.detail, web["methods"]) == ("unchanged", AS_IT_WAS, ["HEAD"])
    web["headers"] = after
    assert come(dataset).state == "ran"
    assert web["methods"] == ["HEAD", "HEAD", "GET"]
    assert last_run() == ("passed", 2)


@pytest.mark.parametrize("knows_head", [True, False])
def test_a_web_address_that_says_nothing_of_itself_is_fetched_each_time(
    web: Web, scheduled: Scheduled, knows_head: bool
) -> None:
    web |= {"/patients.csv": PATIENTS, "knows_head": knows_head}
    dataset = scheduled("url", url=f"{web['home']}/patients.csv")
    assert state_of(dataset) == ""
    assert come(dataset).state == "ran"
    same = come(dataset)
    assert (same.state, same.detail) == ("unchanged", SAME_CONTENT)
    web["/patients.csv"] = CLEANED
    assert come(dataset).state == "ran"
    assert last_run() == ("passed", 2)


def test_a_web_address_that_is_gone_is_a_finding_until_it_is_back(
    web: Web, scheduled: Scheduled
) -> None:
    web |= {"/patients.csv": PATIENTS, "headers": {"ETag": '"one"'}}
    dataset = scheduled("url", url=f"{web['home']}/patients.csv")
    web["/patients.csv"] = 404
    gone = come(dataset)
    assert gone.state == "refused"
    assert "has no such file" in gone.detail
    finding = Finding.objects.get()
    assert (finding.is_execution, finding.state) == (True, "open")
    web["/patients.csv"] = CLEANED
    assert come(dataset).state == "ran"
    finding.refresh_from_db()
    assert finding.state == "resolved"


# Object stores --------------------------------------------------------------------------------


def test_an_object_is_fetched_only_where_its_tag_is_another(
    lake: Connection, bucket: Any, scheduled: Scheduled
) -> None:
    def put(content: str) -> None:
        bucket.put_object(Bucket="lake", Key="patients.csv", Body=content.encode())

    put(PATIENTS)
    dataset = scheduled("s3", connection="lake", path="patients.csv")
    assert come(dataset).state == "ran"
    put(PATIENTS)
    assert come(dataset).detail == AS_IT_WAS
    put(CLEANED)
    assert come(dataset).state == "ran"
    assert last_run() == ("passed", 2)


def test_of_a_divided_prefix_the_newest_folder_tells(
    lake: Connection, bucket: Any, scheduled: Scheduled, tmp_path: Path
) -> None:
    def put(key: str, *nuclei: str) -> None:
        body = parquet(tmp_path, nuclei=list(nuclei))
        bucket.put_object(Bucket="lake", Key=f"orders/{key}.parquet", Body=body)

    put("dt=2026-11-01/a", "1")
    put("dt=2026-11-02/a", "?")
    dataset = scheduled("s3", connection="lake", path="orders/dt=*/*.parquet")
    assert come(dataset).state == "ran"
    put("dt=2026-11-01/a", "1", "2")
    assert come(dataset).detail == AS_IT_WAS  # of a folder that is not the newest
    put("dt=2026-11-02/b", "2")
    assert come(dataset).state == "ran"
    assert last_run() == ("failed", 2)
    put("dt=2026-11-03/a", "3")
    assert come(dataset).state == "ran"
    assert last_run() == ("passed", 3)
    dataset.refresh_from_db()
    assert dataset.current_version is not None
    assert dataset.current_version.partition == "dt=2026-11-03"


def test_a_paused_store_is_not_looked_at(
    lake: Connection, bucket: Any, scheduled: Scheduled, olga_acts: Actor
) -> None:
    bucket.put_object(Bucket="lake", Key="patients.csv", Body=PATIENTS.encode())
    dataset = scheduled("s3", connection="lake", path="patients.csv")
    pause_connection(lake, actor=olga_acts)
    slot = come(dataset)
    assert slot.state == "refused"
    assert "is paused" in slot.detail
    assert not Run.objects.exists()
