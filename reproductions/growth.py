"""How a quantity grows: the exponent of a power law through measured points. Imports no torch."""

from collections.abc import Sequence
from math import isfinite, log
from statistics import linear_regression, mean

from reproductions.errors import ReproductionError

LEAST_POINTS = 2
"""Points that a line needs."""


def exponent(sizes: Sequence[float], amounts: Sequence[float]) -> float:
    """Fit amount = constant x size^exponent by least squares on the logarithms.

    Args:
        sizes: above 0, not all equal.
        amounts: one for each size, above 0.

    Raises:
        ReproductionError: there are fewer than two sizes, or one is not above 0.

    Example:
        >>> round(exponent([49, 196, 784], [3 * 49**2, 3 * 196**2, 3 * 784**2]), 9)
        2.0
    """
    if len(sizes) != len(amounts) or len(set(sizes)) < LEAST_POINTS:
        raise ReproductionError(
            "exponent: want two or more different sizes and an amount for each, "
            f"got {len(set(sizes))} and {len(amounts)}"
        )
    wrong = [number for number in (*sizes, *amounts) if not (isfinite(number) and number > 0)]
    if wrong:
        raise ReproductionError(f"exponent: want finite numbers above 0, got {wrong[0]}")
    return linear_regression([log(size) for size in sizes], [log(y) for y in amounts]).slope


def exponent_range(
    sizes: Sequence[float], lows: Sequence[float], highs: Sequence[float]
) -> tuple[float, float]:
    """Find the smallest and the largest exponent that amounts between two bounds can have.

    Args:
        sizes: as for ``exponent``.
        lows: the least amount at each size.
        highs: the largest.

    Raises:
        ReproductionError: as ``exponent``.

    Example:
        >>> low, high = exponent_range([1, 10], [1, 10], [1, 100])
        >>> round(low, 9), round(high, 9)
        (1.0, 2.0)
    """
    middle = mean(log(size) for size in sizes)
    is_right = [log(size) > middle for size in sizes]  # there a larger amount is steeper
    bounds = list(zip(lows, highs, is_right, strict=True))
    flattest = [low if right else high for low, high, right in bounds]
    steepest = [high if right else low for low, high, right in bounds]
    return exponent(sizes, flattest), exponent(sizes, steepest)
