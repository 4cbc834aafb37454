"""ML Scrum for CI jobs: run checks, ask gates, post results and experiments.

    python mlscrum/ci.py run-checks --product MED --dataset patients --fail-on critical
    python mlscrum/ci.py gate --product MED --dataset patients
    python mlscrum/ci.py post-results --product MED --format junit report.xml
    python mlscrum/ci.py post-run MED-12 mlflow 8f3c --status passed --metric auc=0.91

Copy this one file into your project if you like: it needs nothing but Python 3.9. Where ML Scrum is
comes from MLSCRUM_URL, the token from MLSCRUM_TOKEN: one of the product with the scope `evidence`.
Branch, commit and job are taken from GitHub Actions and GitLab CI where they run.

It ends with 0 where all is well, 1 where a gate is not passed or a check fails, 2 where the call
was wrong or refused, and 3 where there is no answer (yet).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

WELL, NOT_PASSED, WRONG, NO_ANSWER = range(4)
SEVERITIES = ("critical", "warning", "info")
ONE_WAIT_S = 60  # the longest that the server holds an answer back
POLL_S = 2.0
TRIES = 3
TRY_AGAIN = frozenset({429, 502, 503, 504})


class Refused(Exception):
    """The call was wrong, or refused; the message says why."""


class Silent(Exception):
    """There is no answer, or none in time."""


class _Stays(urllib.request.HTTPRedirectHandler):
    """The token goes to nobody but who was named."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        origin = urlsplit(newurl)
        where = f"{origin.scheme}://{origin.netloc}"
        raise Refused(f"The server sends the call on to {where}; set MLSCRUM_URL to where it is.")


OPENER = urllib.request.build_opener(_Stays)


class Server:
    """ML Scrum, called with a token."""

    def __init__(self, url: str, token: str, timeout_s: float = 90) -> None:
        self._base = url.rstrip("/") + "/"
        self._token, self._timeout_s = token, timeout_s

    def get(self, path: str) -> Any:
        """What is there, as JSON."""
        return _object(self._call("GET", path)[0])

    def text(self, path: str) -> str:
        """What is there, as it is written."""
        return self._call("GET", path)[0].decode()

    def send(
        self, method: str, path: str, body: dict[str, Any], files: dict[str, Path] | None = None
    ) -> Any:
        """Send JSON, or a form where there are files. The same call is safe to try again, for each
        bears a key; an answer of 422 with a gate in it is an answer."""
        key = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        if files:
            boundary = uuid.uuid4().hex
            content = _form(body, files, boundary)
            headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", **key}
        else:
            content = json.dumps(body, allow_nan=False).encode()
            headers = {"Content-Type": "application/json", **key}
        return _object(self._call(method, path, content, headers)[0])

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[bytes, int]:
        address = urljoin(self._base, path.lstrip("/"))
        sent = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        for tried in range(1, TRIES + 1):
            request = urllib.request.Request(  # noqa: S310  an http address, says `_server`
                address, data=body, headers=sent, method=method
            )
            try:
                with OPENER.open(request, timeout=self._timeout_s) as answer:
                    return answer.read(), answer.status
            except urllib.error.HTTPError as error:
                with error:
                    content = error.read()
                if error.code not in TRY_AGAIN or tried == TRIES:
                    return _judged(error.code, content), error.code
                time.sleep(_wait_s(error.headers.get("Retry-After"), tried))
            except (OSError, HTTPException) as error:
                if tried == TRIES:
                    why = getattr(error, "reason", error)
                    raise Silent(f"{self._base} does not answer: {why}") from None
                time.sleep(tried)
        raise AssertionError("each try returns or raises")


def main(words: list[str] | None = None) -> int:
    """Do what the command line says; the number that the process ends with."""
    asked = _parser().parse_args(words)
    try:
        return int(asked.does(_server(asked), asked))
    except Refused as error:
        print(error, file=sys.stderr)
        return WRONG
    except Silent as error:
        print(error, file=sys.stderr)
        return NO_ANSWER


def run_checks(server: Server, asked: argparse.Namespace) -> int:
    """Run the suite of a dataset and say what failed."""
    until = time.monotonic() + asked.wait
    body: dict[str, Any] = {"wait": min(ONE_WAIT_S, max(0, asked.wait)), "context": context()}
    for name in ("version", "batch"):
        if getattr(asked, name) is not None:
            body[name] = getattr(asked, name)
    body["fail_on"] = asked.fail_on
    run = server.send("POST", f"{_dataset(asked)}runs/", body)
    while run["state"] in {"queued", "running"}:
        if time.monotonic() >= until:
            print(f"Run {run['id']} is still {run['state']}: {run['url']}", file=sys.stderr)
            return NO_ANSWER
        time.sleep(POLL_S)
        run = server.get(f"/api/v1/runs/{run['id']}/?fail_on={asked.fail_on}")
    if asked.junit:
        _write(asked.junit, server.text(f"/api/v1/runs/{run['id']}/report/?format=junit"))
    print(f"Run {run['id']} {run['state']}: {run['url']}")
    for result in run["results"]:
        if result["outcome"] not in {"passed", "vacuous"}:
            where = f" of {result['column']}" if result.get("column") else ""
            print(f"  {result['severity']}: {result['type']}{where} {result['outcome']}")
    if run["state"] in {"errored", "cancelled"}:
        return NO_ANSWER
    return _of_gate(run["gate"])  # of this very run, whatever others say of the dataset


def ask_gate(server: Server, asked: argparse.Namespace) -> int:
    """Ask whether the data may be used."""
    return _of_gate(server.get(f"{_dataset(asked)}gate/?{_gate_query(asked)}"))


def post_results(server: Server, asked: argparse.Namespace) -> int:
    """Post results of another tool; each trouble becomes one finding and one item."""
    body: dict[str, Any] = {"format": asked.format, "source": asked.source}
    body["context"] = json.dumps(context())
    for name in ("dataset", "external_id", "severity"):
        if getattr(asked, name):
            body[name] = getattr(asked, name)
    if asked.create_missing:
        body["create_missing"] = "true"
    files = {"file": Path(asked.file)}
    if asked.manifest:
        files["manifest"] = Path(asked.manifest)
    query = {"fail_on": asked.fail_on} if asked.fail_on else {}
    if asked.dry_run:
        query["dry_run"] = "1"
    path = f"/api/v1/products/{quote(asked.product)}/results/?{urlencode(query)}"
    answer = server.send("POST", path, body, files)
    for name in ("created", "updated", "reopened", "resolved", "unmatched"):
        if answer.get(name):
            print(f"{name}: {len(answer[name])}")
    passed = _of_gate(answer["gate"])
    return passed if asked.fail_on else WELL


def post_run(server: Server, asked: argparse.Namespace) -> int:
    """Put an experiment, build or pull request on an item."""
    body: dict[str, Any] = {"status": asked.status, "metrics": dict(asked.metric)}
    where = context()
    body["context"] = {name: value for name, value in where.items() if name != "commit"}
    if asked.url:
        body["url"] = asked.url
    if asked.commit or where.get("commit"):
        body["commit"] = asked.commit or where["commit"]
    path = f"/api/v1/items/{quote(asked.ref)}/evidence/{quote(asked.tool)}/{quote(asked.run)}/"
    answer = server.send("PUT", path, body)
    print(f"{asked.ref}: {answer['tool']} {answer['run_id']} {answer['status']}")
    return WELL


def context() -> dict[str, str]:
    """Branch, commit and job, as GitHub Actions and GitLab CI tell them."""
    env = os.environ
    found: dict[str, str | None] = {}
    if env.get("GITHUB_ACTIONS"):
        page = f"{env.get('GITHUB_SERVER_URL', '')}/{env.get('GITHUB_REPOSITORY', '')}"
        run = env.get("GITHUB_RUN_ID", "")
        found = {
            "branch": env.get("GITHUB_HEAD_REF") or env.get("GITHUB_REF_NAME"),
            "commit": env.get("GITHUB_SHA"),
            "pull_request": env.get("GITHUB_HEAD_REF"),
            "job_url": f"{page}/actions/runs/{run}" if run else "",
            "job_id": run,
        }
    elif env.get("GITLAB_CI"):
        found = {
            "branch": env.get("CI_COMMIT_REF_NAME"),
            "commit": env.get("CI_COMMIT_SHA"),
            "pull_request": env.get("CI_MERGE_REQUEST_IID"),
            "job_url": env.get("CI_JOB_URL"),
            "job_id": env.get("CI_JOB_ID"),
        }
    return {name: value for name, value in found.items() if value}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mlscrum", description="Run checks, ask gates, post results and experiments."
    )
    parser.add_argument("--url", default=os.environ.get("MLSCRUM_URL", ""), dest="server")
    commands = parser.add_subparsers(required=True, metavar="command")

    checks = commands.add_parser("run-checks", help=run_checks.__doc__)
    checks.set_defaults(does=run_checks)
    _of_dataset(checks)
    checks.add_argument("--version", type=int, help="a version's number; the newest if absent")
    checks.add_argument("--batch", help="a batch's key; the newest if absent")
    checks.add_argument("--wait", type=int, default=900, metavar="S", help="seconds, 900 if absent")
    checks.add_argument("--junit", metavar="FILE", help="write the results there as JUnit XML")

    gate = commands.add_parser("gate", help=ask_gate.__doc__)
    gate.set_defaults(does=ask_gate)
    _of_dataset(gate)
    gate.add_argument("--version", type=int, help="a version's number; the newest if absent")
    gate.add_argument("--commit", help="the commit that results must be of")
    gate.add_argument("--max-age", type=int, metavar="S", help="the oldest that results may be")

    results = commands.add_parser("post-results", help=post_results.__doc__)
    results.set_defaults(does=post_results)
    results.add_argument("file", help="what the tool wrote")
    results.add_argument("--product", required=True, metavar="KEY")
    results.add_argument("--format", required=True, choices=("gx", "dbt", "junit", "generic"))
    results.add_argument("--dataset", metavar="SLUG", help="what all of it is about")
    results.add_argument("--manifest", metavar="FILE", help="dbt's manifest.json")
    results.add_argument("--source", default="ci", help="who speaks; ci if absent")
    results.add_argument("--severity", choices=SEVERITIES, help="of JUnit's failing cases")
    results.add_argument("--external-id", help="the same again changes nothing")
    results.add_argument("--create-missing", action="store_true", help="make unknown datasets")
    results.add_argument("--fail-on", choices=SEVERITIES, help="end with 1 where the gate is shut")
    results.add_argument("--dry-run", action="store_true", help="change nothing")

    run = commands.add_parser("post-run", help=post_run.__doc__)
    run.set_defaults(does=post_run)
    run.add_argument("ref", help="the item, such as MED-12")
    run.add_argument("tool", help="such as mlflow")
    run.add_argument("run", help="the tool's own id of the run")
    run.add_argument("--status", required=True, help="such as passed, failed or running")
    run.add_argument("--url", help="where to look at it")
    run.add_argument("--commit", help="taken from CI if absent")
    run.add_argument("--metric", type=_metric, action="append", default=[], metavar="NAME=NUMBER")
    return parser


def _of_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--product", required=True, metavar="KEY")
    parser.add_argument("--dataset", required=True, metavar="SLUG")
    parser.add_argument("--fail-on", choices=SEVERITIES, default="critical")


def _metric(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text} is not NAME=NUMBER, such as auc=0.91")
    return name.strip(), number


def _server(asked: argparse.Namespace) -> Server:
    token = os.environ.get("MLSCRUM_TOKEN", "")
    if not asked.server or not token:
        raise Refused("Set MLSCRUM_URL and MLSCRUM_TOKEN in the environment.")
    if not asked.server.startswith(("http://", "https://")):
        raise Refused("MLSCRUM_URL begins with https://, or with http:// on a network of yours.")
    return Server(asked.server, token)


def _dataset(asked: argparse.Namespace) -> str:
    return f"/api/v1/datasets/{quote(asked.product)}/{quote(asked.dataset)}/"


def _gate_query(asked: argparse.Namespace) -> str:
    wanted: dict[str, str | int | None] = {
        "fail_on": asked.fail_on,
        "version": asked.version,
        "commit": getattr(asked, "commit", None),
        "max_age_s": getattr(asked, "max_age", None),
    }
    return urlencode({name: value for name, value in wanted.items() if value is not None})


def _of_gate(gate: dict[str, Any]) -> int:
    """Say how the gate stands; what is unknown is not passed."""
    print(f"The gate is {gate['state']}: {gate['url']}")
    for reason in gate["reasons"]:
        print(f"  {reason['detail']}")
    return WELL if gate["passed"] else NOT_PASSED


def _judged(status: int, content: bytes) -> bytes:
    """The content of an answer that is one although its status is none of success."""
    try:
        said = json.loads(content)
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    if status == 422 and "gate" in said:
        return content
    told = [said.get("detail") or said.get("title") or f"The server answered {status}."]
    for one in said.get("errors", []):
        told.append(f"  {one.get('pointer', '')} {one.get('detail', '')}")
    raise (Silent if status >= 500 else Refused)("\n".join(told))


def _object(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise Refused("What answers there is not ML Scrum; see MLSCRUM_URL.") from None


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path} can't be written: {error.strerror}") from None


def _wait_s(said: str | None, tried: int) -> float:
    return min(60.0, float(said)) if said and said.isdigit() else float(2**tried)


def _form(fields: dict[str, Any], files: dict[str, Path], boundary: str) -> bytes:
    parts: list[bytes] = []
    for name, value in fields.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        parts.append(head.encode() + str(value).encode() + b"\r\n")
    for name, path in files.items():
        try:
            content = path.read_bytes()
        except OSError as error:
            raise Refused(f"{path} can't be read: {error.strerror}") from None
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; '
            f'filename="{quote(path.name)}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        )
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


if __name__ == "__main__":
    sys.exit(main())
