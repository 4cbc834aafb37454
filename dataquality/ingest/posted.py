"""What every format is read into: reports of checks, each about one piece of data."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mlscrum.lib.errors import DomainError, FieldError, Invalid

MAX_RESULTS = 2000
LONGEST_TEXT = 4096  # of a traceback
LONGEST_NAME = 250
LONGEST_TYPE = 120
SAMPLE_ROWS = 20
CLASS_NAME = re.compile(r"[A-Za-z_][\w.]*")
LAST_LINE = re.compile(r"^([A-Za-z_][\w.]*?(?:Error|Exception))\b", re.MULTILINE)


@dataclass(frozen=True)
class PostedCheck:
    """One check as it was told: raw as it came, so nothing of it is stored before `redact`.

    `words` say what is checked, without a value of the data. `check` and `identity` make the
    fingerprint of its finding, or `fingerprint`, if its author named the trouble. `message` is
    the whole text of an error or failure, which may hold values.
    """

    type: str
    words: str
    outcome: str
    severity: str
    check: str
    identity: Mapping[str, Any]
    column: str = ""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    observed_value: Any = None
    element_count: int | None = None
    unexpected_count: int | None = None
    unexpected_percent: float | None = None
    excess: float | None = None
    sample: Sequence[Mapping[str, Any]] = ()
    message: str = ""
    error_code: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PostedReport:
    """All that one report said of one piece of data.

    `names` are what the data may be known by here, the surest first; `bare` its plain name, which
    may be that of others too. `batch` says which part of the data was looked at, empty where all
    of it was; `checked_at` when, as far as the report tells.
    """

    checks: Sequence[PostedCheck]
    names: Sequence[str] = ()
    bare: str = ""
    batch: str = ""
    checked_at: datetime | None = None

    @property
    def name(self) -> str:
        """What people call the data."""
        return self.bare or (self.names[0] if self.names else "")


def wrong(where: str, code: str, detail: str) -> Invalid:
    """What is raised where a document can't be read; `where` is a JSON pointer."""
    return Invalid(FieldError(where, code, detail))


def limited(number: int) -> None:
    """Raise DomainError where a post holds too many results."""
    if number > MAX_RESULTS:
        raise DomainError(
            "too_many_results",
            f"One post holds up to {MAX_RESULTS:,} results, and this one {number:,}; "
            "post it in parts.",
            status=413,
        )


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def text(value: Any, longest: int = LONGEST_NAME) -> str:
    return value[:longest] if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """A finite number; whole numbers too large for a float are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def count(value: Any) -> int | None:
    """A whole number that is no less than 0 and fits a database."""
    found = number(value)
    if found is None or found < 0 or found >= 2**63 or found != int(found):
        return None
    return int(found)


def moment(value: Any) -> datetime | None:
    """A time as these files write it; without a zone it is UTC."""
    if not isinstance(value, str):
        return None
    compact = re.fullmatch(r"(\d{8}T\d{6})(?:\.(\d{1,6}))?Z", value)  # as GX names batches
    try:
        if compact:
            found = datetime.strptime(compact[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
            return found.replace(microsecond=int((compact[2] or "0").ljust(6, "0")))
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def error_code(traceback: str, named: str = "") -> str:
    """The class of an error as a code: `KeyError` is `key_error`. Its text may hold values."""
    names = LAST_LINE.findall(traceback)
    name = named if CLASS_NAME.fullmatch(named) else ""
    name = name or next((n for n in reversed(names) if "MetricResolution" not in n), "Error")
    last = name.rpartition(".")[2] or name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower()[:60]
