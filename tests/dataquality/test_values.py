"""Raw values on pages and in answers: noted as opened, and kept by no cache."""

from __future__ import annotations

from typing import Any

import pytest

from backlog.models import Actor, Item
from dataquality.models import Dataset, Run, ValuesOpened
from dataquality.services.suites import save_suite
from tests.conftest import Cast
from tests.dataquality.conftest import NUCLEI_IN_SET, check, run_now, work

PAGES = (
    "/p/MED/data/patients/",
    "/p/MED/data/patients/profile/",
    "/p/MED/data/patients/versions/1/file/",
    "/p/MED/runs/{run}/",
    "/p/MED/items/MED-1/",
)
ANSWERS = ("/api/v1/runs/{run}/", "/api/v1/datasets/MED/patients/profile/")


@pytest.fixture
def run(patients: Dataset, max_acts: Actor) -> Run:
    save_suite(patients, [NUCLEI_IN_SET], actor=max_acts)
    work()
    return run_now(patients, max_acts)


def test_pages_and_answers_with_values_are_kept_by_no_cache(
    run: Run, cast: Cast, as_person: Any, api: Any
) -> None:
    assert Item.objects.get().ref == "MED-1"
    for client, paths in ((as_person(cast.max), PAGES), (api(cast.max), ANSWERS)):
        for path in paths:
            answer = client.get(path.format(run=run.pk))
            answer.getvalue()  # which closes the file
            said = set(answer.headers["Cache-Control"].split(", "))
            assert (answer.status_code, said) == (200, {"no-store", "private"}), path


def test_a_run_that_shows_only_a_figure_is_noted_as_opened(
    patients: Dataset, max_acts: Actor, cast: Cast, as_person: Any, api: Any
) -> None:
    oldest = check("column_max_to_be_between", column="age", max_value=30)
    save_suite(patients, [oldest], actor=max_acts)
    run = run_now(patients, max_acts)
    browser, rest = as_person(cast.max), api(cast.max)
    for client, path in (
        (browser, f"/p/MED/runs/{run.pk}/"),
        (browser, "/p/MED/data/patients/"),
        (browser, "/p/MED/items/MED-1/"),
        (rest, f"/api/v1/runs/{run.pk}/"),
    ):
        ValuesOpened.objects.all().delete()
        client.get(path)
        assert [opened.what for opened in ValuesOpened.objects.all()] == [f"run {run.pk}"], path


def test_a_run_that_shows_counts_alone_is_not(
    patients: Dataset, max_acts: Actor, cast: Cast, as_person: Any
) -> None:
    few = check("table_row_count_to_be_between", max_value=3)
    save_suite(patients, [few], actor=max_acts)
    run = run_now(patients, max_acts)
    as_person(cast.max).get(f"/p/MED/runs/{run.pk}/")
    assert not ValuesOpened.objects.exists()
