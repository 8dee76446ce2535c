"""What was measured round by round in the same processes, compared round by round."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from reproductions.contract import Measurement
from reproductions.speed_statistics import paired_ratio
from verify.acceptance import Interval, exactly
from verify.rulings import left_open
from verify.verdict import Verdict

LEVEL = 0.05
"""Error rate of a claim."""


@dataclass(frozen=True)
class Rounds:
    """Times of one measurement of speed, one a round."""

    session: str
    latencies: tuple[float, ...]
    floor: Fraction
    """Share by which the session told a model from itself."""


def rounds_of(found: Measurement) -> Rounds | None:
    """Read the rounds of a measurement; None of one that was taken in no session."""
    facts: Mapping[str, Any] = found.facts
    latencies = found.samples.get("latency_ms", [])
    if not isinstance(facts.get("session"), str) or not latencies:
        return None
    return Rounds(facts["session"], tuple(latencies), floor_of(found))


def floor_of(found: Measurement) -> Fraction:
    """Read the noise floor of a measurement, as a share; 0 where it has none."""
    floor = found.values.get("noise_floor")
    return exactly(floor.value) / 100 if floor is not None else Fraction(0)


def speedup(top: Rounds | None, bottom: Rounds | None, level: float = LEVEL) -> Interval | None:
    """Give the ratio of two speeds, round by round; None if they ran in different sessions."""
    if top is None or bottom is None or top.session != bottom.session:
        return None
    ratio = paired_ratio(bottom.latencies, top.latencies, level=level)
    return Interval(exactly(ratio.low), exactly(ratio.high))


def above_noise(verdict: Verdict, wanted: Fraction, *measured: Fraction) -> Verdict:
    """Leave open what is decided by less than the noise floor.

    Args:
        verdict: of a claim on speed.
        wanted: the share that decides: half the width of a region, or how far a ratio is from 1.
        measured: noise floors of what was measured.
    """
    floor = max(measured, default=Fraction(0))
    if floor == 0 or wanted > floor or verdict.verdict not in {"pass", "fail"}:
        return verdict
    told = f"{100 * float(floor):.2g} %, no less than the {100 * float(wanted):.2g} % that decide"
    detail = f"in the same session a model differed from itself by {told}"
    return left_open(verdict, "noise_floor", detail)
