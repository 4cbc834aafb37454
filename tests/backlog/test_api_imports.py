"""Imports by REST: send, try, start, follow, read each row."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from backlog.models import Actor, Import, Item, Product, Scope
from tests.backlog.imports import brought, csv_file, odd_jira_file, plain_file
from tests.conftest import Cast
from tests.dataquality.conftest import own_folders  # noqa: F401  keeps files to the test
from tests.e2e.conftest import work
from tests.rest import V1, queries, walk

IMPORTS = f"{V1}/products/MED/imports/"


@pytest.fixture
def olga(product: Product, cast: Cast, api: Any) -> Any:
    return api(cast.olga)


def send(client: Any, content: bytes, **fields: Any) -> Any:
    body = {"file": SimpleUploadedFile("backlog.csv", content), **fields}
    return client.post(IMPORTS, body, format="multipart")


def test_a_file_is_imported_in_a_job_that_is_followed(olga: Any) -> None:
    answer = send(olga, odd_jira_file())
    assert answer.status_code == 202
    assert answer.json()["state"] == "importing"
    here = answer.headers["Location"]
    work()
    done = olga.get(here).json()
    assert done["state"] == "done"
    assert done["progress"] == 1
    assert done["counts"] == {
        "new": 8, "updated": 0, "unchanged": 0, "skipped": 5, "errors": 5, "warnings": 6,
    }  # fmt: skip
    assert {"name": "Watchers", "reason": "of use in Jira only"} in done["dropped"]
    assert olga.get(f"{V1}/jobs/{done['job']}/").json()["state"] == "done"
    assert Item.objects.count() == 8


def test_a_dry_run_changes_nothing_and_can_be_started(olga: Any) -> None:
    here = send(olga, plain_file(2), dry_run="true").headers["Location"]
    work()
    tried = olga.get(here).json()
    assert (tried["state"], tried["counts"]["new"]) == ("checked", 2)
    assert not Item.objects.exists()
    started = olga.post(f"{here}start/")
    assert started.status_code == 202
    assert started.headers["Location"] == here
    work()
    assert Item.objects.count() == 2
    assert olga.post(f"{here}start/").status_code == 409


def test_rows_are_read_page_by_page_and_filtered(olga: Any) -> None:
    here = send(olga, odd_jira_file()).headers["Location"]
    work()
    pages = walk(olga, f"{here}rows/?limit=5")
    assert len(pages) == 3
    skipped = olga.get(f"{here}rows/?outcome=skipped&level=error").json()["results"]
    assert [row["row"] for row in skipped] == [10, 11, 12, 13, 14]
    assert skipped[0]["problems"][0]["code"] == "wide_row"
    new = olga.get(f"{here}rows/?outcome=new&limit=1").json()["results"][0]
    assert (new["row"], new["external_id"], new["ref"]) == (2, "VIS-4", "MED-4")
    assert olga.get(f"{here}rows/?outcome=lost").status_code == 400


def test_the_mapping_can_be_sent_along(olga: Any) -> None:
    mapping = {"source": "sheet", "columns": [{"name": "points", "target": "extra"}]}
    send(olga, plain_file(1), mapping=json.dumps(mapping), format="csv")
    work()
    item = Item.objects.get(external_source="sheet")
    assert (item.points, item.extra) == (None, {"points": "1"})


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"mapping": "{"}, 400),
        ({"mapping": '{"moon": 1}'}, 422),
        ({"mapping": '{"source": ""}'}, 422),
        ({"mapping": '{"statuses": 3}'}, 422),
        ({"mapping": '{"statuses": {"Open": "nope"}}'}, 422),
        ({"mapping": '{"format": "xlsx"}'}, 422),
        ({"mapping": '{"delimiter": "ab"}'}, 422),
        ({"mapping": '{"points": {"M": "1e999999999"}}'}, 422),
        ({"format": "xlsx"}, 400),
        ({"colour": "red"}, 400),
    ],
)
def test_a_bad_request_leaves_nothing(olga: Any, fields: dict[str, str], status: int) -> None:
    answer = send(olga, plain_file(1), **fields)
    assert answer.status_code in {status, 400, 422}, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not Import.objects.exists()


def test_a_bad_file_is_refused(olga: Any, settings: Any) -> None:
    assert send(olga, b"").json()["code"] == "empty_file"
    assert send(olga, b"a,b\n").json()["code"] == "no_rows"
    assert olga.post(IMPORTS, {}, format="multipart").status_code == 400
    assert olga.post(IMPORTS, {"file": "x"}, format="json").status_code == 415
    settings.IMPORT_LIMIT_MB = 0
    assert send(olga, plain_file(1)).status_code == 413


def test_the_same_key_imports_once(olga: Any) -> None:
    body = csv_file([["key", "title"], ["K-1", "One"]])
    first = olga.post(
        IMPORTS, {"file": SimpleUploadedFile("a.csv", body)}, format="multipart",
        HTTP_IDEMPOTENCY_KEY="once",
    )  # fmt: skip
    again = olga.post(
        IMPORTS, {"file": SimpleUploadedFile("a.csv", body)}, format="multipart",
        HTTP_IDEMPOTENCY_KEY="once",
    )  # fmt: skip
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert Import.objects.count() == 1


def test_roles_and_scopes_are_heeded(product: Product, cast: Cast, api: Any, olga: Any) -> None:
    here = send(olga, plain_file(1), dry_run="true").headers["Location"]
    assert send(api(cast.max), plain_file(1)).status_code == 403
    assert send(api(cast.sina), plain_file(1), dry_run="true").status_code == 202
    assert send(api(product=product), plain_file(1)).status_code == 403
    assert send(api(cast.olga, scopes=(Scope.READ,)), plain_file(1)).status_code == 403
    assert api(cast.vera).get(here).status_code == 200
    assert api(cast.vera).post(f"{here}start/").status_code == 403
    assert api(cast.sam).get(here).status_code == 404


def test_lists_take_as_many_queries_however_long_they_are(
    product: Product, cast: Cast, olga: Any
) -> None:
    actor = Actor.person(cast.olga)
    brought(product, plain_file(1), actor)
    before = queries(olga, IMPORTS)
    for _ in range(3):
        done = brought(product, plain_file(20), actor)
    assert queries(olga, IMPORTS) == before
    one = queries(olga, f"{IMPORTS}{done.pk}/rows/?limit=1")
    assert queries(olga, f"{IMPORTS}{done.pk}/rows/?limit=20") == one
