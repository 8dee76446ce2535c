"""How far a set reaches: a printed range, a printed maximum, a printed growth."""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from verify.acceptance import Interval, Printed, exactly
from verify.claim import Tolerance
from verify.compare import Acceptance
from verify.expect import Growth, PrintedFigure, Range, UpTo
from verify.kinds.member import (
    Member,
    Part,
    all_out_of_memory,
    at_share,
    conjunction,
    obstacle_among,
    quotient,
    ran_out,
    share_between,
)
from verify.kinds.rounds import above_noise
from verify.kinds.transfer import SPREAD, of_ratio
from verify.rulings import against, distance, ends_of, left_open, middle, shown_interval
from verify.verdict import Verdict


def in_range(expect: Range, tolerance: Tolerance | None, members: Sequence[Member]) -> Verdict:
    """Judge the ends of a set, or whether it stays inside, against two printed ends."""
    taken = _ratios(members) if expect.pairs else list(members)
    low, high = (Acceptance.of(end, tolerance) for end in expect.ends)
    whole = Acceptance(
        low.figure,
        Interval(low.printed.low, high.printed.high),
        Interval(low.widened.low, high.widened.high),
    )
    inside = [_inside(whole, member) for member in taken]
    contained = conjunction(inside)
    if expect.of == "contained" or contained.verdict != "pass":
        return replace(contained, detail=f"{expect.of}: {contained.detail}")
    known = [member.bounds for member in taken if member.known]
    least = Interval(min(b[0] for b in known), min(b[1] for b in known))
    most = Interval(max(b[0] for b in known), max(b[1] for b in known))
    ends = [
        _end("least", expect.ends[0], low, least),
        _end("greatest", expect.ends[1], high, most),
    ]
    found = conjunction(ends)
    return replace(found, detail=f"both ends attained: {found.detail}", parts=found.parts)


def _inside(whole: Acceptance, member: Member) -> Part:
    if member.out_of_memory:
        return Part(member.label, all_out_of_memory("out of memory"), member.shown, apart=True)
    if member.interval is None:
        return Part(member.label, _obstacle(member), member.shown)
    return Part(member.label, against(whole, member.interval, None), member.shown)


def _end(name: str, printed: PrintedFigure, accepted: Acceptance, found: Interval) -> Part:
    shown = Member(name, found).shown
    return Part(f"{name} is {printed.printed}", against(accepted, found, None), shown)


def up_to(expect: UpTo, tolerance: Tolerance | None, members: Sequence[Member]) -> Verdict:
    """Judge the greatest of a set against a printed maximum; what is missing is named."""
    if not expect.operands():
        return _maximum(expect, tolerance, list(members), [])
    sets: dict[str, list[Member]] = {}
    rest = iter(members)
    for name, pairs in expect.sets().items():
        of = len(members) // 2
        sets[name] = [quotient(next(rest), next(rest), of=of) for _ in pairs]
    if expect.over == "union":
        nowhere = [name for name, found in sets.items() if not found]
        union = [member for found in sets.values() for member in found]
        return _maximum(expect, tolerance, union, nowhere)
    parts = []
    for name, found in sets.items():
        verdict = _maximum(expect, tolerance, found, [] if found else [name])
        parts.append(Part(f"over {name}", verdict, verdict.detail))
    return conjunction(parts)


def _maximum(
    expect: UpTo, tolerance: Tolerance | None, members: list[Member], nowhere: list[str]
) -> Verdict:
    accepted = Acceptance.of(expect, tolerance)
    missing = [m.label for m in members if not m.known and not m.out_of_memory]
    missing = [*nowhere, *missing]
    beside = f"; missing: {', '.join(missing)}" if missing else ""
    if out := ran_out(members):
        beside += f"; out of memory: {out}"
    known = [member for member in members if member.known]
    if not known:
        return _nothing_known(members, missing, beside)
    most = Interval(max(m.bounds[0] for m in known), max(m.bounds[1] for m in known))
    top = max(known, key=_shown_value)
    verdict = replace(
        against(accepted, most, None),
        measured=shown_interval(_shown_value(top), most),
        off_by=distance(expect, _shown_value(top)),
    )
    told = f"greatest is {top.shown}, {top.label}{beside}"
    if any(member.transfer is not None for member in known):
        value = expect.figure.value
        quarter = Interval(value, value).widened(abs(value) * SPREAD)
        accepted = Acceptance(accepted.figure, accepted.printed, quarter)
        verdict = of_ratio(verdict, value, most)
    # A maximum above the print passes too: what is accepted has no upper end.
    accepts = Interval(accepted.widened.low, None)
    verdict = replace(_ruled(accepted, most, verdict, told, missing), region=ends_of(accepts))
    verdict = _above_noise(verdict, accepted.widened.low, known)
    coarsest = max(member.level or 0.0 for member in known)
    return at_share(verdict, coarsest, of=len(members))


def _ruled(
    accepted: Acceptance, most: Interval, verdict: Verdict, told: str, missing: list[str]
) -> Verdict:
    """Let what is above pass too, and hold back what members that are missing could change."""
    below = accepted.widened.low
    if most.low is not None and below is not None and most.low >= below:
        agreement = verdict.agreement or "exceeded"
        return replace(
            verdict, verdict="pass", reason="inside_region", agreement=agreement, detail=told
        )
    if missing:
        return left_open(verdict, "members_missing", told)
    return replace(verdict, detail=told)


def _above_noise(verdict: Verdict, below: Fraction | None, known: list[Member]) -> Verdict:
    """Leave open what lies nearer to the lower end than its session told a model from itself.

    Any one member is enough for a maximum to pass; it fails by all of them.
    """
    if below is None or verdict.verdict not in {"pass", "fail"}:
        return verdict
    end = Member("the lower end", Interval(below, below), below)
    passes = verdict.verdict == "pass"
    deciding = [member for member in known if not passes or member.bounds[0] >= below]
    shares = [(share_between(member, end), member.noise) for member in deciding]
    told = [above_noise(verdict, share, noise) for share, noise in shares if share is not None]
    left = [one for one in told if one.verdict == "inconclusive"]
    is_open = len(left) == len(told) if passes else bool(left)
    return left[0] if left and is_open else verdict


def _nothing_known(members: list[Member], missing: list[str], beside: str) -> Verdict:
    obstacle = obstacle_among(members)
    if obstacle is not None:
        return replace(obstacle, detail=f"{obstacle.detail}{beside}")
    if missing:
        detail = f"nothing to take the maximum of{beside}"
        return Verdict(verdict="inconclusive", reason="members_missing", detail=detail)
    return all_out_of_memory(f"nothing ran{beside}")


def growth(expect: Growth, tolerance: Tolerance | None, members: Sequence[Member]) -> Verdict:
    """Judge the slope of least squares on logarithms against a printed exponent."""
    for member in members:
        if not member.known:
            return replace(_obstacle(member), detail=f"{member.label}: {_obstacle(member).detail}")
        if member.bounds[0] <= 0:
            detail = f"{member.label} may be zero or less; no logarithm"
            return Verdict(verdict="error", reason="measurement_error", detail=detail)
    places = [math.log(Printed.parse(point.x).value) for point in expect.points]
    center = sum(places) / len(places)
    spread = sum((place - center) ** 2 for place in places)
    weights = [(place - center) / spread for place in places]
    low = _slope(weights, [m.bounds[0 if w > 0 else 1] for w, m in _zip(weights, members)])
    high = _slope(weights, [m.bounds[1 if w > 0 else 0] for w, m in _zip(weights, members)])
    fitted = Interval(min(low, high), max(low, high))
    shown = _slope(weights, [_shown_value(member) for member in members])
    return replace(
        against(Acceptance.of(expect, tolerance), fitted, None),
        measured=shown_interval(shown, fitted),
        off_by=distance(expect, shown),
    )


def _zip(weights: list[float], members: Sequence[Member]) -> list[tuple[float, Member]]:
    return list(zip(weights, members, strict=True))


def _slope(weights: list[float], values: list[Fraction]) -> Fraction:
    logs = (w * math.log(v) for w, v in zip(weights, values, strict=True))
    return exactly(round(math.fsum(logs), 12))  # below that, floats add up noise


def _ratios(members: Sequence[Member]) -> list[Member]:
    return [quotient(a, b) for a, b in zip(members[::2], members[1::2], strict=True)]


def _shown_value(member: Member) -> Fraction:
    return member.value if member.value is not None else middle(Interval(*member.bounds))


def _obstacle(member: Member) -> Verdict:
    if member.out_of_memory:
        return all_out_of_memory(f"{member.label} ran out of memory")
    if member.obstacle is None:
        raise ValueError(f"{member.label}: want a number or an obstacle, got neither")
    return member.obstacle
