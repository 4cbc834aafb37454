"""Pages of datasets and versions: a page at a time, and the door that purges."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor
from dataquality.models import Dataset
from dataquality.queries import datasets, overviews
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.versions import add_version
from tests.conftest import Cast
from tests.dataquality.conftest import PATIENTS, upload

DATA = "/p/MED/data/"


def test_versions_come_a_page_at_a_time(
    patients: Dataset, max_acts: Actor, cast: Cast, as_person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overviews, "VERSIONS_ON_A_PAGE", 2)
    for number in range(2):
        add_version(patients, upload(f"{PATIENTS}{30 + number},9,1\n"), actor=max_acts)
    browser = as_person(cast.max)
    for page, shown in (("1", [3, 2]), ("2", [1]), ("x", [3, 2])):
        answer = browser.get(f"{DATA}patients/versions/?page={page}")
        assert [row.version.number for row in answer.context["versions"]] == shown
        assert "Pages" in answer.content.decode()


def test_datasets_come_a_page_at_a_time_in_the_same_queries(
    patients: Dataset, max_acts: Actor, cast: Cast, as_person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "DATASETS_ON_A_PAGE", 2)
    browser = as_person(cast.max)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(DATA).status_code == 200
        return len(seen)

    browser.get(DATA)
    few = queries()
    for name in ("A", "B", "C"):
        register_dataset(
            patients.product, DatasetDraft(name=name), upload(f"x\n{name}\n"), actor=max_acts
        )
    assert queries() == few
    names = [row.dataset.name for row in browser.get(f"{DATA}?page=2").context["rows"]]
    assert names == ["C", "Patients"]
    assert "4 datasets" in browser.get(DATA).content.decode()


def test_olga_purges_a_version_on_its_page_and_max_may_not(
    patients: Dataset, cast: Cast, as_person: Any
) -> None:
    patients.subject.owner = None
    patients.subject.save()
    versions = f"{DATA}patients/versions/"
    url = f"{versions}1/purge/"
    assert "Purge version" not in as_person(cast.max).get(versions).content.decode()
    assert as_person(cast.max).post(url).status_code == 403
    assert "Purge version" in as_person(cast.olga).get(versions).content.decode()
    assert as_person(cast.olga).post(url).status_code == 302
    assert patients.versions.get().purged_at is not None
