"""Bounds from part of the images: exact arithmetic, coverage, and how soon they tell."""

import random
from fractions import Fraction
from math import comb, perm

import numpy as np
import pytest

from reproductions.without_replacement import bounds


def _reference_bounds(right, seen, total, error):
    """Keep every number of right ones whose prior-posterior ratio stays below 2 / error."""
    wrong = seen - right
    # The mean over the uniform prior, one term for each number there may be.
    terms = {
        of_all: Fraction(perm(of_all, right) * perm(total - of_all, wrong), perm(total, seen))
        for of_all in range(total + 1)
    }
    mean = sum(terms.values()) / (total + 1)
    kept = [of_all for of_all, term in terms.items() if term > mean * Fraction(error) / 2]
    assert kept == list(range(kept[0], kept[-1] + 1))
    return kept[0], kept[-1]


@pytest.mark.parametrize(
    ("right", "seen", "total"),
    [(0, 0, 10), (0, 1, 10), (3, 7, 10), (9, 9, 10), (0, 40, 50), (21, 40, 50), (17, 60, 61)],
)
@pytest.mark.parametrize("error", [0.01, 0.2])
def test_bounds_are_those_of_exact_fractions(right, seen, total, error):
    assert bounds(right, seen, total, error) == _reference_bounds(right, seen, total, error)


def _reference_at_one_look(right, seen, total, error):
    """Keep every number at which the drawn one, and what is further out, is not too rare."""

    def chance(of_all, among):
        ways = (comb(of_all, k) * comb(total - of_all, seen - k) for k in among)
        return Fraction(sum(ways), comb(total, seen))

    limit = Fraction(error) / 4  # half of the error, on both sides
    return [
        of_all
        for of_all in range(total + 1)
        if chance(of_all, range(right, seen + 1)) > limit
        and chance(of_all, range(right + 1)) > limit
    ]


@pytest.mark.parametrize(
    ("right", "seen", "total"), [(0, 1, 10), (3, 7, 10), (0, 40, 50), (21, 40, 50), (40, 40, 61)]
)
@pytest.mark.parametrize("error", [0.01, 0.2])
def test_bounds_at_the_early_look_are_those_of_exact_fractions(right, seen, total, error):
    kept = _reference_at_one_look(right, seen, total, error)
    assert kept == list(range(kept[0], kept[-1] + 1))
    low, high = _reference_bounds(right, seen, total, error)
    found = bounds(right, seen, total, error, first=(right, seen))
    assert found == (max(low, kept[0]), min(high, kept[-1]))


def test_bounds_of_the_early_look_hold_on_and_give_way_where_they_cannot_be():
    early = bounds(350, 500, 50_000, 0.01, first=(350, 500))
    assert bounds(420, 600, 50_000, 0.01, first=(350, 500)) == early
    late = bounds(5000, 10_000, 50_000, 0.01)
    assert bounds(5000, 10_000, 50_000, 0.01, first=(350, 500)) == late


def test_the_mean_over_the_prior_is_that_of_laplace():
    right, seen, total = 3, 7, 20
    mean = sum(
        Fraction(perm(k, right) * perm(total - k, seen - right), perm(total, seen))
        for k in range(total + 1)
    ) / (total + 1)
    assert mean == Fraction(1, (seen + 1) * comb(seen, right))


@pytest.mark.parametrize("right", [0, 1, 31, 60])
def test_all_seen_leaves_one_number(right):
    assert bounds(right, 60, 60, 0.01) == (right, right)


def test_one_unseen_leaves_two_numbers_at_most():
    assert bounds(30, 59, 60, 0.01) == (30, 31)


@pytest.mark.parametrize("given", [(2, 1, 5, 0.1), (1, 6, 5, 0.1), (1, 2, 5, 0.0), (1, 2, 5, 1.0)])
def test_numbers_that_cannot_be_are_refused(given):
    with pytest.raises(ValueError, match="want 0 <= right <= seen <= total and 0 < error < 1"):
        bounds(*given)


@pytest.mark.parametrize("share", [0.03, 0.5, 0.8])
def test_the_truth_stays_inside_at_every_look_but_for_the_error(share):
    """Looks after every tenth image; the error is large, so that a wrong bound would show."""
    error, total, runs, draw = 0.1, 400, 300, random.Random(7)
    truth = int(share * total)
    missed = 0
    for _ in range(runs):
        order = [True] * truth + [False] * (total - truth)
        draw.shuffle(order)
        counts = np.cumsum(order)
        first = (int(counts[39]), 40)
        looks = (
            bounds(int(counts[t - 1]), t, total, error, first if t >= first[1] else None)
            for t in range(10, total + 1, 10)
        )
        missed += any(not low <= truth <= high for low, high in looks)
    # Ville's bound is not reached; five deviations above it would be a mistake in the bounds.
    assert missed / runs <= error + 5 * (error * (1 - error) / runs) ** 0.5
    assert missed / runs < error


@pytest.mark.parametrize("printed_off", [-10, 10])
@pytest.mark.parametrize(("share", "least"), [(0.5, 0.9), (0.804, 0.97)], ids=["50 %", "80.4 %"])
def test_a_figure_ten_points_off_is_refuted_within_a_hundredth_of_imagenet(
    share, least, printed_off
):
    """Nearly always; hardest for a model that has half of the images right."""
    total, runs = 50_000, 100
    seen = [_first_refuting(share, seed, total, printed_off) for seed in range(runs)]
    assert sum(one <= total / 100 for one in seen) / runs >= least
    assert max(seen) <= total / 40


def _first_refuting(share, seed, total, printed_off):
    """Give the first look, a tenth more images each, at which a print's region is left."""
    right = int(share * total)
    draw = np.random.default_rng(seed).permutation(total) < right
    counts, early = np.cumsum(draw), total // 100
    first = (int(counts[early - 1]), early)
    least, most = (100 * share + printed_off + reach for reach in (-0.15, 0.15))
    looks = sorted({early, *(int(50 * 1.1**k) for k in range(60))})
    for seen in looks:
        known = first if seen >= early else None
        found = bounds(int(counts[seen - 1]), seen, total, 0.01, known)
        low, high = (100 * end / total for end in found)
        if low > most or high < least:
            return seen
    return total
