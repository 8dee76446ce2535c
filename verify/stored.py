"""What the ledger holds of one measurement, as the judge sees it."""

from dataclasses import dataclass
from typing import Literal

from reproductions.contract import Measurement, Quantity

CLOCK_UNITS = frozenset({"images/s", "ms", "s"})
"""Units of what a clock reads."""


@dataclass(frozen=True)
class Stored:
    """The outcome of one run of a reproduction."""

    outcome: Literal["ok", "blocked", "error"]
    measurement: Measurement | None
    """Present if the outcome is ``ok``."""
    reason: str
    """What stood in the way, or what went wrong; empty if the outcome is ``ok``."""
    stale: bool
    """Whether code, package or protocol have changed since."""
    event: str
    """SHA-256 of the ledger event."""
    machine: str
    duration_s: float

    def differs_from(self, other: "Stored") -> bool:
        """Tell whether another outcome of the same measurement says something else.

        What a clock reads is never the same twice and says nothing here; a number with an error
        rate says something else where the two intervals have nothing in common.
        """
        first, second = self.measurement, other.measurement
        if first is None or second is None:
            return (self.outcome, first) != (other.outcome, second)
        if first.facts != second.facts or first.values.keys() != second.values.keys():
            return True
        pairs = ((one, second.values[name]) for name, one in first.values.items())
        return any(_moved(*pair) for pair in pairs)


def _moved(one: Quantity, other: Quantity) -> bool:
    if one.unit != other.unit:
        return True
    if one.unit in CLOCK_UNITS:
        return False
    if one.level is None:
        return one != other
    return one.high < other.low or other.high < one.low
