"""Printed numbers against printed numbers: no measurement is needed."""

from dataclasses import replace

from verify.acceptance import Interval
from verify.arithmetic import UndefinedError, evaluate
from verify.claim import Claim
from verify.compare import Acceptance
from verify.expect import Arithmetic, Ordering
from verify.project import Project
from verify.rulings import distance, ends_of, middle, ordering, recomputed, shown_interval
from verify.verdict import Verdict


def printed_arithmetic(project: Project, claim: Claim, expect: Arithmetic) -> Verdict:
    """Compute what a claim says follows from other prints, exactly and over their rounding."""

    def point(id_: str) -> Interval:
        value = project.figure_of(id_).figure.value
        return Interval(value, value)

    accepted = Acceptance.of(expect, claim.tolerance)
    try:
        result = evaluate(expect, point)
    except UndefinedError as error:
        return Verdict(verdict="not_checkable", reason="no_program", detail=str(error))
    try:
        spread = evaluate(expect, lambda id_: project.figure_of(id_).rounding)
    except UndefinedError:  # a divisor may round to zero: nothing can be ruled out
        spread = Interval(None, None)
    return replace(
        recomputed(accepted, result, spread),
        measured=shown_interval(middle(result), result if spread.low is None else spread),
        off_by=distance(expect, middle(result)),
        region=ends_of(accepted.widened),
    )


def printed_ordering(project: Project, claim: Claim, expect: Ordering) -> Verdict:
    """Compare prints over all values that they stand for."""
    return ordering(expect)([project.figure_of(str(id_)).rounding for id_ in claim.inputs])
