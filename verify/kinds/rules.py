"""Which rule judges which kind; conjunctions hand each part to its own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from verify.acceptance import Interval
from verify.claim import Tolerance
from verify.compare import Acceptance
from verify.expect import (
    AllOf,
    BestOf,
    Bound,
    Difference,
    Growth,
    Monotone,
    Ordering,
    Range,
    Ratio,
    UpTo,
    Vague,
    Value,
    operands_in,
)
from verify.kinds import extent, order
from verify.kinds.member import (
    Member,
    Part,
    all_out_of_memory,
    conjunction,
    obstacle_among,
    quotient,
)
from verify.kinds.rounds import above_noise
from verify.kinds.transfer import SPREAD, apart, of_host, of_ratio
from verify.kinds.vague import vague
from verify.rulings import against, bounded, combined, distance, middle, shown_interval
from verify.verdict import Verdict

SET_KINDS = (Range, UpTo, AllOf, BestOf, Monotone, Growth, Vague)
"""Kinds over several inputs that may each be missing; the judge resolves them one by one."""


def ruled(
    expect: Any,
    tolerance: Tolerance | None,
    members: Sequence[Member],
    units: Sequence[str | None],
) -> Verdict:
    """Judge the members of a claim, in the order of its operands.

    Args:
        expect: What is printed.
        tolerance: What widens it.
        members: The inputs, resolved.
        units: Their units.
    """
    verdict = _by_kind(expect, tolerance, members, units)
    if isinstance(expect, AllOf | BestOf | Monotone | Ordering | UpTo):
        return verdict  # each part was asked whether it transfers
    return _transferred(expect, verdict, members)


def _transferred(expect: Any, verdict: Verdict, members: Sequence[Member]) -> Verdict:
    """Take back a word that figures from another class of GPU do not bear."""
    known = [member.transfer for member in members if member.transfer is not None]
    if not known:
        return verdict
    if isinstance(expect, Ratio) and verdict.verdict in {"pass", "fail", "inconclusive"}:
        ratio = quotient(members[0], members[1])
        if ratio.interval is None:
            return verdict
        verdict = of_ratio(verdict, expect.figure.value, ratio.interval)
        return above_noise(verdict, SPREAD, ratio.noise)
    if verdict.verdict not in {"pass", "fail"}:
        return verdict
    idle = next((one.idle for one in known if one.idle is not None), None)
    is_printed = all(one.printed is not None for one in known)
    if isinstance(expect, Vague) and verdict.verdict == "pass" and is_printed:
        return verdict if idle is None else of_host(verdict, idle)
    return apart(verdict, "on another class of GPU, where this does not transfer")


def _by_kind(
    expect: Any,
    tolerance: Tolerance | None,
    members: Sequence[Member],
    units: Sequence[str | None],
) -> Verdict:
    match expect:
        case AllOf():
            return _all_of(expect, tolerance, members, units)
        case Range():
            return extent.in_range(expect, tolerance, members)
        case UpTo():
            return extent.up_to(expect, tolerance, members)
        case Growth():
            return extent.growth(expect, tolerance, members)
        case BestOf():
            return order.best_of(expect, members)
        case Monotone():
            return order.monotone(expect, members)
        case Vague():
            return vague(expect, units, members)
    return _single(expect, tolerance, members)


def _all_of(
    expect: AllOf,
    tolerance: Tolerance | None,
    members: Sequence[Member],
    units: Sequence[str | None],
) -> Verdict:
    parts, at = [], 0
    for part in expect.parts:
        end = at + len(operands_in(part.expect, part.inputs))
        its = members[at:end]
        verdict = ruled(part.expect, tolerance, its, units[at:end])
        what = part.what or f"{part.expect.kind} of {', '.join(m.label for m in its)}"
        numbers = ", ".join(member.shown for member in its)
        if verdict.parts and verdict.verdict == "fail":
            numbers = verdict.detail
        apart = verdict.reason == "out_of_memory"
        parts.append(Part(what, verdict, numbers, apart=apart))
        at = end
    return conjunction(parts)


def _single(expect: Any, tolerance: Tolerance | None, members: Sequence[Member]) -> Verdict:
    """Judge a part on one or two numbers by the rule of its kind."""
    if isinstance(expect, Ordering):
        return order.ordered(expect, members)
    if any(member.out_of_memory for member in members):
        return all_out_of_memory("a side ran out of memory")
    obstacle = obstacle_among(members)
    if obstacle is not None:
        return obstacle
    intervals = [member.interval for member in members if member.interval is not None]
    if isinstance(expect, Value):
        return _value(expect, tolerance, intervals[0])
    if isinstance(expect, Bound):
        return bounded(tolerance, expect)(intervals)
    if isinstance(expect, Ratio | Difference):
        return combined(tolerance, expect)(intervals)
    raise TypeError(f"want a kind with a rule, got {type(expect).__name__}")


def _value(expect: Value, tolerance: Tolerance | None, interval: Interval) -> Verdict:
    return replace(
        against(Acceptance.of(expect, tolerance), interval, None),
        measured=shown_interval(middle(interval), interval),
        off_by=distance(expect, middle(interval)),
    )
