"""How a verdict is worded and put together; the building blocks of ``judge``."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product

from reproductions.contract import Measurement, Quantity, Spec
from verify.acceptance import Interval, Printed, at_print, exactly, interval_of
from verify.claim import Claim, Tolerance
from verify.compare import Acceptance, Standing, holds, limit_acceptance
from verify.convention import sound_conventions
from verify.expect import Bound, Difference, Equal, Ordering, PrintedFigure, Ratio, Value
from verify.need import Need
from verify.structure import fact_of, leaves_open, matches
from verify.verdict import Measured, OffBy, Reason, Verdict, Word, off_by

Decide = Callable[[Sequence[Interval]], Verdict]
"""Intervals of a claim's inputs, in order, to a verdict."""


def unchecked(claim: Claim) -> Verdict:
    """Word the verdict on a claim that no program settles."""
    if claim.damaged is not None:
        detail = f"the text is damaged: {claim.damaged}"
        return Verdict(verdict="not_checkable", reason="text_damaged", detail=detail)
    return Verdict(
        verdict="not_checkable", reason="no_program", detail=claim.because or "no reason given"
    )


def agreed(labels: Sequence[str], verdicts: Sequence[Verdict]) -> Verdict:
    """Give the common verdict of several released models, or say that they differ.

    A model that could not be measured has no say: its obstacle is the verdict.
    """
    first = verdicts[0]
    if len(verdicts) == 1:
        return first
    said = [f"{label}: {v.verdict}" for label, v in zip(labels, verdicts, strict=True)]
    detail = f"the printed label fits several released models ({'; '.join(said)})"
    evidence = tuple(event for verdict in verdicts for event in verdict.evidence)
    stale = any(verdict.stale for verdict in verdicts)
    obstacles = [v for word in ("error", "blocked") for v in verdicts if v.verdict == word]
    if not obstacles and len({verdict.verdict for verdict in verdicts}) > 1:
        open_ = left_open(first, "model_ambiguous", detail)
        return replace(open_, evidence=evidence, stale=stale)
    nearest = min(verdicts, key=lambda v: abs(v.off_by.relative or 0) if v.off_by else 0)
    shown = obstacles[0] if obstacles else nearest
    return replace(shown, detail=f"{shown.detail}; {detail}", evidence=evidence, stale=stale)


def against(accepted: Acceptance, interval: Interval, key: str | None) -> Verdict:
    """Judge one interval against one region."""
    words: dict[Standing, tuple[Word, Reason, str]] = {
        "inside": ("pass", "inside_region", "inside the region of the print"),
        "outside": ("fail", "outside_region", "outside the region of the print"),
        "straddles": ("inconclusive", "straddles", "only partly inside the region of the print"),
    }
    standing = accepted.standing(interval)
    word, reason, detail = words[standing]
    return Verdict(
        verdict=word,
        reason=reason,
        detail=detail,
        agreement=accepted.agreement(interval) if standing == "inside" else None,
        convention=key,
        region=ends_of(accepted.widened),
    )


def related(standing: Standing, relation: str) -> Verdict:
    """Word how a stated relation came out."""
    words: dict[Standing, tuple[Word, Reason, str]] = {
        "inside": ("pass", "holds", f"{relation}: holds"),
        "outside": ("fail", "does_not_hold", f"{relation}: does not hold"),
        "straddles": ("inconclusive", "straddles", f"{relation}: the intervals leave it open"),
    }
    word, reason, detail = words[standing]
    agreement = "as_printed" if standing == "inside" else None
    return Verdict(verdict=word, reason=reason, detail=detail, agreement=agreement)


def recomputed(accepted: Acceptance, point: Interval, spread: Interval) -> Verdict:
    """Judge printed numbers against a printed result.

    Args:
        accepted: The region of the printed result.
        point: The result of the printed numbers taken as exact.
        spread: The result over their rounding intervals.
    """
    if accepted.standing(point) == "inside":
        return Verdict(
            verdict="pass",
            reason="recomputes",
            detail="the printed numbers recompute to the printed result",
            agreement=accepted.agreement(point),
        )
    if accepted.standing(spread) != "outside":
        detail = "only the rounding of the printed numbers lets them fit together"
        return Verdict(verdict="inconclusive", reason="compatible", detail=detail)
    detail = "these printed numbers do not fit together"
    return Verdict(verdict="fail", reason="do_not_fit_together", detail=detail)


def under_every_convention(need: Need, found: Measurement, expect: Value) -> str:
    """Word a miss under every sound convention, naming the one that comes nearest."""

    def distance_of(name: str) -> Fraction:
        return abs(exactly(found.values[name].value) - expect.figure.value)

    names = sound_conventions(need.spec, found)
    nearest = min(names, key=distance_of)
    if nearest == names[0]:
        return "outside the region of the print under every convention"
    value = at_print(exactly(found.values[nearest].value), expect.figure.last_digit)
    return f"outside the region of the print under every convention; nearest is {nearest}, {value}"


def structured(expect: Equal, key: str, found: Measurement) -> Verdict:
    """Judge a measured structure against a printed one; a number with spread equals none."""
    if leaves_open(expect, found, key):
        detail = f"{key} is known only as an interval, which reaches {expect.printed!r}"
        return Verdict(verdict="inconclusive", reason="straddles", detail=detail)
    fact = fact_of(found, key)
    if matches(expect, fact):
        detail = f"{key} is {fact!r}, as printed"
        return Verdict(verdict="pass", reason="equal", detail=detail, agreement="as_printed")
    detail = f"{key} is {fact!r}, printed {expect.printed!r}"
    return Verdict(verdict="fail", reason="not_equal", detail=detail)


def bounded(tolerance: Tolerance | None, expect: Bound) -> Decide:
    """Give the ruling on one input against a printed bound."""
    relation = expect.relation
    stated, _ = limit_acceptance(expect, relation, None)
    limit, accepted = limit_acceptance(expect, relation, tolerance)

    def decide(intervals: Sequence[Interval]) -> Verdict:
        (interval,) = intervals
        standing = holds(relation, interval, Interval(limit, limit))
        verdict = related(standing, f"{relation.replace('_', ' ')} {expect.printed}")
        as_printed = holds(relation, interval, Interval(stated, stated)) == "inside"
        if standing == "inside" and not as_printed:
            verdict = replace(verdict, agreement="within_tolerance")
        return replace(
            verdict,
            measured=shown_interval(middle(interval), interval),
            off_by=distance(expect, middle(interval)),
            region=ends_of(accepted),
        )

    return decide


def ordering(expect: Ordering) -> Decide:
    """Give the ruling on an ordering of two inputs."""

    def decide(intervals: Sequence[Interval]) -> Verdict:
        left, right = intervals
        words = f"the first is {expect.relation.replace('_', ' ')} the second"
        told = " against ".join(f"{float(middle(side)):.6g}" for side in intervals)
        return related(holds(expect.relation, left, right), f"{words} ({told})")

    return decide


def combined(tolerance: Tolerance | None, expect: Ratio | Difference) -> Decide:
    """Give the ruling on the ratio or difference of two inputs."""

    def decide(intervals: Sequence[Interval]) -> Verdict:
        accepted = Acceptance.of(expect, tolerance)
        first, second = (_pair(interval) for interval in intervals)
        if isinstance(expect, Difference):
            corners = [a - b for a, b in product(first, second)]
        elif second[0] <= 0 <= second[1]:
            detail = "the second input may be zero; no ratio"
            return Verdict(verdict="error", reason="measurement_error", detail=detail)
        else:
            corners = [a / b for a, b in product(first, second)]
        result = Interval(min(corners), max(corners))
        return replace(
            against(accepted, result, None),
            measured=shown_interval(middle(result), result),
            off_by=distance(expect, middle(result)),
        )

    return decide


def decided(decide: Decide, measured: Sequence[Measurement], keys: Sequence[str]) -> Verdict:
    """Rule on the named keys of several measurements, in input order.

    The intervals decide; the number shown is the one the measured values give, which is
    not the middle where an interval is lopsided.
    """
    quantities = [m.values[key] for m, key in zip(measured, keys, strict=True)]
    verdict = decide([interval_of(quantity) for quantity in quantities])
    points = [exactly(quantity.value) for quantity in quantities]
    shown = decide([Interval(point, point) for point in points])
    if verdict.measured is None or shown.measured is None:
        return verdict
    number = replace(verdict.measured, value=shown.measured.value)
    return replace(verdict, measured=number, off_by=shown.off_by)


def shared_conventions(
    needs: Sequence[Need], measured: Sequence[Measurement], stated: Sequence[str]
) -> list[str]:
    """Name the sound conventions, default aside, of every input that states none."""
    inputs = zip(needs, measured, stated, strict=True)
    open_ = [(need, found) for need, found, given in inputs if given == "unstated"]
    if not open_:
        return []
    return [
        convention.name
        for convention in open_[0][0].spec.conventions[1:]
        if all(convention.name in sound_conventions(need.spec, found) for need, found in open_)
    ]


def key_of(need: Need, convention: str) -> str:
    """Give the key a convention names; the default where it is unstated."""
    return need.spec.conventions[0].name if convention == "unstated" else convention


def missing_key(need: Need, key: str, found: list[str]) -> Verdict:
    """Word the error of a measurement that lacks the key it should have."""
    detail = f"{need}: want the key {key!r}, found {', '.join(found) or 'none'}"
    return Verdict(verdict="error", reason="measurement_error", detail=detail)


def left_open(verdict: Verdict, reason: Reason, detail: str) -> Verdict:
    """Turn a pass or fail into ``inconclusive``, its numbers kept."""
    return replace(verdict, verdict="inconclusive", reason=reason, detail=detail, agreement=None)


def integer_region(claim: Claim, expect: Value) -> Interval:
    """Give the region of what the primary prints, or of the padded print read as an integer."""
    if claim.primary is not None and claim.primary.printed is not None:
        return Printed.parse(claim.primary.printed).rounding()
    return expect.figure.integer_region()


def distance(expect: PrintedFigure, measured: Fraction) -> OffBy:
    """Say how far a measured number is off the print."""
    figure = expect.figure
    return off_by(measured, figure.value, figure.last_digits_off(measured))


def shown_quantity(quantity: Quantity) -> Measured:
    """Give a quantity as verdicts show it."""
    return Measured(quantity.value, quantity.low, quantity.high, quantity.level)


def shown_keys(spec: Spec, measurement: Measurement) -> dict[str, Measured]:
    """Give every key of a measurement, the declared conventions first and in their order."""
    declared = [c.name for c in spec.conventions if c.name in measurement.values]
    keys = dict.fromkeys([*declared, *measurement.values])
    return {key: shown_quantity(measurement.values[key]) for key in keys}


def shown_interval(value: Fraction, interval: Interval) -> Measured:
    """Give a computed value and its interval as verdicts show them."""
    low, high = _pair(interval)
    return Measured(float(value), float(low), float(high))


def _pair(interval: Interval) -> tuple[Fraction, Fraction]:
    if interval.low is None or interval.high is None:
        raise ValueError("want a finite interval, got an open one")
    return interval.low, interval.high


def middle(interval: Interval) -> Fraction:
    """Give the middle of a finite interval."""
    low, high = _pair(interval)
    return (low + high) / 2


def ends_of(interval: Interval) -> tuple[float | None, float | None]:
    """Give an interval's ends as floats, an open end as None."""
    return (
        None if interval.low is None else float(interval.low),
        None if interval.high is None else float(interval.high),
    )
