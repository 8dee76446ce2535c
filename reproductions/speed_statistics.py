"""What readings of speed allow to say: intervals, ratios and the noise floor. Imports no torch.

One process gives one reading, the median of its iterations; only readings of different
processes are independent. All statistics are over such readings on a log scale, where a ratio
is a difference and noise is about normal. An interval over the iterations of one process would
cover the truth about a quarter of the time, so none is taken here.

``level`` is an error rate throughout: of an interval that it misses the truth on either side.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reproductions.errors import ReproductionError

__all__ = [
    "Interval",
    "geometric_mean",
    "noise_floor",
    "paired_ratio",
]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate and the interval around it."""

    value: float
    low: float
    high: float
    level: float
    """How often the interval misses the truth, over many repetitions."""


def geometric_mean(readings: Sequence[float], *, level: float) -> Interval:
    """Estimate the speed that readings scatter around, with a t interval on the log scale.

    Args:
        readings: one per process, in any unit, above 0.
        level: error rate of the interval.

    Raises:
        ReproductionError: fewer than two readings, one that is not above 0, or no such level.
    """
    logs = _logs("geometric_mean", readings)
    return _around(_mean(logs), math.sqrt(_variance(logs) / len(logs)), len(logs) - 1, level)


def paired_ratio(first: Sequence[float], second: Sequence[float], *, level: float) -> Interval:
    """Estimate ``first`` over ``second`` where both were read in the same rounds.

    What a round does to both (a warm card, another clock) cancels.

    Args:
        first: one reading per round, in round order.
        second: likewise, in the same unit.
        level: error rate of the interval.

    Raises:
        ReproductionError: as for ``geometric_mean``, or the two differ in length.
    """
    if len(first) != len(second):
        raise ReproductionError(
            f"paired_ratio: want two readings of every round, got {len(first)} and "
            f"{len(second)}; series of different rounds have no pairs"
        )
    pairs = zip(_logs("paired_ratio", first), _logs("paired_ratio", second), strict=True)
    logs = [a - b for a, b in pairs]
    return _around(_mean(logs), math.sqrt(_variance(logs) / len(logs)), len(logs) - 1, level)


def noise_floor(pairs: Sequence[tuple[float, float]], *, level: float) -> float:
    """Say how far from 1 the ratio of a model to itself comes by noise alone.

    The true ratio is known to be 1, so all pairs tell about the scatter and none is used up
    for a mean; a model that always does better in one place of the round counts as noise.

    Args:
        pairs: A/A readings, of one model measured twice as if it were two.
        level: how often another such ratio lies further out.

    Returns:
        Half the width of the floor, relative: 0.02 for ratios from 1 / 1.02 to 1.02.

    Raises:
        ReproductionError: fewer than two pairs, a reading not above 0, or no such level.
    """
    firsts = _logs("noise_floor", [first for first, _ in pairs])
    seconds = _logs("noise_floor", [second for _, second in pairs])
    squares = [(a - b) ** 2 for a, b in zip(firsts, seconds, strict=True)]
    scatter = math.sqrt(_mean(squares))
    return math.expm1(_reach(len(squares), level) * scatter)


def _logs(what: str, readings: Sequence[float]) -> list[float]:
    if len(readings) < 2:  # noqa: PLR2004  # one reading tells nothing of its scatter
        raise ReproductionError(
            f"{what}: want readings of at least 2 processes, got {len(readings)}; measure more"
        )
    for reading in readings:
        if not 0 < reading < math.inf:
            raise ReproductionError(
                f"{what}: want finite readings above 0, got {reading}; measure again"
            )
    return [math.log(reading) for reading in readings]


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _variance(numbers: Sequence[float]) -> float:
    """Estimate the variance that the numbers were drawn with, without bias."""
    mean = _mean(numbers)
    return math.fsum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1)


def _around(mean: float, error: float, freedom: float, level: float) -> Interval:
    reach = _reach(freedom, level) * error
    low, value, high = (math.exp(log) for log in (mean - reach, mean, mean + reach))
    return Interval(value=value, low=low, high=high, level=level)


def _reach(freedom: float, level: float) -> float:
    """Return the quantile of Student's t distribution that is passed at ``level``, two-sided."""
    if not 0 < level < 1:
        raise ReproductionError(f"want a level between 0 and 1, got {level}; give an error rate")
    from scipy.special import stdtrit  # noqa: PLC0415  # slow to load, and `verify list` needs none

    return float(stdtrit(freedom, 1 - level / 2))
