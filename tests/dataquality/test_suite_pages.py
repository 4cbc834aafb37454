"""Pages of suites: what is typed as JSON is read as strictly as by REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from backlog.models import Actor, Finding
from dataquality.models import Dataset
from sprints.services.ceremonies import CeremonyDraft, schedule
from sprints.services.outcomes import OutcomeDraft, add_outcome
from tests.conftest import Cast
from tests.dataquality.conftest import AGE_NOT_NULL, check, run_now, with_checks

SUITE_URL = "/p/MED/data/patients/suite/"
IN_SET = (
    '{"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "age", "value_set": %s}}'
)


@pytest.mark.parametrize(
    "text",
    [
        "[" + IN_SET % "[NaN]" + "]",
        "[" + IN_SET % r'["\u0000"]' + "]",
        "[" + IN_SET % r'["\ud800"]' + "]",
        "[" * 100_000,
        "[" * 200 + "]" * 200,
        "1",
        "[1,",
        '{"expectations": 1}',
    ],
)
def test_a_suite_that_is_no_sound_json_is_refused(
    patients: Dataset, cast: Cast, as_person: Any, text: str
) -> None:
    answer = as_person(cast.max).post(f"{SUITE_URL}json/", {"suite": text})
    assert answer.status_code == 422
    assert not patients.suite_versions.exists()


@pytest.mark.parametrize("ranges", ["{", "NaN", "[" * 100_000, '"age > 1"', '{"quantiles": NaN}'])
def test_a_field_that_is_no_sound_json_is_refused_and_shown_again(
    patients: Dataset, cast: Cast, as_person: Any, ranges: str
) -> None:
    answer = as_person(cast.max).post(
        f"{SUITE_URL}add/?type=expect_column_quantile_values_to_be_between",
        {"kwarg_column": "age", "severity": "critical", "kwarg_quantile_ranges": ranges},
    )
    assert answer.status_code == 422
    assert not patients.suite_versions.exists()


def test_a_condition_stays_as_it_was_where_nobody_touched_it(
    patients: Dataset, cast: Cast, as_person: Any
) -> None:
    condition = {
        "type": "comparison", "column": {"name": "age"}, "operator": ">", "parameter": 18
    }  # fmt: skip
    with_checks(
        patients, [check("column_values_to_be_unique", column="id", row_condition=condition)]
    )
    browser = as_person(cast.max)
    page = browser.get(f"{SUITE_URL}0/")
    form = page.context["form"]
    shown = {name: form[name].value() for name in form.fields if name.startswith("where_")}
    sent = {"kwarg_column": "id", "severity": "warning", **shown}
    assert browser.post(f"{SUITE_URL}0/", {**sent, "based_on": 1}).status_code == 302
    saved = patients.suite_versions.first()
    assert saved is not None
    assert saved.expectations[0]["kwargs"]["row_condition"] == condition
    assert saved.expectations[0]["severity"] == "warning"


def test_a_suite_that_holds_an_odd_condition_still_has_its_page(
    patients: Dataset, cast: Cast, as_person: Any
) -> None:
    odd = {"type": "comparison", "column": "age", "operator": ">", "parameter": 1}
    with_checks(patients, [{**AGE_NOT_NULL, "kwargs": {"column": "age", "row_condition": odd}}])
    answer = as_person(cast.max).get(SUITE_URL)
    assert answer.status_code == 200
    assert "Name the column" in answer.content.decode()


def test_findings_of_checks_that_are_gone_are_named_and_retired(
    with_suite: Dataset, max_acts: Actor, cast: Cast, as_person: Any, api: Any
) -> None:
    run_now(with_suite, max_acts)
    finding = Finding.objects.get()
    browser = as_person(cast.max)
    gone = browser.post(f"{SUITE_URL}0/remove/", {"based_on": 1}, follow=True)
    assert finding.title in str(list(gone.context["messages"])[0])
    assert "1 finding of checks that are gone" in gone.content.decode()
    rest = api(cast.max).get("/api/v1/datasets/MED/patients/suite/").json()
    assert rest["orphaned"] == [finding.pk]

    assert as_person(cast.vera).post(f"{SUITE_URL}retire/").status_code == 403
    browser.post(f"{SUITE_URL}retire/", {"finding": [finding.pk]})
    finding.refresh_from_db()
    assert finding.state == "obsolete"
    assert finding.item is not None
    assert finding.item.status.category == "done"
    assert "checks that are gone" not in browser.get(SUITE_URL).content.decode()


def test_a_finding_whose_check_stands_is_not_retired(
    with_suite: Dataset, max_acts: Actor, cast: Cast, as_person: Any
) -> None:
    run_now(with_suite, max_acts)
    finding = Finding.objects.get()
    as_person(cast.max).post(f"{SUITE_URL}retire/", {"finding": [finding.pk]})
    finding.refresh_from_db()
    assert finding.state == "open"


def test_an_insight_becomes_an_expectation_of_a_dataset(
    patients: Dataset, cast: Cast, as_person: Any
) -> None:
    olga = Actor.person(cast.olga)
    ceremony = schedule(patients.product, CeremonyDraft("review", timezone.now(), 60), actor=olga)
    draft = OutcomeDraft("insight", "Nobody is <b>older</b> than 120", "data")
    said = add_outcome(ceremony, draft, actor=olga, seat=None)
    client = as_person(cast.max)
    column = f"/p/MED/ceremonies/{ceremony.pk}/"
    assert b"Choose the check" in client.get(column).content
    way = client.post(f"{column}outcomes/{said.pk}/become/expectation/", {"subject": patients.slug})
    suite = way.headers["Location"]
    shown = client.get(suite).content.decode()
    assert "Nobody is &lt;b&gt;older" in shown
    assert f'name="insight" value="{said.pk}"' in shown
    add = f"/p/MED/data/{patients.slug}/suite/add/?type=expect_column_values_to_not_be_null"
    fields = {"kwarg_column": "age", "severity": "critical", "based_on": 0}
    answer = client.post(f"{add}&insight={said.pk}", fields)
    assert answer.status_code == 302, answer.content
    said.refresh_from_db()
    assert (said.state, said.into) == ("converted", "expectation")
    assert said.target["url"] == f"/p/MED/data/{patients.slug}/suite/"
    assert said.target["words"] in client.get(column).content.decode()
