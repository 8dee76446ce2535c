"""Prints that hold only where a mistake is made in measuring, as their document made it.

The document's own pipeline is what its claim is about, so the claim passes; the figure is not the
model's, and whoever reads it is told so.
"""

from collections.abc import Mapping
from dataclasses import replace

from verify.acceptance import interval_of
from verify.claim import Claim
from verify.compare import Acceptance
from verify.expect import PrintedFigure
from verify.need import Need
from verify.rulings import key_of
from verify.stored import Stored
from verify.verdict import Verdict

AGREEMENT = "mistaken_protocol"


def under_mistake(
    stored: Mapping[str, Stored], claim: Claim, need: Need, verdict: Verdict
) -> Verdict:
    """Say of a pass that it holds only where a mistake is made; any other verdict stays."""
    mistake = only_with_mistake(stored, claim, need) if verdict.verdict == "pass" else None
    if mistake is None:
        return verdict
    return replace(verdict, agreement=AGREEMENT, detail=f"{verdict.detail}, {mistake}")


def only_with_mistake(stored: Mapping[str, Stored], claim: Claim, need: Need) -> str | None:
    """Say which mistake a print needs to hold, and what is measured without it.

    Returns:
        A clause; None where no mistake is known, or the print holds without it as well.
    """
    mistake = need.params.mistaken()
    if mistake is None or not isinstance(claim.expect, PrintedFigure):
        return None
    right = Need(need.reproduction, need.params.corrected(), need.planned)
    told = f"but with a mistake: {mistake}; without it "
    known = stored.get(right.key)
    quantity = None
    if known is not None and known.measurement is not None:
        quantity = known.measurement.values.get(key_of(right, claim.convention))
    if quantity is None:
        return f"{told}nothing is measured yet"
    accepted = Acceptance.of(claim.expect, claim.tolerance)
    if accepted.standing(interval_of(quantity)) == "inside":
        return None
    ends = "" if quantity.low == quantity.high else f" ({quantity.low:.6g} to {quantity.high:.6g})"
    return f"{told}{quantity.value:.6g}{ends} {quantity.unit}"
