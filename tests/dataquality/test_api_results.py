"""Results of other tools file, reopen and close the team's items, each report once."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.utils import timezone

from backlog.models import Activity, Actor, Finding, Item, Measurement, Product, Scope, StoredReport
from dataquality.models import Dataset, DatasetVersion, Result, Run
from tests.conftest import Cast
from tests.dataquality.conftest import run_now
from tests.dataquality.posted import (
    ACCEPTED,
    JUNIT,
    MANIFEST,
    MEAN,
    MISSING_COLUMN,
    NOT_NULL,
    UNIQUE,
    dbt_result,
    described,
    outside_bounds,
    run_results,
    too_many_nulls,
    validation,
)

RESULTS = "/api/v1/products/MED/results/"
ANSWERED = {"run", "gate", "created", "updated", "reopened", "resolved", "errored"}


@pytest.fixture
def ci(api: Any, product: Product) -> Any:
    """A product's token that posts evidence and no more."""
    return api(product=product, scopes=(Scope.EVIDENCE,))


@pytest.fixture
def clinic(api: Any, cast: Cast, product: Product) -> Dataset:
    """A dataset that is checked elsewhere; nothing but counts of it may be kept."""
    sent = {"format": "gx", "result": validation(MEAN), "create_missing": True}
    assert api(cast.max).post(RESULTS, sent).status_code == 200
    Run.objects.all().delete()
    Measurement.objects.all().delete()
    StoredReport.objects.all().delete()
    found: Dataset = Dataset.objects.of(product).get()
    return found


def test_results_within_json_are_called_payload_or_result(
    api: Any, cast: Cast, clinic: Dataset
) -> None:
    max_ = api(cast.max)
    for name in ("payload", "result"):
        sent = {"format": "gx", "dataset": clinic.slug, name: validation(MEAN)}
        assert max_.post(RESULTS, sent).status_code == 200
    both = {"format": "gx", "payload": validation(MEAN), "result": validation(MEAN)}
    for wrong in (both, {"format": "gx"}):
        answer = max_.post(RESULTS, wrong)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/payload")
    odd = max_.post(RESULTS, {"format": "gx", "payload": {"nothing": 1}})
    assert odd.json()["errors"][0]["pointer"] == "/payload"


def at(day: int, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A posting of results that were checked on a day of March."""
    checked = f"2026-03-{day:02}T06:00:00+00:00"
    result = validation(*results, validation_time=checked)
    return {"format": "gx", "dataset": "patients", "result": result, **more}


def rows(but: tuple[type[models.Model], ...] = ()) -> dict[str, int]:
    return {m.__name__: m._default_manager.count() for m in apps.get_models() if m not in but}


# The answer --------------------------------------------------------------------------------------


def test_what_great_expectations_found_becomes_a_run_findings_and_items(
    ci: Any, clinic: Dataset
) -> None:
    answer = ci.post(
        RESULTS, at(14, too_many_nulls(87), outside_bounds(300, -1, 130, 999), MEAN, MISSING_COLUMN)
    )
    told = answer.json()
    assert answer.status_code == 200
    assert set(told) >= ANSWERED
    run = Run.objects.get()
    assert (told["run"], run.state, run.trigger, run.engine) == (run.pk, "failed", "ingest", "gx")
    # The medical example of the design: P1 of the nulls, P4 of the bounds, one execution item.
    found = Finding.objects.order_by("priority")
    assert {f.priority for f in found.filter(is_execution=False)} == {"P1", "P4"}
    assert (len(told["created"]), len(told["errored"])) == (2, 1)
    assert round(run.health or 0) == 17
    assert run.statistics["passed"] + run.statistics["failed"] == 3
    assert told["gate"]["state"] == "failed"
    assert {reason["code"] for reason in told["gate"]["reasons"]} == {
        "failed", "could_not_run", "open_finding",
    }  # fmt: skip
    assert Activity.objects.filter(kind="evidence.reported").count() == 2


def test_the_run_is_read_by_rest_without_a_version(ci: Any, api: Any, cast: Cast, clinic: Dataset):
    run = ci.post(RESULTS, at(14, too_many_nulls(87))).json()["run"]
    reader = api(cast.vera)
    shown = reader.get(f"/api/v1/runs/{run}/").json()
    assert (shown["version"], shown["suite_version"], shown["engine"]) == (None, None, "gx")
    assert shown["batch"].startswith("patients:2026-03-14")
    assert shown["results"][0]["unexpected_count"] == 87
    listed = reader.get("/api/v1/datasets/MED/patients/runs/").json()["results"]
    assert [one["id"] for one in listed] == [run]
    assert reader.get("/api/v1/datasets/MED/patients/").json()["health"] == 0
    assert reader.get("/api/v1/datasets/MED/patients/gate/").json()["state"] == "failed"


def test_the_same_results_twice_change_nothing(ci: Any, clinic: Dataset) -> None:
    first = ci.post(RESULTS, at(14, too_many_nulls(87))).json()
    before = rows()
    again = ci.post(RESULTS, at(14, too_many_nulls(87))).json()
    assert rows() == before
    assert again["runs"][0]["already_taken"] is True
    again["runs"][0]["already_taken"] = False
    for told in (first, again):
        told["gate"].update(checked_at=0, age_s=0)
        told["runs"][0]["gate"].update(checked_at=0, age_s=0)
    assert again == first
    assert Finding.objects.get().occurrence_count == 1


def test_an_external_id_names_one_report(ci: Any, clinic: Dataset) -> None:
    sent = {"format": "gx", "dataset": "patients", "external_id": "job-1"}
    told = ci.post(RESULTS, {**sent, "result": described(too_many_nulls(87))}).json()
    before = rows()
    assert ci.post(RESULTS, {**sent, "result": described(too_many_nulls(87))}).json()["run"] \
        == told["run"]  # fmt: skip
    other = ci.post(RESULTS, {**sent, "result": described(too_many_nulls(90))})
    assert (other.status_code, other.json()["code"]) == (409, "external_id_taken")
    assert rows() == before
    # Without a name and without a time of its own the same content may be of another day.
    del sent["external_id"]
    for _ in range(2):
        ci.post(RESULTS, {**sent, "result": described(too_many_nulls(87))})
    assert Run.objects.count() == 3


def test_green_closes_the_item_and_red_brings_it_back(ci: Any, clinic: Dataset) -> None:
    [ref] = ci.post(RESULTS, at(14, too_many_nulls(87))).json()["created"]
    assert ci.post(RESULTS, at(15, too_many_nulls(88))).json()["updated"] == [ref]
    assert ci.post(RESULTS, at(16, too_many_nulls(1))).json()["resolved"] == [ref]
    assert ci.post(RESULTS, at(17, too_many_nulls(90))).json()["reopened"] == [ref]
    assert Finding.objects.get().regressed


def test_results_that_come_out_of_order_are_taken_by_the_time_of_their_batch(
    ci: Any, api: Any, cast: Cast, clinic: Dataset
) -> None:
    ci.post(RESULTS, at(14, too_many_nulls(87)))
    ci.post(RESULTS, at(20, too_many_nulls(1)))
    late = ci.post(RESULTS, at(17, too_many_nulls(90))).json()
    assert late["reopened"] == []
    assert Finding.objects.get().state == Finding.State.RESOLVED
    # Health and gate are those of the newest batch, whenever it came.
    reader = api(cast.max)
    assert reader.get("/api/v1/datasets/MED/patients/").json()["health"] == 100
    gate = reader.get("/api/v1/datasets/MED/patients/gate/").json()
    assert (gate["state"], gate["run"]) == ("passed", Run.objects.order_by("pk")[1].pk)


def test_as_of_and_batch_take_the_place_of_what_the_report_says(ci: Any, clinic: Dataset) -> None:
    ci.post(RESULTS, at(14, too_many_nulls(1), as_of="2026-02-01T00:00:00Z", batch="february"))
    run = Run.objects.get()
    assert run.batch_at == datetime(2026, 2, 1, tzinfo=UTC)
    assert run.data_key == "patients:february"


# Who is tracked ----------------------------------------------------------------------------------


def test_results_of_a_pull_request_say_what_they_would_have_done(ci: Any, clinic: Dataset) -> None:
    told = ci.post(RESULTS, at(14, too_many_nulls(87), context={"pull_request": "7"})).json()
    assert told["tracked"] is False
    assert told["created"] == ["patients: age is missing in 8.7 % of rows (limit 2 %)"]
    assert not Finding.objects.exists()
    assert not Item.objects.exists()
    assert not Measurement.objects.exists()
    assert told["gate"]["state"] == "failed"
    on_main = ci.post(RESULTS, at(14, too_many_nulls(87), context={"branch": "main"})).json()
    assert on_main["created"] == [Item.objects.get().ref]


# fail_on and dry_run -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fail_on", "result", "status"),
    [
        ("critical", too_many_nulls(87), 422),
        ("critical", too_many_nulls(1), 200),
        ("critical", outside_bounds(300, -1), 200),
        ("warning", outside_bounds(300, -1), 422),
    ],
)
def test_a_breach_answers_422_with_the_same_body(
    ci: Any, clinic: Dataset, fail_on: str, result: dict[str, Any], status: int
) -> None:
    answer = ci.post(f"{RESULTS}?fail_on={fail_on}", at(14, result))
    assert answer.status_code == status
    assert set(answer.json()) >= ANSWERED
    assert Run.objects.count() == 1


def test_a_dry_run_changes_nothing_and_says_what_would_happen(ci: Any, clinic: Dataset) -> None:
    before = rows()
    answer = ci.post(f"{RESULTS}?dry_run=1&fail_on=critical", at(14, too_many_nulls(87)))
    told = answer.json()
    assert answer.status_code == 422
    assert rows() == before
    assert (told["dry_run"], told["run"]) == (True, None)
    assert told["created"] == ["patients: age is missing in 8.7 % of rows (limit 2 %)"]
    assert all(reason["item"] is None for reason in told["gate"]["reasons"])
    # What is there already is told by its ref.
    [ref] = ci.post(RESULTS, at(14, too_many_nulls(87))).json()["created"]
    assert ci.post(f"{RESULTS}?dry_run=1", at(15, too_many_nulls(1))).json()["resolved"] == [ref]
    assert Finding.objects.get().state == Finding.State.OPEN


def test_a_dry_run_makes_no_dataset(api: Any, cast: Cast, product: Product) -> None:
    sent = {"format": "gx", "result": validation(MEAN), "create_missing": True}
    maxs = api(cast.max)
    before = rows()
    told = maxs.post(f"{RESULTS}?dry_run=1", sent).json()
    assert told["datasets_created"] == ["patients"]
    assert rows() == before


# Which dataset -----------------------------------------------------------------------------------


def test_models_of_dbt_are_matched_and_others_are_listed(
    ci: Any, api: Any, cast: Cast, clinic: Dataset
) -> None:
    maxs = api(cast.max)
    change = {"known_as": ["main.orders"]}
    assert maxs.patch("/api/v1/datasets/MED/patients/", change).status_code == 200
    results = run_results(
        dbt_result(NOT_NULL, "fail", 87),
        dbt_result(ACCEPTED, "warn", 3),
        dbt_result(UNIQUE, "pass"),
    )
    told = ci.post(RESULTS, {"format": "dbt", "result": results, "manifest": MANIFEST}).json()
    assert told["unmatched"] == [{"name": "customers", "results": 1}]
    assert [run["dataset"] for run in told["runs"]] == ["patients"]
    severities = Result.objects.order_by("position").values_list("severity", "unexpected_count")
    assert list(severities) == [("critical", 87), ("warning", 3)]
    more = {"format": "dbt", "result": results, "manifest": MANIFEST, "create_missing": True,
            "as_of": "2026-03-15T00:00:00Z", "source": "max"}  # fmt: skip
    assert maxs.post(RESULTS, more).json()["datasets_created"] == ["customers"]
    customers = Dataset.objects.get(subject__slug="customers")
    assert customers.known_as == ["model.shop.customers", '"prod"."main"."customers"']


def test_a_test_that_a_partial_run_leaves_out_is_never_green(ci: Any, clinic: Dataset) -> None:
    sent = {"format": "dbt", "dataset": "patients"}
    ci.post(RESULTS, {**sent, "result": run_results(dbt_result(NOT_NULL, "fail", 87))})
    later = run_results(dbt_result(ACCEPTED, "pass", 0), dbt_result(NOT_NULL, "skipped"))
    later["metadata"]["generated_at"] = "2026-03-15T06:00:00Z"
    assert ci.post(RESULTS, {**sent, "result": later}).json()["resolved"] == []
    assert Finding.objects.get().state == Finding.State.OPEN


def test_a_name_that_nobody_knows_is_refused(ci: Any, clinic: Dataset) -> None:
    answer = ci.post(RESULTS, {"format": "gx", "result": validation(MEAN, asset="trips")})
    assert (answer.status_code, answer.json()["code"]) == (422, "no_dataset")
    assert answer.json()["unmatched"] == [{"name": "trips", "results": 1}]
    assert ci.post(RESULTS, at(14, MEAN, dataset="trips")).status_code == 404


def test_making_datasets_takes_the_right_to_register(ci: Any, product: Product) -> None:
    sent = {"format": "gx", "result": validation(MEAN), "create_missing": True}
    assert ci.post(RESULTS, sent).status_code == 403
    assert not Dataset.objects.exists()


def test_two_datasets_may_not_be_known_by_one_name(
    api: Any, cast: Cast, clinic: Dataset, product: Product
) -> None:
    maxs = api(cast.max)
    maxs.post(RESULTS, {"format": "gx", "create_missing": True,
                        "result": validation(MEAN, asset="trips")})  # fmt: skip
    answer = maxs.patch("/api/v1/datasets/MED/trips/", {"known_as": ['"PD"."Patients"']})
    assert answer.status_code == 400
    assert "Patients" in answer.json()["detail"]


# Tests, and our own words ------------------------------------------------------------------------


def test_tests_about_no_dataset_become_findings_of_the_product(ci: Any, product: Product) -> None:
    file = SimpleUploadedFile("junit.xml", JUNIT, "text/xml")
    sent = {"format": "junit", "file": file, "severity": "warning"}
    answer = ci.post(RESULTS, sent, format="multipart")
    told = answer.json()
    assert (answer.status_code, told["run"]) == (200, None)
    assert (len(told["created"]), len(told["errored"])) == (1, 1)
    assert not Run.objects.exists()
    assert {item.kind for item in Item.objects.all()} == {"bug", "task"}
    assert told["gate"]["state"] == "passed"  # a warning, and fail_on is critical
    assert ci.post(f"{RESULTS}?fail_on=warning", {**sent, "file": SimpleUploadedFile(
        "junit.xml", JUNIT)}, format="multipart").status_code == 422  # fmt: skip
    assert Finding.objects.filter(occurrence_count=1).count() == 2


def test_results_in_our_own_words_are_taken(ci: Any, clinic: Dataset) -> None:
    volume = {"fingerprint": "volume", "title": "Half as many rows", "outcome": "failed"}
    sent = {"format": "generic", "dataset": "patients", "result": {"checks": [volume]}}
    told = ci.post(RESULTS, sent).json()
    assert Item.objects.get(number=int(told["created"][0].partition("-")[2])).title == (
        "patients: Half as many rows"
    )
    assert Result.objects.get().meta["words"] == "Half as many rows"


# What may come in --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        (b'{"format": "gx", "result": {"results": [{"success": NaN}]}}', 400,
         "/result/results/0/success"),
        (b'{"format": "gx", "result": {"results": [{"x": [1, -Infinity]}]}}', 400,
         "/result/results/0/x/1"),
        (b'{"format": "gx", "result": {"results": [{}]}}', 400, "/result/results/0"),
        (b'{"format": "gx", "result": {"nothing": 1}}', 400, "/result"),
        (b'{"format": "odd", "result": {}}', 400, "/format"),
        (b'{"format": "gx"}', 400, "/payload"),
        (b'{"format": "gx", "result": {}, "rows": []}', 400, "/rows"),
        (b'{"format": "junit", "result": {"a": 1}}', 400, "/result"),
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_refused_by_its_path(
    ci: Any, clinic: Dataset, body: bytes, status: int, path: str
) -> None:
    answer = ci.generic("POST", RESULTS, body, content_type="application/json")
    assert answer.status_code == status
    assert answer.json()["errors"][0]["pointer"] == path
    assert not Run.objects.exists()


def test_files_are_read_as_strictly(ci: Any, clinic: Dataset, settings: Any) -> None:
    settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True)
    file = SimpleUploadedFile("r.json", b'\xef\xbb\xbf{"results": [{"success": NaN}]}')
    answer = ci.post(RESULTS, {"format": "gx", "file": file}, format="multipart")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (
        400, "/results/0/success",
    )  # fmt: skip
    for content, code in ((b"", "empty"), (b"{", None)):
        empty = SimpleUploadedFile("r.json", content)
        answer = ci.post(RESULTS, {"format": "gx", "file": empty}, format="multipart")
        assert answer.status_code == 400
        assert code in {None, *(error["code"] for error in answer.json().get("errors", []))}
    large = SimpleUploadedFile("r.json", b"[" + b" " * (5 * 1024 * 1024) + b"]")
    answer = ci.post(RESULTS, {"format": "gx", "file": large}, format="multipart")
    assert answer.status_code == 413


def test_a_dbt_run_comes_as_two_files(ci: Any, clinic: Dataset) -> None:
    results = run_results(dbt_result(NOT_NULL, "fail", 2))
    manifest = copy.deepcopy(MANIFEST)
    manifest["nodes"]["model.shop.orders"]["alias"] = "patients"
    sent = {
        "format": "dbt",
        "file": SimpleUploadedFile("run_results.json", json.dumps(results).encode()),
        "manifest": SimpleUploadedFile("manifest.json", json.dumps(manifest).encode()),
        "context": json.dumps({"branch": "main", "commit": "abc"}),
    }
    told = ci.post(RESULTS, sent, format="multipart").json()
    assert [run["dataset"] for run in told["runs"]] == ["patients"]
    assert told["gate"]["commit"] == "abc"


def test_results_of_a_time_to_come_are_refused(ci: Any, clinic: Dataset) -> None:
    ahead = (timezone.now() + timedelta(hours=1)).isoformat()
    assert ci.post(RESULTS, at(14, MEAN, as_of=ahead)).json()["code"] == "future"


@pytest.mark.parametrize(("name", "status"), [("vera", 403), ("dora", 403), ("max", 200)])
def test_who_reports_may_post(
    api: Any, cast: Cast, clinic: Dataset, name: str, status: int
) -> None:
    assert api(cast[name]).post(RESULTS, at(14, MEAN, source=name)).status_code == status


def test_nobody_posts_as_our_own_runs_or_as_somebody_else(
    api: Any, ci: Any, cast: Cast, clinic: Dataset
) -> None:
    assert ci.post(RESULTS, at(14, MEAN, source="gx")).json()["code"] == "our_source"
    assert api(cast.max).post(RESULTS, at(14, MEAN, source="maxs")).status_code == 200
    assert api(cast.sina).post(RESULTS, at(15, MEAN, source="maxs")).status_code == 403


# Beside our own runs -----------------------------------------------------------------------------


def test_where_a_suite_is_here_it_alone_judges_the_dataset(
    ci: Any, api: Any, cast: Cast, with_suite: Dataset, max_acts: Actor
) -> None:
    ours = run_now(with_suite, max_acts)
    told = ci.post(RESULTS, at(14, MEAN)).json()
    shown = api(cast.max).get("/api/v1/datasets/MED/patients/").json()
    assert (shown["gate"]["run"], shown["last_run"]["id"]) == (ours.pk, ours.pk)
    assert told["gate"]["run"] != ours.pk
    assert Measurement.objects.count() == 1


def test_a_condition_in_words_is_kept_as_text_and_never_run(
    ci: Any, clinic: Dataset, tmp_path: Any
) -> None:
    marker = tmp_path / "marker"
    condition = f"@pd.io.common.os.system('touch {marker}') == 0"
    nulls = too_many_nulls(87)
    nulls["expectation_config"]["kwargs"] |= {
        "row_condition": condition, "condition_parser": "pandas",
    }  # fmt: skip
    ci.post(RESULTS, at(14, nulls))
    assert Result.objects.get().kwargs["row_condition"] == condition
    assert not marker.exists()
    assert not DatasetVersion.objects.exists()


# Values never leave ------------------------------------------------------------------------------

CANARY = "Canary Meyer 5550199"


def planted() -> list[dict[str, Any]]:
    errored = copy.deepcopy(MISSING_COLUMN)
    for info in errored["exception_info"].values():
        info["exception_message"] = info["exception_traceback"] = f"ValueError: {CANARY}"
    figure = copy.deepcopy(MEAN)
    figure["success"], figure["result"] = False, {"observed_value": CANARY}
    counted = copy.deepcopy(MEAN)
    counted["expectation_config"]["type"] = "expect_table_row_count_to_be_between"
    counted["result"] = {"observed_value": CANARY, "details": CANARY}
    return [outside_bounds(CANARY, CANARY), errored, figure, counted]


def everything() -> str:
    """All that the database holds."""
    return json.dumps([list(m._default_manager.values()) for m in apps.get_models()], default=str)


@pytest.mark.parametrize("dry_run", [0, 1])
def test_values_in_results_of_personal_data_reach_neither_storage_nor_answer(
    ci: Any, clinic: Dataset, dry_run: int, caplog: Any
) -> None:
    junit = JUNIT.replace(b"Jane Roe", CANARY.encode()).replace(b"can't reach", CANARY.encode())
    dbt = run_results(dbt_result(NOT_NULL, "error", None, f"invalid input: {CANARY}"))
    answers = [ci.post(f"{RESULTS}?dry_run={dry_run}", at(14, *planted()))]
    for form, result in (("dbt", dbt), ("junit", junit.decode())):
        sent = {"format": form, "result": result, "dataset": "patients"}
        answers.append(ci.post(f"{RESULTS}?dry_run={dry_run}", sent))
    answers.append(ci.post(f"{RESULTS}?dry_run={dry_run}",
                           {"format": "junit", "result": junit.decode()}))  # fmt: skip
    for answer in answers:
        assert answer.status_code == 200, answer.content
        assert CANARY not in answer.content.decode()
    assert CANARY not in everything()
    assert CANARY not in caplog.text


def test_where_values_may_be_kept_so_are_texts_without_passwords(
    ci: Any, api: Any, cast: Cast, clinic: Dataset
) -> None:
    change = {"personal_data": False, "sample_policy": "values"}
    api(cast.max).patch("/api/v1/datasets/MED/patients/", change)
    sent = {"format": "junit", "result": JUNIT.decode(), "dataset": "patients"}
    ci.post(RESULTS, sent)
    kept = Result.objects.get(outcome="errored").message
    assert "can't reach postgres://" in kept
    run = Run.objects.latest("pk").pk
    told = {name: api(cast[name]).get(f"/api/v1/runs/{run}/").content for name in ("max", "vera")}
    assert b"can't reach" in told["max"]
    assert b"can't reach" not in told["vera"]
    assert "hunter2" not in everything()
    ci.post(RESULTS, at(15, outside_bounds(300)))
    assert Result.objects.get(type="expect_column_values_to_be_between").sample == [{"age": 300}]
    # A stricter policy takes them away again.
    change = {"personal_data": True, "sample_policy": "none"}
    answer = api(cast.max).patch("/api/v1/datasets/MED/patients/", change)
    assert answer.status_code == 200, answer.content
    assert not Result.objects.exclude(message="").exists()
    assert not Result.objects.exclude(sample=[]).exists()
