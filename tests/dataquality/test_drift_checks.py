"""Checks of drift, outliers and representation: judged, run and filed like every other check."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from django.test import Client

from backlog.models import Actor, Finding, Product
from dataquality.engine import catalogue, reading, running, suites
from dataquality.engine.answers import CheckResult
from dataquality.engine.figures import FrameFigures
from dataquality.engine.ours import Reference
from dataquality.engine.spreads import spread_of
from dataquality.models import Dataset, Profile
from dataquality.rules import groups
from dataquality.services.datasets import DatasetDraft, change_schema, register_dataset
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version, purge_version
from mlscrum.lib.errors import DomainError
from tests.conftest import Cast
from tests.dataquality.conftest import Check, check, run_now, upload, work

AGE = {"name": "age", "type": "integer", "null_words": []}
CLINIC = {"name": "clinic", "type": "text", "null_words": []}


def ages(rows: int, *, older_by: int = 0) -> list[int]:
    return [30 + (n * 7) % 50 + older_by for n in range(rows)]


def said(check_: Check, frame: pd.DataFrame, reference: pd.DataFrame | None = None) -> CheckResult:
    kinds = {"age": "integer", "clinic": "text"}
    table = reading.Table(frame, reading.columns_of([AGE, CLINIC]))
    references = {}
    if reference is not None:
        figures = FrameFigures(reference, kinds)
        spreads = {name: spread_of(figures, name) for name in figures.kinds}
        kept = {name: spread for name, spread in spreads.items() if spread is not None}
        references["previous"] = Reference("version 1", kept)
    return running.run_suite(table, [check_], references=references)[0]


def of_ages(values: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"age": values})


PSI = check("column_psi_to_be_less_than", "warning", column="age")
DISTANCE = check("column_ks_distance_to_be_less_than", "warning", column="age")


@pytest.mark.parametrize("drifted", [PSI, DISTANCE])
def test_numbers_that_moved_fail_and_others_pass(drifted: Check) -> None:
    before = of_ages(ages(800))
    same = said(drifted, of_ages(ages(600)), before)
    assert (same.outcome, same.message.split(" against ")[1]) == ("passed", "version 1, 600 rows")
    moved = said(drifted, of_ages(ages(600, older_by=20)), before)
    assert moved.outcome == "failed"
    assert moved.observed_value > 0.25
    assert moved.excess is not None
    assert moved.excess > 0
    assert moved.title.startswith("age has moved from its reference (")


def test_shares_of_categories_that_moved_fail_by_chi_square() -> None:
    effect = check("column_chi_square_effect_to_be_less_than", column="clinic")
    before = pd.DataFrame({"clinic": ["North", "Hill", "Sea"] * 100})
    same = pd.DataFrame({"clinic": ["Hill", "Sea", "North"] * 90})
    assert said(effect, same, before).outcome == "passed"
    moved = said(effect, pd.DataFrame({"clinic": ["North"] * 250 + ["Hill"] * 50}), before)
    assert (moved.outcome, moved.title[:6]) == ("failed", "clinic")
    numbers = {**effect, "kwargs": {"column": "age"}}
    assert said(numbers, of_ages(ages(500, older_by=20)), of_ages(ages(500))).outcome == "failed"


def test_of_few_rows_nothing_is_guessed() -> None:
    few = said(PSI, of_ages(ages(40, older_by=7)), of_ages(ages(800)))
    assert few.outcome == "vacuous"
    assert "Too few rows to tell" in few.message
    assert said(PSI, of_ages(ages(40, older_by=20)), of_ages(ages(800))).outcome == "failed"
    chance = said(DISTANCE, of_ages([*ages(38), *[99] * 6]), of_ages(ages(60)))
    assert chance.outcome == "vacuous"
    assert "by chance" in chance.message


def test_a_check_without_a_reference_is_errored() -> None:
    alone = said(PSI, of_ages(ages(500)))
    assert (alone.outcome, alone.error_code) == ("errored", "no_reference")
    other = said(PSI, of_ages(ages(500)), pd.DataFrame({"clinic": ["North"] * 500}))
    assert (other.outcome, other.error_code) == ("errored", "no_reference")


def test_values_beyond_the_fences_of_the_reference_are_outliers() -> None:
    outliers = check("column_outliers_to_be_few", column="age", mostly=0.99)
    before, present = of_ages(ages(500)), ages(500)
    assert said(outliers, of_ages([*present, 400]), before).outcome == "passed"
    many = said(outliers, of_ages([*present, *[400] * 20]), before)
    assert (many.outcome, many.unexpected_count) == ("failed", 20)
    assert many.excess == pytest.approx(100 * 20 / 520 - 1)


def test_where_half_of_the_values_are_the_same_nothing_is_an_outlier() -> None:
    outliers = check("column_outliers_to_be_few", column="age")
    found = said(outliers, of_ages([0] * 90 + [5] * 10), of_ages([0] * 90 + [1] * 10))
    assert (found.outcome, "are the same" in found.message) == ("vacuous", True)


# Representation -------------------------------------------------------------------------------
def represented(shares: dict[str, float], column: str = "age") -> Check:
    return check("column_groups_to_be_represented", "warning", column=column, shares=shares)


def test_six_percent_against_fourteen_is_a_ratio_of_43() -> None:
    values = [80] * 60 + [40] * 940
    found = said(represented({">= 75": 0.14}), of_ages(values))
    assert (found.outcome, found.observed_value) == ("failed", 0.4286)
    assert ">= 75: 6.0 % of rows against 14.0 %, R 0.43" in found.message
    assert found.title == "groups of age are not represented (R 0.43)"
    assert found.excess == pytest.approx(100 * (0.8 - 0.4286) / 0.8, abs=0.1)
    assert said(represented({">= 75": 0.06, "< 75": 0.94}), of_ages(values)).outcome == "passed"


def test_a_group_of_few_rows_is_not_judged() -> None:
    found = said(represented({">= 75": 0.14}), of_ages([80] * 2 + [40] * 20))
    assert found.outcome == "vacuous"
    assert found.message.startswith("Too few rows to tell, 22.")


def test_categories_and_ranges_are_groups() -> None:
    clinics = pd.DataFrame({"clinic": ["North"] * 700 + ["Hill"] * 300 + [None] * 50})
    by_clinic = represented({"North": 0.5, "Hill": 0.5}, "clinic")
    assert said(by_clinic, clinics).outcome == "failed"
    assert said(represented({"Nobody": 0.2}, "clinic"), clinics).observed_value == 0
    assert groups.range_of("18 to 30") == groups.Range(18, 30)
    assert groups.range_of("30 to 18") is None
    assert groups.range_of("old") is None


# Suites ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        (check("column_psi_to_be_less_than", column="age", threshold=0), "threshold"),
        (check("column_psi_to_be_less_than", column="age", reference="last"), "reference"),
        (check("column_psi_to_be_less_than", column="age", reference=0), "reference"),
        (check("column_psi_to_be_less_than", column="seen"), "column"),
        (check("column_ks_distance_to_be_less_than", column="clinic"), "column"),
        (check("column_groups_to_be_represented", column="age"), "shares"),
        (represented({"old": 0.5}), "shares"),
        (represented({">= 75": 1.4}), "shares"),
        (represented({"North": 0.7, "Hill": 0.7}, "clinic"), "shares"),
        (represented({}), "shares"),
    ],
)
def test_a_check_that_could_say_nothing_is_refused(wrong: Check, pointer: str) -> None:
    schema = [AGE, CLINIC, {"name": "seen", "type": "date", "null_words": []}]
    (problem, *_) = suites.problems([wrong], schema)
    assert problem.pointer == f"/expectations/0/kwargs/{pointer}"


def test_moving_reference_limit_or_shares_keeps_the_finding() -> None:
    one = check("column_psi_to_be_less_than", column="age", threshold=0.1, reference=3)
    assert suites.check_of(one) == suites.check_of(PSI)
    assert suites.check_of(represented({">= 75": 0.1})) == suites.check_of(
        represented({">= 65": 0.2})
    )


def test_checks_of_ours_read_in_words() -> None:
    assert suites.words(PSI) == "PSI at most 0.25 against the version before"
    fixed = check("column_psi_to_be_less_than", column="age", threshold=0.1, reference=3)
    assert suites.words(fixed) == "PSI at most 0.1 against version 3"
    assert suites.words(represented({">= 75": 0.14})) == (
        "1 group represented within 0.8 to 1.25 of the reference"
    )
    assert catalogue.find(PSI["type"]) in catalogue.expectations()


# Runs -----------------------------------------------------------------------------------------
def visits_csv(*, older_by: int = 0, rows: int = 600) -> str:
    lines = (f"{n},{age}" for n, age in enumerate(ages(rows, older_by=older_by)))
    return "id,age\n" + "\n".join(lines) + "\n"


@pytest.fixture
def visits(product: Product, max_acts: Actor) -> Dataset:
    """Visits without values kept, with a check of drift against version 1."""
    dataset = register_dataset(
        product, DatasetDraft(name="Visits"), upload(visits_csv()), actor=max_acts
    )
    suite = [{**PSI, "kwargs": {"column": "age", "reference": 1}}]
    save_suite(dataset, suite, actor=max_acts)
    return dataset


def deliver(dataset: Dataset, actor: Actor, **content: int) -> Dataset:
    add_version(dataset, upload(visits_csv(**content)), actor=actor)
    found: Dataset = Dataset.objects.of(dataset.product).get(pk=dataset.pk)
    return found


def test_drift_files_a_finding_and_closes_it(visits: Dataset, max_acts: Actor) -> None:
    first = run_now(visits, max_acts)
    assert first.results.get(guard=False).outcome == "vacuous"
    drifted = run_now(deliver(visits, max_acts, older_by=25), max_acts)
    result = drifted.results.get(guard=False)
    assert (drifted.state, result.outcome) == ("failed", "failed")
    assert (result.observed_value or 0) > 0.25
    finding = Finding.objects.get(is_execution=False)
    assert (finding.state, finding.item is not None) == ("open", True)
    assert "reference" in finding.title
    back = run_now(deliver(visits, max_acts, rows=650), max_acts)
    assert back.results.get(guard=False).outcome == "passed"
    finding.refresh_from_db()
    assert finding.state == "resolved"


def test_a_reference_is_read_from_its_profile_or_its_file(visits: Dataset, max_acts: Actor) -> None:
    work()
    profile = Profile.objects.get(version__number=1)
    assert "spread" not in profile.data["columns"][1]
    assert run_now(deliver(visits, max_acts, rows=650), max_acts).state == "passed"
    purge_version(visits.versions.get(number=1), actor=max_acts)
    run = run_now(visits, max_acts)
    result = run.results.get(guard=False)
    assert (result.outcome, "purged" in result.message) == ("errored", True)


def test_a_kept_profile_stands_for_rows_that_are_gone(product: Product, max_acts: Actor) -> None:
    draft = DatasetDraft(name="Visits", sample_policy="values")
    dataset = register_dataset(product, draft, upload(visits_csv()), actor=max_acts)
    save_suite(dataset, [PSI], actor=max_acts)
    work()
    dataset = deliver(dataset, max_acts, older_by=25)
    version = dataset.versions.get(number=1)
    version.file = ""
    version.purged_at = version.created_at
    version.save()
    assert run_now(dataset, max_acts).results.get(guard=False).outcome == "failed"


def clinics_csv(rows: int) -> str:
    lines = (f"{n},{('North', 'Hill', '?', '?')[n % 4]}" for n in range(rows))
    return "id,clinic\n" + "\n".join(lines) + "\n"


def test_a_profile_made_by_another_reading_is_no_reference(
    product: Product, max_acts: Actor
) -> None:
    draft = DatasetDraft(name="Visits", sample_policy="values")
    dataset = register_dataset(product, draft, upload(clinics_csv(400)), actor=max_acts)
    add_version(dataset, upload(clinics_csv(440)), actor=max_acts)
    work()
    dataset = Dataset.objects.of(product).get(pk=dataset.pk)
    save_suite(
        dataset,
        [check("column_psi_to_be_less_than", column="clinic", reference=1)],
        actor=max_acts,
    )
    dataset = change_schema(
        dataset, columns={"clinic": {"null_words": ["?"]}}, actor=max_acts
    ).dataset
    work()
    assert run_now(dataset, max_acts).results.get(guard=False).outcome == "passed"
    version = dataset.versions.get(number=1)
    version.file, version.purged_at = "", version.created_at
    version.save()
    gone = run_now(dataset, max_acts).results.get(guard=False)
    assert (gone.outcome, "purged" in gone.message) == ("errored", True)


def test_a_suite_names_only_versions_that_there_are(visits: Dataset, max_acts: Actor) -> None:
    suite = [{**PSI, "kwargs": {"column": "age", "reference": 9}}]
    with pytest.raises(DomainError) as refused:
        save_suite(visits, suite, actor=max_acts)
    assert refused.value.errors[0].pointer == "/expectations/0/kwargs/reference"


# Pages ----------------------------------------------------------------------------------------
ADD = "/p/MED/data/visits/suite/add/?type=expect_column_"


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


def kwargs_of(dataset: Dataset) -> dict[str, Any]:
    suite = Dataset.objects.get(pk=dataset.pk).current_suite
    assert suite is not None
    kwargs: dict[str, Any] = suite.expectations[-1]["kwargs"]
    return kwargs


def test_checks_of_ours_have_forms(visits: Dataset, max_: Client) -> None:
    page = max_.get(f"{ADD}psi_to_be_less_than").content.decode()
    assert "The version before" in page
    assert "Version 1" in page
    sent = {"kwarg_column": "age", "kwarg_threshold": "0.2", "kwarg_reference": "1",
            "severity": "info"}  # fmt: skip
    assert max_.post(f"{ADD}psi_to_be_less_than", sent).status_code == 302
    assert kwargs_of(visits) == {"column": "age", "threshold": 0.2, "reference": 1}
    shares = {"kwarg_column": "age", "kwarg_shares": ">= 75: 14 %\n< 75: 0.86", "severity": "info"}
    assert max_.post(f"{ADD}groups_to_be_represented", shares).status_code == 302
    assert kwargs_of(visits) == {"column": "age", "shares": {">= 75": 0.14, "< 75": 0.86}}
    again = max_.get("/p/MED/data/visits/suite/2/").content.decode()
    assert "&gt;= 75: 0.14" in again


@pytest.mark.parametrize(
    ("text", "said"),
    [("old", "is none"), ("x: y", "is none"), (">= 75: 0.1\n>= 75: 0.2", "stands twice"),
     ("old: 0.5", "no group of numbers")],
)  # fmt: skip
def test_shares_that_can_not_be_read_are_refused(
    visits: Dataset, max_: Client, text: str, said: str
) -> None:
    sent = {"kwarg_column": "age", "kwarg_shares": text, "severity": "info"}
    answer = max_.post(f"{ADD}groups_to_be_represented", sent)
    assert answer.status_code == 422
    assert said in answer.content.decode()


def suggested_drift(dataset: Dataset) -> dict[str, tuple[str, int | None]]:
    """The suggested checks of drift of the newest profile: by column reason and rows."""
    work()
    profile = Profile.objects.filter(version__dataset=dataset).latest("version__number")
    return {
        one["expectation"]["kwargs"]["column"]: (one["reason"], one["breaks_now"])
        for one in profile.suggestions
        if one["expectation"]["type"] == catalogue.PSI
    }


def test_a_profile_suggests_checks_of_drift_where_there_is_a_version_to_compare_with(
    product: Product, max_acts: Actor
) -> None:
    def file(values: list[int]) -> Any:
        return upload("id,age\n" + "".join(f"{n},{age}\n" for n, age in enumerate(values)))

    draft = DatasetDraft(name="Patients", personal_data=False, sample_policy="values")
    dataset = register_dataset(product, draft, file(ages(800)), actor=max_acts)
    assert suggested_drift(dataset) == {}
    add_version(dataset, file(ages(700)), actor=max_acts)
    found = suggested_drift(dataset)
    # The key only counts the rows, and moves with their number.
    assert list(found) == ["age"]
    assert found["age"] == (
        "Its PSI against version 1 is 0.00; above 0.25 it has drifted.", 0
    )  # fmt: skip
    add_version(dataset, file(ages(700, older_by=40)), actor=max_acts)
    assert suggested_drift(dataset)["age"][1] is None


def test_without_values_there_is_nothing_to_hold_drift_against(
    product: Product, max_acts: Actor
) -> None:
    content = "id,age\n" + "".join(f"{n},{age}\n" for n, age in enumerate(ages(800)))
    dataset = register_dataset(
        product, DatasetDraft(name="Patients"), upload(content), actor=max_acts
    )
    work()
    add_version(dataset, upload(content.replace("\n1,", "\n9001,")), actor=max_acts)
    assert suggested_drift(dataset) == {}
