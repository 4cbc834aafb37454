"""Groups of people or things by one column, and how well each is represented (EVIDENCE 1)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LOWEST, HIGHEST = 0.80, 1.25
ALPHA = 0.05
NUMBER = r"[+-]?\d+(?:\.\d+)?"
BEYOND = re.compile(rf"(>=|<=|>|<)\s*({NUMBER})")
RANGE = re.compile(rf"({NUMBER})\s*(?:to|–)\s*({NUMBER})")
ONE = re.compile(NUMBER)
SLACK = 0.001  # of shares that were rounded


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both within."""

    low: float
    high: float


@dataclass(frozen=True)
class Represented:
    """A group with its share of the rows and of the reference, 0 to 1. `is_told` is false where
    the ratio is out of bounds and may yet be chance."""

    name: str
    rows: int
    share: float
    reference: float
    is_within: bool
    is_told: bool

    @property
    def ratio(self) -> float:
        return self.share / self.reference


def range_of(name: str) -> Range | None:
    """The range that a group of numbers names: `>= 75`, `< 18`, `18 to 30` or `3`; else None."""
    text = name.strip()
    if found := BEYOND.fullmatch(text):
        bound = float(found[2])
        return {
            ">=": Range(bound, math.inf),
            ">": Range(math.nextafter(bound, math.inf), math.inf),
            "<=": Range(-math.inf, bound),
            "<": Range(-math.inf, math.nextafter(bound, -math.inf)),
        }[found[1]]
    if found := RANGE.fullmatch(text):
        low, high = float(found[1]), float(found[2])
        return Range(low, high) if low <= high else None
    return Range(float(text), float(text)) if ONE.fullmatch(text) else None


def problem_of(shares: Any, kind: str) -> str:
    """What is wrong with reference shares for a column of this type; empty where nothing is."""
    if not isinstance(shares, Mapping) or not shares:
        return 'Give {"group": share}, such as {"women": 0.5} or {">= 75": 0.14}.'
    for name, share in shares.items():
        is_number = isinstance(share, int | float) and not isinstance(share, bool)
        if not is_number or not 0 < share <= 1:
            return f"The share of {name} is a number above 0, up to 1."
        if kind in {"integer", "number"} and range_of(name) is None:
            return f"{name} is no group of numbers; write >= 75, < 18 or 18 to 30."
        if kind == "boolean" and str(name).lower() not in {"true", "false"}:
            return f"The column holds true or false, and no {name}."
    if sum(shares.values()) > 1 + SLACK and kind not in {"integer", "number"}:
        return f"The shares add up to {sum(shares.values()):.3g}, which is more than 1."
    return ""


def represented(
    name: str, rows: int, of: int, reference: float, *, low: float, high: float
) -> Represented:
    """How well a group of so many rows of all is represented. Out of bounds counts where a sample
    of this size would hardly be so by chance (exact binomial test, two-sided)."""
    from scipy.stats import binomtest  # noqa: PLC0415  a second, and pages do without

    share = rows / of
    is_within = low <= share / reference <= high
    p = 1.0 if is_within else float(binomtest(rows, of, reference).pvalue)
    return Represented(name, rows, share, reference, is_within, is_within or p < ALPHA)
