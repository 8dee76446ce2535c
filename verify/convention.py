"""The rule for an unstated counting convention: what a whole family's rows are evidence for.

A convention other than the default passes a row only if, over the rows of that model
family in that document, it reproduces every row that any sound convention reproduces,
and at least two different models. The verdict on a row thus never rests on that row alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reproductions.contract import Measurement, Spec
from verify.acceptance import interval_of
from verify.claim import Claim
from verify.compare import Acceptance, Standing
from verify.expect import Value
from verify.need import Need
from verify.project import Project
from verify.stored import Stored


@dataclass(frozen=True)
class Evidence:
    """What one printed row says about conventions."""

    claim: str
    model: str
    reproduced_by: frozenset[str]
    """Sound conventions, default included, that reproduce the print."""
    missing: bool
    """Whether the row is not measured, or its measurement is stale."""
    event: str = ""
    """SHA-256 of the ledger event it rests on; empty if missing."""


def sound_conventions(spec: Spec, found: Measurement) -> tuple[str, ...]:
    """Name the conventions that may pass a claim on this model, in declared order."""
    return tuple(
        c.name for c in spec.conventions if c.name in found.values and c.is_sound_in(found)
    )


def reproducing(spec: Spec, measurement: Measurement, accepted: Acceptance) -> frozenset[str]:
    """Name the sound conventions whose whole interval lies inside the region."""
    return frozenset(standing_at(spec, measurement, accepted, "inside"))


def standing_at(
    spec: Spec, measurement: Measurement, accepted: Acceptance, standing: Standing
) -> list[str]:
    """Name the sound conventions whose interval lies so to the region, in declared order."""
    return [
        name
        for name in sound_conventions(spec, measurement)
        if accepted.standing(interval_of(measurement.values[name])) == standing
    ]


def family_evidence(
    project: Project, stored: Mapping[str, Stored], claim: Claim, need: Need
) -> list[Evidence]:
    """Gather the evidence rows of the need's family in the claim's document.

    Left out: coarse, damaged and model-less rows, rows of several, substituted or fitted
    models, rows with a stated convention. The same model with the same print counts once.
    """
    rows: dict[tuple[str, str], Evidence] = {}
    for other, its in _siblings(project, claim, need):
        if not isinstance(other.expect, Value):
            continue
        model = its.params.subject() or ""
        printed = other.expect.printed
        rows.setdefault((model, printed), _evidence(other, its, other.expect, stored))
    return list(rows.values())


def siblings(project: Project, claim: Claim, need: Need) -> list[str]:
    """Name the claims whose rows are evidence for this one, itself included.

    Where there is one way of counting alone, no row tells anything about another one.
    """
    if len(need.spec.conventions) < 2:  # noqa: PLR2004 - one to infer from the others
        return [claim.id]
    return [other.id for other, _ in _siblings(project, claim, need)]


def qualifying(spec: Spec, evidence: list[Evidence]) -> list[str]:
    """Name the conventions that the whole family bears out, in declared order."""
    explained = [row for row in evidence if row.reproduced_by]
    return [
        convention.name
        for convention in spec.conventions[1:]
        if all(convention.name in row.reproduced_by for row in explained)
        and len({row.model for row in explained}) > 1
    ]


def _siblings(project: Project, claim: Claim, need: Need) -> Iterator[tuple[Claim, Need]]:
    family = need.params.family()
    if family is None:
        return
    for other, its in project.families.get((claim.source, claim.reproduction, family), ()):
        if not _is_evidence(other) or its.params.subject() is None:
            continue
        if not project.substitutes(its) and not project.fitted(its):
            yield other, its


def _is_evidence(claim: Claim) -> bool:
    return (
        isinstance(claim.expect, Value)
        and claim.scope == "claim"
        and claim.convention == "unstated"
        and not claim.expect.coarse
        and claim.damaged is None
    )


def _evidence(claim: Claim, need: Need, expect: Value, stored: Mapping[str, Stored]) -> Evidence:
    model = need.params.subject() or ""
    found = stored.get(need.key)
    if found is None or found.measurement is None or found.stale:
        return Evidence(claim.id, model, frozenset(), missing=True)
    accepted = Acceptance.of(expect, claim.tolerance)
    names = reproducing(need.spec, found.measurement, accepted)
    return Evidence(claim.id, model, names, missing=False, event=found.event)
