"""Intervals of means over images: the bootstrap, held to Student's t where images are few."""

from math import sqrt

import torch
from scipy.stats import norm, t
from torch import Tensor

RESAMPLES = 4000
LEVEL = 0.01
"""Error rate of an interval; a claim that compares five layers needs one of 0.05 / 5."""

_CHUNK = 64


def intervals(readings: Tensor, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Estimate the mean of every column, and between what it lies.

    Rows are drawn anew, all columns of a row together. The percentiles taken are those that make
    up for the bootstrap's being too narrow in small samples, as Student's t does (the expanded
    percentile interval: T. Hesterberg, "What Teachers Should Know About the Bootstrap", The
    American Statistician 69, 2015).

    Args:
        readings: (images, columns), float64; NaN where an image has none. Every column has a
            number somewhere.
        seed: of what is drawn.

    Returns:
        Mean, low and high end, (columns,) each. An end never lies on the wrong side of the mean,
        and a column of equal numbers has no spread.
    """
    known = ~readings.isnan()
    numbers = readings.where(known, 0.0)
    means = numbers.sum(dim=0) / known.sum(dim=0)
    drawn = _resampled(numbers, known, seed)  # (RESAMPLES, columns)
    few = int(known.sum(dim=0).min())
    tail = _tail(few)
    ends = torch.tensor([tail, 1 - tail], dtype=torch.float64)
    low, high = drawn.nanquantile(ends, dim=0)
    spread = _spread(readings, known)
    return (
        means,
        torch.where(spread, low.minimum(means), means),
        torch.where(spread, high.maximum(means), means),
    )


def _tail(images: int) -> float:
    """Give the share of resamples beyond an end."""
    if images < 2:  # noqa: PLR2004 - of one number nothing is known but itself
        return 0.0
    wide = float(t.ppf(1 - LEVEL / 2, images - 1)) * sqrt(images / (images - 1))
    return float(norm.cdf(-wide))


def _spread(readings: Tensor, known: Tensor) -> Tensor:
    least = readings.where(known, torch.inf).amin(dim=0)
    return readings.where(known, -torch.inf).amax(dim=0) > least


def _resampled(numbers: Tensor, known: Tensor, seed: int) -> Tensor:
    """Average over rows drawn with replacement, as often as there are resamples."""
    generator = torch.Generator().manual_seed(seed)
    images, given = len(numbers), known.double()
    averages = []
    for start in range(0, RESAMPLES, _CHUNK):
        rows = min(_CHUNK, RESAMPLES - start)
        drawn = torch.randint(images, (rows, images), generator=generator)
        times = torch.zeros(rows, images, dtype=torch.float64)
        times.scatter_add_(1, drawn, torch.ones_like(drawn, dtype=torch.float64))
        averages.append(times @ numbers / (times @ given))
    return torch.cat(averages)
