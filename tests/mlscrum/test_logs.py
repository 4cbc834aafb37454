"""The secrets of one-time links reach no log."""

import logging

import pytest

from mlscrum.web.logs import OneTimeLinks


@pytest.mark.parametrize("name", ["invitations", "welcome"])
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
