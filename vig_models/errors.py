"""The one exception of this package, and the guess that its messages end in."""

import difflib
from collections.abc import Iterable


class ModelError(Exception):
    """A model, its settings, its input or its checkpoint is not what was wanted."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Say which known word was perhaps meant, as a clause after a blank, or nothing.

    Example:
        >>> did_you_mean("dept", ["depth", "channels"])
        " did you mean 'depth'?"
    """
    close = difflib.get_close_matches(word, known, n=1)
    return f" did you mean {close[0]!r}?" if close else ""
