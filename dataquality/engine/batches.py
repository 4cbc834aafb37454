"""Batches: a part of a source's rows, by month, day or value of a column, as a condition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from mlscrum.lib.errors import DomainError

BY = ("month", "day", "value")
MONTH = re.compile(r"(\d{4})-(\d{2})")
SCALARS = (str, int, float, bool, type(None))


def condition_of(batch: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The structured condition that a batch stands for; raises DomainError for none of ours."""
    if batch is None:
        return None
    by, column, value = (batch.get(name) for name in ("by", "column", "value"))
    if by not in BY or not isinstance(column, str) or not isinstance(value, SCALARS):
        raise _bad("Give by (month, day or value), column and value.")
    if by == "value":
        if value is None:
            return {"type": "nullity", "column": {"name": column}, "is_null": True}
        return _compared(column, "==", value)
    first, after = _month(value) if by == "month" else _day(value)
    return {
        "type": "and",
        "conditions": [
            _compared(column, ">=", first.isoformat()),
            _compared(column, "<", after.isoformat()),
        ],
    }


def both(one: Any, other: Any) -> Any:
    """What holds where both conditions do; None is no condition."""
    if one is None or other is None:
        return other if one is None else one
    return {"type": "and", "conditions": [one, other]}


def _compared(column: str, sign: str, parameter: Any) -> dict[str, Any]:
    return {
        "type": "comparison",
        "column": {"name": column},
        "operator": sign,
        "parameter": parameter,
    }


def _month(value: Any) -> tuple[date, date]:
    found = MONTH.fullmatch(str(value))
    try:
        first = date(int(found[1]), int(found[2]), 1) if found else None
        if first is None:
            raise ValueError(value)
        return first, (first + timedelta(days=31)).replace(day=1)
    except (ValueError, OverflowError):
        raise _bad("Give the month such as 2024-01.") from None


def _day(value: Any) -> tuple[date, date]:
    try:
        first = date.fromisoformat(str(value))
        return first, first + timedelta(days=1)
    except (ValueError, OverflowError):
        raise _bad("Give the day such as 2024-01-31.") from None


def _bad(message: str) -> DomainError:
    return DomainError("bad_batch", f"This is no batch. {message}")
