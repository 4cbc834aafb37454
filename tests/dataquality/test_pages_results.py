"""A file of results is tried first, which changes nothing, and then taken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from backlog.models import Item, Product
from dataquality.models import Dataset, Run
from tests.conftest import Cast
from tests.dataquality.posted import MEAN, too_many_nulls, validation

RESULTS = "/p/MED/results/"


@pytest.fixture
def maxs(as_person: Any, cast: Cast, product: Product) -> Client:
    browser: Client = as_person(cast.max)
    return browser


def form(document: Any, **fields: Any) -> dict[str, Any]:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return {"format": "gx", "file": SimpleUploadedFile("result.json", content), **fields}


def test_a_trial_says_what_would_happen_and_changes_nothing(maxs: Client) -> None:
    sent = form(validation(too_many_nulls(87)), create_missing="on")
    page = maxs.post(RESULTS, sent, headers={"HX-Request": "true"})
    told = page.content.decode()
    assert page.status_code == 200
    assert "This would happen" in told
    assert "age is missing in 8.7 % of rows" in told
    assert "<form" not in told
    assert not Dataset.objects.exists()
    assert not Run.objects.exists()


def test_taken_results_are_a_run(maxs: Client) -> None:
    sent = form(validation(too_many_nulls(87), MEAN), create_missing="on", take="1")
    page = maxs.post(RESULTS, sent, follow=True)
    told = page.content.decode()
    run = Run.objects.get()
    assert page.redirect_chain == [(f"/p/MED/runs/{run.pk}/", 302)]
    assert "by Great Expectations, posted by by-hand, Max Berger" in " ".join(told.split())
    assert "Run again" not in told
    profile = " ".join(maxs.get("/p/MED/data/patients/profile/").content.decode().split())
    assert "It is checked elsewhere. A profile is made as soon as" in profile
    assert 'href="/p/MED/data/patients/versions/">Upload a file</a>' in profile
    assert Item.objects.count() == 1
    parts = ("", "runs/", "suite/", "profile/", "versions/", "settings/")
    for path in ("", *(f"patients/{part}" for part in parts)):
        shown = maxs.get(f"/p/MED/data/{path}")
        assert shown.status_code == 200
        assert "None" not in shown.content.decode().replace("None.", "")
    refused = maxs.post(f"/p/MED/runs/{run.pk}/retry/", follow=True)
    assert "was made elsewhere" in refused.content.decode()
    assert Run.objects.count() == 1


def test_the_data_that_was_named_elsewhere_is_named_and_tests_have_no_column(
    maxs: Client, api: Any, cast: Cast
) -> None:
    maxs.post(RESULTS, form(validation(MEAN), create_missing="on", take="1"))
    cases = '<testsuite><testcase name="loads"><failure/></testcase></testsuite>'
    sent = {"format": "junit", "result": cases, "dataset": "patients"}

    def page_of_run(**more: str) -> str:
        told = api(cast.max).post("/api/v1/products/MED/results/", {**sent, **more}).json()
        return " ".join(maxs.get(f"/p/MED/runs/{told['run']}/").content.decode().split())

    named = page_of_run(batch="March")
    assert 'It was made elsewhere, on <span class="mono">patients:March</span>' in named
    assert '<td class="mono">–</td>' in named
    assert '<td class="mono">table</td>' not in named
    assert "It was made elsewhere." in page_of_run()  # by a key of ours nobody knows it


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "The body is no JSON"),
        (b"", "The file is empty"),
        (b'{"results": [{"success": NaN}]}', "/results/0/success is not a finite number"),
        (json.dumps(validation(MEAN)).encode(), "No dataset here is known as patients"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_at_it(maxs: Client, content: bytes, said: str) -> None:
    page = maxs.post(RESULTS, form(content, take="1"))
    assert page.status_code == 422
    assert said in page.content.decode()


def test_the_first_file_of_a_dataset_that_is_checked_elsewhere_makes_its_schema(
    maxs: Client, cast: Cast
) -> None:
    maxs.post(RESULTS, form(validation(MEAN), create_missing="on", take="1"))
    sent = {"file": SimpleUploadedFile("p.jsonl", b'{"id": 1, "age": 3}\n')}
    assert maxs.post("/p/MED/data/patients/versions/", sent).status_code == 302
    dataset = Dataset.objects.get()
    assert (dataset.format, dataset.column_names) == ("jsonl", ["id", "age"])


def test_who_does_not_report_takes_no_results(as_person: Any, cast: Cast, product: Product) -> None:
    assert as_person(cast.vera).get(RESULTS).status_code == 403
    assert as_person(cast.sam).get(RESULTS).status_code == 404
