"""Parts of a dataset's rows that a run may look at: by month, day or value of a column."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

BY = ("month", "day", "value")
TIMES = ("date", "datetime")  # types of columns
NEWEST = "newest"
MONTH = re.compile(r"(\d{4})-(\d{2})")
LONGEST_VALUE = 200


def batch_fault(batch: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    """What is wrong with how a dataset is divided, in words; empty where nothing is. `columns` are
    the types of its columns, by name."""
    if set(batch) != {"by", "column"} or batch["by"] not in BY:
        return "Say by (month, day or value) and column."
    if batch["column"] not in columns:
        return f"There is no column {batch['column']}."
    kind = columns[batch["column"]]
    if batch["by"] != "value" and kind not in TIMES:
        return (
            f"The column {batch['column']} holds no dates or times ({kind}), and a {batch['by']} is"
            " one of them; choose another column, or divide by value."
        )
    return ""


def value_fault(by: str, value: Any) -> str:
    """What is wrong with the value of a batch, in words; empty where nothing is."""
    if by == "value":
        fits = isinstance(value, str | int | float | bool | None)
        return "" if fits and len(str(value)) <= LONGEST_VALUE else "Give a text or a number."
    try:
        _period(by, str(value))
    except (ValueError, OverflowError):
        return f"Give the {by} such as {'2024-01' if by == 'month' else '2024-01-31'}."
    return ""


def batch_key(slug: str, batch: Mapping[str, Any]) -> str:
    """What tells this batch of a dataset from others. Values of rows don't stand in it, for it
    goes where values may not."""
    value = str(batch["value"])
    if batch["by"] == "value":
        value = hashlib.sha256(f"{batch['column']}:{value}".encode()).hexdigest()[:16]
    return f"{slug}:{value}"


def complete_at(batch: Mapping[str, Any], now: datetime) -> datetime:
    """When a batch was complete: at the end of its month or day, or now where that is to come."""
    if batch["by"] == "value":
        return now
    _, after = _period(str(batch["by"]), str(batch["value"]))
    return min(datetime.combine(after, time(), UTC), now)


def _period(by: str, value: str) -> tuple[date, date]:
    if by == "day":
        first = date.fromisoformat(value)
        return first, first + timedelta(days=1)
    found = MONTH.fullmatch(value)
    if found is None:
        raise ValueError(value)
    first = date(int(found[1]), int(found[2]), 1)
    return first, (first + timedelta(days=31)).replace(day=1)
