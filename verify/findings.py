"""What the claims say about each other, computed: prints that contradict, tolerances come late."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any, Literal

from reproductions.catalog import MultiplyAccumulatesParams
from verify.acceptance import Printed, exactly
from verify.claim import Claim, Tolerance
from verify.expect import PrintedFigure, Value
from verify.explain import agrees
from verify.judge import judge
from verify.mistakes import AGREEMENT, only_with_mistake
from verify.need import Need
from verify.null_model import shown_too
from verify.project import Project
from verify.state import State
from verify.verdict import Verdict

FindingKind = Literal[
    "contradiction",
    "documents_differ",
    "summary_differs",
    "post_hoc_tolerance",
    "implausible",
    "null_model_shows_it",
    "defective_protocol",
    "verdict_changed",
]


_NOISE = Fraction(4, 5)
"""Part of a smaller batch's time that a larger one may seem to take, by noise alone."""


@dataclass(frozen=True)
class Finding:
    """Something a reader should know beside the verdicts. It never changes one."""

    kind: FindingKind
    claims: tuple[str, ...]
    detail: str


def findings_of(
    project: Project, state: State, verdicts: Mapping[str, Verdict]
) -> tuple[Finding, ...]:
    """List all findings, in claim order within each kind."""
    return (
        *_contradictions(project),
        *_differences(project),
        *_summaries(project),
        *_post_hoc(project, state),
        *_implausible(project),
        *_beyond_reach(project, state),
        *_shown_by_nulls(project, state),
        *_defective(project, state, verdicts),
        *_alarms(project, verdicts),
    )


def _contradictions(project: Project) -> Iterator[Finding]:
    """Find one document printing one quantity in two ways, neither a rounding of the other."""
    for first, second in _unlike(project):
        if first.source == second.source:
            yield Finding("contradiction", (first.id, second.id), _both_prints(first, second))


def _differences(project: Project) -> Iterator[Finding]:
    """Find two documents printing one quantity in two ways, neither a rounding of the other."""
    for first, second in _unlike(project):
        if first.source != second.source:
            detail = _both_prints(first, second, named=True)
            yield Finding("documents_differ", (first.id, second.id), detail)


def _unlike(project: Project) -> Iterator[tuple[Claim, Claim]]:
    """Yield pairs of claims about one quantity of one measurement whose prints do not agree."""
    groups: dict[tuple[Any, ...], list[tuple[Claim, Value]]] = {}
    for claim in project.claims.values():
        figure = claim.expect
        keys = tuple(need.key for need in project.needs[claim.id])
        judged = keys and claim.scope == "claim" and claim.damaged is None
        if judged and isinstance(figure, Value):
            quantity = (claim.convention, frozenset(keys))
            groups.setdefault(quantity, []).append((claim, figure))
    for group in groups.values():
        for (first, one), (second, other) in combinations(group, 2):
            if not agrees(one, other):
                yield first, second


def _both_prints(*claims: Claim, named: bool = False) -> str:
    """Say which place prints what; of two documents with the name of each."""
    places = []
    for claim in claims:
        document = f"{claim.source}, " if named else ""
        printed = claim.expect.printed if isinstance(claim.expect, Value) else ""
        places.append(f"{document}{claim.found_at[0]} prints {printed}")
    return ", ".join(places)


def _summaries(project: Project) -> Iterator[Finding]:
    for claim in project.claims.values():
        if claim.primary is None or claim.primary.printed is None:
            continue
        if not isinstance(claim.expect, PrintedFigure):
            continue
        printed = {"printed": claim.primary.printed, "hedge": None}
        if not agrees(claim.expect, claim.expect.model_copy(update=printed)):
            detail = (
                f"printed {claim.expect.printed} here, {claim.primary.printed} in "
                f"{project.index.papers[claim.primary.paper].title!r}"
            )
            yield Finding("summary_differs", (claim.id,), detail)


def _post_hoc(project: Project, state: State) -> Iterator[Finding]:
    """Find tolerances that were added or widened after a verdict had been recorded."""
    first: dict[str, Any] = {}
    tolerant = {claim.id for claim in project.claims.values() if claim.tolerance is not None}
    for event in state.events("judged"):
        if event.about not in tolerant or event.about in first:
            continue
        if event.body["verdict"]["measured"] is None:
            continue  # nothing had been seen yet that a tolerance could be fitted to
        first[event.about] = event.body["tolerance"]
    for id_, then in first.items():
        claim = project.claims[id_]
        if claim.tolerance is None:
            continue
        before = None if then is None else Tolerance.model_validate(then)
        if before is None or _wider(claim.tolerance, before):
            was = "none" if before is None else f"{before.by} {before.unit}"
            now = f"{claim.tolerance.by} {claim.tolerance.unit}"
            detail = f"tolerance {now}, first judged with {was}"
            yield Finding("post_hoc_tolerance", (id_,), detail)


def _implausible(project: Project) -> Iterator[Finding]:
    """Find speeds by which a larger batch would be done in less time than a smaller one."""
    for series in project.series.values():
        for (small, one), (large, other) in pairwise(sorted(series.items())):
            if one.expect.unit != "images/s" or not one.expect.rounding.low:
                continue
            least, most = one.expect.rounding.high, other.expect.rounding.low
            if least is not None and most and large / most < _NOISE * small / least:
                times = [
                    float(1000 * size / at.expect.figure.value)
                    for size, at in ((small, one), (large, other))
                ]
                detail = (
                    f"by the prints a batch of {large} takes {times[1]:.0f} ms, a batch of {small} "
                    f"takes {times[0]:.0f} ms: more images in less time"
                )
                yield Finding("implausible", (one.claim, other.claim), detail)


def _beyond_reach(project: Project, state: State) -> Iterator[Finding]:
    """Find speeds at which a GPU would do more arithmetic than it can."""
    for at in (at for series in project.series.values() for at in series.values()):
        card = project.index.cards.get(at.need.params.printed_on() or "")
        work = _operations(at.need, state) if card is not None else None
        slowest = at.expect.rounding.low
        if card is None or work is None or slowest is None or at.expect.unit != "images/s":
            continue
        done, most = slowest * work / 10**12, Printed.parse(card.tera_operations).value
        if done > most:
            detail = (
                f"at {at.expect.printed} images/s, {float(work) / 1e9:.2f} 10^9 operations each, "
                f"it would do {float(done):.1f} TFLOP/s; {at.need.params.printed_on()} does "
                f"{card.tera_operations} at most ({card.because})"
            )
            yield Finding("implausible", (at.claim,), detail)


def _operations(need: Need, state: State) -> Fraction | None:
    """Give the operations of one image, two a multiply-accumulate; None where none were counted."""
    params = need.params.model_dump()
    counted = {name: params.get(name) for name in MultiplyAccumulatesParams.model_fields}
    if None in counted.values():
        return None
    name = "multiply_accumulates"
    found = state.stored.get(Need(name, MultiplyAccumulatesParams.model_validate(counted)).key)
    if found is None or found.measurement is None or found.stale:
        return None
    return 2 * 10**9 * exactly(found.measurement.values["executed"].low)


def _shown_by_nulls(project: Project, state: State) -> Iterator[Finding]:
    """Find claims that hold where they should not, such as of random weights."""
    for id_, detail in shown_too(project, state.stored):
        yield Finding("null_model_shows_it", (id_,), detail)


def _defective(
    project: Project, state: State, verdicts: Mapping[str, Verdict]
) -> Iterator[Finding]:
    """Find what holds only by a mistake that their document made in measuring."""
    for claim in project.claims.values():
        if verdicts[claim.id].agreement == AGREEMENT:
            mistake = only_with_mistake(project, state.stored, claim, judge)
            expect, what = claim.expect, "what is said"
            if isinstance(expect, PrintedFigure):
                what = f"{expect.printed} {expect.unit}"
            yield Finding("defective_protocol", (claim.id,), f"{what} holds, {mistake}")


def _wider(now: Tolerance, before: Tolerance) -> bool:
    # Two units cannot be compared without the print; a change of unit is a change.
    return now.unit != before.unit or (Printed.parse(now.by).value > Printed.parse(before.by).value)


def _alarms(project: Project, verdicts: Mapping[str, Verdict]) -> Iterator[Finding]:
    for claim in project.claims.values():
        known = claim.known_verdict
        if known is not None and verdicts[claim.id].verdict != known.verdict:
            detail = f"known as {known.verdict} ({known.because}), now {verdicts[claim.id].verdict}"
            yield Finding("verdict_changed", (claim.id,), detail)
