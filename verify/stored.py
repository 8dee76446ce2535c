"""What the ledger holds of one measurement, as the judge sees it."""

from dataclasses import dataclass
from typing import Literal

from reproductions.contract import Measurement


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
