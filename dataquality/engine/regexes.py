"""Regular expressions in the words of a database, where these say exactly what Python's say.

To Python `\\d` is a digit of any alphabet, and `$` stands before a last line end as well. A pattern
that can't be said in exactly that sense is left to pandas, which hands it to Python. Said in words
of RE2 it runs in the time that a text's length allows, on pandas too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

BLANKS = (
    r"\t\n\v\f\r\x1c-\x20\x85\xa0\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
)
# What stands within brackets for each class of signs. PostgreSQL has them in the alphabet of a
# collation alone, which is none where texts are compared sign by sign.
CLASSES: Mapping[str, Mapping[str, str]] = {
    "duckdb": {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_", "s": BLANKS},
    "pandas": {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_", "s": BLANKS},
    "postgresql": {},
}
END: Mapping[str, str] = {"duckdb": r"(?:\n?\z)", "pandas": r"(?:\n?\z)", "postgresql": r"(?:\n?$)"}
PLAIN = re.compile(r"[^\\\[\](){}.^$|*+?]")
ESCAPED = re.compile(r"\\([^A-Za-z0-9])")
REPEAT = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})\??(?![*+?{])")
CLASS = re.compile(r"\\([dwsDWS])")
IN_CLASS = re.compile(r"[^\\\[\]]")
GROUP = re.compile(r"\((?:\?:|(?!\?))")
NAMED = re.compile(r"\(\?P<\w+>")
ANY_CASE = "(?i)"
LAST = re.compile(r"\$(?=\)|\||$)")


def said(pattern: str, engine: str) -> str | None:
    """The pattern as this engine takes it, or None."""
    if engine not in CLASSES:
        return None
    parts, place = [], 0
    if pattern.startswith(ANY_CASE) and engine != "postgresql":
        parts, place = [ANY_CASE], len(ANY_CASE)
    while place < len(pattern):
        part = _part(pattern[place:], engine)
        if part is None:
            return None
        parts.append(part[0])
        place += part[1]
    return "".join(parts)


def within(kwargs: Mapping[str, Any], engine: str) -> dict[str, Any]:
    """The kwargs of a check with its patterns as this engine takes them, as far as it does."""
    changed = dict(kwargs)
    if isinstance(pattern := kwargs.get("regex"), str):
        changed["regex"] = said(pattern, engine) or pattern
    if isinstance(patterns := kwargs.get("regex_list"), list):
        changed["regex_list"] = [said(str(one), engine) or one for one in patterns]
    return changed


def are_said(kwargs: Mapping[str, Any], engine: str) -> bool:
    """Whether this engine takes all patterns of a check."""
    patterns = [kwargs.get("regex"), *(kwargs.get("regex_list") or [])]
    return all(said(str(one), engine) is not None for one in patterns if one is not None)


def _part(rest: str, engine: str) -> tuple[str, int] | None:
    """The first part of what is left, and how long it was."""
    for known in (PLAIN, REPEAT, ESCAPED, GROUP):
        if found := known.match(rest):
            return found[0], len(found[0])
    if found := NAMED.match(rest):
        return "(", len(found[0])
    if rest[0] in "^|)":
        return rest[0], 1
    if rest[0] == ".":
        return r"[^\n]", 1
    if LAST.match(rest):
        return END[engine], 1
    if rest[0] == "[":
        return _class(rest, engine)
    found = CLASS.match(rest)
    inner = CLASSES[engine].get(found[1].lower()) if found else None
    if found is None or inner is None:
        return None
    return f"[{'^' if found[1].isupper() else ''}{inner}]", 2


def _class(rest: str, engine: str) -> tuple[str, int] | None:
    """A class in brackets."""
    start = 2 if rest[1:2] == "^" else 1
    parts, place = [rest[:start]], start
    while place < len(rest):
        part = rest[place:]
        if part[0] == "]" and place > start:
            return "".join([*parts, "]"]), place + 1
        if found := ESCAPED.match(part) or IN_CLASS.match(part):
            parts.append(found[0])
            place += len(found[0])
        elif (known := CLASS.match(part)) and (inner := CLASSES[engine].get(known[1])):
            parts.append(inner)
            place += 2
        else:
            return None
    return None
