"""Lines of a log name what they were written in; the secrets of one-time links and the texts of
exceptions reach none."""

import json
import logging
import sys
from ipaddress import ip_network
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from mlscrum.lib.origins import begun_by
from mlscrum.web.logs import JsonLines, NoTextOfErrors, OneTimeLinks, Origin


@pytest.mark.parametrize("name", ["invitations", "welcome", "guest", "calendar", "hooks"])
def test_the_secret_of_a_link_is_masked(name: str) -> None:
    record = logging.makeLogRecord(
        {"msg": "%s: %s", "args": ("Unprocessable Entity", f"/{name}/s3cret/")}
    )
    assert OneTimeLinks().filter(record)
    assert record.getMessage() == f"Unprocessable Entity: /{name}/…/"


def test_other_lines_stay_as_they_are() -> None:
    record = logging.makeLogRecord({"msg": "%s items", "args": (3,)})
    assert OneTimeLinks().filter(record)
    assert record.getMessage() == "3 items"


def test_of_a_crash_types_and_frames_are_told_and_no_text() -> None:
    try:
        try:
            int("Canary Meyer")
        except ValueError as error:
            raise RuntimeError("quokka 5550199") from error
    except RuntimeError:
        record = logging.makeLogRecord({"msg": "Internal Server Error: %s", "args": ("/p/MED/",)})
        record.exc_info = sys.exc_info()
    assert NoTextOfErrors().filter(record)
    told = logging.Formatter("%(message)s").format(record)
    assert "Meyer" not in told.replace('int("Canary Meyer")', "")
    assert "quokka" not in told.replace('RuntimeError("quokka 5550199")', "")
    lines = told.splitlines()
    assert lines[0] == "Internal Server Error: /p/MED/"
    assert [line for line in lines if line in {"ValueError", "RuntimeError"}] == [
        "ValueError",
        "RuntimeError",
    ]
    assert __file__ in told


def test_crashes_of_requests_are_told_so() -> None:
    filters = logging.getLogger("django.request").filters
    assert [type(each) for each in filters] == [NoTextOfErrors]


def line_of(record: logging.LogRecord, formatter: logging.Formatter) -> str:
    for each in (Origin(), OneTimeLinks()):
        assert each.filter(record)
    return formatter.format(record)


def test_a_line_names_the_request_or_the_job_it_was_written_in() -> None:
    logs: Any = settings.LOGGING
    formatter = logging.Formatter(logs["formatters"]["line"]["format"].removeprefix("%(asctime)s "))
    record = {"name": "backlog", "levelname": "INFO", "msg": "Done"}
    with begun_by(request_id="r1"):
        assert (
            line_of(logging.makeLogRecord(record), formatter) == "INFO backlog [request=r1]: Done"
        )
    with begun_by(job_id="7", job_kind="run"):
        told = line_of(logging.makeLogRecord(record), formatter)
        assert told == "INFO backlog [job=7 job_kind=run]: Done"
    assert line_of(logging.makeLogRecord(record), formatter) == "INFO backlog: Done"


def test_json_holds_known_fields_alone() -> None:
    said = {"msg": "Not Found: %s", "args": ("/guest/s3cret/",), "levelname": "WARNING"}
    strange = {"request": "/guest/s3cret/", "status": 404, "canary": "Meyer"}
    strange["path"] = "/guest/s3cret/"
    with begun_by(request_id="r1"):
        told = line_of(logging.makeLogRecord({**said, **strange}), JsonLines())
    found = json.loads(told)
    assert found.pop("time")
    assert found == {
        "level": "WARNING", "message": "Not Found: /guest/…/", "request_id": "r1", "status": 404,
        "path": "/guest/…/",
    }  # fmt: skip


def test_a_crash_as_json_is_one_line() -> None:
    try:
        raise RuntimeError("quokka 5550199")
    except RuntimeError:
        record = logging.makeLogRecord({"msg": "Internal Server Error"})
        record.exc_info = sys.exc_info()
    assert NoTextOfErrors().filter(record)
    [told] = line_of(record, JsonLines()).splitlines()
    assert "RuntimeError" in json.loads(told)["exc_info"]


@pytest.mark.parametrize(
    ("sent", "kept"), [("abc-1.2_Z", True), ("", False), ("a b", False), ("x" * 65, False)]
)
def test_an_answer_names_its_request(client: Client, settings: Any, sent: str, kept: bool) -> None:
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.0/8")]
    answer = client.get("/healthz", headers={"X-Request-ID": sent} if sent else {})
    assert (answer["X-Request-ID"] == sent) == kept
    assert len(answer["X-Request-ID"]) == (len(sent) if kept else 32)


def test_an_id_of_no_proxy_of_ours_is_not_kept(client: Client) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "mine"})["X-Request-ID"] != "mine"


def test_requests_are_logged_where_that_is_asked_for(
    client: Client, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "mlscrum.requests")
    client.get("/healthz?token=s3cret")
    assert caplog.messages == []
    settings.LOG_REQUESTS = True
    client.get("/healthz?token=s3cret")
    [told] = caplog.messages
    assert told.startswith("GET /healthz 200 in ")
    assert "s3cret" not in told
    [record] = caplog.records
    assert vars(record)["view"] == "healthz"
    caplog.clear()
    client.get("/healthz%0Aforged")
    assert len(caplog.messages[-1].splitlines()) == 1
