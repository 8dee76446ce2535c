"""Decoys of every claim: one maker a kind. A kind without a maker counts as wrong."""

from collections.abc import Callable

from verify.project import Project
from verify.selftest.comparisons import bound, difference, equal, ordering, ratio
from verify.selftest.lab import Lab, Wrong, kind_of
from verify.selftest.oracle import Expected
from verify.selftest.sums import arithmetic, measured_arithmetic
from verify.selftest.values import value


def unchecked(lab: Lab) -> None:
    """Put down a claim that no program settles, measured or not."""
    reason = "text_damaged" if lab.origin.damaged is not None else "no_program"
    lab.expect("as it is", lab.add(lab.origin), Expected("not_checkable", reason))


MAKERS: dict[str, Callable[[Lab], None]] = {
    "unchecked": unchecked,
    "value": value,
    "bound": bound,
    "ratio": ratio,
    "difference": difference,
    "ordering": ordering,
    "equal": equal,
    "arithmetic": arithmetic,
    "measured_arithmetic": measured_arithmetic,
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
        kind = kind_of(claim)
        maker = MAKERS.get(kind)
        if maker is None:
            counts.setdefault(kind, 0)
            wrong.append(Wrong(claim.id, kind, "none", "a maker of decoys", "none is written"))
            continue
        lab = Lab(claim, project.claims)
        maker(lab)
        counts[kind] = counts.get(kind, 0) + len(lab.accused)
        wrong += lab.wrong()
    return counts, wrong
