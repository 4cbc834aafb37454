"""When work will be done: Monte Carlo over what past sprints completed.

Each draw makes up a future by picking past sprints at random, each as likely as any other and as
often as it comes (a bootstrap: Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of
Statistics 7(1), 1979; for software projects: Magennis, "Forecasting and Simulating Software
Development Projects", 2011). This takes coming sprints to be like past ones, and one sprint to say
nothing of the next. docs/forecast.md says how well that held for real teams.

Amounts are points or items, to one decimal place as items keep them, of closed sprints, oldest
first. Equal input gives equal output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

DRAWS = 10_000
SEED = 1
LEAST_PAST = 3  # fewer sprints can't even say what is usual
MOST_SPRINTS = 500  # ahead; beyond it no forecast means anything
TENTHS = 10  # whole numbers add up exactly, floating ones don't


@dataclass(frozen=True)
class SprintCounts:
    """So many sprints are enough with a chance of 50, 85 and 95 %; None is more than 500."""

    p50: int | None
    p85: int | None
    p95: int | None


@dataclass(frozen=True)
class Done:
    """At least so much is done with a chance of 50, 85 and 95 %."""

    p50: Decimal
    p85: Decimal
    p95: Decimal


@dataclass(frozen=True)
class Between:
    """From the 10th to the 90th percentile of what is done, both included."""

    low: Decimal
    high: Decimal


@dataclass(frozen=True)
class FinishDates:
    """Done by the end of these days with a chance of 50, 85 and 95 %; None is not in sight."""

    p50: date | None
    p85: date | None
    p95: date | None


def sprints_until(
    remaining: Decimal | int,
    past: Sequence[Decimal | int],
    *,
    done: Decimal | int = 0,
    seed: int = SEED,
    draws: int = DRAWS,
) -> SprintCounts | None:
    """How many sprints, each as one of the past, complete what remains; 0 where nothing does.

    The first has `done` so much already, which is no part of what remains: of what a draw says it
    completes, it has only the rest still to give, and nothing where it has done more.

    None below three past sprints, or where none of them completed anything.
    """
    amounts = _amounts(past)
    if amounts is None:
        return None
    goal = _tenths(remaining)
    random = np.random.default_rng(seed)
    counts = np.zeros(draws, dtype=np.int64)
    totals = np.zeros(draws, dtype=np.int64)
    given = _tenths(done)
    for _ in range(MOST_SPRINTS + 1):
        is_short = totals < goal
        if not is_short.any():
            break
        counts += is_short
        totals += np.maximum(amounts[random.integers(len(amounts), size=draws)] - given, 0)
        given = 0
    p50, p85, p95 = (_percentile(counts, share) for share in (0.50, 0.85, 0.95))
    return SprintCounts(*(count if count <= MOST_SPRINTS else None for count in (p50, p85, p95)))


def done_within(
    sprints: int,
    past: Sequence[Decimal | int],
    *,
    done: Decimal | int = 0,
    seed: int = SEED,
    draws: int = DRAWS,
) -> Done | None:
    """How much so many sprints complete at least, the first of them never less than it has `done`
    already; None where `sprints_until` gives none."""
    totals = _totals(sprints, past, done=done, seed=seed, draws=draws)
    if totals is None:
        return None
    # What is reached with 85 % is the 15th percentile: 85 of 100 draws reach that much or more.
    return Done(*(_amount(_percentile(totals, share)) for share in (0.50, 0.15, 0.05)))


def expected_range(
    sprints: int,
    past: Sequence[Decimal | int],
    *,
    seed: int = SEED,
    draws: int = DRAWS,
) -> Between | None:
    """The middle 80 % of what so many sprints complete; None where `sprints_until` gives none."""
    totals = _totals(sprints, past, seed=seed, draws=draws)
    if totals is None:
        return None
    return Between(*(_amount(_percentile(totals, share)) for share in (0.10, 0.90)))


def finish_dates(counts: SprintCounts, *, ends: Sequence[date], length_days: int) -> FinishDates:
    """The last days of so many sprints from the next on. `ends` are those that are known, at least
    one, the earliest first.

    Each later one takes `length_days` calendar days; 0 sprints is the end of the one before.
    """

    def end_of(count: int) -> date:
        known = min(max(count, 1), len(ends))
        return ends[known - 1] + timedelta(days=(count - known) * length_days)

    return FinishDates(
        *(
            None if count is None else end_of(count)
            for count in (counts.p50, counts.p85, counts.p95)
        )
    )


def ended_by(day: date, *, ends: Sequence[date], length_days: int) -> int:
    """How many sprints come to their end by a day, with `ends` as `finish_dates` takes them."""
    if day < ends[-1]:
        return sum(end <= day for end in ends)
    return min(len(ends) + (day - ends[-1]).days // length_days, MOST_SPRINTS)


def _totals(
    sprints: int,
    past: Sequence[Decimal | int],
    *,
    seed: int,
    draws: int,
    done: Decimal | int = 0,
) -> NDArray[np.int64] | None:
    """What so many sprints complete in each draw, in tenths; shape (draws,)."""
    amounts = _amounts(past)
    if amounts is None:
        return None
    random = np.random.default_rng(seed)
    totals = np.zeros(draws, dtype=np.int64)
    for number in range(sprints):
        totals += amounts[random.integers(len(amounts), size=draws)]
        if number == 0:
            totals = np.maximum(totals, _tenths(done))
    return totals if sprints else totals + _tenths(done)


def _amounts(past: Sequence[Decimal | int]) -> NDArray[np.int64] | None:
    if len(past) < LEAST_PAST or not any(past):
        return None
    return np.array([_tenths(value) for value in past], dtype=np.int64)


def _percentile(values: NDArray[np.int64], share: float) -> int:
    """The smallest value that such a share of all does not exceed: one that was drawn."""
    return int(np.quantile(values, share, method="inverted_cdf"))


def _tenths(value: Decimal | int) -> int:
    return round(value * TENTHS)


def _amount(tenths: int) -> Decimal:
    return Decimal(tenths) / TENTHS
