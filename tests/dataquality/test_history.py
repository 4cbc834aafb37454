"""How a dataset and its checks went over time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.template.defaultfilters import floatformat
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Actor, Backlog, Product
from dataquality.models import Dataset, Run, ValuesOpened
from dataquality.queries.history import charts_of, history_of
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

PAGE = "/p/MED/data/patients/history/"
OLDEST = check("column_max_to_be_between", "warning", column="age", max_value=90)


@pytest.fixture
def twice(with_suite: Dataset, max_acts: Actor) -> tuple[Run, Run]:
    """A red run on the first content, a green one on the second."""
    save_suite(with_suite, [NUCLEI_IN_SET, AGE_NOT_NULL, OLDEST], actor=max_acts)
    red = run_now(with_suite, max_acts)
    add_version(with_suite, upload(CLEANED), actor=max_acts)
    with_suite.refresh_from_db()
    return red, run_now(with_suite, max_acts)


def test_health_rows_and_checks_stand_in_the_order_of_the_data(
    twice: tuple[Run, Run], with_suite: Dataset
) -> None:
    red, green = twice
    found = history_of(with_suite, with_values=True)
    assert [(moment.run, moment.rows) for moment in found.moments] == [(red, 20), (green, 18)]
    nuclei = next(one for one in found.checks if one.column == "nuclei")
    assert [(p.run, p.outcome, p.percent) for p in nuclei.points] == [
        (red.pk, "failed", 10.0),
        (green.pk, "passed", 0.0),
    ]
    health, percent, rows = charts_of(found, nuclei)
    assert (health.title, list(health.series[0].values)) == (
        "Health: 100 of 100, from 57",
        [57.14, 100.0],
    )
    assert [mark.value for mark in health.marks] == [95.0]
    assert (percent.unit, list(percent.series[0].values)) == ("% of values", [10.0, 0.0])
    assert rows.title == "Rows: 18, from 20"


@pytest.mark.parametrize(
    ("first", "last", "title"),
    [
        (62.5, 63.5, "Health: 64 of 100, from 63"),
        (62.5, 62.5, "Health: 63 of 100"),
        (64.49, 0.5, "Health: 1 of 100, from 64"),
    ],
)
def test_a_title_rounds_as_the_pages_do(
    twice: tuple[Run, Run], with_suite: Dataset, first: float, last: float, title: str
) -> None:
    for run, health in zip(twice, (first, last), strict=True):
        Run.objects.filter(pk=run.pk).update(health=health)
    found = charts_of(history_of(with_suite, with_values=True), None)[0]
    assert found.title == title
    shown = [floatformat(value, 0) for value in found.series[0].values]
    assert shown[-1] in found.title


def test_figures_that_come_from_values_are_hidden_from_those_who_may_not_see_them(
    twice: tuple[Run, Run], with_suite: Dataset
) -> None:
    def ages(*, with_values: bool) -> list[Any]:
        found = history_of(with_suite, with_values=with_values)
        [oldest] = [one for one in found.checks if "max" in one.type]
        return [point.observed for point in oldest.points]

    assert ages(with_values=True) == [40, 40]
    assert ages(with_values=False) == [None, None]


def test_the_sprints_in_which_runs_ended_lie_behind(
    twice: tuple[Run, Run], with_suite: Dataset, product: Product
) -> None:
    red, green = twice
    now = timezone.now()
    Backlog.objects.create(
        product=product,
        kind=Backlog.Kind.SPRINT,
        team=product.teams.get(),
        name="Clean nuclei",
        state=Backlog.State.CLOSED,
        starts_on=(now - timedelta(days=20)).date(),
        ends_on=(now - timedelta(days=10)).date(),
        started_at=now - timedelta(days=20),
        closed_at=now - timedelta(days=10),
    )
    long_ago = now - timedelta(days=15)
    Run.objects.filter(pk=red.pk).update(started_at=long_ago, finished_at=long_ago)
    found = history_of(with_suite, with_values=True)
    assert [moment.sprint for moment in found.moments] == ["Clean nuclei", ""]
    [band] = charts_of(found, None)[0].bands
    assert (band.name, band.first, band.last) == ("Clean nuclei", 0, 0)


def test_the_page_shows_the_check_that_is_chosen(
    twice: tuple[Run, Run], with_suite: Dataset, cast: Cast, as_person: Any
) -> None:
    max_ = as_person(cast.max)
    oldest = next(
        one for one in history_of(with_suite, with_values=True).checks if "max" in one.type
    )
    shown = max_.get(f"{PAGE}?check={oldest.key}").content.decode()
    assert f'value="{oldest.key}" selected' in shown
    assert "Observed</th>" in shown
    assert (
        "Observed</th>"
        not in as_person(cast.vera).get(f"{PAGE}?check={oldest.key}").content.decode()
    )
    assert max_.get(f"{PAGE}?check=nothing").status_code == 200


def test_before_the_first_run_the_page_says_so(
    with_suite: Dataset, cast: Cast, as_person: Any
) -> None:
    assert "No run that counts yet" in as_person(cast.max).get(PAGE).content.decode()


def test_rest_gives_the_history(twice: tuple[Run, Run], cast: Cast, as_person: Any) -> None:
    max_, url = as_person(cast.max), "/api/v1/datasets/MED/patients/history/"
    found = max_.get(url).json()
    assert [(run["health"], run["rows"], run["state"]) for run in found["runs"]] == [
        (pytest.approx(400 / 7), 20, "failed"),
        (100.0, 18, "passed"),
    ]
    assert {one["column"] for one in found["checks"]} == {"age", "nuclei"}
    assert len(max_.get(f"{url}?runs=1").json()["runs"]) == 1
    assert max_.get(f"{url}?runs=999").status_code == 400


def test_more_runs_ask_the_database_no_more_often(
    twice: tuple[Run, Run], with_suite: Dataset, max_acts: Actor
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            charts_of(history_of(with_suite, with_values=True), None)
        return len(queries)

    few = asked()
    run_now(with_suite, max_acts)
    assert asked() == few


def test_a_run_that_could_not_be_carried_out_hides_no_check(
    twice: tuple[Run, Run], with_suite: Dataset, max_acts: Actor
) -> None:
    _, green = twice
    Run.objects.create(
        dataset=with_suite,
        version=green.version,
        suite_version=green.suite_version,
        state="errored",
        error_code="lost",
        finished_at=timezone.now(),
    )
    found = history_of(with_suite, with_values=True)
    assert len(found.moments) == 3
    assert {check.column for check in found.checks} == {"age", "nuclei"}


def test_who_looks_at_figures_of_values_is_written_down(
    twice: tuple[Run, Run], with_suite: Dataset, cast: Cast, as_person: Any, api: Any
) -> None:
    def looked() -> int:
        return ValuesOpened.objects.filter(dataset=with_suite, what="history").count()

    max_ = as_person(cast.max)
    oldest = next(
        one for one in history_of(with_suite, with_values=True).checks if one.type == OLDEST["type"]
    )
    max_.get(PAGE, {"check": oldest.key})
    assert looked() == 1
    as_person(cast.vera).get(PAGE, {"check": oldest.key})
    assert looked() == 1
    api(cast.max).get("/api/v1/datasets/MED/patients/history/")
    assert looked() == 2


def test_each_chart_comes_as_a_file_with_its_numbers(
    twice: tuple[Run, Run], cast: Cast, as_person: Any
) -> None:
    client = as_person(cast.max)
    links = [url for _, url in client.get(PAGE).context["charts"]]
    assert [url.partition("?")[0] for url in links] == [
        f"{PAGE}{name}/numbers.csv" for name in ("health", "check", "rows")
    ]
    health, check_, rows = (client.get(url) for url in links)
    assert health["Content-Disposition"] == 'attachment; filename="patients-health.csv"'
    lines = health.content.decode("utf-8-sig").splitlines()
    assert lines[0] == "Data of,Run,Sprint,Health"
    assert [line.rpartition(",")[2] for line in lines[1:]] == ["57.14", "100.0"]
    assert [line.rpartition(",")[2] for line in rows.content.decode().split()[1:]][-2:] == [
        "20", "18"
    ]  # fmt: skip
    assert "no-store" in check_["Cache-Control"]
    assert client.get(f"{PAGE}nothing/numbers.csv").status_code == 404


def test_a_file_of_figures_that_are_values_is_noted_and_hides_them_from_others(
    twice: tuple[Run, Run], with_suite: Dataset, cast: Cast, as_person: Any
) -> None:
    found = history_of(with_suite, with_values=True)
    oldest = next(one for one in found.checks if "max" in one.type)
    address = f"{PAGE}check/numbers.csv?check={oldest.key}"
    told = as_person(cast.max).get(address).content.decode()
    assert "40.0" in told
    assert ValuesOpened.objects.filter(what="history", user=cast.max).count() == 1
    hidden = as_person(cast.vera).get(address).content.decode()
    assert "40" not in hidden.partition("Sprint")[2].replace(":40", "")
    assert not ValuesOpened.objects.filter(user=cast.vera).exists()
