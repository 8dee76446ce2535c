"""Bounds on how many of a finite set are right, valid however often one looks.

Images are drawn without replacement in a random order. By the prior-posterior ratio of I.
Waudby-Smith and A. Ramdas, "Confidence sequences for sampling without replacement",
arXiv:2006.04347, Section 2, with a uniform prior over the number of right ones: at the true number
the ratio is a martingale that starts at 1, so by Ville's inequality the chance that it ever reaches
1 / error is at most ``error``. The numbers at which it has not reached that are the bounds.
"""

from functools import lru_cache

import numpy
from numpy.typing import NDArray

__all__ = ["bounds"]


def bounds(right: int, seen: int, total: int, error: float) -> tuple[int, int]:
    """Bound the right ones of all from those of the images seen.

    The chance that the true number ever lies outside, at any of all the looks there may be, is at
    most ``error``.

    Args:
        right: of the images seen.
        seen: images drawn so far, of the ``total``.
        total: images there are.
        error: between 0 and 1.

    Returns:
        The least and the most right ones of all that remain; equal once all are seen.

    Example:
        >>> bounds(10, 10, 100, 0.01), bounds(80, 100, 100, 0.01)
        ((52, 100), (80, 80))

    Raises:
        ValueError: numbers that cannot be.
    """
    if not (0 <= right <= seen <= total and 0 < error < 1):
        raise ValueError(
            f"want 0 <= right <= seen <= total and 0 < error < 1, got {right}, {seen}, {total}, "
            f"{error}"
        )
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


@lru_cache(maxsize=4)
def _log_factorials(most: int) -> NDArray[numpy.float64]:
    """List log(n!) for n from 0 to ``most``."""
    return numpy.concatenate(
        [[0.0], numpy.cumsum(numpy.log(numpy.arange(1, most + 1, dtype=numpy.float64)))]
    )
