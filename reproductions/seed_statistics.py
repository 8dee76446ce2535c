"""What runs from several seeds allow to say: means and paired differences. Imports no torch.

One seed gives one reading; runs of two modes from the same seed are a pair, and what the seed
does to both cancels in their difference. Intervals are Student's t over seeds: they speak of
other seeds, on the same test images. Accuracies are counts of whole images, so that seeds may
agree by rounding alone: the spread is never taken to be less than that of rounding.
"""

import math
from collections.abc import Sequence

from reproductions.contract import Quantity
from reproductions.errors import ReproductionError

LEVEL = 0.05
"""How often an interval misses the truth."""


def mean_share(counts: Sequence[int], of: int) -> Quantity:
    """Give the mean of counts in percent, one count per seed.

    Args:
        counts: two or more.
        of: what a count could be at most.
    """
    mean, reach = _mean_and_reach([100 * count / of for count in counts], 100 / of / math.sqrt(12))
    low, high = max(0.0, mean - reach), min(100.0, mean + reach)
    return Quantity(value=mean, low=low, high=high, level=LEVEL, unit="percent")


def mean_difference(
    differences: Sequence[int], of: int, *, counts: int = 2, exact: bool = False
) -> Quantity:
    """Give the mean of paired differences of counts in points, one difference per seed.

    Args:
        differences: two or more.
        of: what a count could be at most.
        counts: how many went into each difference.
        exact: they came from the very same numbers, so that nothing is left to chance.
    """
    if exact:
        return Quantity.exact(100 * math.fsum(differences) / of / len(differences), "point")
    readings = [100 * difference / of for difference in differences]
    mean, reach = _mean_and_reach(readings, 100 / of * math.sqrt(counts / 12))
    return Quantity(value=mean, low=mean - reach, high=mean + reach, level=LEVEL, unit="point")


def distance(difference: Quantity) -> Quantity:
    """Give how far from 0 a difference is, whichever way."""
    ends = sorted((abs(difference.low), abs(difference.high)))
    low = 0.0 if difference.low <= 0 <= difference.high else ends[0]
    value = abs(difference.value)
    return difference.model_copy(update={"value": value, "low": low, "high": ends[1]})


def _mean_and_reach(readings: Sequence[float], least: float) -> tuple[float, float]:
    """Give the mean and half the width of its interval; ``least`` bounds the deviation."""
    if len(readings) < 2:  # noqa: PLR2004  # one reading tells nothing of its scatter
        raise ReproductionError(f"want runs from at least 2 seeds, got {len(readings)}; run more")
    from scipy.special import stdtrit  # noqa: PLC0415  # slow to load, and `verify list` needs none

    freedom = len(readings) - 1
    mean = math.fsum(readings) / len(readings)
    deviation = math.sqrt(math.fsum((reading - mean) ** 2 for reading in readings) / freedom)
    quantile = float(stdtrit(freedom, 1 - LEVEL / 2))
    return mean, quantile * max(deviation, least) / math.sqrt(len(readings))
