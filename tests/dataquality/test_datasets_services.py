"""Deeds on datasets: what two people change at once stays changed."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from backlog.models import Actor, Job
from backlog.services import jobs
from dataquality.models import Dataset, Profile
from dataquality.services.datasets import change_schema, update_dataset
from dataquality.services.profiles import request_profile
from tests.conftest import Cast
from tests.dataquality.conftest import work


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
