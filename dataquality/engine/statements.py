"""Queries of people, as far as they can be judged without asking the database: one SELECT that
writes nothing. What else keeps a database from harm is a read-only session (`sql`)."""

from __future__ import annotations

import re

from mlscrum.lib.errors import DomainError

LONGEST = 20_000
# Texts, names in quotes and comments, so that what is left are words and signs of SQL.
QUOTED = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|--[^\n]*|/\*.*?\*/", re.DOTALL
)
BEGINS = re.compile(r"\s*\(*\s*(select|with)\b", re.IGNORECASE)
WRITES = re.compile(
    r"\b(insert|update|delete|merge|into|create|alter|drop|truncate|grant|revoke|call|exec|"
    r"execute|copy|attach|detach|pragma|vacuum|lock|begin|commit|rollback|savepoint|set|do)\b",
    re.IGNORECASE,
)
# PostgreSQL's quotes of its own, backslashes before quotes, which each database reads in its own
# way, and MySQL's comments that it carries out.
UNCLEAR = re.compile(r"\$\w*\$|\\['\"`]|/\*!|/\*\+|\bE'", re.IGNORECASE)
JOIN = re.compile(r"\bjoin\b", re.IGNORECASE)
NAME_OF_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w+(?!:))")


def one_select(query: str) -> str:
    """The query without what ends it; raises DomainError for anything but one SELECT."""
    text = query.strip().removesuffix(";").rstrip()
    if not text or len(text) > LONGEST or "\0" in text:
        raise _refused("not_one_select", f"Give one SELECT of up to {LONGEST:,} signs.")
    if UNCLEAR.search(text):
        raise _refused(
            "not_one_select",
            "Write texts in single quotes, without backslashes before quotes and without $$.",
        )
    bare = QUOTED.sub(" ", text)
    if ";" in bare or not BEGINS.match(bare) or "#" in bare or "'" in bare or '"' in bare:
        raise _refused("not_one_select", "Give one SELECT, without a semicolon within it.")
    if _leaves_its_brackets(bare):
        raise _refused("not_one_select", "Close each bracket that the query opens, and no other.")
    if found := WRITES.search(bare):
        raise _refused(
            "writes",
            f"A query may only read, and this one holds {found[1].upper()}; put a name of this "
            "kind in quotes.",
        )
    return text


def as_bound_text(query: str) -> str:
    """The query for SQLAlchemy's text, where a colon before a word would be a parameter; with a
    line of its own for what comes behind, for it may end in a comment."""
    return NAME_OF_PARAMETER.sub(r"\\:", query) + "\n"


def _leaves_its_brackets(bare: str) -> bool:
    depth = 0
    for sign in bare:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return True
    return depth != 0


def _refused(code: str, message: str) -> DomainError:
    return DomainError(code, f"This query is not run. {message}")
