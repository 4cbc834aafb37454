"""How lines of a log look, and what never reaches one: the secrets of one-time links, and values in
texts of exceptions."""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from mlscrum.lib.origins import origin

# Of lines as JSON; what libraries put on a record beside them may hold anything.
FIELDS = ("time", "level", "logger", "message", "exc_info", "stack_info",
          "request_id", "job_id", "job_kind", "method", "path", "view", "status", "ms")  # fmt: skip
SECRETS = re.compile(r"/(invitations|welcome|guest|calendar|shared|hooks)/[^/\s]+")


class OneTimeLinks(logging.Filter):
    """Masks the secret of links that let whoever opens them in."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if SECRETS.search(said):
            record.msg, record.args = SECRETS.sub(r"/\1/…", said), ()
        path = record.__dict__.get("path")
        if isinstance(path, str):
            record.__dict__["path"] = SECRETS.sub(r"/\1/…", path)
        return True


class Origin(logging.Filter):
    """Names the request or the job in which a line was written."""

    def filter(self, record: logging.LogRecord) -> bool:
        names = origin()
        record.__dict__.update(names)
        told = " ".join(f"{name.removesuffix('_id')}={value}" for name, value in names.items())
        record.origin = f" [{told}]" if told else ""
        return True


class JsonLines(JsonFormatter):
    """One JSON object a line, of known fields alone."""

    def __init__(self) -> None:
        super().__init__(
            ["asctime", "levelname", "name", "message"],
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {name: log_data[name] for name in FIELDS if log_data.get(name)}


class NoTextOfErrors(logging.Filter):
    """Keeps of an exception its types and frames, for its text may hold values of somebody's
    data."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = _frames(record.exc_info[1])
            record.exc_info = None
        return True


def _frames(error: BaseException) -> str:
    """The exception and what caused it, first things first, as Python prints them but for their
    texts."""
    part: BaseException | None = error
    told: list[str] = []
    while part is not None:
        stack = "".join(traceback.format_tb(part.__traceback__))
        told.append(f"Traceback (most recent call last):\n{stack}{type(part).__qualname__}")
        part = part.__cause__ or (None if part.__suppress_context__ else part.__context__)
    return "\n\n".join(reversed(told))
