"""Intervals over seeds, against scipy's and numpy's, and where they must not be too narrow."""

import math

import numpy as np
import pytest
from scipy import stats

from reproductions.contract import Quantity
from reproductions.errors import ReproductionError
from reproductions.seed_statistics import LEVEL, distance, mean_difference, mean_share


def _reference_interval(readings):
    error = np.std(readings, ddof=1) / math.sqrt(len(readings))
    return stats.t.interval(1 - LEVEL, len(readings) - 1, np.mean(readings), error)


def test_the_interval_of_a_mean_is_students():
    counts = [70, 80, 85, 60]
    found = mean_share(counts, 100)
    low, high = _reference_interval(counts)
    assert (found.value, found.unit, found.level) == (73.75, "percent", LEVEL)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9)


def test_the_interval_of_a_difference_is_that_of_the_pairs():
    differences = [3, -1, 4, 2, 7]
    found = mean_difference(differences, 200)
    low, high = _reference_interval([difference / 2 for difference in differences])
    assert (found.value, found.unit) == (1.5, "point")
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9)


def test_an_accuracy_stays_between_nothing_and_everything():
    assert mean_share([1, 99], 100).low == 0
    assert mean_share([1, 99], 100).high == 100


def test_seeds_that_agree_by_rounding_leave_the_spread_of_rounding():
    found = mean_difference([2, 2, 2], 100)
    reach = stats.t.ppf(1 - LEVEL / 2, 2) / math.sqrt(6) / math.sqrt(3)
    assert (found.low, found.high) == pytest.approx((2 - reach, 2 + reach), rel=1e-9)
    assert found.level == LEVEL


def test_more_counts_leave_more_rounding():
    two, four = (mean_difference([0, 0, 0], 100, counts=counts) for counts in (2, 4))
    assert four.high / two.high == pytest.approx(math.sqrt(2), rel=1e-9)


def test_the_very_same_numbers_leave_nothing_to_chance():
    found = mean_difference([0, 0], 100, exact=True)
    assert (found.low, found.high, found.level) == (0, 0, None)


@pytest.mark.parametrize("differences", [[], [1]])
def test_one_seed_tells_nothing_of_its_scatter(differences):
    with pytest.raises(ReproductionError, match="want runs from at least 2 seeds"):
        mean_difference(differences, 100)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((1.0, 2.0, 4.0), (1.0, 2.0, 4.0)),
        ((-4.0, -2.0, -1.0), (1.0, 2.0, 4.0)),
        ((-1.0, 2.0, 5.0), (0.0, 2.0, 5.0)),
        ((-5.0, -2.0, 1.0), (0.0, 2.0, 5.0)),
        ((0.0, 1.0, 2.0), (0.0, 1.0, 2.0)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    ],
)
def test_a_distance_reaches_to_zero_only_where_the_difference_does(ends, expected):
    low, value, high = ends
    found = distance(Quantity(value=value, low=low, high=high, level=LEVEL, unit="point"))
    assert (found.low, found.value, found.high) == expected


def test_intervals_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(0)
    truth, images = 5.0, 359
    missed = 0
    for _ in range(2000):
        differences = [round(images * one / 100) for one in random.normal(truth, 2.0, 5)]
        found = mean_difference(differences, images)
        missed += not found.low <= truth <= found.high
    assert 0.03 < missed / 2000 < 0.07
