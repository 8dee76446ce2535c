"""Two measurements against each other: round by round, on which GPU, on what stand-in."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from reproductions.contract import Measurement
from verify.acceptance import Interval, exactly
from verify.claim import Claim
from verify.compare import Acceptance, half_width
from verify.expect import Ratio
from verify.index import Index
from verify.judge_sets import printing
from verify.kinds.rounds import above_noise, floor_of, rounds_of, speedup
from verify.kinds.transfer import (
    SPREAD,
    Found,
    apart,
    is_elsewhere,
    of_ratio,
    of_value,
    ratio_of,
    transfer_of,
)
from verify.need import Need
from verify.project import Project
from verify.rulings import against, distance, left_open, shown_interval
from verify.verdict import Reason, Verdict

_WORDS_ON_A_REGION = {"inside_region", "outside_region", "straddles"}


def by_rounds(
    claim: Claim,
    verdict: Verdict,
    needs: Sequence[Need],
    found: Sequence[Measurement | Verdict],
) -> Verdict:
    """Judge the ratio of two speeds of one session round by round, and by its noise floor."""
    expect = claim.expect
    rounds = [rounds_of(one) for one in found if isinstance(one, Measurement)]
    floors = [one.floor for one in rounds if one is not None]
    if not isinstance(expect, Ratio) or len(floors) < len(found) or verdict.measured is None:
        return verdict
    accepted = Acceptance.of(expect, claim.tolerance)
    ratio = speedup(rounds[0], rounds[1])
    if ratio is not None:
        value = exactly(verdict.measured.value)
        verdict = replace(
            against(accepted, ratio, verdict.convention),
            measured=shown_interval(value, ratio),
            off_by=distance(expect, value),
            evidence=verdict.evidence,
            stale=verdict.stale,
        )
    pairs = zip(needs, found, strict=True)
    elsewhere = any(isinstance(one, Measurement) and is_elsewhere(n, one) for n, one in pairs)
    # On another class of GPU another region decides, which ``where_taken`` knows.
    return verdict if elsewhere else above_noise(verdict, half_width(accepted), *floors)


def where_taken(
    project: Project, claim: Claim, verdict: Verdict, needs: Sequence[Need], found: Found
) -> Verdict:
    """Take back what figures from another class of GPU than the document's do not bear."""
    sides = [
        transfer_of(project, printing(project, given), need, found)
        for given, need in zip(claim.inputs, needs, strict=True)
    ]
    if ratio_of(*sides) is None:
        return verdict
    on_region = verdict.reason in _WORDS_ON_A_REGION
    if isinstance(claim.expect, Ratio) and on_region and verdict.measured is not None:
        low, high = exactly(verdict.measured.low), exactly(verdict.measured.high)
        verdict = of_ratio(verdict, claim.expect.figure.value, Interval(low, high))
        floors = [floor_of(one) for one in map(found, needs) if isinstance(one, Measurement)]
        return above_noise(verdict, SPREAD, *floors)
    if verdict.verdict not in {"pass", "fail"}:
        return verdict
    return apart(verdict, "on another class of GPU, where this does not transfer")


def of_figures(
    verdict: Verdict,
    needs: Sequence[Need],
    found: Sequence[Measurement | Verdict],
    wanted: Fraction,
) -> Verdict:
    """Let the word on a bound, or on a sum, stand only where its figures bear it.

    Args:
        verdict: on the figures as they are.
        needs: what was measured.
        found: what came of it.
        wanted: the share that decides, as ``above_noise`` takes it.
    """
    measured = [one for one in found if isinstance(one, Measurement)]
    if len(measured) < len(found) or verdict.off_by is None:
        return verdict
    if any(is_elsewhere(*pair) for pair in zip(needs, measured, strict=True)):
        return of_value(verdict)
    return above_noise(verdict, wanted, *map(floor_of, measured))


def in_one_session(
    verdict: Verdict, needs: Sequence[Need], found: Sequence[Measurement | None]
) -> Verdict:
    """Leave open what sets speeds against each other that were to be taken in turn and were not."""
    sessions: dict[tuple[str, str], set[object]] = {}
    for need, one in zip(needs, found, strict=True):
        if one is not None and need.spec.processes > 1:
            sessions.setdefault(need.column, set()).add(one.facts.get("session"))
    if all(len(those) == 1 for those in sessions.values()):
        return verdict
    detail = (
        f"{verdict.detail}; taken in different sessions, between which a machine drifts by more "
        "than within one; measured again with --fresh they are taken in turn"
    )
    return left_open(verdict, "noise_floor", detail)


def on_stand_in(
    index: Index, verdict: Verdict, needs: Sequence[Need], found: Sequence[Measurement | None]
) -> Verdict:
    """Leave open what was measured on a stand-in, a fitted model, or a substitute kernel."""
    kernels = [one.facts.get("kernel") for one in found if one is not None]
    if verdict.verdict == "fail" and "substitute" in kernels:
        detail = f"{verdict.detail}; without torch_cluster's kernel, which the authors ran"
        return left_open(verdict, "substituted", detail)
    for need in needs:
        note = index.models.get(need.params.subject() or "")
        if note is not None:
            reason: Reason = "fitted" if note.fitted_to else "substituted"
            name = need.params.subject()
            detail = f"measured on {name}, which only stands for {note.stands_for}"
            return left_open(verdict, reason, detail)
        if (ours := need.params.stand_in()) is not None:
            return left_open(verdict, "substituted", f"{verdict.detail}; measured on {ours}")
    return verdict
