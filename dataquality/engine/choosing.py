"""Which engine carries a check, said before any run.

The table of `CARRIED` is what the contract test has proved: there an engine gives the outcome,
counts and percent that pandas gives. Everything else goes to pandas.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dataquality.engine import suites
from mlscrum.lib.errors import DomainError

PANDAS = "pandas"


@dataclass(frozen=True)
class Choice:
    """The engine of a check, and why it is not the one of the source; empty where it is."""

    engine: str
    reason: str = ""


def engine_for(
    check: Mapping[str, Any],
    kinds: Mapping[str, str],
    engine: str,
    *,
    odd: Collection[str] = (),
) -> Choice:
    """What carries a check on columns of these kinds, where the source is read by `engine`."""
    if engine == PANDAS:
        return Choice(PANDAS)
    names = suites.columns_of(check["kwargs"])
    if any('"' in name for name in names):
        return Choice(PANDAS, "Great Expectations can't quote the name of its column in SQL")
    if any(name in odd for name in names) and "null" not in check["type"]:
        return Choice(PANDAS, "its column holds nested or binary values")
    return Choice(engine)


def too_many_rows(rows: int, limit: int) -> DomainError:
    """The refusal of a check that needs pandas on more rows than memory may take."""
    return DomainError(
        "needs_pandas",
        f"This check needs pandas; the data has {rows:,} rows and the limit is {limit:,}. Check a "
        "batch, or raise PANDAS_ROWS.",
    )
