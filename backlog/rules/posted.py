"""Evidence that others post: counts, names and links; never rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from backlog.rules.evidence import canonical

LONGEST_NAME = 200
LONGEST_LINK = 1000
MOST_FACTS = 30
MOST_NAMES = 50
MOST_ENTRIES = 100  # facts and names together
LARGEST_BYTES = 16_000
ALLOWED = (
    f"numbers, true, false, null, links, names of at most {LONGEST_NAME} characters, and lists of "
    f"at most {MOST_NAMES} names"
)
SECRET_IN_URL = re.compile(r"(?<=://)[^\s/?#]*(?=@)")
CREDENTIALS = re.compile(f"{SECRET_IN_URL.pattern}@")
LINK = re.compile(r"https?://\S+|/[^/\s]\S*")


def problems(evidence: Mapping[str, Any]) -> dict[str, str]:
    """Why evidence can't be kept, by the names of what is wrong with it; empty where it can."""
    if len(evidence) > MOST_FACTS:
        return {"": f"Send at most {MOST_FACTS} facts."}
    wrong = {
        str(name)[:LONGEST_NAME]: f"Send {ALLOWED}; rows and long texts are never kept."
        for name, value in evidence.items()
        if not (_is_name(name) and (_is_fact(value) or _is_names(value)))
    }
    if wrong:
        return wrong
    entries = sum(len(value) if isinstance(value, list) else 1 for value in evidence.values())
    if entries > MOST_ENTRIES or len(canonical(evidence).encode()) > LARGEST_BYTES:
        return {
            "": f"Send at most {MOST_ENTRIES} entries and {LARGEST_BYTES} bytes of evidence; "
            "link to the rest."
        }
    return {}


def without_credentials(value: Any) -> Any:
    """The same without user names, passwords and tokens in the addresses of its texts."""
    match value:
        case str():
            return CREDENTIALS.sub("", value)
        case Mapping():
            return {
                without_credentials(name): without_credentials(inner)
                for name, inner in value.items()
            }
        case list():
            return [without_credentials(each) for each in value]
    return value


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
