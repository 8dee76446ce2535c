"""Decoys of every claim: one maker a kind. A claim without decoys counts as wrong."""

from collections.abc import Callable, Mapping

from verify.claim import Claim
from verify.expect import Arithmetic, PrintedFigure, claims_in
from verify.operand import MeasuredInput, MeasuredOf
from verify.project import Project
from verify.selftest.comparisons import bound, difference, equal, ordering, ratio
from verify.selftest.lab import Lab, Wrong
from verify.selftest.oracle import Expected, exact, parsed
from verify.selftest.parts import all_of, outcome
from verify.selftest.sets import best_of, growth, in_range, monotone, up_to, vague
from verify.selftest.sums import arithmetic, measured_arithmetic
from verify.selftest.values import value


def unchecked(lab: Lab) -> None:
    """Put down a claim that no program settles, measured or not."""
    reason = "text_damaged" if lab.origin.damaged is not None else "no_program"
    lab.expect("as it is", lab.add(lab.origin), Expected("not_checkable", reason))


def planned(lab: Lab) -> None:
    """Put down a claim on a reproduction to come: it is blocked, whatever is stored."""
    for id_ in claims_compared(lab.origin):
        lab.claims[id_] = lab.others[id_]
        lab.needs[id_] = tuple(lab.others_needs[id_])
    needs = lab.others_needs[lab.origin.id]
    expect = lab.origin.expect
    reading = exact(parsed(expect.printed)[0] if isinstance(expect, PrintedFigure) else 1)
    for need in needs:
        keys = [convention.name for convention in need.spec.conventions]
        lab.measure(need, dict.fromkeys([*keys, lab.origin.convention], reading))
    blocked = Expected("blocked", "no_reproduction")
    lab.expect("whatever is stored", lab.add(lab.origin, needs), blocked)


def claims_compared(claim: Claim) -> list[str]:
    """List the claims that a claim names as operands."""
    expect = claim.expect
    if isinstance(expect, Arithmetic):
        return claims_in(expect)
    return [
        given.measured if isinstance(given, MeasuredOf) else given
        for given in claim.operands()
        if isinstance(given, MeasuredOf | str)
    ]


MAKERS: dict[str, Callable[[Lab], None]] = {
    "unchecked": unchecked,
    "planned": planned,
    "value": value,
    "bound": bound,
    "ratio": ratio,
    "difference": difference,
    "ordering": ordering,
    "equal": equal,
    "arithmetic": arithmetic,
    "measured_arithmetic": measured_arithmetic,
    "range": in_range,
    "up_to": up_to,
    "all_of": all_of,
    "best_of": best_of,
    "monotone": monotone,
    "growth": growth,
    "outcome": outcome,
    "vague": vague,
}
"""Puts down the decoys of a claim, by the kind of its expectation."""


def decoys(project: Project) -> tuple[dict[str, int], list[Wrong]]:
    """Make decoys from every claim and judge them.

    Returns:
        How many decoys there were by kind, and those that came out wrong.
    """
    counts: dict[str, int] = {}
    wrong = []
    for claim in project.claims.values():
        origin = _written_out(claim, project.claims)
        lab = Lab(origin, project.claims, project.needs, project.index.figures)
        kind = lab.kind
        maker = MAKERS.get(kind)
        if maker is not None:
            maker(lab)
        counts[kind] = counts.get(kind, 0) + len(lab.accused)
        if not lab.accused:
            wrong.append(Wrong(claim.id, kind, "none", "a maker of decoys", "none is written"))
            continue
        wrong += lab.wrong()
    return counts, wrong


def _written_out(claim: Claim, claims: Mapping[str, Claim]) -> Claim:
    """Write the measurements of other claims beside a claim's expectation as its own."""
    inputs = [
        MeasuredInput(
            reproduction=claims[given.measured].reproduction or "",
            params=claims[given.measured].params,
            convention=claims[given.measured].convention,
        )
        if isinstance(given, MeasuredOf)
        else given
        for given in claim.inputs
    ]
    return claim.model_copy(update={"inputs": inputs})
