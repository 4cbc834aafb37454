"""Runs: asked for, carried out, reported, cancelled, decided on."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backlog.models import Activity, Actor, Finding, Item, Job, Measurement, Product
from backlog.services import findings, jobs
from dataquality.engine import running
from dataquality.models import Dataset, Profile, Run
from dataquality.queries.gates import dataset_gate
from dataquality.services.datasets import DatasetDraft, register_dataset
from dataquality.services.runs import (
    cancel_run,
    execute_run,
    file_awaiting,
    request_run,
    retry_run,
)
from dataquality.services.suites import save_suite
from dataquality.services.versions import add_version
from mlscrum.lib.errors import Conflict, DomainError
from tests.conftest import Cast
from tests.dataquality.conftest import (
    AGE_NOT_NULL,
    CLEANED,
    NUCLEI_IN_SET,
    ONE_TO_TEN,
    awaiting,
    check,
    run_now,
    upload,
    with_checks,
    work,
)

CANARY = "Canary Meyer"


def test_a_failing_check_files_one_item_and_a_clean_file_closes_it(
    with_suite: Dataset, max_acts: Actor
) -> None:
    run = run_now(with_suite, max_acts)
    assert (run.state, run.tracked, run.health) == ("failed", True, 40.0)
    nuclei = run.results.get(column="nuclei")
    assert (nuclei.outcome, nuclei.unexpected_count, nuclei.element_count) == ("failed", 2, 20)
    assert [row["id"] for row in nuclei.sample] == [3, 7]
    assert nuclei.finding is not None and nuclei.finding.item is not None
    item = nuclei.finding.item
    assert nuclei.finding.evidence["unexpected_count"] == 2
    assert nuclei.finding.evidence["url"] == f"/p/MED/runs/{run.pk}/"

    again = run_now(with_suite, max_acts)
    assert again.results.get(column="nuclei").finding == nuclei.finding
    assert Item.objects.count() == 1
    assert Finding.objects.get().occurrence_count == 2

    delivered = add_version(with_suite, upload(CLEANED), actor=max_acts)
    assert (delivered.created, delivered.version.number, delivered.version.rows) == (True, 2, 18)
    cleaned = run_now(with_suite, max_acts)
    assert (cleaned.state, cleaned.health, cleaned.version) == ("passed", 100.0, delivered.version)
    item.refresh_from_db()
    assert item.status.category == "done"
    assert Finding.objects.get().state == "resolved"


def test_a_run_leaves_one_activity_for_the_request_and_one_for_the_report(
    with_suite: Dataset, max_acts: Actor
) -> None:
    Activity.objects.all().delete()
    run = run_now(with_suite, max_acts)
    assert list(Activity.objects.values_list("kind", flat=True)) == [
        "run.requested",
        "evidence.reported",
    ]
    assert run.report is not None and run.report.key == f"run:{run.pk}"


def test_the_row_count_guard_is_run_and_shown_but_not_counted(
    with_suite: Dataset, max_acts: Actor
) -> None:
    run = run_now(with_suite, max_acts)
    guard = run.results.get(guard=True)
    assert guard.outcome == "passed"
    assert run.statistics["total"] == 2
    assert run.results.count() == 3


def test_a_run_measures_its_subject(with_suite: Dataset, max_acts: Actor) -> None:
    run_now(with_suite, max_acts)
    measured = Measurement.objects.get()
    assert (measured.subject, measured.health, measured.executed, measured.total) == (
        with_suite.subject,
        40.0,
        2,
        2,
    )
    assert with_suite.current_version is not None
    assert measured.batch_key == f"patients:{with_suite.current_version.sha256}"


def test_a_header_without_rows_runs_and_resolves_nothing(
    with_suite: Dataset, max_acts: Actor
) -> None:
    run_now(with_suite, max_acts)
    add_version(with_suite, upload("id,age,nuclei\n"), actor=max_acts)
    run = run_now(with_suite, max_acts)
    outcomes = dict(run.results.values_list("position", "outcome"))
    assert list(outcomes.values()) == ["vacuous", "vacuous", "failed"]
    assert run.health is None
    assert Finding.objects.get(evidence__column="nuclei").state == "open"


def test_a_check_that_can_not_run_is_an_execution_task_and_no_data_item(
    with_suite: Dataset, max_acts: Actor
) -> None:
    without_age = "\n".join(",".join(line.split(",")[::2]) for line in CLEANED.splitlines())
    add_version(with_suite, upload(without_age), actor=max_acts)
    run = run_now(with_suite, max_acts)
    assert run.state == "failed"
    broken = run.results.get(column="age")
    assert broken.outcome == "errored"
    assert broken.finding is not None and broken.finding.is_execution
    assert Item.objects.get().kind == "task"


def test_data_that_can_not_be_read_ends_the_run_as_errored_with_one_finding(
    with_suite: Dataset, max_acts: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> None:
        raise DomainError("does_not_fit", "Column age holds texts.")

    monkeypatch.setattr(running, "opened", refuse)
    first, second = run_now(with_suite, max_acts), run_now(with_suite, max_acts)
    for run in (first, second):
        assert (run.state, run.error_code) == ("errored", "does_not_fit")
        assert run.error_detail == "Column age holds texts."
        assert run.job is not None and run.job.state == Job.State.DONE
    finding = Finding.objects.get()
    assert (finding.is_execution, finding.occurrence_count) == (True, 2)
    monkeypatch.undo()
    run_now(with_suite, max_acts)
    finding.refresh_from_db()
    assert finding.state == "resolved"


def test_a_job_that_fails_for_good_ends_its_run_as_errored(
    with_suite: Dataset, max_acts: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*args: Any) -> None:
        raise RuntimeError("42")

    monkeypatch.setattr(running, "opened", break_down)
    run = run_now(with_suite, max_acts)
    assert (run.state, run.error_code) == ("errored", "internal")
    assert "42" not in run.error_detail
    assert run.finished_at is not None


def test_evidence_of_a_pull_request_touches_nothing(with_suite: Dataset, max_acts: Actor) -> None:
    run = run_now(with_suite, max_acts, context={"pull_request": 5, "commit": "abc"})
    assert (run.state, run.tracked) == ("failed", False)
    assert not Finding.objects.exists()
    assert not Item.objects.exists()
    assert not Measurement.objects.exists()


def test_a_version_of_a_pull_request_taints_the_runs_on_it(
    with_suite: Dataset, max_acts: Actor
) -> None:
    delivered = add_version(
        with_suite, upload(CLEANED), actor=max_acts, context={"pull_request": 5}
    )
    assert with_suite.current_version is not None
    assert with_suite.current_version.number == 1
    run = run_now(with_suite, max_acts, version=delivered.version)
    assert not run.tracked


def test_a_moved_threshold_keeps_the_finding(with_suite: Dataset, max_acts: Actor) -> None:
    run_now(with_suite, max_acts)
    softer = {**NUCLEI_IN_SET, "kwargs": {**NUCLEI_IN_SET["kwargs"], "mostly": 0.95}}
    save_suite(with_suite, [softer], actor=max_acts)
    run_now(with_suite, max_acts)
    assert Finding.objects.get().occurrence_count == 2


def test_twins_are_one_finding(patients: Dataset, max_acts: Actor) -> None:
    limits = [
        check(
            "column_values_to_be_in_set", severity, column="nuclei", value_set=ONE_TO_TEN, mostly=m
        )
        for severity, m in (("warning", 0.95), ("critical", 0.5))
    ]
    save_suite(patients, limits, actor=max_acts)
    run = run_now(patients, max_acts)
    assert [r.outcome for r in run.results.filter(guard=False)] == ["failed", "passed"]
    assert {r.finding for r in run.results.filter(guard=False)} == {Finding.objects.get()}


def test_nothing_runs_without_a_suite(patients: Dataset, max_acts: Actor) -> None:
    with pytest.raises(DomainError, match="no suite"):
        request_run(patients, actor=max_acts)
    assert not Run.objects.exists()


def test_a_waiting_run_is_cancelled_at_once_and_only_once(
    with_suite: Dataset, max_acts: Actor
) -> None:
    run = cancel_run(request_run(with_suite, actor=max_acts), actor=max_acts)
    assert run.state == "cancelled"
    with pytest.raises(Conflict):
        cancel_run(run, actor=max_acts)


def test_a_run_that_was_cancelled_under_way_writes_nothing(
    with_suite: Dataset, max_acts: Actor
) -> None:
    run = request_run(with_suite, actor=max_acts)
    assert run.job is not None
    job = jobs.claim(run.job.pk, "worker")
    assert job is not None
    cancel_run(run, actor=max_acts)
    with pytest.raises(jobs.Cancelled):
        execute_run(jobs.Lease(job))
    assert not run.results.exists()


def test_a_worker_that_lost_its_lease_writes_nothing(with_suite: Dataset, max_acts: Actor) -> None:
    run = request_run(with_suite, actor=max_acts)
    assert run.job is not None
    job = jobs.claim(run.job.pk, "slow")
    assert job is not None
    Job.objects.filter(pk=job.pk).update(lease_owner="quick")
    with pytest.raises(jobs.LeaseLost):
        execute_run(jobs.Lease(job))
    assert not run.results.exists()
    assert not Finding.objects.exists()


def test_a_finished_run_is_tried_again_as_a_new_run(with_suite: Dataset, max_acts: Actor) -> None:
    waiting = request_run(with_suite, actor=max_acts)
    with pytest.raises(Conflict):
        retry_run(waiting, actor=max_acts)
    done = run_now(with_suite, max_acts, context={"commit": "abc"})
    again = retry_run(done, actor=max_acts)
    assert (again.version, again.context, again.state) == (
        done.version,
        {"commit": "abc"},
        "queued",
    )


@pytest.fixture
def first_run(product: Product, max_acts: Actor) -> Run:
    """A first run with six red checks, which waits for a yes."""
    columns = [f"c{number}" for number in range(6)]
    content = ",".join(columns) + "\n" + ",".join("?" for _ in columns) + "\n"
    dataset = register_dataset(product, DatasetDraft(name="Wide"), upload(content), actor=max_acts)
    suite = [check("column_values_to_be_in_set", column=c, value_set=["1"]) for c in columns]
    save_suite(dataset, suite, actor=max_acts)
    return run_now(dataset, max_acts)


def test_a_first_run_with_many_findings_waits_for_a_yes(first_run: Run, max_acts: Actor) -> None:
    assert awaiting(first_run) == 6
    assert not Item.objects.exists()
    assert file_awaiting(first_run, actor=max_acts, checks=[0, 1]) == 2
    assert (awaiting(first_run), Item.objects.count()) == (4, 2)
    assert file_awaiting(first_run, actor=max_acts) == 4
    assert (awaiting(first_run), Item.objects.count()) == (0, 6)
    assert file_awaiting(first_run, actor=max_acts) == 0


def test_what_awaits_a_yes_is_counted_wherever_it_was_decided(
    first_run: Run, max_acts: Actor
) -> None:
    second = run_now(first_run.dataset, max_acts)
    assert (awaiting(first_run), awaiting(second)) == (6, 6)
    waiting = list(Finding.objects.order_by("pk"))
    findings.file_findings(waiting[:2], actor=max_acts)
    findings.mute(waiting[2], actor=max_acts)
    assert (awaiting(first_run), awaiting(second)) == (3, 3)
    columns = ",".join(f"c{number}" for number in range(6))
    add_version(first_run.dataset, upload(f"{columns}\n1,1,1,1,1,1\n"), actor=max_acts)
    run_now(Dataset.objects.get(), max_acts)
    assert (awaiting(first_run), awaiting(second)) == (0, 0)


@pytest.mark.parametrize("choice", ["accept", "watch"])
def test_a_first_run_may_be_accepted_or_watched(
    first_run: Run, max_acts: Actor, choice: str
) -> None:
    file_awaiting(first_run, actor=max_acts, choice=choice)
    assert awaiting(first_run) == 0
    assert set(Finding.objects.values_list("state", flat=True)) == {"muted"}
    assert not Item.objects.exists()


def test_results_stand_in_the_order_of_the_suite(patients: Dataset, max_acts: Actor) -> None:
    save_suite(patients, [AGE_NOT_NULL, NUCLEI_IN_SET], actor=max_acts)
    run = run_now(patients, max_acts)
    assert list(run.results.values_list("column", flat=True)) == ["age", "nuclei", ""]


@pytest.mark.parametrize(
    ("checks", "outcome"),
    [
        ([check("column_values_to_be_between", column="empty", max_value="z")] * 2, "vacuous"),
        ([check("column_mean_to_be_between", column="word", max_value=3)] * 2, "errored"),
    ],
)
def test_a_run_in_which_nothing_was_judged_is_errored_whatever_the_guard_says(
    product: Product, max_acts: Actor, checks: list[Any], outcome: str
) -> None:
    content = upload("word,empty\na,\nb,\n")
    dataset = register_dataset(product, DatasetDraft(name="Words"), content, actor=max_acts)
    run = run_now(with_checks(dataset, checks), max_acts)
    assert {r.outcome for r in run.results.filter(guard=False)} == {outcome}
    assert run.results.get(guard=True).outcome == "passed"
    assert (run.state, run.error_code, run.health) == ("errored", "nothing_judged", None)
    assert dataset_gate(dataset).state != "passed"


def test_a_critical_check_that_saw_nothing_keeps_the_gate_shut(
    product: Product, max_acts: Actor
) -> None:
    content = upload("word,empty\na,\nb,\n")
    dataset = register_dataset(product, DatasetDraft(name="Words"), content, actor=max_acts)
    checks = [
        check("column_values_to_not_be_null", column="word"),
        check("column_values_to_be_in_set", column="empty", value_set=["x"]),
    ]
    run = run_now(with_checks(dataset, checks), max_acts)
    assert run.state == "passed"
    gate = dataset_gate(dataset)
    assert (gate.state, [reason.code for reason in gate.reasons]) == ("unknown", ["vacuous"])


def test_the_log_of_a_crash_says_where_and_holds_no_value(
    with_suite: Dataset,
    max_acts: Actor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def break_down(*args: Any) -> None:
        try:
            int(CANARY)
        except ValueError as error:
            raise RuntimeError(CANARY) from error

    monkeypatch.setattr(running, "opened", break_down)
    run_now(with_suite, max_acts)
    assert "RuntimeError" in caplog.text
    assert "ValueError" in caplog.text
    assert "in break_down" in caplog.text
    assert CANARY not in caplog.text


def test_nul_in_a_value_ends_no_run(product: Product, max_acts: Actor) -> None:
    content = upload("id,word\n1,a\0b\n2,c\n" + "3,a\0b\n" * 20)
    draft = DatasetDraft(name="Words", sample_policy="values", personal_data=False)
    dataset = register_dataset(product, draft, content, actor=max_acts)
    work()
    profile = Profile.objects.get()
    assert (profile.state, profile.error_code) == ("done", "")
    wrong = check("column_values_to_be_in_set", column="word", value_set=["c"])
    save_suite(dataset, [wrong], actor=max_acts)
    run = run_now(dataset, max_acts)
    assert run.state == "failed"
    sample = run.results.get(column="word").sample
    assert sample[0] == {"row": 1, "word": "ab"}


def test_the_guard_shares_no_finding_with_a_check_that_counts_rows(
    with_suite: Dataset, max_acts: Actor
) -> None:
    few = check("table_row_count_to_be_between", min_value=1000)
    save_suite(with_suite, [few], actor=max_acts)
    run = run_now(with_suite, max_acts)
    guard, counted = run.results.get(guard=True), run.results.get(guard=False)
    assert (guard.outcome, guard.finding) == ("passed", None)
    assert counted.finding == Finding.objects.get()


def test_a_guard_that_fails_alone_files_one_finding_and_is_told_apart(
    with_suite: Dataset, max_acts: Actor, as_person: Any, cast: Cast
) -> None:
    add_version(with_suite, upload("id,age,nuclei\n"), actor=max_acts)
    run = run_now(with_suite, max_acts)
    assert run.results.get(guard=True).finding == Finding.objects.get()
    assert (run.statistics["failed"], run.statistics["guard"]) == (0, "failed")
    browser = as_person(cast.max)
    for page in (f"/p/MED/runs/{run.pk}/", "/p/MED/data/patients/runs/"):
        answer = browser.get(page).content.decode()
        assert ">no rows<" in answer
        assert "1 failed" not in answer


AGE = {"type": "comparison", "column": {"name": "age"}, "operator": ">", "parameter": "Meyer"}
CAN_NOT_RUN = check("column_values_to_be_unique", column="id", row_condition=AGE)
LACKS_ITS_COLUMN = check("column_values_to_be_unique", column="gone")


def execution_states() -> dict[str, str]:
    found = Finding.objects.filter(is_execution=True)
    return {finding.evidence["error_code"]: finding.state for finding in found}


def test_a_check_that_left_the_suite_makes_its_execution_finding_obsolete(
    with_suite: Dataset, max_acts: Actor
) -> None:
    with_checks(with_suite, [AGE_NOT_NULL, CAN_NOT_RUN, LACKS_ITS_COLUMN])
    run_now(with_suite, max_acts)
    assert execution_states() == {"bad_condition": "open", "missing_column": "open"}
    with_checks(with_suite, [AGE_NOT_NULL, LACKS_ITS_COLUMN])
    run_now(with_suite, max_acts)
    assert execution_states() == {"bad_condition": "obsolete", "missing_column": "open"}
    item = Finding.objects.get(state="obsolete").item
    assert item is not None
    assert item.status.category == "done"
    assert "its check is gone" in item.comments.get().text


def test_an_execution_finding_waits_until_its_check_is_judged(
    with_suite: Dataset, max_acts: Actor
) -> None:
    for content, state in (
        ("id,age\n1,20\n", "open"),
        ("id,age,nuclei\n1,20,\n", "open"),
        ("id,age,nuclei\n1,20,1\n", "resolved"),
    ):
        add_version(with_suite, upload(content), actor=max_acts)
        run_now(with_suite, max_acts)
        assert execution_states() == {"missing_column": state}


@pytest.mark.parametrize("ending", ["carried out", "unreadable", "broken down"])
def test_the_end_of_a_run_is_one_deed_and_takes_its_number_last(
    with_suite: Dataset, max_acts: Actor, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    def fail(*args: Any) -> None:
        raise DomainError("no", "No.") if ending == "unreadable" else RuntimeError

    if ending != "carried out":
        monkeypatch.setattr(running, "opened", fail)
    run = request_run(with_suite, actor=max_acts)
    before = Activity.objects.count()
    assert run.job is not None
    with CaptureQueriesContext(connection) as statements:
        jobs.run(run.job.pk)
    assert Activity.objects.count() == before + 1
    told = [query["sql"] for query in statements if "SAVEPOINT" not in query["sql"]]
    numbered = [place for place, sql in enumerate(told) if "backlog_activitycounter" in sql]
    assert len(numbered) == 1
    after = told[numbered[0] + 1 :]
    assert after
    assert all("backlog_activity" in sql or "backlog_change" in sql for sql in after)


@pytest.mark.parametrize(
    ("rows", "size", "queue"),
    [
        (20, 400, "small"),
        (1_000_000, 400, "large"),
        (20, 200_000_000, "large"),
        (2_000_000, 0, "large"),
    ],
)
def test_runs_wait_in_the_queue_of_their_weight(
    with_suite: Dataset, max_acts: Actor, rows: int, size: int, queue: str
) -> None:
    with_suite.versions.update(rows=rows, bytes=size)
    with_suite.refresh_from_db()
    run = request_run(with_suite, actor=max_acts)
    assert run.job is not None
    assert run.job.queue == queue
