"""What a measurement on one class of GPU can say of figures that were printed for another.

An absolute speed does not transfer. A ratio does within a quarter and never fails. An ordering
does where the printed figures lie far enough apart, and both models keep the GPU busy on both
machines: at small batches the time of a batch is that of the host, whatever the batch.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from reproductions.contract import Measurement
from verify.acceptance import Interval, exactly
from verify.claim import Claim
from verify.expect import Value
from verify.need import Need
from verify.project import Project
from verify.verdict import Verdict

SPREAD = Fraction(1, 4)
"""How far a ratio may move from one GPU to another, of the printed one."""
APART = Fraction(3, 2)
"""Factor between two printed figures from which on their order transfers."""
BUSY = Fraction(3, 2)
"""Factor over the least time of a smaller batch from which on a batch keeps the GPU busy."""

Found = Callable[[Need], Measurement | Verdict]


@dataclass(frozen=True)
class Transfer:
    """What is known of a figure that was measured on another GPU than it was printed for."""

    printed: Fraction | None
    """None where the document prints no number."""
    idle: str | None
    """Why the figure may be that of the host; None if both machines were busy."""


def ratio_of(top: Transfer | None, bottom: Transfer | None) -> Transfer | None:
    """Say what transfers of a ratio; None where both sides were measured where they belong."""
    if top is None and bottom is None:
        return None
    prints = [side.printed if side is not None else None for side in (top, bottom)]
    idle = next((side.idle for side in (top, bottom) if side is not None and side.idle), None)
    if prints[0] is None or not prints[1]:
        return Transfer(None, idle)
    return Transfer(prints[0] / prints[1], idle)


def is_elsewhere(need: Need, found: Measurement) -> bool:
    """Tell whether a measurement was taken on another class of GPU than its figure."""
    card = need.params.printed_on()
    return card is not None and found.facts.get("device") != card


def transfer_of(project: Project, claim: Claim | None, need: Need, found: Found) -> Transfer | None:
    """Say what transfers of a measurement; None where it need not.

    Args:
        project: The claims, checked.
        claim: The claim that prints the figure, if one does.
        need: The measurement.
        found: Gives the measurement of a need, or the verdict that its absence makes.
    """
    measured = found(need)
    if not isinstance(measured, Measurement) or not is_elsewhere(need, measured):
        return None
    if claim is None or not isinstance(claim.expect, Value):
        return Transfer(None, None)
    return Transfer(claim.expect.figure.value, _idle(project, claim, need, found))


def _idle(project: Project, claim: Claim, need: Need, found: Found) -> str | None:
    """Say why a batch may not have kept a GPU busy."""
    series = project.batches(claim, need)
    batch = next((size for size, at in series.items() if at.need.key == need.key), None)
    if batch is None or len(series) == 1:
        return None if batch is None else "no smaller batch is printed"
    printed = {size: _time(size, at.expect.figure.value) for size, at in series.items()}
    measured = {size: _measured_time(size, at.need, found) for size, at in series.items()}
    for how, times in (("printed", printed), ("measured", measured)):
        taken = times[batch]
        smaller = [time for size, time in times.items() if time is not None and size < batch]
        if taken is None or not smaller:
            return f"no smaller batch than {batch} is {how}"
        if taken < BUSY * min(smaller):
            factor = float(taken / min(smaller))
            return f"{how}, batch {batch} takes {factor:.2f} times as long as a smaller one"
    return None


def _time(size: int, figure: Fraction) -> Fraction | None:
    """Give the seconds of a batch of images from images a second."""
    return size / figure if figure > 0 else None


def _measured_time(size: int, need: Need, found: Found) -> Fraction | None:
    measured = found(need)
    if not isinstance(measured, Measurement):
        return None
    quantity = measured.values.get(need.spec.conventions[0].name)
    return None if quantity is None else _time(size, exactly(quantity.value))


def of_value(verdict: Verdict) -> Verdict:
    """Turn the word on an absolute figure: it is of another GPU."""
    return apart(verdict, "taken on another class of GPU; an absolute figure does not transfer")


def of_ratio(verdict: Verdict, printed: Fraction, ratio: Interval) -> Verdict:
    """Judge a ratio by a quarter of the printed one either way; it never fails."""
    reach = abs(printed) * SPREAD
    if Interval(printed - reach, printed + reach).contains(ratio):
        agreement = "as_printed" if verdict.agreement == "as_printed" else "within_tolerance"
        detail = "on another class of GPU, within 25 % of the print"
        return replace(
            verdict, verdict="pass", reason="inside_region", agreement=agreement, detail=detail
        )
    return apart(verdict, "on another class of GPU, not within 25 % of the print")


def of_order(verdict: Verdict, first: Transfer | None, second: Transfer | None) -> Verdict:
    """Let the word on an order stand only where it transfers."""
    known = ratio_of(first, second)
    if known is None or verdict.verdict not in {"pass", "fail"}:
        return verdict
    if known.idle is not None:
        return of_host(verdict, known.idle)
    if not known.printed:
        return apart(verdict, "on another class of GPU, and no figures are printed")
    factor = max(abs(known.printed), 1 / abs(known.printed))
    if factor < APART:
        told = f"the printed figures are {float(factor):.2f} times apart, less than {float(APART)}"
        return apart(verdict, f"on another class of GPU, and {told}")
    return verdict


def of_host(verdict: Verdict, idle: str) -> Verdict:
    """Turn the word on figures that may be those of the host."""
    detail = f"on another class of GPU, and perhaps the host was measured: {idle}"
    return replace(apart(verdict, detail), reason="host_bound")


def apart(verdict: Verdict, detail: str) -> Verdict:
    """Turn a verdict into ``not_comparable``, its numbers kept."""
    return replace(
        verdict, verdict="not_comparable", reason="other_card", detail=detail, agreement=None
    )
