"""Whether what is known so far is enough: asked while measuring, of whoever waits for the result.

A reproduction that could end early asks; it learns nothing but yes or no. Nobody asked says no.
Imports no torch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reproductions.contract import Measurement

__all__ = ["answered_by", "is_asked", "is_enough"]

Answer = Callable[[Measurement], bool]

_WAITING: list[Answer] = []


@contextmanager
def answered_by(answer: Answer) -> Iterator[None]:
    """Have ``answer`` asked inside."""
    _WAITING.append(answer)
    try:
        yield
    finally:
        _WAITING.pop()


def is_asked() -> bool:
    """Tell whether anybody would answer, so that nothing is put together in vain."""
    return bool(_WAITING)


def is_enough(so_far: Measurement) -> bool:
    """Ask whether to stop with what is known so far."""
    return bool(_WAITING) and _WAITING[-1](so_far)
