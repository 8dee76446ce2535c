"""Says which part of a forward pass is clustering, and how far its iterations have come.

How often k-means or fuzzy c-means iterates depends on the data, so that whoever counts
operations must be able to keep them apart. A model opens a context around its
clustering and runs its iterations through it; nothing else changes. Imports no torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from vig_models.errors import ModelError


@dataclass(kw_only=True, eq=False)
class Clustering:
    """One clustering, while it runs; iterate over it to run its iterations."""

    fewest: int
    """Iterations it takes at least, whatever the data."""
    most: int
    """Iterations after which it gives up."""
    taken: int = 0
    """Iterations begun so far."""
    iterating: bool = False
    """False before the first iteration and once they have ended."""

    def __iter__(self) -> Iterator[int]:
        """Number the iterations from 0; break out of the loop when converged."""
        self.iterating = True
        try:
            for number in range(self.most):
                self.taken = number + 1
                yield number
        finally:
            self.iterating = False


_RUNNING: ContextVar[Clustering | None] = ContextVar("_RUNNING", default=None)


@contextmanager
def clustering(*, fewest: int = 1, most: int) -> Iterator[Clustering]:
    """Mark what runs inside as clustering.

    Args:
        fewest: iterations taken at least.
        most: iterations taken at most.

    Raises:
        ModelError: unless 0 <= fewest <= most.

    Example:
        >>> with clustering(most=25) as iterations:
        ...     for _ in iterations:
        ...         if iterations.taken == 3:  # converged
        ...             break
        >>> iterations.taken, iterations.iterating, running() is None
        (3, False, True)
    """
    if not 0 <= fewest <= most:
        raise ModelError(f"clustering: want 0 <= fewest <= most, got {fewest} and {most}")
    run = Clustering(fewest=fewest, most=most)
    token = _RUNNING.set(run)
    try:
        yield run
    finally:
        _RUNNING.reset(token)


def running() -> Clustering | None:
    """Return the clustering that this code is called from, if any."""
    return _RUNNING.get()
