"""Prints that hold only where a mistake is made in measuring, as their document made it.

The document's own pipeline is what its claim is about, so the claim passes; the figure is not the
model's, and whoever reads it is told so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from verify.claim import Claim
from verify.project import Project
from verify.stored import Stored
from verify.verdict import Verdict

AGREEMENT = "mistaken_protocol"

Judge = Callable[[Project, Mapping[str, Stored], Sequence[str]], Mapping[str, Verdict]]
"""What judges some claims of a project."""


def under_mistake(
    project: Project, stored: Mapping[str, Stored], claim: Claim, verdict: Verdict, judge: Judge
) -> Verdict:
    """Say of a pass that it holds only where a mistake is made; any other verdict stays."""
    mistake = None
    if verdict.verdict == "pass":
        mistake = only_with_mistake(project, stored, claim, judge)
    if mistake is None:
        return verdict
    return replace(verdict, agreement=AGREEMENT, detail=f"{verdict.detail}, {mistake}")


def only_with_mistake(
    project: Project, stored: Mapping[str, Stored], claim: Claim, judge: Judge
) -> str | None:
    """Say which mistake a claim needs to hold, and what is found without it.

    Returns:
        A clause; None where no mistake is known, or the claim holds without it as well.
    """
    right = project.without_mistakes(claim)
    mistakes = []
    for need, meant in zip(project.needs[claim.id] if right else (), right, strict=True):
        known = stored.get(meant.key)
        measured = known.measurement if known is not None else None
        params = need.params
        mistakes.append(params.mistaken_beside(measured.facts) if measured else params.mistaken())
    told = "; ".join(dict.fromkeys(mistake for mistake in mistakes if mistake is not None))
    if not told:
        return None
    corrected = replace(project, needs={**project.needs, claim.id: right})
    verdict = judge(corrected, stored, [claim.id])[claim.id]
    if verdict.verdict == "pass":
        return None
    return f"but with a mistake: {told}; without it {_found(claim, verdict)}"


def _found(claim: Claim, verdict: Verdict) -> str:
    found = verdict.measured
    if found is None:
        unknown = verdict.reason == "not_measured"
        return "nothing is measured yet" if unknown else f"{verdict.verdict}: {verdict.detail}"
    ends = "" if found.low == found.high else f" ({found.low:.6g} to {found.high:.6g})"
    return f"{found.value:.6g}{ends} {getattr(claim.expect, 'unit', '')}".rstrip()
