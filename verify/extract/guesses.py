"""What a heading or a cell lets one guess: units, names for ids. A guess is never more."""

import re
from collections.abc import Iterable

from reproductions.contract import Unit
from verify.ground.normal import normal

_UNITS: tuple[tuple[str, Unit], ...] = (
    (r"\b(?:#\s*)?param\w*.*\((?:m|million)\)|\bparam\w*.*[\[,]\s*m\b|\bmparam", "Mparam"),
    (r"\b(?:#\s*)?param", "param"),
    (r"\b(?:g ?macs?|g ?flops?)\b|\b(?:macs?|flops?|madds?)\b.*\(g\)", "GMAC"),
    (r"\btflop", "TFLOP/s"),
    (r"\bmiou\b", "mIoU"),
    (r"\bap(?:\b|_|\^|\d)", "AP"),
    (r"%|\bpercent|\btop-?[15]\b|\baccuracy\b|\bacc\b", "percent"),
    (r"\bms\b|\bmillisecond", "ms"),
    (r"\b(?:images?|img|imgs)\s*/\s*s", "images/s"),
    (r"\b(?:frames?\s*/\s*s|fps)\b", "frames/s"),
    (r"\bsamples?\s*/\s*s", "samples/s"),
    (r"\b(?:gib|gb)\b", "GiB"),
    (r"\bmb\b", "MB"),
    (r"\(s\)|\bseconds?\b", "s"),
    (r"\(min\)|\bminutes\b", "min"),
    (r"\bgpu-?\s?days?\b", "GPU-days"),
    (r"\bgpu-?\s?hours?\b", "GPU-hours"),
    (r"\bepochs?\b", "epochs"),
    (r"\biterations?\b", "iterations"),
    (r"\bspeed-?\s?up\b|×", "ratio"),
    (r"\bcosine\b", "cosine"),
    (r"\bprobabilit", "probability"),
)
_LONGEST_NAME = 40


def unit_of(heading: str, cells: Iterable[str] = ()) -> Unit | None:
    """Guess a unit from a column's heading, else from what stands behind its numbers.

    Example:
        >>> unit_of("Params (M)"), unit_of("Speed", ["3.1 ms", "4 ms"]), unit_of("Size")
        ('Mparam', 'ms', None)
    """
    found = _unit_in(heading)
    if found is not None:
        return found
    behind = {re.sub(r"^[^\w%×]*[\d.,]+", "", normal(cell)).strip() for cell in cells}
    return _unit_in(behind.pop()) if len(behind) == 1 else None


def _unit_in(text: str) -> Unit | None:
    plain = normal(text).lower()
    return next((unit for form, unit in _UNITS if re.search(form, plain)), None)


def name_of(text: str, otherwise: str) -> str:
    """Make a part of an id.

    Example:
        >>> name_of("Pebble-B† (Ours)", "row_1"), name_of("→", "row_2")
        ('pebble_b_dagger_ours', 'row_2')
    """
    plain = (
        normal(text).replace("†", " dagger ").replace("‡", " ddagger ").replace("%", " percent ")
    )
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    return name[:_LONGEST_NAME].strip("_") or otherwise


def apart(name: str, taken: set[str]) -> str:
    """Make a name unlike those taken, and take it."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    taken.add(found)
    return found
