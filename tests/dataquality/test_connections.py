"""Connections: no secret shown, tested, rotated, paused, refused where they lead home."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection as own_database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import Activity, Actor, Product, Scope
from dataquality.models import Connection
from dataquality.services.connections import (
    ConnectionDraft,
    add_connection,
    change_connection,
    pause_connection,
    remove_connection,
    resume_connection,
    rotate_secret,
)
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.origins import DatabaseRows
from dataquality.services.reach import database_of
from mlscrum.lib.errors import Conflict, DomainError
from mlscrum.lib.secrets import decrypt
from tests.conftest import Cast

SECRET = "a-word-nobody-may-see"
PAGES = "/p/MED/connections/"
REST = "/api/v1/products/MED/connections/"


@pytest.fixture
def database(settings: Any) -> Path:
    """A SQLite file in the product's folder."""
    folder = settings.SOURCES_DIR / "MED"
    folder.mkdir()
    with sqlite3.connect(folder / "clinic.sqlite3") as file:
        file.execute("create table patients (id integer, age integer)")
        file.executemany("insert into patients values (?, ?)", [(n, 20 + n) for n in range(10)])
    file.close()
    return Path(folder / "clinic.sqlite3")


@pytest.fixture
def clinic(product: Product, olga_acts: Actor, database: Path) -> Connection:
    draft = ConnectionDraft("Clinic", "sql", "sqlite:///clinic.sqlite3")
    return add_connection(product, draft, actor=olga_acts)


def draft(address: str, kind: str = "sql", **more: Any) -> ConnectionDraft:
    return ConnectionDraft(name="Somewhere", kind=kind, address=address, **more)


# Secrets --------------------------------------------------------------------------------------


def test_a_password_in_the_address_becomes_the_secret_and_is_seen_nowhere(
    product: Product, olga_acts: Actor
) -> None:
    address = f"postgresql://reader:{SECRET}@warehouse.invalid/clinic"
    kept = add_connection(product, draft(address), actor=olga_acts)
    assert (kept.address, kept.login) == ("postgresql://warehouse.invalid/clinic", "reader")
    assert decrypt(kept.secret) == SECRET
    row = Connection.objects.filter(pk=kept.pk).values().get()
    deeds = list(Activity.objects.filter(product=product).values_list("data", flat=True))
    assert SECRET not in json.dumps([row, deeds], default=str)
    assert "There is no host warehouse.invalid" in kept.test_error


def test_a_new_secret_takes_the_place_of_the_old_one(product: Product, olga_acts: Actor) -> None:
    kept = add_connection(
        product, draft("mysql://warehouse.invalid/x", secret="old"), actor=olga_acts
    )
    rotated = rotate_secret(kept, actor=olga_acts, secret=SECRET)
    assert decrypt(rotated.secret) == SECRET
    assert rotated.rotated_at is not None


def test_a_secret_does_not_go_to_a_new_address(product: Product, olga_acts: Actor) -> None:
    kept = add_connection(
        product, draft("https://files.invalid/a/", "http", secret=SECRET), actor=olga_acts
    )
    with pytest.raises(ValidationError, match="Enter the secret again"):
        change_connection(kept, actor=olga_acts, address="https://elsewhere.invalid/")
    renamed = change_connection(kept, actor=olga_acts, name="Files")
    assert decrypt(renamed.secret) == SECRET


def test_the_server_s_own_credentials_need_an_administrator(
    product: Product, olga_acts: Actor, settings: Any
) -> None:
    wanted = draft("s3://exports", "s3", ambient=True)
    with pytest.raises(ValidationError, match="AMBIENT_CREDENTIALS=1"):
        add_connection(product, wanted, actor=olga_acts)
    settings.AMBIENT_CREDENTIALS = True
    with pytest.raises(ValidationError, match="Choose: a secret of its own"):
        add_connection(
            product, draft("s3://exports", "s3", ambient=True, secret="x"), actor=olga_acts
        )


# Where a connection may not lead --------------------------------------------------------------

REFUSED = [
    ("postgresql://127.0.0.1/clinic", "sql", "leads to the server of ML Scrum itself"),
    ("postgresql://169.254.169.254/clinic", "sql", "metadata service of a cloud"),
    ("mysql://10.1.2.3/clinic", "sql", "OUTBOUND_ALLOW"),
    ("oracle://db.example.org/clinic", "sql", "SQL_DRIVERS"),
    ("postgresql:///clinic", "sql", "Name the host"),
    ("sqlite:////etc/passwd", "sql", "within the folder MED of SOURCES_DIR"),
    ("sqlite:///../SHOP/theirs.sqlite3", "sql", "within the folder MED of SOURCES_DIR"),
    ("sqlite://", "sql", "Name the file"),
    ("nonsense", "sql", "Give an address such as postgresql"),
    ("exports", "s3", "Give the bucket"),
    ("ftp://files.example.org/", "http", "begins with https"),
    ("http://127.0.0.1/", "http", "leads to the server of ML Scrum itself"),
]


@pytest.mark.parametrize(("address", "kind", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_an_address_that_may_not_be_called_is_refused(
    product: Product, olga_acts: Actor, settings: Any, address: str, kind: str, said: str
) -> None:
    (settings.SOURCES_DIR / "MED").mkdir()
    with pytest.raises(ValidationError) as refused:
        add_connection(product, draft(address, kind), actor=olga_acts)
    assert said in " ".join(refused.value.messages)
    assert not Connection.objects.exists()


def test_an_endpoint_within_is_refused(product: Product, olga_acts: Actor) -> None:
    wanted = draft("s3://exports", "s3", options={"endpoint": "http://127.0.0.1:9000"})
    with pytest.raises(ValidationError, match="leads to the server of ML Scrum itself"):
        add_connection(product, wanted, actor=olga_acts)


def test_our_own_database_is_refused_even_where_its_host_is_allowed(
    product: Product, olga_acts: Actor, settings: Any
) -> None:
    if own_database.vendor != "postgresql":
        pytest.skip("Of SQLite our own file lies in DATA_DIR, which is refused as a path.")
    ours = own_database.settings_dict
    where = f"{ours['HOST'] or '127.0.0.1'}:{ours['PORT'] or 5432}"
    settings.OUTBOUND_ALLOW = [where]
    with pytest.raises(ValidationError, match="the database or the broker of ML Scrum itself"):
        add_connection(product, draft(f"postgresql://{where}/{ours['NAME']}"), actor=olga_acts)


def test_our_own_broker_is_refused(product: Product, olga_acts: Actor, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1:6399"]
    settings.CELERY_BROKER_URL = "redis://localhost:6399/0"
    with pytest.raises(ValidationError, match="the database or the broker of ML Scrum itself"):
        add_connection(product, draft("postgresql://127.0.0.1:6399/x"), actor=olga_acts)


def test_a_file_that_was_swapped_for_a_link_is_not_read(
    clinic: Connection, product: Product, database: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.sqlite3"
    database.rename(elsewhere)
    database.symlink_to(elsewhere)
    with pytest.raises(DomainError) as refused:
        database_of(clinic, product)
    assert refused.value.code == "path_outside"


# Life -----------------------------------------------------------------------------------------


def test_a_connection_is_tested_as_it_is_saved(clinic: Connection, database: Path) -> None:
    assert (clinic.state, clinic.test_error) == ("working", "")
    assert clinic.test_answer.startswith("SQLite 3")


def test_a_paused_connection_lets_nothing_through(
    clinic: Connection, product: Product, olga_acts: Actor
) -> None:
    paused = pause_connection(clinic, actor=olga_acts)
    with pytest.raises(DomainError, match="paused"):
        DatabaseRows(paused, table="patients").as_engine_reads(product)
    resumed = resume_connection(paused, actor=olga_acts)
    assert DatabaseRows(resumed, table="patients").as_engine_reads(product).kind == "sql"


def test_a_connection_in_use_is_not_removed(
    clinic: Connection, product: Product, olga_acts: Actor
) -> None:
    register_dataset(
        product, DatasetDraft("Patients"), DatabaseRows(clinic, table="patients"), actor=olga_acts
    )
    with pytest.raises(Conflict, match="1 dataset reads through this connection"):
        remove_connection(clinic, actor=olga_acts)
    assert Connection.objects.filter(pk=clinic.pk).exists()


def test_a_connection_that_nobody_uses_is_removed_with_its_secret(
    clinic: Connection, olga_acts: Actor
) -> None:
    remove_connection(clinic, actor=olga_acts)
    assert not Connection.objects.exists()


# Pages ----------------------------------------------------------------------------------------


def test_a_product_owner_adds_a_connection_by_the_page(
    product: Product, cast: Cast, as_person: Any, database: Path
) -> None:
    olga = as_person(cast.olga)
    sent = {
        "name": "Clinic", "kind": "sql", "address": "sqlite:///clinic.sqlite3",
        "profile_cap": 3,
    }  # fmt: skip
    answer = olga.post(f"{PAGES}new/", sent, follow=True)
    assert "Clinic is kept, and works. SQLite 3" in answer.content.decode()
    assert Connection.objects.get().profile_cap == 3


def test_a_refused_address_is_said_at_its_field(
    product: Product, cast: Cast, as_person: Any
) -> None:
    sent = {"name": "Ours", "kind": "sql", "address": f"postgresql://me:{SECRET}@127.0.0.1/x",
            "profile_cap": 2}  # fmt: skip
    answer = as_person(cast.olga).post(f"{PAGES}new/", sent)
    assert answer.status_code == 422
    assert "stays shut" in answer.context["form"].errors["address"][0]


def test_a_developer_sees_a_connection_without_the_forms(
    clinic: Connection, cast: Cast, as_person: Any
) -> None:
    words = as_person(cast.max).get(f"{PAGES}{clinic.slug}/").content.decode()
    assert "sqlite:///clinic.sqlite3" in words
    assert "Rotate and test" not in words
    assert "Rotate and test" in as_person(cast.olga).get(f"{PAGES}{clinic.slug}/").content.decode()


@pytest.mark.parametrize("deed", ["test", "pause", "resume", "remove"])
def test_the_buttons_of_a_connection_do_what_they_say(
    clinic: Connection, cast: Cast, as_person: Any, deed: str
) -> None:
    answer = as_person(cast.olga).post(f"{PAGES}{clinic.slug}/{deed}/", follow=True)
    assert answer.status_code == 200
    state = Connection.objects.get().state if deed != "remove" else "removed"
    assert state == {"test": "working", "pause": "paused", "resume": "working"}.get(deed, "removed")
    assert Connection.objects.exists() == (deed != "remove")


def test_the_list_asks_as_much_for_many_connections_as_for_one(
    clinic: Connection, product: Product, olga_acts: Actor, cast: Cast, as_person: Any
) -> None:
    olga = as_person(cast.olga)
    olga.get(PAGES)
    with CaptureQueriesContext(own_database) as one:
        olga.get(PAGES)
    for number in range(4):
        other = add_connection(
            product,
            ConnectionDraft(f"Clinic {number}", "sql", "sqlite:///clinic.sqlite3"),
            actor=olga_acts,
        )
        rows = DatabaseRows(other, table="patients")
        register_dataset(product, DatasetDraft(f"P {number}"), rows, actor=olga_acts)
    with CaptureQueriesContext(own_database) as many:
        olga.get(PAGES)
    assert len(many) == len(one)


# REST -----------------------------------------------------------------------------------------


def test_a_secret_goes_in_by_rest_and_never_comes_out(
    product: Product, cast: Cast, api: Any
) -> None:
    olga = api(cast.olga)
    sent = {"name": "Warehouse", "kind": "sql", "address": "postgresql://warehouse.invalid/x",
            "login": "reader", "secret": SECRET}  # fmt: skip
    made = olga.post(REST, sent)
    assert made.status_code == 201
    assert made.data["has_secret"] is True
    rotated = olga.post(f"{made['Location']}rotate/", {"secret": f"{SECRET}-2"})
    answers = [made, rotated, olga.get(REST), olga.get(made["Location"])]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200]
    assert all(SECRET not in answer.content.decode() for answer in answers)


def test_a_connection_is_changed_paused_resumed_and_removed_by_rest(
    clinic: Connection, cast: Cast, api: Any
) -> None:
    olga, here = api(cast.olga), f"{REST}{clinic.slug}/"
    assert olga.patch(here, {"profile_cap": 5}).data["profile_cap"] == 5
    assert olga.post(f"{here}pause/").data["state"] == "paused"
    assert olga.post(f"{here}resume/").data["state"] == "working"
    assert olga.post(f"{here}test/").data["test_error"] == ""
    assert olga.delete(here).status_code == 204


def test_a_bad_connection_is_refused_by_rest_with_its_fields(
    product: Product, cast: Cast, api: Any
) -> None:
    answer = api(cast.olga).post(
        REST, {"name": "x", "kind": "sql", "address": "postgresql://127.0.0.1/x", "port": 5}
    )
    assert answer.status_code == 400
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/port"}


def test_a_product_s_token_changes_no_connection(
    clinic: Connection, product: Product, api: Any
) -> None:
    token = api(product=product, scopes=(Scope.READ, Scope.WRITE))
    assert token.post(f"{REST}{clinic.slug}/pause/").status_code == 403
    source = {"kind": "sql_table", "connection": clinic.slug, "table": "patients"}
    made = token.post("/api/v1/products/MED/datasets/", {"name": "P", "source": source})
    assert made.status_code == 403


def test_the_list_of_rest_asks_as_much_for_many_as_for_one(
    clinic: Connection, product: Product, olga_acts: Actor, cast: Cast, api: Any
) -> None:
    olga = api(cast.olga)
    olga.get(REST)
    with CaptureQueriesContext(own_database) as one:
        olga.get(REST)
    for number in range(3):
        add_connection(
            product,
            ConnectionDraft(f"C {number}", "sql", "sqlite:///clinic.sqlite3"),
            actor=olga_acts,
        )
    with CaptureQueriesContext(own_database) as many:
        assert len(olga.get(REST).data["results"]) == 4
    assert len(many) == len(one)


def test_a_table_is_registered_by_the_page(
    clinic: Connection, product: Product, cast: Cast, as_person: Any
) -> None:
    max_: Client = as_person(cast.max)
    sent = {"name": "Patients", "source": "sql_table", "connection": clinic.slug,
            "table": "patients", "personal_data": "no", "sample_policy": "values"}  # fmt: skip
    answer = max_.post("/p/MED/data/new/", sent)
    assert answer.status_code == 302
    words = max_.get("/p/MED/data/patients/versions/").content.decode()
    assert "a reading" in words
    assert "Upload" not in words


@pytest.mark.parametrize(
    ("more", "field", "said"),
    [
        ({"source": "sql_table", "table": "patients"}, "connection", "Choose the connection"),
        ({"source": "sql_table", "connection": "clinic"}, "table", "Say which table"),
        ({"source": "sql_table", "connection": "clinic", "table": "gone"}, "table", "no such"),
        ({"source": "sql_query", "connection": "clinic", "query": "drop table patients"}, "query",
         "one SELECT"),
        ({"source": "sql_query", "connection": "clinic",
          "query": "with x as (delete from patients returning id) select * from x"}, "query",
         "may only read"),
        ({"source": "s3", "connection": "clinic", "object": "a.csv"}, "connection",
         "is no object store"),
        ({"source": "url", "url": "http://127.0.0.1/a.csv"}, "url", "stays shut"),
        ({"source": "url", "url": "https://me:pw@example.org/a.csv"}, "url", "Leave user and"),
    ],
)  # fmt: skip
def test_a_source_that_can_not_be_read_is_refused_at_its_field(
    clinic: Connection, cast: Cast, as_person: Any, more: dict[str, str], field: str, said: str
) -> None:
    sent = {"name": "Patients", "personal_data": "no", "sample_policy": "none", **more}
    answer = as_person(cast.max).post("/p/MED/data/new/", sent)
    assert answer.status_code == 422
    assert said in answer.context["form"].errors[field][0]
