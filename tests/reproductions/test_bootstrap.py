"""Intervals over images: they hold the mean as often as they say, and mind what is missing."""

import numpy as np
import torch

from reproductions.bootstrap import LEVEL, intervals


def columns(*given):
    return torch.tensor(np.stack(given, axis=1))


def test_intervals_hold_the_true_mean_as_often_as_they_say():
    draws = np.random.default_rng(0)
    # Each column is a sample of its own of 16, the fewest images there may be.
    samples = torch.tensor(draws.normal(size=(16, 2000)))
    _, low, high = intervals(samples, seed=0)
    missed = float(((low > 0) | (high < 0)).double().mean())
    assert LEVEL / 2 < missed < 2 * LEVEL


def test_intervals_are_those_of_students_t_for_normal_readings():
    readings = torch.tensor(np.random.default_rng(1).normal(size=(400, 1)))
    mean, low, high = intervals(readings, seed=0)
    half = 2.5883 * float(readings.std()) / 20  # t at 0.995, 399 degrees of freedom
    assert abs(float(mean - readings.mean())) < 1e-12
    np.testing.assert_allclose(
        [float(low), float(high)], [float(mean) - half, float(mean) + half], atol=0.02
    )


def test_equal_readings_have_no_spread():
    mean, low, high = intervals(torch.full((20, 1), 0.1, dtype=torch.float64), seed=0)
    assert float(low) == float(mean) == float(high)


def test_what_is_missing_is_left_out():
    readings = np.random.default_rng(2).normal(size=60)
    gaps = np.concatenate((readings, np.full(40, np.nan)))
    shuffled = np.random.default_rng(3).permutation(gaps)
    mean, low, high = intervals(columns(shuffled), seed=0)
    alone, least, most = intervals(columns(readings), seed=0)
    assert abs(float(mean - alone)) < 1e-12
    np.testing.assert_allclose([float(low), float(high)], [float(least), float(most)], atol=0.08)


def test_the_same_seed_gives_the_same_interval_and_another_one_another():
    readings = torch.tensor(np.random.default_rng(4).normal(size=(50, 2)))
    first, again, other = (intervals(readings, seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[1], other[1])


def test_the_mean_never_lies_outside():
    # One odd image of many: most resamples lack it or have it once.
    readings = torch.zeros(1000, 1, dtype=torch.float64)
    readings[0] = 1.0
    mean, low, high = intervals(readings, seed=0)
    assert float(low) <= float(mean) <= float(high)
