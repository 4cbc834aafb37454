"""Evidence that others post, cut to what may be kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LONGEST_TEXT = 4000
SECRET_IN_URL = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]*(?=@)")


def tidy(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The evidence without passwords in addresses, its texts cut to 4,000 characters."""
    return {str(name): _tidy(value) for name, value in evidence.items()}


def _tidy(value: Any) -> Any:
    if isinstance(value, str):
        text = SECRET_IN_URL.sub("…", value)
        return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
    if isinstance(value, Mapping):
        return tidy(value)
    if isinstance(value, list):
        return [_tidy(each) for each in value]
    return value
