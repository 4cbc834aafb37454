"""How far a column has moved: the examples of the design, and what scipy says of samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

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


@pytest.mark.parametrize(
    ("rows", "words"), [(20, "it takes 30 on either side"), (60, "alone give a PSI of about 0.30")]
)
def test_of_few_rows_nothing_is_said(rows: int, words: str) -> None:
    bins = [rows // 10] * 10
    told = drift.told_psi(bins, bins, drift.PSI_ITEM)
    assert told.value is None
    assert words in told.untold


def test_of_few_rows_neither_distance_nor_effect_is_told() -> None:
    assert drift.told_distance([10, 10], [5, 5]).value is None
    assert drift.told_effect([10, 10], [500, 5]).value is None
    assert drift.told_distance([20, 20], [30, 10]).value == 0.25
