"""Fields that a product adds to its items: what they may hold, and how it is kept as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

KINDS = ("text", "number", "choice", "date", "checkbox")
LONGEST_TEXT = 1000


class BadValue(ValueError):
    """The value does not fit the field; the message says what does."""


def kept(kind: str, value: Any, choices: Sequence[str] = ()) -> Any:
    """The value as it is stored; None for nothing. Raises BadValue for what does not fit.

    Texts of forms are taken for what the field holds: `3,5` as a number, `2026-12-01` as a date,
    `on` as a tick.
    """
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None
    return _KEEPERS[kind](value, choices)


def _text(value: Any, choices: Sequence[str]) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise BadValue("Write a text.")
    if len(value) > LONGEST_TEXT:
        raise BadValue(f"Write at most {LONGEST_TEXT:,} signs.")
    return value


def _number(value: Any, choices: Sequence[str]) -> int | float:
    if isinstance(value, str):
        try:
            value = float(value.replace(",", "."))
        except ValueError:
            raise BadValue("Write a number, such as 3.5.") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadValue("Write a number, such as 3.5.")
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(value)


def _choice(value: Any, choices: Sequence[str]) -> str:
    if value not in choices:
        raise BadValue(f"Choose one of {', '.join(choices)}.")
    return str(value)


def _date(value: Any, choices: Sequence[str]) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise BadValue("Write a date, such as 2026-12-01.") from None


def _checkbox(value: Any, choices: Sequence[str]) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in {"on", "true", "yes", "1"}:
        return True
    if word in {"off", "false", "no", "0"}:
        return False
    raise BadValue("Answer yes or no.")


_KEEPERS = {
    "text": _text,
    "number": _number,
    "choice": _choice,
    "date": _date,
    "checkbox": _checkbox,
}
