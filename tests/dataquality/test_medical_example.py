"""The medical example, end to end: dirty patients file items, cleaned ones close them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from backlog.models import Actor, Finding, Item, Product
from dataquality.models import Dataset, Run
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version
from tests.dataquality.conftest import check, run_now, upload

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
SUITE = [
    check("column_values_to_not_be_null", column="age", mostly=0.98),
    check("column_values_to_be_between", "warning", column="age", min_value=0, max_value=120),
    check("column_mean_to_be_between", "info", column="systolic", min_value=110, max_value=140),
]
ON_A_MISSING_COLUMN = check("column_values_to_match_regex", column="case_no", regex="^[A-Z]{2}")
HEADER = "patient_id,age,systolic"


def patients(*, missing: int, outlying: int = 0, salt: int = 0) -> str:
    """A thousand patients, of whom so many have no age and so many an impossible one; the salt
    makes another batch of them."""
    rows = [HEADER]
    for number in range(1000):
        age = "" if number < missing else 20 + number % 70
        if missing <= number < missing + outlying:
            age = 999
        rows.append(f"{number},{age},{120 + (number + salt) % 9}")
    return "\n".join(rows) + "\n"


@pytest.fixture
def registered(product: Product, max_acts: Actor) -> Dataset:
    draft = DatasetDraft(name="Patients", owner=max_acts.user, green_batches=2)
    dirty = upload(patients(missing=87, outlying=4))
    return register_dataset(product, draft, dirty, actor=max_acts)


def deliver(dataset: Dataset, content: str, actor: Actor) -> Run:
    """A new version and a run on it."""
    add_version(dataset, upload(content), actor=actor)
    dataset.refresh_from_db()
    return run_now(dataset, actor)


def test_the_example_of_the_design_comes_out(product: Product, max_acts: Actor) -> None:
    with_cases = upload(f"{HEADER},case_no\n1,40,120,AB1\n")
    draft = DatasetDraft(name="Patients", owner=max_acts.user)
    dataset = register_dataset(product, draft, with_cases, actor=max_acts)
    save_suite(dataset, [*SUITE, ON_A_MISSING_COLUMN], actor=max_acts)
    run = deliver(dataset, patients(missing=87, outlying=4), max_acts)
    results: list[Any] = list(run.results.order_by("position"))
    missing, bounds, mean, gone, guard = results
    assert missing.unexpected_percent == pytest.approx(8.7)
    assert missing.finding.excess == pytest.approx(6.7)
    assert (missing.finding.score, missing.finding.priority) == (9, "P1")
    assert bounds.unexpected_percent == pytest.approx(0.438, abs=0.0005)
    assert (bounds.finding.score, bounds.finding.priority) == (2, "P4")
    assert (mean.outcome, gone.outcome, guard.outcome) == ("passed", "errored", "passed")
    assert mean.finding is None
    task = gone.finding.item
    assert gone.finding.is_execution
    assert (task.kind, [*task.assignees.all()]) == ("task", [max_acts.user])
    assert round(run.health or 0) == 17
    assert run.statistics["passed"] + run.statistics["failed"] == 3
    assert run.statistics["total"] == 4
    assert [item.kind for item in Item.objects.order_by("number")].count("data_assessment") == 2
    assert Item.objects.count() == 3

    run_now(dataset, max_acts)  # the same data again
    assert Item.objects.count() == 3
    assert {finding.occurrence_count for finding in Finding.objects.all()} == {2}


def test_two_clean_batches_resolve_and_an_empty_file_resolves_nothing(
    registered: Dataset, max_acts: Actor
) -> None:
    save_suite(registered, SUITE, actor=max_acts)
    run_now(registered, max_acts)
    assert Item.objects.count() == 2

    empty = deliver(registered, f"{HEADER}\n", max_acts)
    outcomes = [result.outcome for result in empty.results.order_by("position")]
    assert outcomes == ["vacuous", "vacuous", "vacuous", "failed"]
    assert empty.health is None
    assert not Finding.objects.filter(state="resolved").exists()

    first = deliver(registered, patients(missing=11), max_acts)
    assert (first.state, first.health) == ("passed", 100)
    aged = Finding.objects.filter(check_name__contains="column_values")
    assert {finding.state for finding in aged} == {"open"}
    run_now(registered, max_acts)  # the same batch is no second green
    assert {finding.state for finding in aged.all()} == {"open"}
    second = deliver(registered, patients(missing=11, salt=1), max_acts)
    assert second.health == 100
    assert {finding.state for finding in aged.all()} == {"resolved"}
    assert set(aged.values_list("item__status__category", flat=True)) == {"done"}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real data sets are not on this machine")
def test_sixteen_unread_nuclei_of_the_wisconsin_data_file_one_item_that_closes(
    product: Product, max_acts: Actor
) -> None:
    text = (SHARED / "breast_cancer_wisconsin.csv").read_text()
    rows = list(csv.reader(io.StringIO(text)))
    at = rows[0].index("bare_nuclei")
    kept = [row for row in rows if row[at] != "?"]
    cleaned = "\n".join(",".join(row) for row in kept) + "\n"
    draft = DatasetDraft(name="Cells", sample_policy="values")
    dataset = register_dataset(product, draft, upload(text), actor=max_acts)
    types = {column["name"]: column["type"] for column in dataset.schema}
    assert types.pop("bare_nuclei") == "text"
    assert set(types.values()) == {"integer"}
    one_to_ten: dict[str, Any] = {"value_set": [str(number) for number in range(1, 11)]}
    nuclei = check("column_values_to_be_in_set", column="bare_nuclei", **one_to_ten)
    bounds = [
        check("column_values_to_be_between", column=name, min_value=1, max_value=10)
        for name in types
    ]
    save_suite(dataset, [nuclei, *bounds], actor=max_acts)
    run = run_now(dataset, max_acts)
    result: Any = run.results.get(column="bare_nuclei")
    assert (run.state, result.unexpected_count) == ("failed", 16)
    assert [row["bare_nuclei"] for row in result.sample] == ["?"] * 16
    item = Item.objects.get()
    assert result.finding.item == item
    run_now(dataset, max_acts)
    assert Item.objects.count() == 1
    closed = deliver(dataset, cleaned, max_acts)
    item.refresh_from_db()
    assert (closed.state, item.status.category) == ("passed", "done")
    assert Finding.objects.get().state == "resolved"
