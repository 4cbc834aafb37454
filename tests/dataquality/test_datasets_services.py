"""Deeds on datasets: what two people change at once stays changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from backlog.models import Activity, Actor, Finding, Job, Product
from backlog.services import jobs
from dataquality.models import Dataset, Profile
from dataquality.queries.datasets import median_to_resolve
from dataquality.services.datasets import (
    DatasetDraft,
    change_schema,
    register_dataset,
    update_dataset,
)
from dataquality.services.profiles import request_profile
from dataquality.services.suites import save_suite
from mlscrum.lib.errors import DomainError
from tests.conftest import Cast
from tests.dataquality.conftest import (
    AGE_NOT_NULL,
    CLEANED,
    NUCLEI_IN_SET,
    ONE_TO_TEN,
    check,
    run_now,
    upload,
    work,
)


def test_an_edit_never_takes_back_a_stricter_policy_that_was_set_meanwhile(
    patients: Dataset, max_acts: Actor, cast: Cast
) -> None:
    stale = Dataset.objects.get(pk=patients.pk)
    assert stale.subject.name == "Patients"
    update_dataset(patients, actor=max_acts, sample_policy="none", name="Cases", steward=cast.dora)
    given = update_dataset(stale, actor=max_acts, description="One row per case.")
    for dataset in (given, Dataset.objects.get(pk=patients.pk)):
        assert (dataset.sample_policy, dataset.description) == ("none", "One row per case.")
        assert (dataset.name, dataset.subject.steward) == ("Cases", cast.dora)


def test_a_refused_edit_changes_nothing(patients: Dataset, max_acts: Actor) -> None:
    with pytest.raises(ValidationError):
        update_dataset(patients, actor=max_acts, name="Cases", key_columns=["gone"])
    assert Dataset.objects.get(pk=patients.pk).name == "Patients"


def test_two_people_read_two_columns_anew(patients: Dataset, max_acts: Actor) -> None:
    stale = Dataset.objects.get(pk=patients.pk)
    change_schema(patients, actor=max_acts, columns={"nuclei": {"null_words": ["?"]}})
    change_schema(stale, actor=max_acts, columns={"age": {"type": "text"}})
    read = {c["name"]: c for c in Dataset.objects.get(pk=patients.pk).schema}
    assert (read["nuclei"]["null_words"], read["age"]["type"]) == (["?"], "text")


def test_of_two_profiles_asked_for_the_second_is_kept(patients: Dataset, max_acts: Actor) -> None:
    first = Profile.objects.get().job
    assert first is not None
    began = jobs.claim(first.pk, "worker")
    assert began is not None
    request_profile(patients, actor=max_acts)
    second = Profile.objects.get().job
    assert second is not None
    Job.objects.filter(pk=first.pk).update(state=Job.State.QUEUED)
    jobs.run(first.pk)
    first.refresh_from_db()
    assert first.state == Job.State.DONE
    assert Profile.objects.get().data == {}
    work()
    assert Profile.objects.get().data["rows"] == 20
    assert Profile.objects.get().job == second


def test_a_stricter_policy_removes_values_and_leaves_counts(
    with_suite: Dataset, max_acts: Actor
) -> None:
    update_dataset(with_suite, actor=max_acts, personal_data=False)
    oldest = check("column_max_to_be_between", "info", column="age", max_value=200)
    save_suite(with_suite, [NUCLEI_IN_SET, oldest], actor=max_acts)
    run = run_now(with_suite, max_acts)
    assert [r.observed_value for r in run.results.all()] == [None, 40, 20]
    update_dataset(with_suite, actor=max_acts, sample_policy="none", personal_data=True)
    kept = [(r.sample, r.observed_value, r.unexpected_count) for r in run.results.all()]
    assert kept == [([], None, 2), ([], None, None), ([], 20, None)]


def test_a_check_and_its_finding_have_one_fingerprint(with_suite: Dataset, max_acts: Actor) -> None:
    run = run_now(with_suite, max_acts)
    failed = run.results.get(column="nuclei")
    assert failed.finding is not None
    assert failed.fingerprint == failed.finding.fingerprint


def test_the_middle_of_the_times_to_resolve(with_suite: Dataset, max_acts: Actor) -> None:
    assert median_to_resolve(with_suite) is None
    run_now(with_suite, max_acts)
    found = Finding.objects.get()
    for days, middle in ((1, 1), (5, 3), (2, 2)):
        Finding.objects.create(
            product=found.product,
            source="gx",
            fingerprint=f"{days:016}",
            subject=found.subject,
            check_name="c",
            title="t",
            severity="info",
            state="resolved",
            first_seen=found.first_seen,
            last_seen=found.first_seen,
            last_batch_at=found.last_batch_at,
            last_failed_at=found.last_failed_at,
            resolved_at=found.first_seen + timedelta(days=days),
            resolved_reason="green",
        )
        assert median_to_resolve(with_suite) == timedelta(days=middle)


def kwargs_of(dataset: Dataset) -> list[dict[str, Any]]:
    dataset.refresh_from_db()
    assert dataset.current_suite is not None
    return [expectation["kwargs"] for expectation in dataset.current_suite.expectations]


def test_checks_follow_a_column_that_is_read_as_numbers(
    with_suite: Dataset, max_acts: Actor
) -> None:
    above = {
        "type": "comparison", "column": {"name": "nuclei"}, "operator": ">", "parameter": "3"
    }  # fmt: skip
    unique = check("column_values_to_be_unique", column="id", row_condition=above)
    save_suite(with_suite, [NUCLEI_IN_SET, AGE_NOT_NULL, unique], actor=max_acts)
    Activity.objects.all().delete()
    as_number = {"nuclei": {"type": "integer", "null_words": ["?"]}}
    reread = change_schema(with_suite, actor=max_acts, columns=as_number)
    assert len(reread.checks) == 2
    assert reread.checks[0].startswith("nuclei: In {1, 2")
    nuclei, _, condition = kwargs_of(with_suite)
    assert nuclei["value_set"] == list(range(1, 11))
    assert condition["row_condition"]["parameter"] == 3
    assert [activity.kind for activity in Activity.objects.all()] == ["dataset.schema_changed"]
    assert run_now(reread.dataset, max_acts).state == "passed"

    back = change_schema(with_suite, actor=max_acts, columns={"nuclei": {"type": "text"}})
    assert len(back.checks) == 2
    assert kwargs_of(with_suite)[0]["value_set"] == ONE_TO_TEN


@pytest.mark.parametrize(
    ("bad", "column", "kind"),
    [
        (check("column_values_to_be_in_set", column="nuclei", value_set=["few"]), "nuclei",
         "integer"),
        (check("column_values_to_be_between", column="age", min_value=0), "age", "text"),
    ],
)  # fmt: skip
def test_a_check_that_can_not_follow_its_column_is_named(
    patients: Dataset, max_acts: Actor, bad: dict[str, Any], column: str, kind: str
) -> None:
    save_suite(patients, [AGE_NOT_NULL, bad], actor=max_acts)
    change = {"type": kind, "null_words": ["?"]}
    with pytest.raises(DomainError, match=f"check 2 \\({column}"):
        change_schema(patients, actor=max_acts, columns={column: change})
    patients.refresh_from_db()
    assert column in {c["name"] for c in patients.schema if c["type"] != kind}


def test_a_given_fingerprint_speaks_for_its_own_dataset_alone(
    with_suite: Dataset, product: Product, max_acts: Actor
) -> None:
    run_now(with_suite, max_acts)
    finding = Finding.objects.get()
    other = register_dataset(product, DatasetDraft(name="Other"), upload(CLEANED), actor=max_acts)
    green = {**AGE_NOT_NULL, "meta": {"fingerprint": finding.fingerprint}}
    save_suite(other, [green], actor=max_acts)
    assert run_now(other, max_acts).state == "passed"
    finding.refresh_from_db()
    assert finding.state == "open"
