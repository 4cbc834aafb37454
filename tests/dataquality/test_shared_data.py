"""A dataset is shared with another product, which sees how it stands and nothing else of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from backlog.models import Activity, Actor, Finding, Product, Scope
from backlog.queries.events import events_of, payloads_of
from backlog.services.members import add_member
from dataquality.models import Dataset
from dataquality.services.datasets import DatasetDraft, register_dataset, update_dataset
from tests.conftest import CAST, Cast
from tests.dataquality.conftest import PATIENTS, run_now, upload
from tests.rest import V1, queries

DATASET = f"{V1}/datasets/MED/patients/"
SHARED = f"{V1}/products/SHOP/shared-datasets/MED/patients/"
PAGE = "/p/SHOP/shared-data/MED/patients/"
SETTINGS = "/p/MED/data/patients/settings/"


@pytest.fixture
def shop(other_product: Product, cast: Cast) -> Product:
    """SHOP, of which Max is a member too."""
    add_member(other_product, cast.max, "developer", actor=Actor.person(cast.sam))
    return other_product


@pytest.fixture
def shared(with_suite: Dataset, shop: Product, max_acts: Actor) -> Dataset:
    """Checked once, with failing rows kept and findings filed, then shared with SHOP."""
    run_now(with_suite, max_acts)
    return update_dataset(with_suite, actor=max_acts, shared_with=[shop])


def test_the_other_product_sees_how_it_stands(shared: Dataset, cast: Cast, api: Any) -> None:
    sam = api(cast.sam)
    (listed,) = sam.get(f"{V1}/products/SHOP/shared-datasets/").json()["results"]
    read = sam.get(SHARED).json()
    assert {**listed, "gate": None} == {**read, "gate": None}
    assert (listed["uid"], listed["product"], listed["rows"]) == ("MED/patients", "MED", 20)
    assert listed["health"] == 40.0
    assert listed["columns"][0] == {"name": "id", "type": "integer"}
    assert listed["last_run"]["state"] == "failed"
    assert (listed["last_run"]["passed"], listed["last_run"]["total"]) == (1, 2)
    gate = sam.get(f"{SHARED}gate/").json()
    assert gate["state"] == listed["gate"]["state"] == "failed"
    assert gate["reasons"] == listed["gate"]["reasons"]
    assert {"code": "failed", "detail": "1 check failed"} in gate["reasons"]


def test_its_page_says_who_shares_it_and_shows_no_row(
    shared: Dataset, cast: Cast, as_person: Any
) -> None:
    client = as_person(cast.sam)
    listed = client.get("/p/SHOP/data/").content.decode()
    assert PAGE in listed
    told = client.get(PAGE).content.decode()
    assert "shared by Diagnosis model" in told
    assert "nuclei" in told
    main = told.partition("<main")[2]
    for name, (full_name, _) in CAST.items():
        if name not in {"sam", "max"}:
            assert full_name not in main
    for secret in ("?</td>", "MED-", "/p/MED/", "Failing rows"):
        assert secret not in main
    assert Finding.objects.filter(item__isnull=False).exists()


def test_members_of_its_own_product_find_the_way_there(
    shared: Dataset, cast: Cast, as_person: Any
) -> None:
    assert "/p/MED/data/patients/" in as_person(cast.max).get(PAGE).content.decode()


def test_nothing_else_of_it_is_there_for_the_other_product(
    shared: Dataset, cast: Cast, api: Any, as_person: Any
) -> None:
    sam, browser = api(cast.sam), as_person(cast.sam)
    run = shared.runs.get()
    finding = Finding.objects.first()
    assert finding is not None
    for path in (
        DATASET,
        f"{DATASET}runs/",
        f"{DATASET}profile/",
        f"{DATASET}gate/",
        f"{DATASET}suite/",
        f"{V1}/datasets/SHOP/patients/",
        f"{V1}/runs/{run.pk}/",
        f"{V1}/findings/{finding.pk}/",
    ):
        assert sam.get(path).status_code == 404, path
    for path in (
        "/p/MED/data/patients/",
        "/p/SHOP/data/patients/",
        f"/p/SHOP/runs/{run.pk}/",
        f"/p/SHOP/findings/{finding.pk}/",
    ):
        assert browser.get(path).status_code == 404, path
    for path in ("datasets", "findings", "runs", "items"):
        assert sam.get(f"{V1}/products/SHOP/{path}/").json()["results"] == []
    assert "Patients" not in browser.get("/search/?q=patients").content.decode()


def test_runs_file_in_its_own_product_alone(
    shared: Dataset, shop: Product, max_acts: Actor
) -> None:
    before = Activity.objects.filter(product=shop).count()
    run_now(shared, max_acts)
    assert Activity.objects.filter(product=shop).count() == before
    assert not Finding.objects.filter(product=shop).exists()


def test_what_is_not_shared_is_not_there(
    with_suite: Dataset, shop: Product, cast: Cast, api: Any, as_person: Any
) -> None:
    assert api(cast.sam).get(SHARED).status_code == 404
    assert as_person(cast.sam).get(PAGE).status_code == 404
    assert "Shared by" not in as_person(cast.sam).get("/p/SHOP/data/").content.decode()
    assert api(cast.vera).get(f"{V1}/products/SHOP/shared-datasets/").status_code == 404


def test_it_is_shared_and_withdrawn_by_rest(
    with_suite: Dataset, shop: Product, cast: Cast, api: Any
) -> None:
    max_, sam = api(cast.max), api(cast.sam)
    answer = max_.patch(DATASET, {"shared_with": ["shop"]})
    assert (answer.status_code, answer.json()["shared_with"]) == (200, ["SHOP"])
    assert sam.get(SHARED).status_code == 200
    # Others leave it in the list, though they are no members there.
    kept = api(cast.olga).patch(DATASET, {"shared_with": ["SHOP"], "description": "Of the clinic"})
    assert (kept.status_code, kept.json()["shared_with"]) == (200, ["SHOP"])
    gone = api(cast.olga).patch(DATASET, {"shared_with": []})
    assert gone.json()["shared_with"] == []
    assert sam.get(SHARED).status_code == 404


def test_only_members_of_both_products_bring_them_together(
    with_suite: Dataset, other_product: Product, cast: Cast, api: Any
) -> None:
    unknown = api(cast.max).patch(DATASET, {"shared_with": ["NONE"]})
    stranger = api(cast.max).patch(DATASET, {"shared_with": ["SHOP"]})
    assert unknown.status_code == stranger.status_code == 400
    assert unknown.json()["errors"] == stranger.json()["errors"]
    assert api(cast.max).patch(DATASET, {"shared_with": ["MED"]}).status_code == 400
    add_member(other_product, cast.vera, "product_owner", actor=Actor.person(cast.sam))
    assert api(cast.vera).patch(DATASET, {"shared_with": ["SHOP"]}).status_code == 403
    token = api(product=with_suite.product, scopes=(Scope.WRITE, Scope.READ))
    assert token.patch(DATASET, {"shared_with": []}).status_code == 403
    with pytest.raises(ValidationError):
        update_dataset(with_suite, actor=Actor.person(cast.max), shared_with=[with_suite.product])


def test_a_token_of_one_product_shares_with_no_other(
    with_suite: Dataset, shop: Product, cast: Cast, api: Any
) -> None:
    bound = api(cast.max, product=with_suite.product)
    assert bound.patch(DATASET, {"shared_with": ["SHOP"]}).status_code == 400


def test_settings_offer_the_products_of_the_person(
    with_suite: Dataset, shop: Product, cast: Cast, as_person: Any
) -> None:
    max_: Client = as_person(cast.max)
    form = max_.get(SETTINGS).context["form"]
    wanted = {name: form[name].value() for name in form.fields}
    plain = {name: value for name, value in wanted.items() if value not in (None, False)}
    assert max_.post(SETTINGS, {**plain, "shared_with": [shop.pk]}).status_code == 302
    assert list(with_suite.shared_with.all()) == [shop]
    # Olga is no member of SHOP: she sees that it is shared, and may end that.
    assert "Recommender" in as_person(cast.olga).get(SETTINGS).content.decode()
    assert as_person(cast.olga).post(SETTINGS, {**plain, "shared_with": []}).status_code == 302
    assert "Recommender" not in as_person(cast.olga).get(SETTINGS).content.decode()


def test_both_products_note_it_and_neither_hears_of_the_other(
    with_suite: Dataset, shop: Product, cast: Cast, max_acts: Actor
) -> None:
    update_dataset(with_suite, actor=max_acts, shared_with=[shop])
    update_dataset(with_suite, actor=max_acts, shared_with=[shop])
    update_dataset(with_suite, actor=Actor.person(cast.olga), shared_with=[])
    own = Activity.objects.filter(product=with_suite.product, kind="dataset.updated")
    assert [deed.data.get("shared_with") for deed in own.order_by("seq")] == [["SHOP"], None, None]
    heard = [deed for deed in payloads_of(events_of(shop)) if deed["kind"].startswith("dataset.")]
    assert [(deed["kind"], deed["actor"]["user"]) for deed in heard] == [
        ("dataset.offered", cast.max.email),
        ("dataset.withdrawn", None),
    ]
    assert all(deed["subject"] is None and deed["refs"] == [] for deed in heard)


def test_lists_take_as_many_queries_for_many_as_for_one(
    shared: Dataset, shop: Product, cast: Cast, api: Any, as_person: Any, max_acts: Actor
) -> None:
    sam, browser = api(cast.sam), as_person(cast.sam)
    few = (
        queries(sam, f"{V1}/products/SHOP/shared-datasets/"),
        queries(browser, "/p/SHOP/data/"),
        queries(api(cast.max), f"{V1}/products/MED/datasets/"),
    )
    for name in ("Rooms", "Visits"):
        dataset = register_dataset(
            shared.product, DatasetDraft(name), upload(PATIENTS), actor=max_acts
        )
        update_dataset(dataset, actor=max_acts, shared_with=[shop])
    many = (
        queries(sam, f"{V1}/products/SHOP/shared-datasets/"),
        queries(browser, "/p/SHOP/data/"),
        queries(api(cast.max), f"{V1}/products/MED/datasets/"),
    )
    assert many == few
