"""Datasets by REST alone: register, check, gate, clean, and everything that is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Finding, Item, Product, Scope
from dataquality.models import Dataset, Run
from tests.conftest import Cast
from tests.dataquality.conftest import AGE_NOT_NULL, CLEANED, NUCLEI_IN_SET, PATIENTS, work

DATASETS = "/api/v1/products/MED/datasets/"
PATIENTS_URL = "/api/v1/datasets/MED/patients/"


def file(content: str | bytes, name: str = "patients.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


@pytest.fixture
def max_(api: Any, cast: Cast, product: Product) -> Any:
    return api(cast.max)


@pytest.fixture
def registered(max_: Any) -> Any:
    wanted = {
        "name": "Patients",
        "personal_data": "false",
        "sample_policy": "values",
        "key_columns": '["id"]',
        "file": file(PATIENTS),
    }
    answer = max_.post(DATASETS, wanted, format="multipart")
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_the_whole_loop_works_by_rest(max_: Any, registered: Any) -> None:
    assert (registered["slug"], registered["version"], registered["rows"]) == ("patients", 1, 20)
    assert registered["key_columns"] == ["id"]
    suite = {"expectations": [NUCLEI_IN_SET, AGE_NOT_NULL]}
    put = max_.put(f"{PATIENTS_URL}suite/", suite)
    assert (put.status_code, put.json()["version"]) == (200, 1)
    assert max_.get(f"{PATIENTS_URL}gate/").json()["state"] == "unknown"

    asked = max_.post(f"{PATIENTS_URL}runs/", {})
    assert asked.status_code == 202
    work()
    run = max_.get(asked.headers["Location"].removeprefix("http://127.0.0.1:8000")).json()
    assert (run["state"], run["progress"], run["statistics"]["health"]) == ("failed", 1.0, 40.0)
    nuclei = run["results"][0]
    assert (nuclei["outcome"], nuclei["unexpected_count"]) == ("failed", 2)
    assert [row["id"] for row in nuclei["sample"]] == [3, 7]
    assert nuclei["item"] == "MED-1"
    gate = max_.get(f"{PATIENTS_URL}gate/?strict=1")
    assert (gate.status_code, gate.json()["state"]) == (422, "failed")
    assert gate.json()["reasons"][0]["item"] == "MED-1"

    same = max_.post(f"{PATIENTS_URL}versions/", {"file": file(PATIENTS)}, format="multipart")
    assert (same.status_code, same.json()["number"]) == (200, 1)
    cleaned = max_.post(
        f"{PATIENTS_URL}versions/?run=1", {"file": file(CLEANED)}, format="multipart"
    )
    assert cleaned.status_code == 202, cleaned.content
    work()
    assert max_.get(f"{PATIENTS_URL}gate/?strict=1").status_code == 200
    assert Finding.objects.get().state == "resolved"
    assert Item.objects.get().status.category == "done"
    history = max_.get(f"{PATIENTS_URL}runs/").json()["results"]
    assert [run["state"] for run in history] == ["passed", "failed"]


def test_a_dataset_says_how_it_stands(max_: Any, registered: Any) -> None:
    assert (registered["uid"], registered["health"]) == ("MED/patients", None)
    assert (registered["last_run"], registered["gate"]["state"]) == (None, "unknown")
    max_.put(f"{PATIENTS_URL}suite/", {"expectations": [NUCLEI_IN_SET, AGE_NOT_NULL]})
    run = max_.post(f"{PATIENTS_URL}runs/", {}).json()
    work()
    for dataset in (max_.get(PATIENTS_URL).json(), max_.get(DATASETS).json()["results"][0]):
        assert dataset["health"] == 40.0
        assert (dataset["last_run"]["id"], dataset["last_run"]["state"]) == (run["id"], "failed")
        gate = max_.get(f"{PATIENTS_URL}gate/").json()
        assert dataset["gate"]["reasons"] == gate["reasons"]
        assert (dataset["gate"]["state"], dataset["gate"]["run"]) == ("failed", run["id"])


def test_a_run_older_than_the_freshness_limit_leaves_the_gate_unknown(
    max_: Any, registered: Any
) -> None:
    max_.put(f"{PATIENTS_URL}suite/", {"expectations": [AGE_NOT_NULL]})
    max_.post(f"{PATIENTS_URL}runs/", {})
    work()
    max_.patch(PATIENTS_URL, {"freshness_limit_h": 1})
    assert max_.get(f"{PATIENTS_URL}gate/").json()["state"] == "passed"
    aged = timezone.now() - timedelta(hours=2)
    Run.objects.update(finished_at=aged, started_at=aged)
    gate = max_.get(f"{PATIENTS_URL}gate/").json()
    assert (gate["state"], [r["code"] for r in gate["reasons"]]) == ("unknown", ["stale"])
    assert max_.get(PATIENTS_URL).json()["gate"]["state"] == "unknown"


def test_columns_are_read_anew_by_rest(max_: Any, registered: Any) -> None:
    wanted = [{"name": "nuclei", "type": "integer", "null_words": ["?"]}]
    answer = max_.put(f"{PATIENTS_URL}schema/", {"columns": wanted})
    assert answer.status_code == 200
    assert answer.json()["columns"][2] == wanted[0]
    assert answer.json()["columns"][1]["type"] == "integer"
    bad: list[list[dict[str, Any]]] = [
        [],
        [{"name": "gone", "type": "text"}],
        [{"name": "age", "type": "colour"}],
        [{"name": "nuclei", "null_words": []}],
    ]
    for columns in bad:
        refused = max_.put(f"{PATIENTS_URL}schema/", {"columns": columns})
        assert 400 <= refused.status_code < 500, columns


def test_a_batch_may_be_named_instead_of_a_version(max_: Any, registered: Any) -> None:
    max_.put(f"{PATIENTS_URL}suite/", {"expectations": [AGE_NOT_NULL]})
    first = max_.post(f"{PATIENTS_URL}runs/", {}).json()
    max_.post(f"{PATIENTS_URL}versions/", {"file": file(CLEANED)}, format="multipart")
    again = max_.post(f"{PATIENTS_URL}runs/", {"batch": first["batch"]}).json()
    assert (again["version"], again["batch"]) == (1, first["batch"])
    assert max_.post(f"{PATIENTS_URL}runs/", {"batch": "patients:x"}).status_code == 404
    both = {"batch": first["batch"], "version": 1}
    assert max_.post(f"{PATIENTS_URL}runs/", both).status_code == 400


def test_the_same_key_delivers_and_checks_once(max_: Any, registered: Any) -> None:
    max_.put(f"{PATIENTS_URL}suite/", {"expectations": [AGE_NOT_NULL]})
    answers = [
        max_.post(
            f"{PATIENTS_URL}versions/?run=1",
            {"file": file(CLEANED)},
            format="multipart",
            headers={"Idempotency-Key": "k"},
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    plain = [
        max_.post(
            f"{PATIENTS_URL}versions/",
            {"file": file(f"{CLEANED}99,9,9\n")},
            format="multipart",
            headers={"Idempotency-Key": "other"},
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in plain] == [201, 201]
    assert plain[0].json() == plain[1].json()
    work()
    run = Run.objects.get()
    retried = [
        max_.post(f"/api/v1/runs/{run.pk}/retry/", headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in retried] == [202, 202]
    assert retried[0].json()["id"] == retried[1].json()["id"] != run.pk
    assert Run.objects.count() == 2


def test_a_delivery_that_can_not_be_checked_stores_nothing(max_: Any, registered: Any) -> None:
    answer = max_.post(
        f"{PATIENTS_URL}versions/?run=1", {"file": file(CLEANED)}, format="multipart"
    )
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "Patients has no suite yet; add its first check.",
    )
    assert Dataset.objects.get().versions.count() == 1


def test_who_owns_it_purges_a_version_and_its_counts_stay(
    max_: Any, registered: Any, api: Any, cast: Cast, stored_files: Any
) -> None:
    max_.put(f"{PATIENTS_URL}suite/", {"expectations": [NUCLEI_IN_SET]})
    run = max_.post(f"{PATIENTS_URL}runs/", {}).json()
    work()
    max_.patch(PATIENTS_URL, {"owner": "dora@example.org"})
    url = f"{PATIENTS_URL}versions/1/purge/"
    assert max_.post(url).status_code == 403
    assert api(cast.sam).post(url).status_code == 404
    answer = api(cast.dora).post(url)
    assert (answer.status_code, answer.json()["rows"]) == (200, 20)
    assert answer.json()["purged_at"]
    results = max_.get(f"/api/v1/runs/{run['id']}/").json()["results"]
    assert [result["sample"] for result in results] == [[], []]
    assert results[0]["unexpected_count"] == 2
    assert results[1]["observed_value"] == 20
    assert api(cast.olga).post(url).status_code == 200
    assert max_.post(f"{PATIENTS_URL}versions/9/purge/").status_code == 403
    assert api(cast.olga).post(f"{PATIENTS_URL}versions/9/purge/").status_code == 404


@pytest.mark.parametrize("query", ["wait=5", "fail_on=critical", "run=0&wait=5"])
def test_a_wait_for_no_run_is_400(max_: Any, registered: Any, query: str) -> None:
    answer = max_.post(
        f"{PATIENTS_URL}versions/?{query}", {"file": file(CLEANED)}, format="multipart"
    )
    assert answer.status_code == 400
    assert Dataset.objects.get().versions.count() == 1


@pytest.mark.parametrize("words", ["[" * 100_000, "[NaN]", r'["\u0000"]', "{", "1"])
def test_odd_json_in_a_form_is_400(max_: Any, words: str) -> None:
    wanted = {"name": "P", "key_columns": words, "file": file(PATIENTS)}
    assert max_.post(DATASETS, wanted, format="multipart").status_code == 400
    assert not Dataset.objects.exists()


def test_a_profile_suggests_checks(max_: Any, registered: Any) -> None:
    assert max_.get(f"{PATIENTS_URL}profile/").json()["state"] == "queued"
    work()
    profile = max_.get(f"{PATIENTS_URL}profile/").json()
    assert (profile["state"], profile["rows"]) == ("done", 20)
    suggested = [suggestion["expectation"] for suggestion in profile["suggested_expectations"]]
    assert max_.put(f"{PATIENTS_URL}suite/", {"expectations": suggested}).status_code == 200


def test_absent_an_answer_it_holds_personal_data(max_: Any) -> None:
    answer = max_.post(DATASETS, {"name": "P", "file": file(PATIENTS)}, format="multipart").json()
    assert (answer["personal_data"], answer["sample_policy"]) == (True, "none")


def test_a_path_is_registered_by_json(max_: Any, settings: Any) -> None:
    folder = settings.SOURCES_DIR / "MED"
    folder.mkdir()
    (folder / "p.csv").write_text(PATIENTS)
    source = {"kind": "path", "path": "p.csv"}
    answer = max_.post(DATASETS, {"name": "P", "source": source})
    assert (answer.status_code, answer.json()["source"]) == (201, source)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "link.csv", "gone.csv", "\0"])
def test_a_path_that_leads_out_is_refused(max_: Any, settings: Any, path: str) -> None:
    folder: Path = settings.SOURCES_DIR / "MED"
    folder.mkdir()
    (settings.SOURCES_DIR / "secret.csv").write_text(PATIENTS)
    (folder / "link.csv").symlink_to(settings.SOURCES_DIR / "secret.csv")
    answer = max_.post(DATASETS, {"name": "P", "source": {"kind": "path", "path": path}})
    assert 400 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/problem+json"
    assert not Dataset.objects.exists()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "p.csv"),
        (b"a,b\n1\n", "p.csv"),
        (b"a,a\n1,2\n", "p.csv"),
        (b"\xff\xfe\x00", "p.csv"),
        (b"no parquet", "p.parquet"),
        (b"no json\n", "p.jsonl"),
        (b"a,b\n1,2\n", "p.exe"),
    ],
)
def test_a_bad_file_is_a_problem_and_leaves_nothing(
    max_: Any, content: bytes, name: str, stored_files: Any
) -> None:
    answer = max_.post(DATASETS, {"name": "P", "file": file(content, name)}, format="multipart")
    assert 400 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert not Dataset.objects.exists()
    assert stored_files() == []


def test_a_file_above_the_limit_is_413(max_: Any, settings: Any) -> None:
    settings.UPLOAD_LIMIT_MB = 1
    large = file(b"a\n" + b"1\n" * 700_000)
    answer = max_.post(DATASETS, {"name": "P", "file": large}, format="multipart")
    assert answer.status_code == 413
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("name", ["\u0000", "a\nb", "", "x" * 121])
def test_a_name_of_odd_characters_is_refused(max_: Any, name: str) -> None:
    answer = max_.post(DATASETS, {"name": name, "file": file(PATIENTS)}, format="multipart")
    assert 400 <= answer.status_code < 500
    assert not Dataset.objects.exists()


def test_a_string_condition_is_422_and_runs_nothing(
    max_: Any, registered: Any, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    condition = f"@pd.io.common.os.system('touch {marker}') == 0"
    evil = {**AGE_NOT_NULL, "kwargs": {"column": "age", "row_condition": condition}}
    answer = max_.put(f"{PATIENTS_URL}suite/", {"expectations": [evil]})
    assert answer.status_code == 422
    error = answer.json()["errors"][0]
    assert error["code"] == "string_condition"
    assert error["pointer"] == "/expectations/0/kwargs/row_condition"
    assert not marker.exists()


def test_everything_wrong_with_a_suite_is_said_at_once(max_: Any, registered: Any) -> None:
    bad = [{"type": "nonsense"}, {**AGE_NOT_NULL, "kwargs": {"column": "no"}}]
    answer = max_.put(f"{PATIENTS_URL}suite/", {"expectations": bad})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [
        "/expectations/0/type",
        "/expectations/1/kwargs/column",
    ]
    assert max_.put(f"{PATIENTS_URL}suite/", {"expectations": []}).status_code == 422
    assert max_.put(f"{PATIENTS_URL}suite/", {"expectations": "x"}).status_code == 422


@pytest.mark.parametrize(
    "expectation",
    [
        {**AGE_NOT_NULL, "severity": []},
        {**AGE_NOT_NULL, "type": []},
        {**AGE_NOT_NULL, "kwargs": {"column": "age", "condition_parser": []}},
        {**AGE_NOT_NULL, "kwargs": {"column": []}},
        {
            **AGE_NOT_NULL,
            "kwargs": {
                "column": "age",
                "row_condition": {"type": "comparison", "column": {"name": []}, "operator": []},
            },
        },
    ],
)
def test_lists_in_odd_places_of_a_suite_are_422(
    max_: Any, registered: Any, expectation: Any
) -> None:
    answer = max_.put(f"{PATIENTS_URL}suite/", {"expectations": [expectation]})
    assert answer.status_code == 422


def test_a_token_of_evidence_never_sees_values(
    max_: Any, registered: Any, api: Any, product: Product
) -> None:
    max_.put(f"{PATIENTS_URL}suite/", {"expectations": [NUCLEI_IN_SET]})
    ci = api(product=product, scopes=(Scope.EVIDENCE,))
    asked = ci.post(f"{PATIENTS_URL}runs/", {"context": {"commit": "abc"}})
    assert asked.status_code == 202
    work()
    run = ci.get(f"/api/v1/runs/{asked.json()['id']}/").json()
    assert run["results"][0]["unexpected_count"] == 2
    assert run["results"][0]["sample"] == []
    profile = ci.get(f"{PATIENTS_URL}profile/").json()
    assert profile["suggested_expectations"] == []
    assert "top" not in profile["columns"][2]
    assert ci.put(f"{PATIENTS_URL}suite/", {"expectations": []}).status_code == 403


def test_fail_on_answers_422_when_the_gate_is_shut(max_: Any, registered: Any) -> None:
    max_.put(f"{PATIENTS_URL}suite/", {"expectations": [NUCLEI_IN_SET]})
    asked = max_.post(f"{PATIENTS_URL}runs/", {})
    work()
    run = Run.objects.get(pk=asked.json()["id"])
    assert max_.get(f"/api/v1/runs/{run.pk}/").json()["gate"]["passed"] is False
    badge = max_.get(f"{PATIENTS_URL}gate/?format=badge")
    assert badge["Content-Type"] == "image/svg+xml"
    assert "failed" in badge.content.decode()


def test_the_same_key_starts_one_run(max_: Any, registered: Any) -> None:
    max_.put(f"{PATIENTS_URL}suite/", {"expectations": [NUCLEI_IN_SET]})
    first, again = (
        max_.post(f"{PATIENTS_URL}runs/", {}, headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert first.json()["id"] == again.json()["id"]
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    "path",
    ["?surprise=1", "versions/?surprise=1", "gate/?fail_on=loud", "gate/?version=x",
     "gate/?max_age_s=-1"],
)  # fmt: skip
def test_what_is_not_understood_is_400(max_: Any, registered: Any, path: str) -> None:
    assert max_.get(f"{PATIENTS_URL}{path}").status_code == 400


def test_a_number_out_of_reach_is_told_its_bounds_in_full(max_: Any, registered: Any) -> None:
    answer = max_.get(f"{PATIENTS_URL}gate/?max_age_s=31622401")
    assert "max_age_s is a number from 0 to 31622400." in answer.content.decode()
    assert max_.get(f"{PATIENTS_URL}gate/?max_age_s=31622400").status_code == 200


@pytest.mark.parametrize("path", ["", "versions/", "suite/", "profile/", "runs/", "gate/"])
def test_strangers_find_no_dataset(registered: Any, api: Any, cast: Cast, path: str) -> None:
    assert api(cast.sam).get(f"{PATIENTS_URL}{path}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [DATASETS, "/api/v1/products/MED/runs/", f"{PATIENTS_URL}runs/", f"{PATIENTS_URL}versions/"],
)
def test_a_list_takes_the_same_queries_however_long(max_: Any, registered: Any, path: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert max_.get(path).status_code == 200
        return len(seen)

    def add(number: int) -> None:
        named = file(f"a\n{number}\n")
        max_.post(DATASETS, {"name": f"D{number}", "file": named}, format="multipart")
        version = file(f"{PATIENTS}{20 + number},9,1\n")
        sent = max_.post(f"{PATIENTS_URL}versions/?run=1", {"file": version}, format="multipart")
        assert sent.status_code == 202, sent.content

    max_.put(f"{PATIENTS_URL}suite/", {"expectations": [AGE_NOT_NULL]})
    add(1)
    max_.get(path)
    few = queries()
    for number in (2, 3, 4):
        add(number)
    work()
    assert queries() == few
