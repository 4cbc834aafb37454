"""Connections of the installation: its administrators keep them, products use them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor, Finding, Product, User
from dataquality.models import Connection, Dataset
from dataquality.services import connections
from dataquality.services.connections import (
    ConnectionDraft,
    add_connection,
    pause_connection,
    remove_connection,
    share_connection,
    share_with,
)
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.origins import Wanted, source_of
from dataquality.services.troubles import report_unreached
from mlscrum.lib.errors import Conflict, Refused
from mlscrum.lib.secrets import decrypt
from tests.conftest import Cast
from tests.dataquality.conftest import PATIENTS
from tests.dataquality.servers import Web

SECRET = "a-word-nobody-may-see"
PAGES = "/connections/"
PAGE = f"{PAGES}exports/"


@pytest.fixture
def nora(db: None) -> User:
    """The administrator, who is a member of no product."""
    return User.objects.create_user(
        "nora@example.org", "Nora Lindqvist", "pw", is_administrator=True
    )


@pytest.fixture
def admin(nora: User, as_person: Any) -> Client:
    client: Client = as_person(nora)
    return client


@pytest.fixture
def exports(web: Web, product: Product, nora: User) -> Connection:
    """Files of the web that MED may read."""
    draft = ConnectionDraft("Exports", "http", f"{web['home']}/", secret=SECRET)
    return share_connection(draft, [product], actor=Actor.person(nora))


@pytest.fixture
def patients(web: Web, exports: Connection, product: Product, max_acts: Actor) -> Dataset:
    web["/patients.csv"] = PATIENTS
    source = source_of(product, Wanted("url", connection="exports", url="patients.csv"))
    return register_dataset(product, DatasetDraft("Patients"), source, actor=max_acts)


def words_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_an_administrator_adds_one_that_the_named_products_use(
    web: Web, product: Product, other_product: Product, admin: Client, cast: Cast, as_person: Any
) -> None:
    sent = {"name": "Exports", "kind": "http", "address": f"{web['home']}/", "secret": SECRET,
            "profile_cap": 2}  # fmt: skip
    refused = admin.post(f"{PAGES}new/", sent | {"shared_with": "MED, GONE"})
    assert refused.status_code == 422
    assert "There is no product GONE" in words_of(refused)
    made = admin.post(f"{PAGES}new/", sent | {"shared_with": "med"}, follow=True)
    assert "Exports is kept, and works" in words_of(made)
    kept = Connection.objects.get()
    assert (kept.product, kept.slug, decrypt(kept.secret)) == (None, "exports", SECRET)
    assert list(kept.shared_with.all()) == [product]
    assert "Exports" in words_of(as_person(cast.max).get("/p/MED/connections/"))
    assert as_person(cast.sam).get("/p/SHOP/connections/exports/").status_code == 404


def test_the_list_tells_of_products_how_many_datasets_read_and_no_more(
    patients: Dataset, exports: Connection, other_product: Product, nora: User, admin: Client
) -> None:
    share_with(exports, [patients.product, other_product], actor=Actor.person(nora))
    listed = words_of(admin.get(PAGES))
    assert "MED</span>" in listed
    assert "SHOP</span>" in listed
    page = words_of(admin.get(PAGE))
    for told in (listed, page):
        assert "Patients" not in told
        assert SECRET not in told
    assert ">1 dataset<" in page
    assert ">0 datasets<" in page
    assert "Remove this connection" not in page


def test_it_is_paused_resumed_tested_and_rotated_there(
    exports: Connection, patients: Dataset, admin: Client
) -> None:
    admin.post(f"{PAGE}pause/")
    assert Connection.objects.get().state == "paused"
    admin.post(f"{PAGE}resume/")
    assert "was tested, and works" in words_of(admin.post(f"{PAGE}test/", follow=True))
    assert admin.post(f"{PAGE}rotate/", {"secret": ""}).status_code == 422
    admin.post(f"{PAGE}rotate/", {"secret": "another"})
    assert decrypt(Connection.objects.get().secret) == "another"
    sent = {"name": "All exports", "address": exports.address, "profile_cap": 5}
    assert admin.post(PAGE, sent).status_code == 302
    assert Connection.objects.get().profile_cap == 5
    answer = admin.post(f"{PAGE}remove/", follow=True)
    assert "1 dataset reads through this connection" in words_of(answer)


def test_a_product_that_reads_through_it_is_not_left_out(
    exports: Connection, patients: Dataset, other_product: Product, nora: User, admin: Client
) -> None:
    with pytest.raises(Conflict, match="Datasets of MED read through"):
        share_with(exports, [other_product], actor=Actor.person(nora))
    answer = admin.post(f"{PAGE}share/", {"shared_with": "SHOP"})
    assert answer.status_code == 422
    assert list(exports.shared_with.all()) == [patients.product]


def test_the_troubles_of_products_that_leave_are_over(
    exports: Connection, patients: Dataset, other_product: Product, nora: User
) -> None:
    report_unreached(patients, "cannot_connect", "It is down.", key="down")
    patients.subject.delete()
    share_with(exports, [patients.product, other_product], actor=Actor.person(nora))
    assert Finding.objects.get().state == "open"
    share_with(exports, [other_product], actor=Actor.person(nora))
    assert Finding.objects.get().state == "obsolete"


def test_with_a_connection_end_its_troubles_wherever_it_was_read(
    web: Web, exports: Connection, patients: Dataset, other_product: Product, nora: User
) -> None:
    draft = ConnectionDraft("Exports", "http", f"{web['home']}/")
    own = add_connection(other_product, draft, actor=Actor.person(nora))
    web["/prices.csv"] = PATIENTS
    source = source_of(other_product, Wanted("url", connection=own.slug, url="prices.csv"))
    prices = register_dataset(
        other_product, DatasetDraft("Prices"), source, actor=Actor.person(nora)
    )
    for dataset in (patients, prices):
        report_unreached(dataset, "cannot_connect", "It is down.", key="down")
    patients.subject.delete()
    exports.shared_with.clear()
    exports.shared_with.add(other_product)
    remove_connection(exports, actor=Actor.person(nora))
    assert Finding.objects.get(product=patients.product).state == "obsolete"
    assert Finding.objects.get(product=other_product).state == "open"  # of its own connection


def test_no_product_gets_two_connections_of_one_name(
    web: Web, exports: Connection, product: Product, other_product: Product, cast: Cast, nora: User
) -> None:
    add_connection(
        other_product,
        ConnectionDraft("Exports", "http", f"{web['home']}/"),
        actor=Actor.person(cast.sam),
    )
    with pytest.raises(ValidationError, match="same slug"):
        share_with(exports, [product, other_product], actor=Actor.person(nora))


def test_one_that_nobody_reads_through_is_removed(exports: Connection, admin: Client) -> None:
    assert admin.post(f"{PAGE}remove/").status_code == 302
    assert not Connection.objects.exists()


def test_one_that_no_product_uses_any_more_is_still_kept_and_removed(
    exports: Connection, admin: Client
) -> None:
    exports.shared_with.clear()
    admin.post(f"{PAGE}pause/")
    assert Connection.objects.get().state == "paused"
    admin.post(f"{PAGE}resume/")
    assert "was tested, and works" in words_of(admin.post(f"{PAGE}test/", follow=True))
    admin.post(f"{PAGE}rotate/", {"secret": "another"})
    assert decrypt(Connection.objects.get().secret) == "another"
    sent = {"name": "All exports", "address": exports.address, "profile_cap": 5}
    assert admin.post(PAGE, sent).status_code == 302
    assert admin.post(f"{PAGE}remove/").status_code == 302
    assert not Connection.objects.exists()


def test_one_that_is_sent_twice_at_once_is_there_already(
    exports: Connection, product: Product, nora: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The second had looked before the first was written.
    monkeypatch.setattr(connections, "_slugs_beside", lambda *_, **__: ["new"])
    draft = ConnectionDraft("Exports", "http", exports.address)
    with pytest.raises(ValidationError, match="already a connection of this name"):
        share_connection(draft, [product], actor=Actor.person(nora))
    assert Connection.objects.count() == 1


def test_who_is_no_administrator_changes_nothing_of_it(
    exports: Connection, product: Product, cast: Cast, as_person: Any, olga_acts: Actor
) -> None:
    olga = as_person(cast.olga)
    assert olga.get(PAGES).status_code == 404
    assert olga.post(f"{PAGE}pause/").status_code == 404
    assert "Rotate and test" not in words_of(olga.get("/p/MED/connections/exports/"))
    for deed in (pause_connection, remove_connection):
        with pytest.raises(Refused):
            deed(exports, actor=olga_acts)
    with pytest.raises(Refused):
        share_with(exports, [product], actor=olga_acts)
    with pytest.raises(Refused):
        share_connection(ConnectionDraft("Other", "s3", "s3://other"), [product], actor=olga_acts)


def test_the_list_asks_as_much_for_many_connections_as_for_one(
    exports: Connection, product: Product, nora: User, admin: Client,
    django_assert_num_queries: Any,
) -> None:  # fmt: skip
    admin.get(PAGES)
    with CaptureQueriesContext(connection) as one:
        admin.get(PAGES)
    for number in range(3):
        draft = ConnectionDraft(f"More {number}", "http", exports.address)
        share_connection(draft, [product], actor=Actor.person(nora))
    with django_assert_num_queries(len(one)):
        admin.get(PAGES)
