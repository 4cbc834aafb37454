"""How far a column has moved: the examples of the design, and what scipy says of samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dataquality.engine.figures import FrameFigures
from dataquality.engine.spreads import spread_of
from dataquality.rules import drift


def test_the_example_of_four_bins_is_worth_a_look() -> None:
    found = drift.psi([25, 25, 25, 25], [15, 20, 28, 37])
    assert round(found, 3) == 0.113
    assert drift.PSI_LOOK < found < drift.PSI_ITEM


def test_an_empty_bin_makes_no_infinite_index() -> None:
    assert 1 < drift.psi([50, 50, 0], [50, 0, 50]) < 10
    assert drift.psi([50, 50, 0], [50, 50, 0]) == 0


def test_chi_square_is_that_of_scipy() -> None:
    expected, actual = [50, 30, 20], [20, 30, 50]
    said = stats.chi2_contingency([expected, actual], correction=False)
    assert drift.effect_p(expected, actual) == pytest.approx(said.pvalue)
    assert drift.effect(expected, actual) == pytest.approx((said.statistic / 200) ** 0.5)


def test_rare_categories_are_counted_together() -> None:
    together = stats.chi2_contingency([[500, 480, 5], [510, 470, 6]], correction=False)
    found = drift.effect_p([500, 480, 2, 2, 1], [510, 470, 2, 1, 3])
    assert found == pytest.approx(together.pvalue)
    with_next = stats.chi2_contingency([[500, 481], [510, 472]], correction=False)
    assert drift.effect_p([500, 480, 1], [510, 470, 2]) == pytest.approx(with_next.pvalue)
    assert drift.effect_p([100], [90]) == 1.0


def binned(values: np.ndarray, edges: np.ndarray) -> list[int]:
    places = np.searchsorted(np.sort(values), edges, side="right")
    return [int(n) for n in np.diff([0, *places, len(values)])]


def test_the_distance_is_that_of_kolmogorov_and_smirnov_to_a_hundredth() -> None:
    chance = np.random.default_rng(7)
    before, after = chance.normal(0, 1, 3000), chance.normal(0.2, 1.1, 2000)
    edges = np.quantile(before, np.arange(1, 100) / 100)
    expected, actual = binned(before, edges), binned(after, edges)
    said = stats.ks_2samp(before, after, method="asymp")
    assert drift.distance(expected, actual) == pytest.approx(said.statistic, abs=0.01)
    assert drift.distance_p(said.statistic, 3000, 2000) == pytest.approx(said.pvalue)


def test_counts_read_off_other_bins_are_nearly_those_of_the_values() -> None:
    chance = np.random.default_rng(7)
    before, after = chance.normal(0, 1, 5000), chance.normal(0.5, 1, 5000)
    edges, other = (np.quantile(one, np.arange(1, 100) / 100) for one in (before, after))
    reference = {"edges": list(edges), "counts": binned(before, edges)}
    exact = {"edges": list(edges), "counts": binned(after, edges)}
    guessed = {"edges": list(other), "counts": binned(after, other)}
    told = [drift.psi(*drift.same_bins(reference, one, drift.GROUPS)) for one in (exact, guessed)]
    assert told[0] == pytest.approx(told[1], abs=0.03)
    assert told[0] > drift.PSI_ITEM
    assert len(drift.same_bins(reference, exact, drift.GROUPS)[0]) == drift.GROUPS


def test_categories_that_are_new_count_as_others() -> None:
    reference = {"values": [["a", 60], ["b", 40]], "other": 0}
    present = {"values": [["b", 50], ["c", 30]], "other": 20}
    assert drift.same_bins(reference, present) == ([60, 40, 0], [0, 50, 50])


def spread(values: Iterable[float]) -> Any:
    """The spread of a column of numbers, as a profile keeps it."""
    frame = pd.DataFrame({"n": list(values)})
    return spread_of(FrameFigures(frame, {"n": "number"}), "n")


def times(counts: dict[float, int]) -> list[float]:
    return [value for value, count in counts.items() for _ in range(count)]


def held_against(before: Any, after: Any) -> tuple[float, float]:
    """PSI and distance of two spreads."""
    psi = drift.psi(*drift.same_bins(before, after, drift.GROUPS))
    return psi, drift.distance(*drift.same_bins(before, after))


@pytest.mark.parametrize(
    ("before", "after", "apart"),
    [
        ({1: 92, 2: 9, 3: 899}, {1: 92, 2: 7, 3: 901}, 0.002),
        ({0: 500, 1: 500}, {0: 503, 1: 497}, 0.003),
    ],
)
def test_of_few_different_numbers_nothing_is_guessed(
    before: dict[float, int], after: dict[float, int], apart: float
) -> None:
    psi, distance = held_against(spread(times(before)), spread(times(after)))
    assert distance == pytest.approx(apart)
    assert psi < 0.001


def test_what_stands_often_among_many_numbers_is_not_taken_for_others() -> None:
    chance = np.random.default_rng(3)
    samples = [[0.0] * 1800 + [5.76] * 900 + list(chance.uniform(1, 20, 300)) for _ in range(2)]
    psi, distance = held_against(*(spread(one) for one in samples))
    assert psi < 0.01
    assert distance < 0.02


@pytest.mark.parametrize("beyond", [0, 9])
def test_numbers_beyond_all_of_the_reference_have_moved(beyond: float) -> None:
    before: dict[float, int] = {1: 300, 2: 300, 3: 300}
    after: dict[float, int] = {2: 300, (1 if beyond else 3): 300, beyond: 300}
    psi, distance = held_against(spread(times(before)), spread(times(after)))
    assert psi > drift.PSI_ITEM
    assert distance == pytest.approx(1 / 3)


def test_of_very_few_rows_nothing_is_said() -> None:
    told = drift.told_psi([2] * 10, [2] * 10, drift.PSI_ITEM)
    assert told.value is None
    assert "it takes 30 on either side" in told.untold


def test_of_few_rows_is_said_what_can_not_be_chance() -> None:
    whole_shift = drift.told_psi([*[1000] * 10, 0], [*[0] * 10, 60], drift.PSI_ITEM)
    assert (whole_shift.value or 0) > 5
    assert drift.told_psi([6] * 10, [6] * 10, drift.PSI_ITEM).value == 0
    between = drift.told_psi([80] * 10, [8, 5, 2, 3, 6, 1, 4, 3, 2, 6], drift.PSI_ITEM)
    assert between.value is None
    assert between.untold == (
        "Too few rows to tell: the PSI is 0.30, and samples of 40 rows against 800 alone "
        "easily have one of 0.35."
    )


@pytest.mark.parametrize(("rows", "others"), [(30, 30), (60, 60), (60, 1000), (100, 100)])
def test_samples_of_one_distribution_are_seldom_said_to_have_moved(rows: int, others: int) -> None:
    chance = np.random.default_rng(11)
    said = 0
    for _ in range(400):
        bins = [[int(n) for n in chance.multinomial(size, [0.1] * 10)] for size in (others, rows)]
        said += (drift.told_psi(bins[0], bins[1], drift.PSI_ITEM).value or 0) > drift.PSI_ITEM
    assert said <= 0.05 * 400


def test_rare_categories_make_no_index_of_their_own() -> None:
    rare = {f"rare {n}": 8 for n in range(40)}
    reference = {"values": [["a", 500], ["b", 500], *rare.items()], "other": 0}
    present = {"values": [["a", 50], ["b", 50], ["rare 3", 30]], "other": 0}
    expected, actual = drift.same_bins(reference, present, drift.GROUPS)
    assert (sorted(expected), sorted(actual)) == ([8, 312, 500, 500], [0, 30, 50, 50])
    few = {"values": [["a", 50], ["b", 50], *((f"rare {n}", 1) for n in range(32))], "other": 0}
    assert drift.psi(*drift.same_bins(reference, few, drift.GROUPS)) < 0.01


def test_a_category_that_took_the_place_of_another_is_not_pooled_with_it() -> None:
    before, after = {"values": [["a", 1000]], "other": 0}, {"values": [], "other": 60}
    bins = drift.same_bins(before, after, drift.GROUPS)
    assert drift.effect(*bins) == 1.0
    assert (drift.told_psi(*bins, drift.PSI_ITEM).value or 0) > drift.PSI_ITEM


def test_of_few_rows_neither_distance_nor_effect_is_told() -> None:
    assert drift.told_distance([10, 10], [5, 5]).value is None
    assert drift.told_effect([10, 10], [500, 5]).value is None
    assert drift.told_distance([20, 20], [30, 10]).value == 0.25
