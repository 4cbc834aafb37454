"""Many datasets at once: browsed, ticked, registered in the background."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from backlog.models import Actor, Job, Product
from backlog.services import jobs
from dataquality.models import Connection, Dataset, Profile, Registration
from dataquality.rules.manifests import relations_of
from dataquality.services.connections import ConnectionDraft, add_connection
from dataquality.services.many import browse, request_registration
from tests.conftest import Cast
from tests.dataquality.conftest import work

TABLES = 5
PAGE = "/p/MED/connections/clinic/"
MANIFEST = {
    "nodes": {
        "model.shop.orders": {
            "resource_type": "model", "schema": "main", "name": "orders", "alias": "table_1",
            "description": "One row an order.", "config": {"materialized": "table"},
        },
        "model.shop.tmp": {
            "resource_type": "model", "schema": "main", "name": "tmp",
            "config": {"materialized": "ephemeral"},
        },
        "test.shop.not_null": {"resource_type": "test", "schema": "main", "name": "not_null"},
    },
    "sources": {
        "source.shop.raw": {
            "resource_type": "source", "schema": "main", "name": "raw", "identifier": "table_2",
        }
    },
}  # fmt: skip


@pytest.fixture
def folder(settings: Any) -> Path:
    """The product's folder with a SQLite file of five tables."""
    folder = Path(settings.SOURCES_DIR / "MED")
    folder.mkdir()
    with sqlite3.connect(folder / "clinic.sqlite3") as file:
        for number in range(TABLES):
            file.execute(f"create table table_{number} (id integer)")
            file.execute(f"insert into table_{number} values (1)")  # noqa: S608  our own number
    file.close()
    return folder


@pytest.fixture
def clinic(product: Product, olga_acts: Actor, folder: Path) -> Connection:
    draft = ConnectionDraft("Clinic", "sql", "sqlite:///clinic.sqlite3")
    return add_connection(product, draft, actor=olga_acts)


def test_all_tables_are_offered_and_then_known(
    clinic: Connection, product: Product, olga_acts: Actor
) -> None:
    offers = browse(clinic, product)
    assert [offer.name for offer in offers] == [f"table_{n}" for n in range(TABLES)]
    request_registration(clinic, product, [offers[0].source], actor=olga_acts)
    work()
    assert [offer.dataset for offer in browse(clinic, product)] == ["table_0", *[None] * 4]


def test_many_are_registered_and_one_that_is_refused_keeps_none_back(
    clinic: Connection, product: Product, olga_acts: Actor, cast: Cast
) -> None:
    entries = [{"table": "table_0"}, {"table": "gone"}, {"table": "table_1", "name": "Rooms"}]
    registration = request_registration(
        clinic, product, entries, actor=olga_acts, owner=cast.dora, personal_data=False
    )
    work()
    registration.refresh_from_db()
    assert [entry.get("dataset") for entry in registration.entries] == ["table_0", None, "rooms"]
    assert "no such table" in registration.entries[1]["error"]
    rooms = Dataset.objects.get(subject__slug="rooms")
    assert (rooms.subject.owner, rooms.personal_data) == (cast.dora, False)


def test_a_registration_that_was_begun_is_taken_up_where_it_was(
    clinic: Connection, product: Product, olga_acts: Actor
) -> None:
    entries = [{"table": f"table_{n}"} for n in range(3)]
    registration = request_registration(clinic, product, entries, actor=olga_acts)
    work()
    assert registration.job is not None
    Registration.objects.filter(pk=registration.pk).update(
        entries=[{k: v for k, v in e.items() if k != "dataset"} for e in registration.entries]
    )
    Job.objects.filter(pk=registration.job.pk).update(state=Job.State.QUEUED, attempts=0)
    work()
    registration.refresh_from_db()
    assert registration.registered == 3
    assert Dataset.objects.count() == 3


def test_no_more_profiles_are_made_at_once_than_the_connection_takes(
    clinic: Connection, product: Product, olga_acts: Actor
) -> None:
    entries = [{"table": f"table_{n}"} for n in range(TABLES)]
    registration = request_registration(clinic, product, entries, actor=olga_acts)
    jobs.run(registration.job_id or 0)
    for done in range(TABLES):
        assert Profile.objects.filter(finished_at__isnull=False).count() == done
        waiting = Job.objects.filter(kind="profile", state=Job.State.QUEUED).order_by("pk")
        assert len(waiting) == min(2, TABLES - done)
        jobs.run(waiting[0].pk)
    assert not Profile.objects.filter(waiting_since__isnull=False).exists()


def test_a_profile_that_fails_or_is_cancelled_lets_the_next_begin(
    clinic: Connection, product: Product, olga_acts: Actor, folder: Path
) -> None:
    entries = [{"table": f"table_{n}"} for n in range(4)]
    registration = request_registration(clinic, product, entries, actor=olga_acts)
    jobs.run(registration.job_id or 0)
    first, second = Job.objects.filter(kind="profile").order_by("pk")
    jobs.request_cancel(first)
    (folder / "clinic.sqlite3").unlink()
    jobs.run(second.pk)
    assert Job.objects.filter(kind="profile", state=Job.State.QUEUED).count() == 2
    assert not Profile.objects.filter(waiting_since__isnull=False).exists()


# Pages and REST -------------------------------------------------------------------------------


def test_tables_are_ticked_on_the_page(clinic: Connection, cast: Cast, as_person: Any) -> None:
    max_ = as_person(cast.max)
    page = max_.get(f"{PAGE}browse/")
    entries = [row["entry"] for row in page.context["rows"]]
    sent = {"entry": entries[:2], "personal_data": "yes", "sample_policy": "none",
            "owner": cast.max.pk}  # fmt: skip
    answer = max_.post(f"{PAGE}register/", sent)
    assert answer.status_code == 302
    work()
    assert "2 of 2 registered" in max_.get(answer["Location"]).content.decode()


def test_nothing_ticked_and_no_answer_are_said(
    clinic: Connection, cast: Cast, as_person: Any
) -> None:
    answer = as_person(cast.max).post(f"{PAGE}register/", {"sample_policy": "none"})
    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert "Tick at least one" in errors["__all__"][0]
    assert "Answer yes or no" in errors["personal_data"][0]


def test_a_database_that_is_gone_is_said_where_it_is_browsed(
    clinic: Connection, cast: Cast, as_person: Any, folder: Path
) -> None:
    (folder / "clinic.sqlite3").unlink()
    words = as_person(cast.max).get(f"{PAGE}browse/").content.decode()
    assert "There is no file clinic.sqlite3" in words


def test_the_tables_of_a_dbt_project_are_offered(
    clinic: Connection, cast: Cast, as_person: Any
) -> None:
    max_ = as_person(cast.max)
    file = SimpleUploadedFile("manifest.json", json.dumps(MANIFEST).encode())
    page = max_.post(f"{PAGE}manifest/", {"manifest": file})
    assert [row["offer"].name for row in page.context["rows"]] == ["table_1", "table_2"]
    entry = page.context["rows"][0]["entry"]
    max_.post(f"{PAGE}register/", {"entry": entry, "personal_data": "no", "sample_policy": "none"})
    work()
    assert Dataset.objects.get().description == "One row an order."


@pytest.mark.parametrize("content", [b"no json", b"{}", b"[1]", b"\xff"])
def test_what_is_no_manifest_is_refused(
    clinic: Connection, cast: Cast, as_person: Any, content: bytes
) -> None:
    file = SimpleUploadedFile("manifest.json", content)
    answer = as_person(cast.max).post(f"{PAGE}manifest/", {"manifest": file})
    assert answer.status_code == 422


def test_many_are_registered_by_rest(clinic: Connection, cast: Cast, api: Any) -> None:
    max_, here = api(cast.max), "/api/v1/products/MED/connections/clinic/"
    offers = max_.get(f"{here}offers/").data
    assert len(offers) == TABLES
    sent = {"entries": [offer["source"] for offer in offers], "personal_data": False}
    started = max_.post(f"{here}registrations/", sent)
    assert started.status_code == 202
    work()
    done = max_.get(started["Location"]).data
    assert (done["state"], len([e for e in done["entries"] if e["dataset"]])) == ("done", TABLES)


def test_a_manifest_lists_tables_once_and_no_ephemeral_models() -> None:
    assert [(one.schema, one.table) for one in relations_of(MANIFEST)] == [
        ("main", "table_1"), ("main", "table_2"),
    ]  # fmt: skip
    odd_ones: list[Any] = [None, [], {"nodes": 5}, {"nodes": {"a": None}}, {"sources": {"b": 1}}]
    for odd in odd_ones:
        assert relations_of(odd) == []
