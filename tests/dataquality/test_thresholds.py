"""Thresholds from history: an interval of what comes next, and the limits that it suggests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from scipy import stats

from backlog.models import Actor, Product
from dataquality.models import Dataset
from dataquality.queries.thresholds import suggested_thresholds
from dataquality.rules import thresholds
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version
from tests.conftest import Cast
from tests.dataquality.conftest import check, run_now, upload


@pytest.mark.parametrize("size", [5, 12, 30])
def test_the_interval_is_that_of_students_t(size: int) -> None:
    values = list(np.random.default_rng(size).normal(40, 3, size))
    found = thresholds.next_within(values)
    assert found is not None
    reach = stats.t.ppf(0.975, size - 1) * np.std(values, ddof=1) * (1 + 1 / size) ** 0.5
    assert (found.low, found.high, found.values) == pytest.approx(
        (np.mean(values) - reach, np.mean(values) + reach, size), rel=1e-3
    )


def test_fewer_than_five_values_suggest_nothing() -> None:
    assert thresholds.next_within([1, 2, 3, 4]) is None
    assert thresholds.next_within([7] * 5) == thresholds.Interval(7, 7, 5)


def test_limits_are_rounded_outwards() -> None:
    assert thresholds.rounded(thresholds.Interval(97.3, 103.2, 9), whole=True) == (97, 104)
    low, high = thresholds.rounded(thresholds.Interval(0.12345, 0.23456, 9), whole=False)
    assert (low, high) == (0.123, 0.235)
    assert thresholds.mostly_of(thresholds.Interval(0.1, 1.234, 9)) == 0.987
    assert thresholds.mostly_of(thresholds.Interval(-1, 0, 9)) == 1.0
    assert thresholds.mostly_of(thresholds.Interval(0, 120, 9)) == 0.001


def batch(number: int) -> str:
    rows = 200 + 2 * number
    lines = (f"{n},{'' if n < 3 + number % 2 else 30 + n % 40}" for n in range(rows))
    return "id,age\n" + "\n".join(lines) + "\n"


@pytest.fixture
def visits(product: Product, max_acts: Actor) -> Dataset:
    """Six batches, each run twice, of 200 rows and more with three or four ages missing."""
    dataset = register_dataset(
        product, DatasetDraft(name="Visits"), upload(batch(0)), actor=max_acts
    )
    suite = [
        check("column_values_to_not_be_null", column="age", mostly=0.5),
        check("table_row_count_to_be_between", min_value=10),
        check("column_mean_to_be_between", column="age", min_value=0),
        check("column_to_exist", column="age"),
    ]
    save_suite(dataset, suite, actor=max_acts)
    for number in range(6):
        if number:
            add_version(dataset, upload(batch(number)), actor=max_acts)
        dataset = Dataset.objects.of(product).get(pk=dataset.pk)
        run_now(dataset, max_acts)
        run_now(dataset, max_acts)
    return dataset


def test_the_past_of_a_check_suggests_its_limits(visits: Dataset) -> None:
    found = {one.position: one for one in suggested_thresholds(visits, with_values=False)}
    assert set(found) == {0, 1}  # the mean is of values, which nobody keeps here
    assert 0.97 < found[0].kwargs["mostly"] < 0.983
    assert found[0].batches == 6
    low, high = found[1].kwargs["min_value"], found[1].kwargs["max_value"]
    assert (low < 200, high > 210, isinstance(low, int)) == (True, True, True)
    assert "On the last 6 batches that passed" in found[1].reason


def test_the_past_of_all_checks_is_asked_for_at_once(visits: Dataset) -> None:
    assert visits.current_suite is not None
    with CaptureQueriesContext(connection) as queries:
        assert len(suggested_thresholds(visits, with_values=True)) == 2
    assert len(queries) == 2  # results, and the runs that they are of


def test_a_suggested_limit_fills_the_form_and_is_saved(
    visits: Dataset, as_person: Any, cast: Cast
) -> None:
    max_: Client = as_person(cast.max)
    here = "/p/MED/data/visits/suite/1/"
    page = max_.get(here)
    assert b"Fill the form with these limits" in page.content
    assert page.context["form"].initial.get("kwarg_max_value") is None
    filled = max_.get(f"{here}?history=1").context["form"].initial
    sent = {"kwarg_min_value": filled["kwarg_min_value"],
            "kwarg_max_value": filled["kwarg_max_value"], "severity": "critical"}  # fmt: skip
    assert max_.post(f"{here}?history=1", sent).status_code == 302
    suite = Dataset.objects.get(pk=visits.pk).current_suite
    assert suite is not None
    assert suite.expectations[1]["kwargs"]["max_value"] == filled["kwarg_max_value"]


def test_rest_tells_the_limits(visits: Dataset, api: Any, cast: Cast) -> None:
    found = api(cast.vera).get("/api/v1/datasets/MED/visits/suite/thresholds/").json()
    assert [one["position"] for one in found["thresholds"]] == [0, 1]
    assert found["thresholds"][0]["kwargs"].keys() == {"mostly"}
