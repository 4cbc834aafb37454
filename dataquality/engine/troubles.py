"""What a database answers where something went wrong, in words of ours: no password, no value of a
row and no text of the driver is repeated."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from django.conf import settings

from mlscrum.lib.errors import DomainError

# By SQLSTATE of PostgreSQL, its first five or two signs.
BY_STATE = {
    "57014": "timed_out",
    "55P03": "timed_out",
    "42P01": "no_such_table",
    "3F000": "no_such_table",
    "25": "writes",
    "42501": "not_allowed",
    "28": "wrong_password",
    "3D": "cannot_connect",
    "08": "connection_lost",
    "57": "connection_lost",
    "53": "out_of_memory",
    "42": "bad_query",
}
# By number of MySQL and MariaDB.
BY_NUMBER = {
    1044: "not_allowed",
    1045: "wrong_password",
    1049: "cannot_connect",
    1054: "bad_query",
    1064: "bad_query",
    1142: "not_allowed",
    1146: "no_such_table",
    1205: "timed_out",
    1317: "timed_out",
    1792: "writes",
    1969: "timed_out",
    2002: "cannot_connect",
    2003: "cannot_connect",
    2006: "connection_lost",
    2013: "connection_lost",
    3024: "timed_out",
}
# By words, where a driver has nothing better.
BY_WORDS = (
    ("password authentication failed", "wrong_password"),
    ("no password supplied", "wrong_password"),
    ("no such table", "no_such_table"),
    ("interrupted", "timed_out"),
    ("readonly database", "writes"),
    ("unable to open database", "cannot_connect"),
    ("not a database", "cannot_connect"),
    ("database is locked", "timed_out"),
    ("connection already closed", "connection_lost"),
    ("server closed the connection", "connection_lost"),
    ("terminating connection", "connection_lost"),
    ("no such column", "bad_query"),
    ("syntax error", "bad_query"),
)
MESSAGES = {
    "cannot_connect": "{where} can't be reached; see that it runs and that address and name are "
    "right.",
    "wrong_password": "{where} does not accept the user or the password; enter them anew.",
    "timed_out": "{where} took longer than {seconds:g} s for one statement, or was stopped; "
    "{remedy}.",
    "connection_lost": "{where} closed the connection before it had answered; run it again.",
    "no_such_table": "{where} has no such table; it was dropped or renamed, or is hidden from "
    "this user.",
    "writes": "{where} was asked to write, and may only be read; change the query.",
    "not_allowed": "{where} does not let this user read that; grant SELECT.",
    "out_of_memory": "{where} had not enough memory, disk or connections; check a batch, or run "
    "it again.",
    "bad_query": "{where} does not understand the query, or a column of it is gone; change it.",
    "failed": "{where} could not answer.",
}
# What befalls everything that is asked, not one check.
OF_A_RUN = frozenset(MESSAGES) - {"failed", "bad_query"}


def explained(error: BaseException, url: sa.URL, seconds: float) -> DomainError:
    """The error in words of ours."""
    code = code_of(getattr(error, "orig", None) or error)
    if code == "failed" and getattr(error, "connection_invalidated", False):
        code = "connection_lost"
    if code == "failed" and isinstance(error, sa.exc.OperationalError) and not error.statement:
        code = "cannot_connect"
    remedy = "see whether it is busy, and try again"
    if seconds == settings.STATEMENT_TIMEOUT_S:
        remedy = (
            "look at fewer rows by dividing them into batches, or have STATEMENT_TIMEOUT_S raised"
        )
    text = MESSAGES[code].format(where=where(url), seconds=seconds, remedy=remedy)
    return DomainError(code, text)


def ends_a_run(error: BaseException, *, is_lost: bool) -> bool:
    """Whether this befalls the run as a whole."""
    return is_lost or code_of(error) in OF_A_RUN


def where(url: sa.URL) -> str:
    """The database, as its owner knows it."""
    if url.get_backend_name() == "sqlite":
        return "The database file"
    at = f" at {url.host}" if url.host else ""
    return f"The database {url.database}{at}" if url.database else f"The database{at}"


def code_of(error: BaseException | Any) -> str:
    """What kind of trouble an error of a driver is."""
    state = str(getattr(error, "pgcode", None) or "")
    for known in (state, state[:2]):
        if known in BY_STATE:
            return BY_STATE[known]
    number = error.args[0] if getattr(error, "args", ()) else None
    if isinstance(number, int) and number in BY_NUMBER:
        return BY_NUMBER[number]
    text = str(error).lower()
    return next((code for words, code in BY_WORDS if words in text), "failed")
