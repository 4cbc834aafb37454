"""Gates of datasets: unknown is not passed, and the newest batch speaks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from backlog.models import Activity, Actor, Product
from dataquality.models import Dataset, Run
from dataquality.queries.gates import Gate, dataset_gate, dataset_gates
from dataquality.rules import gates as rules
from dataquality.rules.gates import Check, Facts
from dataquality.services.columns import report_columns
from dataquality.services.connections import ConnectionDraft, add_connection
from dataquality.services.datasets import DatasetDraft, register_dataset, update_dataset
from dataquality.services.origins import DatabaseRows
from dataquality.services.runs import request_run
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version
from tests.conftest import Cast
from tests.dataquality.conftest import check, run_now, upload


def facts(*checks: tuple[str, str], **other: Any) -> Facts:
    given = {
        "run_state": "passed",
        "by_present_suite": True,
        "waits_for_approval": False,
        "health": 100.0,
        "age_s": 60.0,
        "max_age_s": None,
        "checks": [Check(outcome, severity, "Age: not null") for outcome, severity in checks],
    }
    return Facts(**{**given, **other})


@pytest.mark.parametrize(
    ("checks", "fail_on", "state", "codes"),
    [
        ([("passed", "critical")], "critical", "passed", []),
        ([("passed", "critical"), ("failed", "warning")], "critical", "passed", []),
        ([("passed", "critical"), ("failed", "warning")], "warning", "failed", ["failed"]),
        ([("passed", "warning"), ("errored", "critical")], "critical", "failed", ["could_not_run"]),
        ([("passed", "warning"), ("vacuous", "critical")], "critical", "unknown", ["vacuous"]),
        ([("passed", "critical"), ("vacuous", "warning")], "critical", "passed", []),
        (
            [("failed", "critical"), ("vacuous", "critical")],
            "critical",
            "failed",
            ["failed", "vacuous"],
        ),
    ],
)
def test_only_what_passed_opens_a_gate(
    checks: list[tuple[str, str]], fail_on: str, state: str, codes: list[str]
) -> None:
    found = rules.dataset_gate(facts(*checks), fail_on)
    assert (found.state, [reason.code for reason in found.reasons]) == (state, codes)


def test_a_run_beyond_the_freshness_limit_leaves_the_gate_unknown() -> None:
    found = rules.dataset_gate(facts(("passed", "critical"), age_s=3601.0, max_age_s=3600.0))
    assert (found.state, [reason.code for reason in found.reasons]) == ("unknown", ["stale"])


SEEN = "id,seen,age\n" + "".join(
    f"{n},2024-0{1 if n <= 10 else 2}-{n % 9 + 10},{'' if n == 1 else 30}\n" for n in range(1, 21)
)
ALL_AGES = check("column_values_to_not_be_null", column="age")
MONTHS = {"by": "month", "column": "seen"}


@pytest.fixture(params=["file", "database"])
def visits(request: Any, product: Product, max_acts: Actor, cast: Cast, settings: Any) -> Dataset:
    """Two months of visits, of which January misses an age; one month is a batch."""
    draft = DatasetDraft(name="Visits", batch=MONTHS)
    source: Any = upload(SEEN)
    if request.param == "database":
        folder = settings.SOURCES_DIR / "MED"
        folder.mkdir(exist_ok=True)
        with closing(sqlite3.connect(folder / "clinic.sqlite3")) as clinic:
            clinic.execute("create table visits (id integer, seen date, age integer)")
            rows = [line.split(",") for line in SEEN.splitlines()[1:]]
            clinic.executemany("insert into visits values (?, ?, nullif(?, ''))", rows)
            clinic.commit()
        connection = add_connection(
            product,
            ConnectionDraft("Clinic", "sql", "sqlite:///clinic.sqlite3"),
            actor=Actor.person(cast.olga),
        )
        source = DatabaseRows(connection, table="visits")
    dataset = register_dataset(product, draft, source, actor=max_acts)
    save_suite(dataset, [ALL_AGES], actor=max_acts)
    return dataset


def gate_of(dataset: Dataset) -> tuple[str, str | None]:
    """State and batch of the gate, which is the same alone and among many."""
    fresh = Dataset.objects.of(dataset.product).get(pk=dataset.pk)
    alone, listed = dataset_gate(fresh), dataset_gates([fresh])[fresh.pk]
    assert (alone.state, alone.run) == (listed.state, listed.run)
    batch = alone.run.batch if alone.run else None
    return alone.state, batch["value"] if batch else None


def test_a_divided_dataset_is_judged_by_its_newest_batch(visits: Dataset, max_acts: Actor) -> None:
    assert run_now(visits, max_acts).state == "passed"
    assert gate_of(visits) == ("passed", "2024-02")
    # January was checked later, and is older all the same.
    visits.refresh_from_db()
    assert run_now(visits, max_acts, batch="2024-01").state == "failed"
    found = dataset_gate(Dataset.objects.of(visits.product).get(pk=visits.pk))
    assert found.run is not None
    assert found.run.batch == {**MONTHS, "value": "2024-02"}
    # Its finding is open and shuts the gate, the run does not.
    assert {reason.code for reason in found.reasons} == {"open_finding"}
    # A newest batch that is to be found yet comes first.
    visits.refresh_from_db()
    request_run(visits, actor=max_acts)
    waiting = dataset_gate(Dataset.objects.of(visits.product).get(pk=visits.pk))
    assert "running" in {reason.code for reason in waiting.reasons}


def test_a_run_that_never_knew_its_batch_speaks_until_a_later_one_has(
    visits: Dataset, max_acts: Actor
) -> None:
    run_now(visits, max_acts)
    failed = run_now(visits, max_acts)
    failed.results.all().delete()
    why = {"error_code": "cannot_connect", "error_detail": "It is out of reach."}
    batch = {**MONTHS, "value": "newest"}
    Run.objects.filter(pk=failed.pk).update(state="errored", batch=batch, **why)
    assert gate_of(visits) == ("unknown", "newest")
    visits.refresh_from_db()
    run_now(visits, max_acts)
    assert gate_of(visits) == ("passed", "2024-02")


def test_where_values_divide_the_last_run_speaks(visits: Dataset, max_acts: Actor) -> None:
    update_dataset(visits, actor=max_acts, batch={"by": "value", "column": "id"})
    visits.refresh_from_db()
    run_now(visits, max_acts)
    state, batch = gate_of(visits)
    assert (state, str(batch)) == ("passed", "20")  # 20 is beyond 9, though not as a text
    visits.refresh_from_db()
    run_now(visits, max_acts, batch="1")
    state, batch = gate_of(visits)
    assert (state, str(batch)) == ("failed", "1")


def test_runs_of_another_division_judge_nothing(visits: Dataset, max_acts: Actor) -> None:
    run_now(visits, max_acts)
    update_dataset(visits, actor=max_acts, batch=None)
    assert gate_of(visits) == ("unknown", None)
    visits.refresh_from_db()
    run_now(visits, max_acts)
    assert gate_of(visits)[0] == "failed"
    update_dataset(visits, actor=max_acts, batch={"by": "day", "column": "seen"})
    assert dataset_gate(Dataset.objects.of(visits.product).get(pk=visits.pk)).run is None


def with_columns_of_visits(dataset: Dataset, actor: Actor, *, age: bool) -> Dataset:
    """The dataset once its newest content has an age, or has none."""
    if dataset.is_live:
        change = "add column age integer default 30" if age else "drop column age"
        with closing(sqlite3.connect(settings.SOURCES_DIR / "MED" / "clinic.sqlite3")) as clinic:
            clinic.execute(f"alter table visits {change}")
    else:
        rows = [line.split(",") for line in SEEN.splitlines()]
        kept = [[*row[:2], *([row[2] or "31"] if age else [])] for row in rows]
        add_version(dataset, upload("\n".join(",".join(row) for row in kept)), actor=actor)
    return Dataset.objects.of(dataset.product).get(pk=dataset.pk)


def test_a_gate_knows_the_columns_of_the_run_that_it_judges(
    visits: Dataset, max_acts: Actor
) -> None:
    gone = "Visits: the column age is gone, and in use"

    def gate_after_a_run(*, age: bool) -> Gate:
        dataset = with_columns_of_visits(visits, max_acts, age=age)
        run = run_now(dataset, max_acts)
        return dataset_gate(Dataset.objects.of(visits.product).get(pk=visits.pk), run=run)

    assert gate_after_a_run(age=False).state != "passed"
    assert report_columns(timezone.now()) == 1
    shut = dataset_gate(Dataset.objects.of(visits.product).get(pk=visits.pk))
    assert any(gone in reason.detail for reason in shut.reasons)
    open_again = gate_after_a_run(age=True)
    assert (open_again.state, open_again.reasons) == ("passed", [])
    # It is said once, and stands in an entry of its own beside what the run did.
    said = Activity.objects.filter(kind="evidence.reported", data__source="schema")
    deeds = [(len(one.data["created"]), len(one.data["resolved"])) for one in said.order_by("seq")]
    assert deeds == [(1, 0), (0, 1)]
