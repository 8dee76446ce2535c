"""Bounds on how many of a finite set are right, valid however often one looks.

Images are drawn without replacement in a random order. Half of the error is for bounds that hold at
all looks together, by the prior-posterior ratio of I. Waudby-Smith and A. Ramdas, "Confidence
sequences for sampling without replacement", arXiv:2006.04347, Section 2, with a uniform prior over
the number of right ones: at the true number the ratio is a martingale that starts at 1, so by
Ville's inequality the chance that it ever reaches 1 / error is at most ``error``. The numbers at
which it has not reached that are the bounds.

The other half is for one early look, fixed before anything is seen, at which gross mistakes are to
show: there the bounds are those of C. Clopper and E. Pearson, "The use of confidence or fiducial
limits illustrated in the case of the binomial", Biometrika 26 (1934), with the hypergeometric
distribution. They are nearly a third narrower, and hold from then on.
"""

from bisect import bisect_left, bisect_right
from functools import lru_cache

import numpy
from numpy.typing import NDArray
from scipy.stats import hypergeom

__all__ = ["bounds"]

Look = tuple[int, int]
"""Of the images seen by then the right ones, and how many were seen."""


def bounds(
    right: int, seen: int, total: int, error: float, first: Look | None = None
) -> tuple[int, int]:
    """Bound the right ones of all from those of the images seen.

    The chance that the true number ever lies outside, at any of all the looks there may be, is at
    most ``error``.

    Args:
        right: of the images seen.
        seen: images drawn so far, of the ``total``.
        total: images there are.
        error: between 0 and 1.
        first: what was seen at the early look; None before it. At how many images it is must not
            depend on what is seen.

    Returns:
        The least and the most right ones of all that remain; equal once all are seen.

    Example:
        >>> bounds(10, 10, 100, 0.01), bounds(80, 100, 100, 0.01)
        ((49, 100), (80, 80))
        >>> bounds(350, 500, 50_000, 0.01), bounds(350, 500, 50_000, 0.01, first=(350, 500))
        ((30667, 38899), (31987, 37786))

    Raises:
        ValueError: numbers that cannot be.
    """
    for known, drawn in ((right, seen), first or (right, seen)):
        if not (0 <= known <= drawn <= total and 0 < error < 1):
            raise ValueError(
                f"want 0 <= right <= seen <= total and 0 < error < 1, got {known}, {drawn}, "
                f"{total}, {error}"
            )
    low, high = _at_any_look(right, seen, total, error / 2)
    if first is None:
        return low, high
    least, most = _at_one_look(*first, total, error / 2)
    both = max(low, least), min(high, most)
    return both if both[0] <= both[1] else (low, high)  # one of them misses; the later saw more


def _at_any_look(right: int, seen: int, total: int, error: float) -> tuple[int, int]:
    wrong, unseen = seen - right, total - seen
    of_all = numpy.arange(right, right + unseen + 1)  # what is seen rules out the others
    logs = _log_factorials(total + 1)
    # The chance of this very order of right and wrong, if ``of_all`` of the total are right ...
    likelihood = (
        logs[of_all]
        - logs[of_all - right]
        + logs[total - of_all]
        - logs[total - of_all - wrong]
        - (logs[total] - logs[unseen])
    )
    # ... and its mean over the prior, which is that of Laplace's rule of succession.
    mean = logs[right] + logs[wrong] - logs[seen + 1]
    kept = of_all[likelihood > mean + numpy.log(error)]
    return int(kept[0]), int(kept[-1])  # the likelihood has one peak: what is kept has no gaps


@lru_cache(maxsize=16)
def _at_one_look(right: int, seen: int, total: int, error: float) -> tuple[int, int]:
    """Keep the numbers at which neither so many right ones nor so few are too rare."""

    def so_many(of_all: int) -> float:
        return float(hypergeom.sf(right - 1, total, of_all, seen))

    def so_few(of_all: int) -> float:
        return -float(hypergeom.cdf(right, total, of_all, seen))

    possible = range(right, total - (seen - right) + 1)
    least = bisect_right(possible, error / 2, key=so_many)
    most = bisect_left(possible, -error / 2, key=so_few) - 1
    return possible[least], possible[most]


@lru_cache(maxsize=4)
def _log_factorials(most: int) -> NDArray[numpy.float64]:
    """List log(n!) for n from 0 to ``most``."""
    return numpy.concatenate(
        [[0.0], numpy.cumsum(numpy.log(numpy.arange(1, most + 1, dtype=numpy.float64)))]
    )
