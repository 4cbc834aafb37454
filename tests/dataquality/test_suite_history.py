"""The past of suites: what changed, approval, an old one brought back, checks copied, as text."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from django.core.exceptions import ValidationError
from django.test import Client

from backlog.models import Activity, Actor, Product
from dataquality.engine.suite_changes import compare
from dataquality.forms.suites import SuiteForm, as_yaml
from dataquality.models import Dataset
from dataquality.queries.datasets import find_dataset
from dataquality.queries.gates import dataset_gate
from dataquality.queries.suites import find_suite, suite_history
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.suites import (
    approve_suite,
    bring_back,
    copy_checks,
    present_expectations,
    save_suite,
)
from mlscrum.lib.errors import Conflict, DomainError
from tests.conftest import Cast
from tests.dataquality.conftest import (
    AGE_NOT_NULL,
    NUCLEI_IN_SET,
    Check,
    check,
    run_now,
    upload,
    with_checks,
)

SUITE = "/p/MED/data/patients/suite/"
REST = "/api/v1/datasets/MED/patients/suite/"
VISITS = "id,age,day\n1,30,2026-01-02\n2,41,2026-01-03\n"
UNIQUE = check("column_values_to_be_unique", column="id")


@pytest.fixture
def visits(product: Product, max_acts: Actor) -> Dataset:
    """Another dataset, without nuclei."""
    draft = DatasetDraft(name="Visits", personal_data=False)
    return register_dataset(product, draft, upload(VISITS, "visits.csv"), actor=max_acts)


@pytest.fixture
def olga_acts(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


def find_dataset_anew(dataset: Dataset) -> Dataset:
    return find_dataset(dataset.product, dataset.slug)


def fresh(dataset: Dataset) -> Dataset:
    return Dataset.objects.select_related("subject__product", "current_suite").get(pk=dataset.pk)


# What changed ---------------------------------------------------------------------------------


def test_a_change_of_thresholds_is_no_other_check() -> None:
    before = [NUCLEI_IN_SET, AGE_NOT_NULL]
    milder = {**AGE_NOT_NULL, "severity": "info", "kwargs": {"column": "age", "mostly": 0.9}}
    changes = compare(before, [milder, UNIQUE])
    assert [(one.kind, one.column) for one in changes.checks] == [
        ("changed", "age"),
        ("added", "id"),
        ("removed", "nuclei"),
    ]
    fields = [(field.name, field.before, field.after) for field in changes.changed[0].fields]
    assert sorted(fields) == [("mostly", "", "0.9"), ("severity", "warning", "info")]
    assert changes.words == "1 added, 1 removed, 1 changed"


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ([NUCLEI_IN_SET, AGE_NOT_NULL], "nothing"),
        ([AGE_NOT_NULL, NUCLEI_IN_SET], "only their order"),
        ([NUCLEI_IN_SET, NUCLEI_IN_SET, AGE_NOT_NULL], "1 added"),
        ([AGE_NOT_NULL], "1 removed"),
    ],
)
def test_what_changed_is_said_in_short(after: list[Check], words: str) -> None:
    assert compare([NUCLEI_IN_SET, AGE_NOT_NULL], after).words == words


def test_of_twins_each_keeps_to_the_one_it_was() -> None:
    strict, mild = AGE_NOT_NULL, {**AGE_NOT_NULL, "kwargs": {"column": "age", "mostly": 0.5}}
    milder = {**AGE_NOT_NULL, "kwargs": {"column": "age", "mostly": 0.4}}
    changes = compare([strict, mild], [strict, milder])
    [only] = changes.checks
    assert [(field.before, field.after) for field in only.fields] == [("0.5", "0.4")]


def test_each_version_says_what_it_changed(with_suite: Dataset, olga_acts: Actor) -> None:
    save_suite(fresh(with_suite), [NUCLEI_IN_SET], actor=olga_acts)
    newest, first = suite_history(with_suite)
    assert (newest.suite.number, newest.changes.words) == (2, "1 removed")
    assert str(newest.suite.saved_by) == "Olga Kuznetsova"
    assert (first.suite.number, first.changes.words) == (1, "2 added")


# Approval -------------------------------------------------------------------------------------


def test_a_suite_is_approved_once_by_somebody_else(
    with_suite: Dataset, max_acts: Actor, olga_acts: Actor
) -> None:
    suite = find_suite(with_suite, 1)
    with pytest.raises(DomainError, match="somebody else"):
        approve_suite(suite, actor=max_acts)
    approve_suite(suite, actor=olga_acts)
    at = find_suite(with_suite, 1).approved_at
    approve_suite(find_suite(with_suite, 1), actor=olga_acts)
    assert find_suite(with_suite, 1).approved_at == at is not None
    assert Activity.objects.filter(kind="suite.approved").count() == 1


def test_only_what_is_in_force_is_approved(
    with_suite: Dataset, max_acts: Actor, olga_acts: Actor
) -> None:
    save_suite(fresh(with_suite), [NUCLEI_IN_SET], actor=max_acts)
    with pytest.raises(Conflict, match="not in force"):
        approve_suite(find_suite(with_suite, 1), actor=olga_acts)
    assert find_suite(with_suite, 2).approved_at is None


def test_an_old_suite_comes_back_as_a_new_one(with_suite: Dataset, max_acts: Actor) -> None:
    save_suite(fresh(with_suite), [UNIQUE], actor=max_acts)
    back = bring_back(find_suite(fresh(with_suite), 1), actor=max_acts)
    assert back.number == 3
    assert present_expectations(fresh(with_suite)) == [NUCLEI_IN_SET, AGE_NOT_NULL]


# Copies ---------------------------------------------------------------------------------------


def test_checks_go_to_another_dataset_as_far_as_they_fit(
    with_suite: Dataset, visits: Dataset, max_acts: Actor
) -> None:
    there = check("column_values_to_be_unique", "info", column="id")
    save_suite(visits, [there], actor=max_acts)
    suggested = {**UNIQUE, "meta": {"suggested": True}}
    save_suite(
        fresh(with_suite),
        [NUCLEI_IN_SET, {**AGE_NOT_NULL, "meta": {"suggested": True}}, suggested],
        actor=max_acts,
    )
    copied = copy_checks(fresh(with_suite), fresh(visits), actor=max_acts)
    assert copied.copied == ["age: Not null"]
    assert copied.known == ["id: Unique"]
    [(words, why)] = copied.unfit
    assert words.startswith("nuclei")
    assert "nuclei" in why
    assert present_expectations(fresh(visits)) == [there, AGE_NOT_NULL]


def test_a_check_that_is_not_there_is_not_copied(
    with_suite: Dataset, visits: Dataset, max_acts: Actor
) -> None:
    for positions in ([], [2], [-1]):
        with pytest.raises(DomainError, match="Choose checks"):
            copy_checks(fresh(with_suite), visits, positions, actor=max_acts)
    assert fresh(visits).current_suite is None


# As text --------------------------------------------------------------------------------------


def read(text: str) -> Any:
    form = SuiteForm({"suite": text})
    if not form.is_valid():
        raise ValidationError(form.errors.as_data()["suite"])
    return form.cleaned_data["suite"]


def test_yaml_comes_back_as_it_went_out() -> None:
    day = check("column_values_to_be_between", column="day", min_value="2026-01-01")
    suite = [NUCLEI_IN_SET, day, {**AGE_NOT_NULL, "meta": {"note": "ja, ñ: [x]\n- y"}}]
    assert read(as_yaml(suite)) == suite


def test_dates_in_yaml_stay_as_they_are_written() -> None:
    [only] = read(
        "- type: expect_column_values_to_be_between\n"
        "  kwargs: {column: day, min_value: 2026-01-01, max_value: 2026-12-31}\n"
    )
    assert only["kwargs"]["min_value"] == "2026-01-01"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("expectations: [", "Line 1: this is no YAML"),
        ("- type: a\n  type: b\n", "Line 2: type stands here twice"),
        ("- &a {type: x}\n- *a\n", "references"),
        ("hello", "Write a list of expectations"),
        ("- !!python/object/apply:os.system ['true']", "Line 1: tag:yaml.org,2002:python"),
        ("[" * 3000, ""),
        ("- " * 3000, ""),
    ],
)
def test_text_that_is_no_suite_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        read(text)
    assert said in " ".join(refused.value.messages)


# Pages and REST -------------------------------------------------------------------------------


def words_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_the_history_page_compares_and_brings_back(
    with_suite: Dataset, max_acts: Actor, as_person: Any, cast: Cast
) -> None:
    save_suite(fresh(with_suite), [{**NUCLEI_IN_SET, "severity": "info"}], actor=max_acts)
    olga: Client = as_person(cast.olga)
    page = words_of(olga.get(f"{SUITE}history/?from=1"))
    assert "From suite 1 to 2" in page
    assert "<del>critical</del>" in page
    assert "<ins>info</ins>" in page
    approved = olga.post(f"{SUITE}history/2/approve/", follow=True)
    assert "approved by Olga Kuznetsova" in words_of(approved)
    back = olga.post(f"{SUITE}history/1/back/", follow=True)
    assert "The checks of suite 1 are suite 3 now." in words_of(back)
    assert olga.get(f"{SUITE}history/?from=9").status_code == 404


def test_who_only_reads_sees_the_past_and_changes_nothing(
    with_suite: Dataset, as_person: Any, cast: Cast
) -> None:
    vera: Client = as_person(cast.vera)
    page = words_of(vera.get(f"{SUITE}history/"))
    assert "2 added" in page
    assert "Approve" not in page
    assert vera.post(f"{SUITE}history/1/approve/").status_code == 403
    assert vera.post(f"{SUITE}history/1/back/").status_code == 403


def test_checks_are_copied_by_hand(
    with_suite: Dataset, visits: Dataset, as_person: Any, cast: Cast
) -> None:
    max_: Client = as_person(cast.max)
    assert "nuclei: In {1, 2" in words_of(max_.get(f"{SUITE}copy/"))
    none = max_.post(f"{SUITE}copy/", {"target": "visits"})
    assert none.status_code == 422
    assert "Choose at least one check." in words_of(none)
    done = max_.post(f"{SUITE}copy/", {"target": "visits", "checks": ["0", "1"]}, follow=True)
    assert "1 check was copied to Visits." in words_of(done)
    assert "Not copied: nuclei" in words_of(done)
    assert present_expectations(fresh(visits)) == [AGE_NOT_NULL]


def test_the_suite_is_a_file_and_a_text_in_both_forms(
    with_suite: Dataset, as_person: Any, cast: Cast
) -> None:
    max_: Client = as_person(cast.max)
    files = {form: max_.get(f"{SUITE}file.{form}") for form in ("json", "yaml")}
    assert files["yaml"]["Content-Disposition"] == 'attachment; filename="patients-suite-1.yaml"'
    wanted = {"expectations": [NUCLEI_IN_SET, AGE_NOT_NULL]}
    assert json.loads(files["json"].content) == yaml.safe_load(files["yaml"].content) == wanted
    assert "- type: expect_column_values_to_not_be_null" in words_of(
        max_.get(f"{SUITE}json/?as=yaml")
    )
    sent = {"suite": as_yaml([AGE_NOT_NULL]), "based_on": 1}
    assert max_.post(f"{SUITE}json/?as=yaml", sent).status_code == 302
    assert present_expectations(fresh(with_suite)) == [AGE_NOT_NULL]


def test_rest_lists_approves_and_copies(
    with_suite: Dataset, visits: Dataset, api: Any, cast: Cast
) -> None:
    olga, vera = api(cast.olga), api(cast.vera)
    [only] = olga.get(f"{REST}versions/").json()["results"]
    assert (only["version"], only["saved_by"], only["approved_by"]) == (1, cast.max.email, None)
    assert vera.post(f"{REST}versions/1/approve/").status_code == 403
    assert olga.post(f"{REST}versions/1/approve/").json()["approved_by"] == cast.olga.email
    assert olga.post(f"{REST}versions/7/approve/").status_code == 404
    own = api(cast.max).post(f"{REST}versions/1/approve/")
    assert (own.status_code, own.json()["code"]) == (422, "own_suite")
    assert vera.post(f"{REST}copy/", {"to": "visits"}, format="json").status_code == 403
    copied = olga.post(f"{REST}copy/", {"to": "visits"}, format="json").json()
    assert copied["copied"] == ["age: Not null"]
    assert (copied["version"], [one["check"][:6] for one in copied["unfit"]]) == (1, ["nuclei"])
    assert olga.post(f"{REST}copy/", {"to": "gone"}, format="json").status_code == 404


def test_a_suite_that_waits_for_approval_shuts_the_gate(
    patients: Dataset, max_acts: Actor, olga_acts: Actor
) -> None:
    def reasons() -> set[str]:
        return {reason.code for reason in dataset_gate(find_dataset_anew(patients)).reasons}

    save_suite(patients, [UNIQUE], actor=max_acts)
    run_now(fresh(patients), max_acts)
    assert reasons() == set()  # nobody approves here
    approve_suite(find_suite(patients, 1), actor=olga_acts)
    save_suite(fresh(patients), [UNIQUE, AGE_NOT_NULL], actor=max_acts)
    run_now(fresh(patients), max_acts)
    assert reasons() == {"unapproved"}
    approve_suite(find_suite(patients, 2), actor=olga_acts)
    assert reasons() == set()


def test_a_copied_check_is_held_against_the_version_before(
    with_suite: Dataset, visits: Dataset, max_acts: Actor
) -> None:
    drift = check(
        "column_psi_to_be_less_than", "warning", column="age", threshold=0.25, reference=1
    )
    with_checks(with_suite, [drift])
    copied = copy_checks(fresh(with_suite), fresh(visits), actor=max_acts)
    assert copied.unfit == []
    [only] = present_expectations(fresh(visits))
    assert only["kwargs"] == {"column": "age", "threshold": 0.25}


def test_what_yaml_1_1_would_change_stays_as_it_is_written() -> None:
    [only] = read(
        "- type: expect_column_values_to_be_in_set\n"
        "  kwargs:\n"
        "    column: land\n"
        "    value_set: [NO, 01234, 12:30, 1_000, 7, -1.5e3, true, null, '42', yes, 0x1f, ~]\n"
    )
    assert only["kwargs"]["value_set"] == [
        "NO", "01234", "12:30", "1_000", 7, -1500.0, True, None, "42", "yes", "0x1f", None
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["- !!int ''", "- !!bool x", "- !!float ''", "- {a: !!int ''}"])
def test_tags_that_do_not_fit_their_values_do_no_harm(text: str) -> None:
    assert isinstance(read(text), list)
