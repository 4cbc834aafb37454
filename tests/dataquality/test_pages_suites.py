"""Pages of suites: each check through its form, conditions, the whole as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from backlog.models import Actor, Product
from dataquality.engine import catalogue
from dataquality.models import Dataset
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.suites import present_expectations, save_suite
from tests.conftest import Cast
from tests.dataquality.conftest import NUCLEI_IN_SET, check, run_now, upload

SUITE = "/p/MED/data/patients/suite/"
ON_FILES = [entry for entry in catalogue.expectations() if entry.on_files]


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


@pytest.fixture
def vera(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.vera)
    return client


def words_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def saved(dataset: Dataset) -> list[dict[str, Any]]:
    return present_expectations(Dataset.objects.get(pk=dataset.pk))


def add(client: Client, kind: str, **data: Any) -> Any:
    """Send the form of a new check; `kind` without its 'expect_'."""
    return client.post(f"{SUITE}add/?type=expect_{kind}", {"severity": "critical", **data})


# One check ------------------------------------------------------------------------------------


def test_a_check_is_added_changed_and_removed(patients: Dataset, max_: Client) -> None:
    values = {"kwarg_column": "nuclei", "kwarg_value_set": "1\n2\n3"}
    answer = add(max_, "column_values_to_be_in_set", **values)
    assert answer["Location"] == SUITE
    [only] = saved(patients)
    assert only["kwargs"] == {"column": "nuclei", "value_set": ["1", "2", "3"]}
    changed = {"severity": "info", "based_on": 1, **values, "kwarg_mostly": "0.9"}
    page = max_.post(f"{SUITE}0/", changed, follow=True)
    assert "at least 90 %" in words_of(page)
    assert saved(patients)[0]["severity"] == "info"
    add(max_, "column_values_to_not_be_null", kwarg_column="age", based_on=2)
    removed = max_.post(f"{SUITE}0/remove/", {"based_on": 3}, follow=True)
    assert "Removed: In {1, 2, 3}, at least 90 %." in words_of(removed)
    assert len(saved(patients)) == 1


def test_twins_are_kept_apart_from_the_list(patients: Dataset, max_: Client) -> None:
    for number, (severity, top) in enumerate([("critical", "9"), ("warning", "5")]):
        bounds = {"kwarg_column": "age", "kwarg_max_value": top, "based_on": number or ""}
        add(max_, "column_max_to_be_between", **{**bounds, "severity": severity})
    page = max_.get(SUITE)
    assert "Shares one finding with check 1" in words_of(page)
    assert "Keep apart" in words_of(page)
    told = words_of(max_.post(f"{SUITE}1/apart/", {"based_on": 2}, follow=True))
    assert "From the next run on a finding of its own" in told
    assert "Shares one finding" not in told
    assert [check["meta"].get("check_key") for check in saved(patients)] == [None, "warning"]
    edited = {"severity": "info", "kwarg_column": "age", "kwarg_max_value": "6", "based_on": 3}
    max_.post(f"{SUITE}1/", edited)
    assert saved(patients)[1]["meta"]["check_key"] == "warning"


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("column_values_to_be_in_set", {"kwarg_column": "nuclei"}, "Values is missing."),
        (
            "column_values_to_not_be_null",
            {"kwarg_column": "gone"},
            "Column: choose from what is offered.",
        ),
        ("column_values_to_be_between", {"kwarg_column": "age"}, "Give a smallest or a largest"),
        (
            "column_values_to_be_between",
            {"kwarg_column": "age", "kwarg_min_value": "9", "kwarg_max_value": "1"},
            "The smallest value 9 is above 1.",
        ),
        (
            "column_values_to_be_between",
            {"kwarg_column": "age", "kwarg_min_value": "young"},
            "Give a number.",
        ),
        (
            "column_values_to_not_be_null",
            {"kwarg_column": "age", "kwarg_mostly": "98"},
            "Give a share above 0, up to 1.",
        ),
        (
            "column_values_to_match_regex",
            {"kwarg_column": "nuclei", "kwarg_regex": "(["},
            "This is no regular expression",
        ),
        (
            "column_quantile_values_to_be_between",
            {"kwarg_column": "age", "kwarg_quantile_ranges": "{"},
            "The body is no JSON",
        ),
    ],
)
def test_a_wrong_answer_is_said_at_its_field(
    patients: Dataset, max_: Client, kind: str, data: dict[str, Any], said: str
) -> None:
    answer = add(max_, kind, **data)
    assert answer.status_code == 422
    assert said in words_of(answer)
    assert saved(patients) == []


def test_a_check_of_a_suite_that_changed_meanwhile_is_not_saved(
    with_suite: Dataset, max_: Client
) -> None:
    answer = add(max_, "column_values_to_be_null", kwarg_column="age", based_on=0)
    assert answer.status_code == 422
    assert "Somebody else has saved the suite meanwhile." in words_of(answer)


def test_titles_are_words_in_groups(patients: Dataset, max_: Client) -> None:
    page = words_of(max_.get(SUITE))
    assert "Values can be parsed as dates" in page
    assert "dateutil" not in page.replace("expect_column_values_to_be_dateutil_parseable", "")
    groups = ["Missing", "Values in a set or range", "Text patterns", "Types", "Columns", "Table",
              "Statistics", "Several columns", "Drift and representation"]  # fmt: skip
    places = [page.index(f'label="{group}"') for group in groups]
    assert places == sorted(places)
    assert {entry.group for entry in catalogue.expectations()} == set(groups)


def test_nothing_that_was_not_said_stands_in_a_form(patients: Dataset, max_: Client) -> None:
    for entry in ON_FILES:
        page = max_.get(f"{SUITE}add/?type={entry.type}")
        assert page.status_code == 200
        assert ">\nnull<" not in page.content.decode(), entry.type


def test_a_stakeholder_reads_checks_and_changes_none(with_suite: Dataset, vera: Client) -> None:
    assert "In {1, 2" in words_of(vera.get(SUITE))
    assert vera.get(f"{SUITE}0/").status_code == 403
    assert add(vera, "column_values_to_be_null", kwarg_column="age").status_code == 403
    assert vera.get(f"{SUITE}json/").status_code == 200
    assert vera.post(f"{SUITE}json/", {"suite": "[]"}).status_code == 403


# Conditions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "sign", "value", "stored"),
    [
        ("age", ">", "30", {"type": "comparison", "operator": ">", "parameter": 30}),
        ("age", "IN", "21, 22", {"type": "comparison", "operator": "IN", "parameter": [21, 22]}),
        ("nuclei", "==", "1", {"type": "comparison", "operator": "==", "parameter": "1"}),
        ("nuclei", "not_null", "", {"type": "nullity", "is_null": False}),
    ],
)
def test_a_condition_is_three_fields(
    patients: Dataset,
    max_: Client,
    max_acts: Actor,
    column: str,
    sign: str,
    value: str,
    stored: dict[str, Any],
) -> None:
    where = {"where_column": column, "where_operator": sign, "where_value": value}
    add(max_, "column_values_to_not_be_null", kwarg_column="id", **where)
    [only] = saved(patients)
    assert only["kwargs"]["row_condition"] == {**stored, "column": {"name": column}}
    page = max_.get(f"{SUITE}0/")
    form = page.context["form"]
    assert {name: form[name].value() or "" for name in where} == where
    again = {name: field.value() for name, field in _answers(form).items()}
    max_.post(f"{SUITE}0/", {**again, "severity": "warning"})
    [changed] = saved(patients)
    assert changed == {**only, "severity": "warning"}
    assert run_now(Dataset.objects.get(), max_acts).state == "passed"
    max_.post(f"{SUITE}0/", {**again, "based_on": 2, **dict.fromkeys(where, "")})
    assert "row_condition" not in saved(patients)[0]["kwargs"]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"where_column": "age"}, "Choose how to compare it."),
        ({"where_operator": ">"}, "Choose the column to compare."),
        ({"where_value": "3"}, "Choose the column to compare with this."),
        ({"where_column": "age", "where_operator": ">"}, "Say what to compare with."),
        (
            {"where_column": "age", "where_operator": ">", "where_value": "old"},
            "Give a number: the column holds numbers.",
        ),
    ],
)
def test_half_a_condition_is_refused(
    patients: Dataset, max_: Client, where: dict[str, str], said: str
) -> None:
    answer = add(max_, "column_values_to_not_be_null", kwarg_column="id", **where)
    assert answer.status_code == 422
    assert said in words_of(answer)
    assert saved(patients) == []


def test_a_condition_of_several_parts_is_kept(
    patients: Dataset, max_: Client, max_acts: Actor
) -> None:
    older = {"type": "comparison", "column": {"name": "age"}, "operator": ">", "parameter": 30}
    both = {"type": "and", "conditions": [older, {**older, "operator": "<", "parameter": 60}]}
    save_suite(
        patients,
        [check("column_values_to_not_be_null", column="id", row_condition=both)],
        actor=max_acts,
    )
    page = max_.get(f"{SUITE}0/")
    assert "change it in the JSON editor" in words_of(page)
    sent = {name: field.value() or "" for name, field in _answers(page.context["form"]).items()}
    max_.post(f"{SUITE}0/", {**sent, "severity": "info"})
    [kept] = saved(patients)
    assert (kept["severity"], kept["kwargs"]["row_condition"]) == ("info", both)


def _answers(form: Any) -> dict[str, Any]:
    """What a browser would send back, nothing touched."""
    return {name: form[name] for name in form.fields if form[name].value() is not None}


# The whole ------------------------------------------------------------------------------------


def test_the_whole_suite_is_saved_as_json(with_suite: Dataset, max_: Client) -> None:
    form = max_.get(f"{SUITE}json/").context["form"]
    whole = json.loads(form["suite"].value())
    whole["expectations"][0]["severity"] = "info"
    answer = max_.post(f"{SUITE}json/", {"suite": json.dumps(whole), "based_on": 1}, follow=True)
    assert "Saved as suite 2." in words_of(answer)
    assert saved(with_suite)[0]["severity"] == "info"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "The body is no JSON"),
        ("3", "Write a list of expectations"),
        ("{}", "or a list of expectations."),
        ("[]", "A suite needs at least one check."),
        (
            json.dumps([{**NUCLEI_IN_SET, "type": "expect_miracles"}]),
            "There is no expectation expect_miracles.",
        ),
        (
            json.dumps([check("column_values_to_not_be_null", column="id", row_condition="id>1")]),
            '{"type": "comparison", "column": {"name": "age"}',
        ),
    ],
)
def test_json_that_is_no_suite_is_refused(
    with_suite: Dataset, max_: Client, text: str, said: str
) -> None:
    answer = max_.post(f"{SUITE}json/", {"suite": text})
    assert answer.status_code == 422
    assert said in words_of(answer).replace("&quot;", '"')
    assert "&#x27;type" not in words_of(answer)
    assert len(saved(with_suite)) == 2


# Every expectation ----------------------------------------------------------------------------

PLAUSIBLE = {
    "column_A": "visits",
    "column_B": "age",
    "column_list": ["id", "visits"],
    "column_set": ["id", "age", "visits", "height", "city", "seen", "notes"],
    "value_set": "1\n2",
    "regex": "^[A-Z]",
    "regex_list": "^[A-Z]\n[a-z]$",
    "type_": "str",
    "type_list": "str\nobject",
    "strftime_format": "%b %d %Y",
    "json_schema": '{"type": "object"}',
    "value_pairs_set": "[[1, 21], [2, 22]]",
    "quantile_ranges": '{"quantiles": [0.5], "value_ranges": [[1, 90]]}',
    "partition_object": '{"bins": [20, 40, 80], "weights": [0.5, 0.5]}',
    "min_value": "0",
    "max_value": "100",
    "value": "4",
    "sum_total": "40",
    "threshold": "3",
    "double_sided": "true",
    "shares": ">= 30: 0.5",
    "ignore_row_if": None,
}
COLUMNS = {
    "json": "notes",
    "match_regex": "city",
    "lengths": "city",
    "dateutil": "seen",
    "strftime": "seen",
    "type": "city",
}


def _plausible(entry: catalogue.Entry) -> dict[str, Any]:
    column = next((name for part, name in COLUMNS.items() if part in entry.type), "age")
    sent = {"column": column, **PLAUSIBLE}
    return {
        f"kwarg_{field.name}": sent[field.name]
        for field in entry.fields
        if sent.get(field.name) is not None
    }


def test_every_expectation_for_files_is_added_through_its_form_and_runs(
    product: Product, max_: Client, max_acts: Actor
) -> None:
    header = "id,age,visits,height,city,seen,notes\n"
    rows = "".join(
        f"{n},{20 + n},{n % 5},{1.5 + n / 50},{'Rome' if n % 2 else 'Oslo'},Jan {n + 1} 2024,"
        '"{""a"": 1}"\n'
        for n in range(20)
    )
    draft = DatasetDraft(name="Patients", sample_policy="values")
    dataset = register_dataset(product, draft, upload(header + rows), actor=max_acts)
    for number, entry in enumerate(ON_FILES):
        sent = {**_plausible(entry), "severity": "info", "based_on": number}
        answer = max_.post(f"{SUITE}add/?type={entry.type}", sent)
        assert answer.status_code == 302, (entry.type, answer.context["form"].errors)
    assert len(saved(dataset)) == len(ON_FILES)
    run = run_now(Dataset.objects.get(pk=dataset.pk), max_acts)
    errored = run.results.filter(outcome="errored").values_list("type", "message")
    assert list(errored) == []
    assert max_.get(f"/p/MED/runs/{run.pk}/").status_code == 200
