"""Statistics of timings: over processes, on a log scale. Imports no torch.

The iterations of one process are no independent samples (clocks, caches and memory layout are
those of the process), so a process counts once, with its median, and intervals are Student's t
over processes. Logarithms make ratios differences and keep what is 5 % faster and what is 5 %
slower equally far away. Models that ran in the same processes are compared process by process.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from statistics import fmean, stdev

from reproductions.errors import ReproductionError

LEVEL = 0.05
"""Error rate of an interval where nothing else is asked."""


@dataclass(frozen=True)
class Estimate:
    """A positive number and its interval."""

    value: float
    low: float
    high: float

    def within(self, margin: float) -> bool:
        """Tell whether the whole interval of a ratio lies within a factor 1 + ``margin`` of 1.

        Of an interval of level a, these are two one-sided tests, each of level a / 2.
        """
        return 1 / (1 + margin) <= self.low and self.high <= 1 + margin


def geometric_mean(samples: Sequence[float], level: float = LEVEL) -> Estimate:
    """Estimate the typical value of positive samples, one a process.

    Raises:
        ReproductionError: fewer than two samples, or one that is not positive.

    Example:
        >>> geometric_mean([2.0, 8.0]).value
        4.0
    """
    return _estimate(_logs(samples), level)


def paired_ratio(above: Sequence[float], below: Sequence[float], level: float = LEVEL) -> Estimate:
    """Estimate the ratio of two series that were sampled in the same processes, in their order.

    Raises:
        ReproductionError: the series do not pair up, or ``geometric_mean`` would refuse them.
    """
    if len(above) != len(below):
        raise ReproductionError(
            f"paired_ratio: want series of the same rounds, got {len(above)} and {len(below)}"
        )
    return _estimate([a - b for a, b in zip(_logs(above), _logs(below), strict=True)], level)


def noise_floor(first: Sequence[float], again: Sequence[float], level: float = LEVEL) -> float:
    """Say, as a share, how far a model seems to be from itself: the far end of its own ratio.

    Args:
        first: what it took in each process.
        again: what it took when it was measured once more in the same processes.
        level: of the interval of the ratio.
    """
    ratio = paired_ratio(again, first, level)
    return max(ratio.high, 1 / ratio.low) - 1


def _logs(samples: Sequence[float]) -> list[float]:
    if len(samples) < 2 or min(samples) <= 0:  # noqa: PLR2004 - the least with a spread
        raise ReproductionError(
            f"want two or more positive samples, one a process, got {list(samples)}"
        )
    return [math.log(sample) for sample in samples]


def _estimate(logs: list[float], level: float) -> Estimate:
    # Not at the top: it takes longer to load than most commands take, and few of them need it.
    special = import_module("scipy.special")
    center = fmean(logs)
    quantile = float(special.stdtrit(len(logs) - 1, 1 - level / 2))
    reach = quantile * stdev(logs) / math.sqrt(len(logs))
    return Estimate(math.exp(center), math.exp(center - reach), math.exp(center + reach))
