"""The secrets of one-time links and the texts of exceptions reach no log."""

import logging
import sys

import pytest

from mlscrum.web.logs import NoTextOfErrors, OneTimeLinks


@pytest.mark.parametrize("name", ["invitations", "welcome", "guest", "calendar"])
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
