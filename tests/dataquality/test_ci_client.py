"""The command-line client for CI jobs, against a real server: what it says and how it ends."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from backlog.models import Actor, Finding, Item, ItemEvidence, Product, Scope
from backlog.services.items import ItemDraft, create_item
from backlog.services.tokens import create_token
from dataquality.models import Dataset
from mlscrum import ci
from tests.conftest import Cast
from tests.dataquality.conftest import work

ROOT = Path(__file__).resolve().parent.parent.parent
JUNIT = """<testsuite name="nightly" tests="2" failures="1">
  <testcase classname="orders" name="totals add up"/>
  <testcase classname="orders" name="no negative prices"><failure message="3 rows"/></testcase>
</testsuite>"""
OF_PATIENTS = ["--product", "MED", "--dataset", "patients"]


@pytest.fixture
def server(live_server: Any, product: Product, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a running site, with a token for evidence in the environment."""
    _, secret = create_token(
        name="ci", scopes=[Scope.EVIDENCE], days=1, actor=Actor.system(), product=product
    )
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLSCRUM_URL", live_server.url)
    monkeypatch.setenv("MLSCRUM_TOKEN", secret)
    monkeypatch.setattr(ci, "ONE_WAIT_S", 0)  # so that the test can carry the run out meanwhile
    monkeypatch.setattr(ci.time, "sleep", lambda seconds: work())
    return str(live_server.url)


@pytest.mark.django_db(transaction=True)
def test_checks_are_run_waited_for_and_told(
    server: str, with_suite: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    junit = tmp_path / "checks.xml"
    ended = ci.main(["run-checks", *OF_PATIENTS, "--junit", str(junit)])
    told = "".join(capsys.readouterr())
    assert ended == ci.NOT_PASSED, told
    assert "failed: " in told
    assert "critical: expect_column_values_to_be_in_set of nuclei failed" in told
    assert "The gate is failed" in told
    assert "<testsuite" in junit.read_text()
    assert Finding.objects.get().times_seen == 1


@pytest.mark.django_db(transaction=True)
def test_a_run_of_a_pull_request_is_judged_by_itself(
    server: str, with_suite: Dataset, max_acts: Actor, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_HEAD_REF", "better-nuclei")
    assert ci.main(["run-checks", *OF_PATIENTS]) == ci.NOT_PASSED
    assert "The gate is failed" in capsys.readouterr().out
    assert ci.main(["gate", *OF_PATIENTS]) == ci.NOT_PASSED
    assert "The gate is unknown" in capsys.readouterr().out  # for main was never checked
    assert not Finding.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_not_over_in_time_has_no_answer(
    server: str, with_suite: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ci.main(["run-checks", *OF_PATIENTS, "--wait", "0"]) == ci.NO_ANSWER
    assert "is still queued" in capsys.readouterr().err


@pytest.mark.django_db(transaction=True)
def test_a_gate_that_nobody_knows_is_not_passed(
    server: str, with_suite: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ci.main(["gate", *OF_PATIENTS, "--max-age", "60"]) == ci.NOT_PASSED
    assert "The gate is unknown" in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_results_are_posted_and_fail_the_job_where_asked(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    report = tmp_path / "ré port.xml"
    report.write_text(JUNIT)
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_COMMIT_REF_NAME", "main")
    monkeypatch.setenv("CI_COMMIT_SHA", "4f2a9c1")
    posts = ["post-results", "--product", "MED", "--format", "junit", str(report)]
    assert ci.main([*posts, "--dry-run"]) == ci.WELL
    assert not Finding.objects.exists()
    assert ci.main(posts) == ci.WELL
    assert ci.main([*posts, "--fail-on", "critical"]) == ci.NOT_PASSED
    told = capsys.readouterr().out
    assert "created: 1" in told
    [finding] = Finding.objects.all()
    assert "no negative prices" in finding.title


@pytest.mark.django_db(transaction=True)
def test_a_run_of_a_tool_stands_on_its_item(
    server: str, product: Product, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_item(product, ItemDraft("Second reading"), actor=Actor.person(cast.olga))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "clinic/diagnosis")
    monkeypatch.setenv("GITHUB_RUN_ID", "77")
    monkeypatch.setenv("GITHUB_SHA", "4f2a9c1")
    words = ["post-run", "MED-1", "mlflow", "a/b", "--status", "passed", "--metric", "auc=0.91"]
    assert ci.main(words) == ci.WELL
    [evidence] = ItemEvidence.objects.all()
    assert (evidence.run_id, evidence.metrics, evidence.commit) == ("a/b", {"auc": 0.91}, "4f2a9c1")
    assert Item.objects.get().evidence.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_wrong_or_refused_is_said_and_ends_with_2(
    server: str, with_suite: Dataset, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    wrong = {
        "There is no": ["gate", "--product", "MED", "--dataset", "nothing"],
        "can't be read": ["post-results", "--product", "MED", "--format", "gx", "/nowhere.json"],
        "there is no item MED-9": ["post-run", "MED-9", "x", "1", "--status", "passed"],
    }
    for words, line in wrong.items():
        assert ci.main(line) == ci.WRONG
        assert words.casefold() in capsys.readouterr().err.casefold()
    monkeypatch.setenv("MLSCRUM_TOKEN", "mls_wrong")
    assert ci.main(["gate", *OF_PATIENTS]) == ci.WRONG
    monkeypatch.delenv("MLSCRUM_TOKEN")
    assert ci.main(["gate", *OF_PATIENTS]) == ci.WRONG
    assert "MLSCRUM_TOKEN" in capsys.readouterr().err
    for metric in ("auc", "auc=high", "auc=nan"):
        with pytest.raises(SystemExit) as ended:
            ci.main(["post-run", "MED-1", "x", "1", "--status", "ok", "--metric", metric])
        assert ended.value.code == ci.WRONG
    assert ci.main(["run-checks", *OF_PATIENTS, "--junit", "/nowhere/x.xml"]) == ci.WRONG


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """Sends each call on to another host, or answers what is no JSON."""

    answer = 302

    def do_GET(self) -> None:  # noqa: N802  named by http.server
        self.send_response(self.answer)
        self.send_header("Location", "http://login.example.org/")
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("answer", "words"), [(302, "on to http://login.example.org"), (200, "is not ML Scrum")]
)
def test_the_token_goes_nowhere_else_and_pages_are_no_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: int, words: str
) -> None:
    monkeypatch.setattr(Elsewhere, "answer", answer)
    site = http.server.HTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=site.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("MLSCRUM_URL", f"http://127.0.0.1:{site.server_port}")
    monkeypatch.setenv("MLSCRUM_TOKEN", "mls_x")
    try:
        assert ci.main(["gate", *OF_PATIENTS]) == ci.WRONG
    finally:
        site.shutdown()
        site.server_close()
    assert words in capsys.readouterr().err


def test_a_server_that_is_not_there_has_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSCRUM_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("MLSCRUM_TOKEN", "mls_x")
    monkeypatch.setattr(ci.time, "sleep", lambda seconds: None)
    assert ci.main(["gate", *OF_PATIENTS]) == ci.NO_ANSWER


def test_the_file_works_alone(tmp_path: Path) -> None:
    copy = tmp_path / "ci.py"
    copy.write_bytes((ROOT / "mlscrum" / "ci.py").read_bytes())
    asked = subprocess.run(
        [sys.executable, "-I", str(copy), "gate", *OF_PATIENTS],
        capture_output=True, text=True, check=False, env={},
    )  # fmt: skip
    assert asked.returncode == ci.WRONG
    assert "Set MLSCRUM_URL and MLSCRUM_TOKEN" in asked.stderr
