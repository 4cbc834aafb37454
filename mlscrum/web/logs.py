"""What never reaches a log: the secrets of one-time links, and values in texts of exceptions."""

from __future__ import annotations

import logging
import re
import traceback

SECRETS = re.compile(r"/(invitations|welcome|guest|calendar|shared)/[^/\s]+")


class OneTimeLinks(logging.Filter):
    """Masks the secret of links that let whoever opens them in."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if SECRETS.search(said):
            record.msg, record.args = SECRETS.sub(r"/\1/…", said), ()
        return True


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
