"""Evidence that others post: counts, names and links; never rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LONGEST_NAME = 200
LONGEST_LINK = 1000
MOST_FACTS = 30
MOST_NAMES = 50
ALLOWED = (
    f"numbers, true, false, null, links, names of at most {LONGEST_NAME} characters, and lists of "
    f"at most {MOST_NAMES} names"
)
SECRET_IN_URL = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]*(?=@)")
LINK = re.compile(r"https?://\S+|/[^/\s]\S*")


def problems(evidence: Mapping[str, Any]) -> dict[str, str]:
    """Why evidence can't be kept, by the names of what is wrong with it; empty where it can."""
    if len(evidence) > MOST_FACTS:
        return {"": f"Send at most {MOST_FACTS} facts."}
    return {
        str(name)[:LONGEST_NAME]: f"Send {ALLOWED}; rows and long texts are never kept."
        for name, value in evidence.items()
        if not (_is_name(name) and (_is_fact(value) or _is_names(value)))
    }


def tidy(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The evidence without passwords in addresses."""
    return {name: _tidy(value) for name, value in evidence.items()}


def _is_fact(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float)) or _is_name(value, links=True)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= MOST_NAMES and all(map(_is_name, value))


def _is_name(value: Any, *, links: bool = False) -> bool:
    if not isinstance(value, str):
        return False
    if links and LINK.fullmatch(value):
        return len(value) <= LONGEST_LINK
    return len(value) <= LONGEST_NAME and len(value.splitlines()) <= 1


def _tidy(value: Any) -> Any:
    if isinstance(value, list):
        return [_tidy(each) for each in value]
    return SECRET_IN_URL.sub("…", value) if isinstance(value, str) else value
