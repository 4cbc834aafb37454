"""Two runs of a dataset side by side."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backlog.models import Actor
from dataquality.models import Dataset, Run, ValuesOpened
from dataquality.queries.comparisons import compare_runs, run_before
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version
from tests.conftest import Cast
from tests.dataquality.conftest import (
    AGE_NOT_NULL,
    CLEANED,
    NUCLEI_IN_SET,
    check,
    run_now,
    upload,
)

UNIQUE = check("column_values_to_be_unique", column="id")
OLDEST = check("column_max_to_be_between", "warning", column="age", max_value=90)
WITHOUT_AGES = CLEANED.replace("1,21,", "1,,").replace("2,22,", "2,,")


@pytest.fixture
def two(with_suite: Dataset, max_acts: Actor) -> tuple[Run, Run]:
    """On the first content nuclei fail; on the second ages do, and the oldest is another."""
    save_suite(with_suite, [NUCLEI_IN_SET, AGE_NOT_NULL, OLDEST, UNIQUE], actor=max_acts)
    before = run_now(with_suite, max_acts)
    content = WITHOUT_AGES.replace("20,40,", "20,55,")
    add_version(with_suite, upload(content), actor=max_acts)
    with_suite.refresh_from_db()
    save_suite(
        with_suite,
        [NUCLEI_IN_SET, AGE_NOT_NULL, OLDEST, check("column_to_exist", column="id")],
        actor=max_acts,
    )
    return before, run_now(with_suite, max_acts)


def test_each_check_stands_where_it_belongs(two: tuple[Run, Run]) -> None:
    before, now = two
    assert run_before(now) == before
    assert run_before(before) is None
    found = compare_runs(before, now, with_values=True)

    def columns(group: str) -> list[str]:
        return [pair.line.result.column for pair in getattr(found, group)]

    assert columns("new_failures") == ["age"]
    assert columns("fixed") == ["nuclei"]
    assert columns("still_failing") == []
    [oldest] = [pair for pair in found.changed if pair.line.result.column]
    assert oldest.before is not None and oldest.now is not None
    assert (oldest.before.observed, oldest.now.observed) == ("40", "55")
    assert columns("only_now") == columns("only_before") == ["id"]
    assert (found.only_now[0].before, found.only_before[0].now) == (None, None)

    same = compare_runs(now, now, with_values=True)
    assert (same.differs, len(same.still_failing)) == (True, 1)
    assert len(same.same) == now.results.filter(guard=False).count() - 1


@pytest.mark.parametrize(
    ("was", "now_is", "group"),
    [
        ("failed", "errored", "Could not run"),
        ("passed", "errored", "Could not run"),
        ("errored", "errored", "Could not run"),
        ("errored", "failed", "New failures"),
        ("passed", "failed", "New failures"),
        ("failed", "failed", "Still failing"),
        ("errored", "passed", "Fixed"),
        ("failed", "vacuous", "Other figures"),
    ],
)
def test_what_could_not_run_is_not_failing(
    two: tuple[Run, Run], was: str, now_is: str, group: str
) -> None:
    for run, outcome in zip(two, (was, now_is), strict=True):
        run.results.filter(column="age", type=AGE_NOT_NULL["type"]).update(outcome=outcome)
    found = compare_runs(*two, with_values=True)
    groups = [
        title
        for title, pairs in found.groups
        for pair in pairs
        if pair.line.result.type == AGE_NOT_NULL["type"]
    ]
    assert groups == [group]


def test_the_page_compares_the_last_two_or_those_that_are_chosen(
    two: tuple[Run, Run], cast: Cast, as_person: Any
) -> None:
    before, now = two
    max_, page = as_person(cast.max), "/p/MED/data/patients/runs/compare/"
    shown = max_.get(page).content.decode()
    for title in ("New failures", "Fixed", "Other figures", "Only in the later run"):
        assert f">{title}</h2>" in shown
    assert "Still failing</h2>" not in shown
    assert ">40</span>" in shown
    assert ValuesOpened.objects.filter(what=f"runs {before.pk} and {now.pk}").count() == 1
    turned = max_.get(f"{page}?run={before.pk}&with={now.pk}").content.decode()
    assert turned.count("New failures</h2>") == 1
    assert max_.get(f"{page}?run=999999").status_code == 404
    link = f"{page}?run={now.pk}&amp;with={before.pk}"
    assert link in max_.get(f"/p/MED/runs/{now.pk}/").content.decode()

    hidden = as_person(cast.vera).get(page).content.decode()
    assert ">40</span>" not in hidden and ">hidden</span>" in hidden


@pytest.mark.parametrize(
    ("health", "tone"), [((25, 71), "good"), ((98, 96), "bad"), ((71, 71), "")]
)
def test_health_that_rose_is_good_news_below_the_target_too(
    two: tuple[Run, Run], cast: Cast, as_person: Any, health: tuple[int, int], tone: str
) -> None:
    for run, value in zip(two, health, strict=True):
        Run.objects.filter(pk=run.pk).update(health=value)
    page = as_person(cast.max).get("/p/MED/data/patients/runs/compare/").content.decode()
    assert f'health {health[0]} to <span class="strong {tone}">{health[1]}</span>' in page


def test_before_the_second_run_there_is_nothing_to_compare(
    with_suite: Dataset, max_acts: Actor, cast: Cast, as_person: Any
) -> None:
    max_, page = as_person(cast.max), "/p/MED/data/patients/runs/compare/"
    assert "It takes two finished runs" in max_.get(page).content.decode()
    run = run_now(with_suite, max_acts)
    assert "It takes two finished runs" in max_.get(page).content.decode()
    assert max_.get(f"/api/v1/runs/{run.pk}/comparison/").status_code == 404


def test_rest_compares_runs_and_hides_values(
    two: tuple[Run, Run], cast: Cast, as_person: Any
) -> None:
    before, now = two
    url = f"/api/v1/runs/{now.pk}/comparison/"
    answer = as_person(cast.max).get(url)
    assert answer["Cache-Control"] == "no-store, private"
    found = answer.json()
    assert (found["before"], found["now"]) == (before.pk, now.pk)
    [failure] = found["new_failures"]
    assert (failure["column"], failure["before"]["outcome"], failure["now"]["outcome"]) == (
        "age", "passed", "failed",
    )  # fmt: skip
    assert failure["item"].startswith("MED-")
    oldest = next(pair for pair in found["changed"] if pair["column"] == "age")
    assert oldest["now"]["observed_value"] == 55
    hidden = as_person(cast.vera).get(f"{url}?with={before.pk}").json()
    assert next(p for p in hidden["changed"] if p["column"])["now"]["observed_value"] is None
    assert as_person(cast.max).get(f"{url}?with=x").status_code == 404


def test_the_page_asks_the_database_as_often_for_many_checks_as_for_few(
    with_suite: Dataset, max_acts: Actor, cast: Cast, as_person: Any
) -> None:
    max_, page = as_person(cast.max), "/p/MED/data/patients/runs/compare/"

    def asked() -> int:
        run_now(with_suite, max_acts)
        with CaptureQueriesContext(connection) as queries:
            max_.get(page)
        return len(queries)

    run_now(with_suite, max_acts)
    few = asked()
    save_suite(with_suite, [NUCLEI_IN_SET, AGE_NOT_NULL, OLDEST, UNIQUE], actor=max_acts)
    run_now(with_suite, max_acts)
    assert asked() == few


def test_the_earlier_run_stands_before_the_later_however_they_are_chosen(
    two: tuple[Run, Run], cast: Cast, as_person: Any, api: Any
) -> None:
    before, now = two
    chosen = {"run": before.pk, "with": now.pk}
    page = as_person(cast.max).get("/p/MED/data/patients/runs/compare/", chosen)
    assert (page.context["before"], page.context["now"]) == (before, now)
    answer = api(cast.max).get(f"/api/v1/runs/{before.pk}/comparison/?with={now.pk}")
    assert answer.status_code == 400


def test_runs_of_pull_requests_stand_beside_their_like(
    two: tuple[Run, Run], with_suite: Dataset, max_acts: Actor
) -> None:
    before, now = two
    Run.objects.filter(pk=before.pk).update(tracked=False)
    assert run_before(now) is None


def test_an_empty_choice_is_none(with_suite: Dataset, cast: Cast, as_person: Any) -> None:
    page = as_person(cast.max).get("/p/MED/data/patients/runs/compare/?run=&with=")
    assert page.status_code == 200
