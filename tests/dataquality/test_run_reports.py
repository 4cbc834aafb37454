"""A finished run as JUnit XML and as Markdown: every check once, and no value of the data."""

from __future__ import annotations

from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

from backlog.models import Actor, Product, Scope
from dataquality.models import Dataset, Result, Run
from dataquality.queries.run_reports import junit_of, markdown_of
from dataquality.services.runs import request_run
from mlscrum.lib.errors import Conflict
from tests.conftest import Cast
from tests.dataquality.conftest import run_now


def test_each_check_is_a_case_and_failures_name_rows_and_item(
    with_suite: Dataset, max_acts: Actor
) -> None:
    run = run_now(with_suite, max_acts)
    [suite] = fromstring(junit_of(run))
    assert (suite.get("name"), suite.get("failures"), suite.get("errors")) == ("patients", "1", "0")
    cases = list(suite)
    assert len(cases) == int(suite.get("tests") or 0) == run.results.count()
    assert len({case.get("name") for case in cases}) == len(cases)
    [failure] = suite.iter("failure")
    assert failure.get("message") == "2 of 20 rows (10 %)"
    assert failure.get("type") == "critical"
    assert failure.text == "Filed as MED-1."


def test_markdown_is_a_table_in_which_no_name_does_anything(
    with_suite: Dataset, max_acts: Actor
) -> None:
    run = run_now(with_suite, max_acts)
    run.dataset.subject.name = "A | <b>*x*</b> @all"
    told = markdown_of(run)
    assert told.startswith("### A \\| \\<b\\>\\*x\\*\\</b\\> \\@all: run")
    assert "| critical | **failed** 2 of 20 rows (10 %) | MED-1 |" in told


def test_no_value_of_the_data_goes_out(with_suite: Dataset, max_acts: Actor) -> None:
    run = run_now(with_suite, max_acts)
    Result.objects.filter(run=run, outcome="failed").update(
        sample=[{"id": 5550199}], observed_value=5550199, message="5550199 is wrong"
    )
    run = Run.objects.get(pk=run.pk)
    assert "5550199" not in junit_of(run) + markdown_of(run)


def test_a_run_that_could_not_run_is_an_error(with_suite: Dataset, max_acts: Actor) -> None:
    run = run_now(with_suite, max_acts)
    run.results.all().delete()
    Run.objects.filter(pk=run.pk).update(
        state="errored", error_code="file_lost", error_detail="The file is \x08gone."
    )
    run = Run.objects.get(pk=run.pk)
    [suite] = fromstring(junit_of(run))
    [error] = suite.iter("error")
    assert (error.get("message"), suite.get("errors")) == ("The file is gone.", "1")
    assert "The file is gone." in markdown_of(run)


def test_a_run_under_way_has_no_report(with_suite: Dataset, max_acts: Actor) -> None:
    with pytest.raises(Conflict, match="still under way"):
        junit_of(request_run(with_suite, actor=max_acts))


def test_reports_over_rest(
    with_suite: Dataset, product: Product, max_acts: Actor, api: Any, cast: Cast
) -> None:
    run = run_now(with_suite, max_acts)
    ci = api(product=product, scopes=(Scope.EVIDENCE,))
    path = f"/api/v1/runs/{run.pk}/report/"
    junit, markdown = (ci.get(f"{path}?format={name}") for name in ("junit", "markdown"))
    assert junit["Content-Type"] == "application/xml; charset=utf-8"
    assert markdown["Content-Type"] == "text/markdown; charset=utf-8"
    assert fromstring(junit.content)[0].get("name") == "patients"
    assert ci.get(path).status_code == 400
    assert ci.get(f"{path}?format=pdf").status_code == 400
    assert api(cast.sam).get(f"{path}?format=junit").status_code == 404
