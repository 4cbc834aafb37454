"""The profile page: what the data looks like, suggestions taken over, columns read anew."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from backlog.models import Actor, Product
from dataquality.models import Dataset, Profile
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.suites import present_expectations, save_suite
from dataquality.services.versions import add_version
from tests.conftest import Cast
from tests.dataquality.conftest import CLEANED, check, upload, work

PROFILE = "/p/MED/data/patients/profile/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


@pytest.fixture
def vera(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.vera)
    return client


@pytest.fixture
def profiled(patients: Dataset) -> Dataset:
    work()
    return patients


def words_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def suite_of(dataset: Dataset) -> list[dict[str, Any]]:
    return present_expectations(Dataset.objects.get(pk=dataset.pk))


def schema_of(dataset: Dataset, name: str) -> dict[str, Any]:
    schema = Dataset.objects.get(pk=dataset.pk).schema
    return next(column for column in schema if column["name"] == name)


# Looking --------------------------------------------------------------------------------------


def test_the_page_waits_for_the_profile_and_then_shows_it(patients: Dataset, max_: Client) -> None:
    assert 'hx-trigger="every 1s"' in words_of(max_.get(PROFILE))
    work()
    fragment = words_of(max_.get(PROFILE, headers=HTMX))
    assert "hx-trigger" not in fragment
    assert "<html" not in fragment
    assert "most: " in fragment
    assert "Distribution" in fragment


def test_days_are_shown_as_days_and_times_as_times(
    product: Product, max_acts: Actor, max_: Client
) -> None:
    rows = "".join(f"{n},2026-01-1{n},2026-01-1{n} 08:30:00\n" for n in range(10))
    content = upload(f"id,day,seen\n{rows}")
    draft = DatasetDraft(name="Visits", sample_policy="values")
    register_dataset(product, draft, content, actor=max_acts)
    work()
    page = words_of(max_.get("/p/MED/data/visits/profile/"))
    assert "<span>2026-01-10</span><span>2026-01-19</span>" in page
    assert "<span>2026-01-10T08:30:00</span>" in page
    assert "<span>0</span><span>9</span>" in page


def test_without_the_permission_neither_values_nor_suggestions_are_shown(
    profiled: Dataset, vera: Client
) -> None:
    page = words_of(vera.get(PROFILE))
    assert "Suggested checks" not in page
    assert "most:" not in page
    assert vera.post(f"{PROFILE}accept/", {"all": 1}).status_code == 403
    assert vera.post(f"{PROFILE}again/").status_code == 403
    assert vera.post(f"{PROFILE}schema/", {"column": "age", "type": "text"}).status_code == 403


def test_until_a_new_version_has_its_profile_the_last_one_is_shown(
    profiled: Dataset, max_: Client, max_acts: Actor
) -> None:
    add_version(profiled, upload(CLEANED), actor=max_acts)
    Profile.objects.filter(version__number=2).delete()
    page = words_of(max_.get(PROFILE))
    assert "This is the profile of version 1; there is none of version 2 yet." in page
    assert "Make a profile" in page
    assert "Suggested checks" not in page
    max_.post(f"{PROFILE}again/")
    assert "that of version 2 is being made." in words_of(max_.get(PROFILE))
    work()
    assert "This is the profile of" not in words_of(max_.get(PROFILE))


# Suggestions ----------------------------------------------------------------------------------


def test_suggestions_are_taken_over_one_by_one_and_together(
    profiled: Dataset, max_: Client
) -> None:
    accept = f"{PROFILE}accept/"
    page = max_.get(PROFILE).context["p"]
    assert page.offered == len(page.suggestions) > 4
    row = words_of(max_.post(accept, {"only": 1, "position": [2, 3]}, headers=HTMX))
    assert "in the suite" in row
    assert "<html" not in row
    assert len(suite_of(profiled)) == 1
    several = max_.post(accept, {"position": [2, 3]}, follow=True)
    assert "2 checks were added." in words_of(several)
    rest = max_.post(accept, {"all": 1}, follow=True)
    assert len(suite_of(profiled)) == len(page.suggestions)
    assert "Add all" not in words_of(rest)
    assert "Add the chosen" not in words_of(rest)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "Choose at least one suggestion."),
        ({"position": ["999"]}, "There is no such suggestion"),
        ({"position": ["x"]}, "Choose at least one suggestion."),
    ],
)
def test_a_choice_of_nothing_adds_nothing(
    profiled: Dataset, max_: Client, sent: dict[str, Any], said: str
) -> None:
    answer = max_.post(f"{PROFILE}accept/", sent, follow=True)
    assert said in words_of(answer)
    assert suite_of(profiled) == []


def test_what_the_suite_holds_with_another_threshold_says_so(
    profiled: Dataset, max_: Client, max_acts: Actor
) -> None:
    lenient = check("column_values_to_not_be_null", "info", column="age", mostly=0.5)
    save_suite(profiled, [lenient], actor=max_acts)
    assert "In the suite as “Not null, at least 50 %”." in words_of(max_.get(PROFILE))


def test_only_what_the_data_passes_is_ticked_beforehand(profiled: Dataset, max_: Client) -> None:
    page = max_.get(PROFILE)
    breaking = [row for row in page.context["p"].suggestions if row.breaks_now]
    assert breaking
    html = words_of(page)
    for row in page.context["p"].suggestions[:12]:
        box = html.split(f'id="suggestion-{row.position}"')[1].split(">")[0]
        assert ("checked" in box) is row.is_sound


def test_two_hundred_columns_show_twelve_suggestions_and_a_way_to_all(
    product: Product, max_: Client, max_acts: Actor
) -> None:
    names = [f"c{number}" for number in range(200)]
    rows = "\n".join(",".join(str(n + number) for number in range(200)) for n in range(30))
    content = upload(",".join(names) + "\n" + rows + "\n")
    register_dataset(product, DatasetDraft(name="Patients"), content, actor=max_acts)
    work()
    page = max_.get(PROFILE)
    many = len(page.context["p"].suggestions)
    assert many > 200
    assert f"Show all {many}" in words_of(page)
    assert words_of(page).count(" checked>") <= 12


# Reading anew ---------------------------------------------------------------------------------


def test_words_for_missing_are_separated_by_commas(profiled: Dataset, max_: Client) -> None:
    answer = max_.post(
        f"{PROFILE}schema/", {"column": "nuclei", "null_words": "?, NA,none"}, follow=True
    )
    assert "nuclei is read anew" in words_of(answer)
    assert schema_of(profiled, "nuclei")["null_words"] == ["?", "NA", "none"]
    work()
    assert 'value="?, NA, none"' in words_of(max_.get(PROFILE))


def test_a_column_is_read_as_another_type(profiled: Dataset, max_: Client) -> None:
    max_.post(f"{PROFILE}schema/", {"column": "nuclei", "type": "integer", "null_words": "?"})
    assert schema_of(profiled, "nuclei")["type"] == "integer"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"column": "gone", "type": "text"}, "There is no column gone."),
        ({"column": "age", "type": "colour"}, "A type is one of"),
        ({"column": "nuclei", "type": "integer"}, "nuclei"),
    ],
)
def test_a_schema_that_does_not_fit_is_refused(
    profiled: Dataset, max_: Client, sent: dict[str, str], said: str
) -> None:
    before = Dataset.objects.get().schema
    answer = max_.post(f"{PROFILE}schema/", sent, follow=True)
    assert said in words_of(answer)
    assert "is read anew" not in words_of(answer)
    assert Dataset.objects.get().schema == before
