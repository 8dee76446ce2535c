"""Cells that say whether a run fitted on its card."""

from reproductions.contract import Measurement
from verify.acceptance import Interval, exactly, interval_of
from verify.expect import Outcome
from verify.rulings import shown_quantity
from verify.verdict import Measured, Reason, Verdict, Word

ALLOCATED = "allocated"
"""The key of the allocated-tensor peak, in GiB."""
AT_LEAST = "allocated_at_least"
"""The key of what tensors had taken when memory ran out; below the card it says nothing."""
OUTCOME = "outcome"
"""The fact ``out_of_memory`` or ``runs``; ``device`` and ``cap_gib`` say where and under what."""
CPU = "cpu"
"""How the fact ``device`` begins where no card was measured."""


def ran_out_of_memory(found: Measurement) -> bool:
    """Tell whether a measurement says that the run did not fit."""
    return found.facts.get(OUTCOME) == "out_of_memory"


def outcome(expect: Outcome, found: Measurement) -> Verdict:
    """Judge an outcome on the peak of allocated tensors and on a run under the card's cap.

    Running out elsewhere proves nothing (other processes, a fragmented allocator); only
    a peak above the card does. Only a run under the cap refutes it, on that card's model.
    What tensors take on a CPU, or on nobody knows what, says nothing of a card.
    """
    card = Interval(None, exactly(expect.card_gib))
    peak = found.values.get(ALLOCATED) or found.values.get(AT_LEAST)
    shown = shown_quantity(peak) if peak is not None else None
    device = found.facts.get("device")
    if not isinstance(device, str) or device.startswith(CPU):
        where = f"on {device}" if isinstance(device, str) else "nobody said where"
        return _apart(f"measured {where}, which is no card", shown)
    over = peak is not None and card.disjoint(interval_of(peak))
    if over:
        detail = f"tensors alone take more than {expect.card_gib:g} GiB"
        holds = expect.means == "out_of_memory"
        return _said(("pass" if holds else "fail"), detail, shown)
    capped = found.facts.get("cap_gib")
    within = isinstance(capped, int | float) and capped <= expect.card_gib
    if found.facts.get(OUTCOME) == "runs" and within:
        detail = f"it ran under a cap of {capped:g} GiB"
        if expect.means == "runs":
            return _said("pass", detail, shown)
        if device == expect.device:
            return _said("fail", f"{detail} on {expect.device}", shown)
        return _apart(f"{detail}, not on the card of the document", shown)
    return _apart(f"nothing measured settles whether {expect.card} are enough", shown)


def _said(word: Word, detail: str, shown: Measured | None) -> Verdict:
    reason: Reason = "as_outcome" if word == "pass" else "not_as_outcome"
    agreement = "as_printed" if word == "pass" else None
    return Verdict(verdict=word, reason=reason, detail=detail, agreement=agreement, measured=shown)


def _apart(detail: str, shown: Measured | None) -> Verdict:
    return Verdict(verdict="not_comparable", reason="other_card", detail=detail, measured=shown)
