"""Exponents of planted power laws."""

import numpy as np
import pytest

from reproductions.errors import ReproductionError
from reproductions.growth import exponent, exponent_range

SIZES = (49, 196, 784, 3136)


@pytest.mark.parametrize("power", [0, 1, 1.5, 2])
def test_a_planted_power_is_found(power):
    amounts = [7 * size**power for size in SIZES]
    assert exponent(SIZES, amounts) == pytest.approx(power, rel=0, abs=1e-12)


def test_scattered_points_have_the_slope_of_a_least_squares_line():
    amounts = (3.0, 50.0, 41.0, 900.0)
    reference = np.polyfit(np.log(SIZES), np.log(amounts), 1)[0]
    assert exponent(SIZES, amounts) == pytest.approx(reference, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("sizes", "amounts"), [((), ()), ((4,), (1,)), ((4, 4), (1, 2)), ((4, 9), (1, 2, 3))]
)
def test_fewer_than_two_different_sizes_are_refused(sizes, amounts):
    with pytest.raises(ReproductionError, match="want two or more different sizes"):
        exponent(sizes, amounts)


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf")])
def test_what_has_no_logarithm_is_refused(wrong):
    with pytest.raises(ReproductionError, match="want finite numbers above 0"):
        exponent((1, 2), (1, wrong))


def test_the_range_holds_every_exponent_between_the_bounds():
    lows, highs = np.array([1.0, 4, 9, 20]), np.array([2.0, 5, 30, 80])
    low, high = exponent_range(SIZES, lows, highs)
    generator = np.random.default_rng(0)
    inside = [exponent(SIZES, generator.uniform(lows, highs)) for _ in range(200)]
    corners = [
        exponent(SIZES, np.where([corner >> bit & 1 for bit in range(4)], lows, highs))
        for corner in range(16)
    ]
    assert (low, high) == (min(corners), max(corners))
    assert low <= min(inside) <= max(inside) <= high


def test_bounds_that_meet_leave_one_exponent():
    amounts = (1.0, 5.0, 9.0, 30.0)
    assert exponent_range(SIZES, amounts, amounts) == (exponent(SIZES, amounts),) * 2
