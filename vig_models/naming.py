"""Names of state-dict entries: ours and those of the authors' checkpoints.

A family declares prefix pairs (ours, theirs), the longer prefix first; ``{}`` stands for
a number and is carried over. The first pair that fits decides; other names stay.
"""

import re
from collections.abc import Iterable, Sequence

Renames = Sequence[tuple[str, str]]


def to_official(name: str, renames: Renames) -> str:
    """Return the authors' name of our entry ``name``.

    Example:
        >>> to_official("backbone.3.ffn.fc1.0.bias", [("backbone.{}.ffn.", "backbone.{}.1.")])
        'backbone.3.1.fc1.0.bias'
    """
    return _rename(name, renames)


def from_official(name: str, renames: Renames) -> str:
    """Return our name of the authors' entry ``name``.

    Example:
        >>> from_official("backbone.3.1.fc1.0.bias", [("backbone.{}.ffn.", "backbone.{}.1.")])
        'backbone.3.ffn.fc1.0.bias'
    """
    return _rename(name, ((theirs, ours) for ours, theirs in renames))


def _rename(name: str, pairs: Iterable[tuple[str, str]]) -> str:
    for old, new in pairs:
        match = re.match(re.escape(old).replace(r"\{\}", r"(\d+)"), name)
        if match:
            return new.format(*match.groups()) + name[match.end() :]
    return name
