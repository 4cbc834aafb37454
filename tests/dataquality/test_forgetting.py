"""A person's key is forgotten, and who opened values can be read."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from backlog.models import Activity, Actor, Finding
from dataquality.models import Dataset, Profile, Result, Run
from dataquality.services.datasets import update_dataset
from dataquality.services.forgetting import Key, forget_key
from dataquality.services.profiles import request_profile
from dataquality.services.values import note_values_opened
from mlscrum.lib.errors import DomainError
from tests.conftest import Cast
from tests.dataquality.conftest import run_now, work

PAGE = "/p/MED/data/patients/settings/personal-data/"
REST = "/api/v1/datasets/MED/patients/"


@pytest.fixture
def red(with_suite: Dataset, max_acts: Actor) -> Run:
    """A run that kept the rows of the patients without nuclei."""
    return run_now(with_suite, max_acts)


def kept_ids() -> list[str]:
    samples = Result.objects.exclude(sample=[]).values_list("sample", flat=True)
    return sorted(str(row["id"]) for sample in samples for row in sample)


def words_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_the_rows_of_one_person_are_gone_and_the_rest_stays(
    red: Run, max_acts: Actor, with_suite: Dataset
) -> None:
    before = kept_ids()
    gone, *others = before
    counts = list(Result.objects.values_list("unexpected_count", "outcome"))
    findings = Finding.objects.count()
    done = forget_key(with_suite, "id", gone, actor=max_acts)
    assert (done.rows, done.files) == (before.count(gone), 1)
    assert kept_ids() == others
    assert list(Result.objects.values_list("unexpected_count", "outcome")) == counts
    assert Finding.objects.count() == findings
    assert forget_key(with_suite, "id", gone, actor=max_acts).rows == 0
    said = Activity.objects.filter(kind="dataset.key_forgotten").first()
    assert said is not None
    assert said.data["column"] == "id"
    assert set(said.data) == {"column", "rows", "values", "columns"}


def test_figures_of_a_profile_that_are_the_key_are_gone(patients: Dataset, max_acts: Actor) -> None:
    update_dataset(patients, actor=max_acts, personal_data=False)
    request_profile(patients, actor=max_acts)
    work()
    profile = Profile.objects.get()
    shown = next(one for one in profile.data["columns"] if one["name"] == "age")
    oldest = str(shown["max"])
    done = forget_key(patients, "age", oldest, actor=max_acts)
    assert done.columns == 1
    profile.refresh_from_db()
    [age] = [one for one in profile.data["columns"] if one["name"] == "age"]
    assert age["hidden"] is True
    assert "max" not in age
    assert [one["name"] for one in profile.data["columns"] if one.get("hidden")] == ["age"]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("gone", "1", "has no column gone"),
        ("id", "  ", "Give the key"),
        ("id", "x" * 1001, "1,000"),
    ],
)
def test_what_is_no_key_changes_nothing(
    red: Run, with_suite: Dataset, max_acts: Actor, column: str, value: str, said: str
) -> None:
    before = kept_ids()
    with pytest.raises(DomainError, match=said):
        forget_key(with_suite, column, value, actor=max_acts)
    assert kept_ids() == before


def test_the_page_tells_who_looked_and_forgets(
    red: Run, with_suite: Dataset, max_acts: Actor, as_person: Any, cast: Cast
) -> None:
    note_values_opened(with_suite, f"run {red.pk}", actor=max_acts)
    olga: Client = as_person(cast.olga)
    page = words_of(olga.get(PAGE))
    assert f"run {red.pk}" in page
    assert "Max Berger" in page
    assert "1 version" in page
    gone = kept_ids()[0]
    done = olga.post(PAGE, {"column": "id", "value": gone}, follow=True)
    assert "Forgotten in" in words_of(done)
    assert gone not in kept_ids()
    again = olga.post(PAGE, {"column": "id", "value": gone}, follow=True)
    assert "Nothing that runs and profiles have kept bears this key." in words_of(again)
    empty = olga.post(PAGE, {"column": "id", "value": ""})
    assert empty.status_code == 422


def test_only_who_may_purge_opens_it(with_suite: Dataset, as_person: Any, cast: Cast) -> None:
    vera: Client = as_person(cast.vera)
    assert vera.get(PAGE).status_code == 403


def test_rest_forgets_and_lists(
    red: Run, with_suite: Dataset, max_acts: Actor, api: Any, cast: Cast
) -> None:
    note_values_opened(with_suite, f"run {red.pk}", actor=max_acts)
    olga, vera = api(cast.olga), api(cast.vera)
    [opened] = olga.get(f"{REST}values-opened/").json()["results"]
    assert (opened["what"], opened["user"]) == (f"run {red.pk}", cast.max.email)
    gone = kept_ids()[0]
    wanted = {"column": "id", "value": gone}
    assert vera.post(f"{REST}forget/", wanted, format="json").status_code == 403
    answer = olga.post(f"{REST}forget/", wanted, format="json")
    assert answer.json()["rows"] >= 1
    assert gone not in kept_ids()
    wrong = olga.post(f"{REST}forget/", {"column": "gone", "value": "1"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "no_column")


@pytest.mark.parametrize(
    ("value", "kept", "is_it"),
    [
        ("42", 42.0, True),
        ("42", "42", True),
        ("042", 42, True),
        ("42", 420, False),
        ("2020-01-05", "2020-01-05T00:00:00", True),
        ("2020-01-05", "2020-01-05 00:00:00", True),
        ("2020-01-05", "2020-01-05T08:00:00", False),
        (" Ada ", "Ada", True),
        ("Ada", "Adam", False),
        ("x" * 250, "x" * 200 + "…", True),
        ("y" + "x" * 250, "x" * 200 + "…", False),
        ("7", ["a", {"b": [7]}], True),
        ("none", None, False),
    ],
)
def test_a_key_is_known_however_it_was_written_down(value: str, kept: Any, is_it: bool) -> None:
    assert Key("id", value).is_in(kept) is is_it


def test_what_a_tool_elsewhere_said_of_the_person_is_gone(
    red: Run, with_suite: Dataset, max_acts: Actor
) -> None:
    quoting, other = Result.objects.filter(run=red)[:2]
    Result.objects.filter(pk=quoting.pk).update(message="Patient 4711 has no age.")
    Result.objects.filter(pk=other.pk).update(message="Patient 47110 has no age.")
    assert forget_key(with_suite, "id", "4711", actor=max_acts).values == 1
    quoting.refresh_from_db()
    other.refresh_from_db()
    assert (quoting.message, other.message) == ("", "Patient 47110 has no age.")
