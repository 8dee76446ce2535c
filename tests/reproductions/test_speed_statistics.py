"""Intervals, ratios and the noise floor: against scipy's own tests, and their error rates."""

import math

import numpy as np
import pytest
from scipy import stats

from reproductions.errors import ReproductionError
from reproductions.speed_statistics import (
    geometric_mean,
    noise_floor,
    paired_ratio,
)

READINGS = [10.1, 9.9, 10.4, 10.0, 9.7]
OTHERS = [5.2, 5.0, 5.1, 5.0, 4.8]
TRIALS = 4000
DOUBT = 1e-4
"""How often a right rate would fall outside its bounds, on either side, with another seed."""


def ends(interval):
    return [interval.low, interval.value, interval.high]


def _reference_one(readings, level):
    found = stats.ttest_1samp(np.log(readings), 0).confidence_interval(1 - level)
    return np.exp([found.low, np.log(readings).mean(), found.high])


@pytest.mark.parametrize("level", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("count", [2, 5])
def test_a_geometric_mean_has_the_t_interval_of_the_logs(level, count):
    found = geometric_mean(READINGS[:count], level=level)
    assert ends(found) == pytest.approx(_reference_one(READINGS[:count], level), rel=1e-9)
    assert found.level == level


@pytest.mark.parametrize("level", [0.01, 0.05, 0.1])
def test_a_paired_ratio_has_the_t_interval_of_the_differences(level):
    ratios = np.divide(READINGS, OTHERS)
    found = paired_ratio(READINGS, OTHERS, level=level)
    assert ends(found) == pytest.approx(_reference_one(ratios, level), rel=1e-9)


def test_what_a_round_does_to_both_cancels_in_a_paired_ratio():
    rounds = [1.0, 1.5, 0.8, 1.2, 0.9]
    slow = [1.03 * each for each in rounds]
    paired = paired_ratio(slow, rounds, level=0.05)
    assert ends(paired) == pytest.approx([1.03] * 3, rel=1e-9)
    alone = geometric_mean(slow, level=0.05)
    assert alone.high / alone.low > 1.5


def test_readings_without_scatter_have_no_width():
    assert ends(geometric_mean([4.0] * 5, level=0.05)) == pytest.approx([4.0] * 3, rel=1e-12)
    ratio = paired_ratio([2.0, 2.0], [1.0, 1.0], level=0.05)
    assert ends(ratio) == pytest.approx([2.0] * 3, rel=1e-12)


def test_a_ratio_turned_around_is_one_over_it():
    there = paired_ratio(READINGS, OTHERS, level=0.05)
    back = paired_ratio(OTHERS, READINGS, level=0.05)
    assert ends(back) == pytest.approx([1 / end for end in reversed(ends(there))], rel=1e-12)


REFUSED = pytest.mark.parametrize(
    "function",
    [
        lambda readings, level: geometric_mean(readings, level=level),
        lambda readings, level: paired_ratio(readings, readings, level=level),
        lambda readings, level: noise_floor([(each, 1.0) for each in readings], level=level),
    ],
    ids=["geometric_mean", "paired_ratio", "noise_floor"],
)


@REFUSED
@pytest.mark.parametrize("count", [0, 1])
def test_one_process_tells_nothing_of_its_scatter(function, count):
    with pytest.raises(ReproductionError, match=f"at least 2 processes, got {count}; measure"):
        function([1.0] * count, 0.05)


@REFUSED
@pytest.mark.parametrize("reading", [0.0, -1.0, math.nan, math.inf], ids=str)
def test_a_reading_is_finite_and_above_zero(function, reading):
    with pytest.raises(ReproductionError, match=f"finite readings above 0, got {reading}"):
        function([1.0, reading], 0.05)


@REFUSED
@pytest.mark.parametrize("level", [0.0, 1.0, 5.0, math.nan], ids=str)
def test_a_level_is_an_error_rate(function, level):
    with pytest.raises(ReproductionError, match="a level between 0 and 1"):
        function([1.0, 1.5], level)


def test_a_round_has_two_readings():
    with pytest.raises(ReproductionError, match=r"every round, got 5 and 4; .+ no pairs"):
        paired_ratio(READINGS, OTHERS[:4], level=0.05)


def simulated(seed, *shape, scatter=0.01):
    """Draw readings of speed 1: TRIALS times an array of the shape given."""
    return np.exp(np.random.default_rng(seed).normal(0, scatter, (TRIALS, *shape)))


def is_rate(times, rate):
    """Tell whether an event of that probability may have happened so often in TRIALS."""
    low, high = stats.binom.ppf([DOUBT, 1 - DOUBT], TRIALS, rate)
    return low <= times <= high


def misses(intervals, truth):
    return sum(not interval.low <= truth <= interval.high for interval in intervals)


@pytest.mark.parametrize("level", [0.05, 0.2])
@pytest.mark.parametrize("processes", [5, 8])
def test_the_interval_misses_as_often_as_its_level_says(level, processes):
    found = (geometric_mean(row, level=level) for row in simulated(1, processes).tolist())
    assert is_rate(misses(found, 1.0), level)


def test_a_paired_interval_misses_as_often_as_its_level_says():
    of_rounds = simulated(2, 5, scatter=0.1)
    first = (1.03 * of_rounds * simulated(3, 5)).tolist()
    second = (of_rounds * simulated(4, 5)).tolist()
    found = (paired_ratio(a, b, level=0.05) for a, b in zip(first, second, strict=True))
    assert is_rate(misses(found, 1.03), 0.05)


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_another_ratio_of_a_model_to_itself_passes_the_floor_at_the_level(level):
    pairs, others = simulated(8, 6, 2).tolist(), simulated(9, 2).tolist()
    outside = 0
    for seen, (first, second) in zip(pairs, others, strict=True):
        floor = noise_floor(seen, level=level)
        outside += not 1 / (1 + floor) <= first / second <= 1 + floor
    assert is_rate(outside, level)


def _reference_floor(pairs, level):
    logs = np.log([a / b for a, b in pairs])
    return np.exp(stats.t.ppf(1 - level / 2, len(logs)) * np.sqrt(np.mean(logs**2))) - 1


def test_a_model_that_wins_by_its_place_alone_counts_as_noise():
    pairs = [(1.02, 1.0)] * 5
    assert noise_floor(pairs, level=0.05) > 0.05
    assert noise_floor(pairs, level=0.05) == pytest.approx(_reference_floor(pairs, 0.05), rel=1e-9)


def test_a_model_without_noise_has_no_floor():
    assert noise_floor([(2.0, 2.0), (3.0, 3.0)], level=0.05) == 0
