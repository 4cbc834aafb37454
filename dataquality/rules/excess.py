"""How far beyond what is allowed a failed check is, in percentage points (EVIDENCE.md 0)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from backlog.rules.severity import UNKNOWN_EXCESS


def excess(
    kwargs: Mapping[str, Any], *, percent: float | None, observed: Any, is_of_table: bool = False
) -> float:
    """Of a check with `mostly` its percent beyond that; of a figure its distance to the nearest
    bound, in percent of the bound or of the bounds' span; 100 where nothing can be measured."""
    if percent is not None:
        mostly: Any = kwargs.get("mostly")
        allowed = 100 * (1 - mostly) if _is_number(mostly) else 0.0
        return max(0.0, percent - allowed)
    bounds: list[Any] = [kwargs.get(name) for name in ("min_value", "max_value")]
    numbers = [float(bound) for bound in bounds if _is_number(bound)]
    if is_of_table or not _is_number(observed) or not numbers:
        return UNKNOWN_EXCESS
    nearest = min(numbers, key=lambda bound: abs(observed - bound))
    span = abs(numbers[-1] - numbers[0]) if len(numbers) > 1 else 0.0
    scale = max(abs(nearest), span)
    return UNKNOWN_EXCESS if scale == 0 else 100.0 * abs(observed - nearest) / scale


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
