"""Words without a number: decided only where every declared reading of them agrees."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Literal

from verify.compare import Standing, holds
from verify.expect import Vague
from verify.figure import Relation
from verify.kinds.member import (
    Member,
    all_out_of_memory,
    obstacle_among,
    quotient,
    share_between,
)
from verify.verdict import PartVerdict, Verdict, Word

READINGS = (Fraction(10, 100), Fraction(25, 100), Fraction(50, 100))
"""How far apart two figures may lie and still be comparable: the declared readings."""
BOUNDED = frozenset({"percent", "AP", "mIoU"})
"""Units of figures that end at 100 %; there the distance is on the error."""
RANK_CORRELATION = Fraction(1, 2)

Answer = Literal["yes", "no", "open"]
_ANSWERS: dict[Standing, Answer] = {"inside": "yes", "outside": "no", "straddles": "open"}
_WORDS: dict[Answer, Word] = {"yes": "pass", "no": "fail", "open": "inconclusive"}


def vague(expect: Vague, units: Sequence[str | None], members: Sequence[Member]) -> Verdict:
    """Judge a vague word under every reading, on every declared set."""
    by_set = [
        _readings(expect, name, groups) for name, groups in _sets(expect, members, units).items()
    ]
    answers = [answer for its in by_set for answer in its]
    parts = tuple(PartVerdict(what, _WORDS[answer], numbers) for what, answer, numbers in answers)
    return replace(_agreed(expect, answers, members, all(by_set)), parts=parts)


def _agreed(
    expect: Vague,
    answers: list[tuple[str, Answer, str]],
    members: Sequence[Member],
    every_set: bool,
) -> Verdict:
    found = {answer for _, answer, _ in answers}
    shown = "; ".join(dict.fromkeys(numbers for _, _, numbers in answers))
    obstacle = obstacle_among(members)
    if not answers and obstacle is None:
        return all_out_of_memory(f'"{expect.word}": everywhere a side ran out of memory')
    # What is missing of a set that answers no cannot turn it; a set without any answer could.
    if found == {"no"} and (every_set or obstacle is None):
        detail = f'"{expect.word}" under no reading: {shown}'
        return Verdict(verdict="fail", reason="does_not_hold", detail=detail)
    if obstacle is not None:
        return obstacle
    if found == {"yes"}:
        detail = f'"{expect.word}" under every reading: {shown}'
        return Verdict(verdict="pass", reason="holds", detail=detail, agreement="as_printed")
    told = ", ".join(f"{what}: {answer}" for what, answer, _ in answers)
    detail = f'"{expect.word}" depends on the reading ({told}): {shown}'
    return Verdict(verdict="inconclusive", reason="vague", detail=detail)


Group = tuple[list[Member], bool]
"""A pair or a series, and whether its figures end at 100 %."""


def _sets(
    expect: Vague, members: Sequence[Member], units: Sequence[str | None]
) -> dict[str, list[Group]]:
    """Deal the members out to the declared sets; without any, all of them are one."""
    if not expect.sets():
        return {"": [(list(members), units[0] in BOUNDED)]}
    sets: dict[str, list[Group]] = {}
    at = 0
    for name, groups in expect.sets().items():
        sets[name] = []
        for group in groups:
            sets[name].append((list(members[at : at + len(group)]), units[at] in BOUNDED))
            at += len(group)
    return sets


def _readings(expect: Vague, name: str, groups: list[Group]) -> list[tuple[str, Answer, str]]:
    where = f"{name}, " if name else ""
    # A run that did not fit has no number: such a pair is left out, not judged.
    usable = [(group, b) for group, b in groups if all(member.known for member in group)]
    if expect.sense == "trend":
        return [
            (f"{where}{reading}", answer, ", ".join(m.shown for m in series))
            for series, _ in usable
            for reading, answer in _trend(expect, series).items()
        ]
    shown = [f"{m.label} {m.shown}" for (a, b), _ in usable for m in [quotient(a, b)]]
    found: list[tuple[str, Answer, str]] = []
    apart = [_distance(group, bounded=bounded) for group, bounded in usable]
    for reading in READINGS if usable else ():
        each = [
            _pair(expect, group, reading, distance)
            for (group, _), distance in zip(usable, apart, strict=True)
        ]
        found.append((f"{where}{float(100 * reading):g} %", _every(each), "; ".join(shown)))
    return found


def _every(answers: list[Answer]) -> Answer:
    return "no" if "no" in answers else "open" if "open" in answers else "yes"


def _distance(group: list[Member], *, bounded: bool) -> tuple[Fraction, Fraction]:
    """Give the least and greatest distance of a pair, noise included."""
    first, second = group
    low, high = distance_of(first, second, bounded=bounded)
    noise = max(first.noise, second.noise)
    return low - noise, high + noise


def _pair(
    expect: Vague, group: list[Member], reading: Fraction, distance: tuple[Fraction, Fraction]
) -> Answer:
    first, second = group
    low, high = distance
    if expect.sense == "comparable":
        return "yes" if high <= reading else "no" if low > reading else "open"
    apart: Answer = "yes" if low > reading else "no" if high <= reading else "open"
    if expect.better is None or first.interval is None or second.interval is None:
        return apart
    relation: Relation = "more_than" if expect.better == "higher" else "less_than"
    return _every([apart, _ANSWERS[holds(relation, first.interval, second.interval)]])


def distance_of(first: Member, second: Member, *, bounded: bool) -> tuple[Fraction, Fraction]:
    """Give the least and greatest 1 - smaller/larger, on the error where figures end at 100 %."""
    (a_low, a_high), (b_low, b_high) = first.bounds, second.bounds
    if bounded:
        a_low, a_high, b_low, b_high = 100 - a_high, 100 - a_low, 100 - b_high, 100 - b_low
    ends = [_apart(a, b) for a in (a_low, a_high) for b in (b_low, b_high)]
    overlap = a_low <= b_high and b_low <= a_high
    return (Fraction(0) if overlap else min(ends)), max(ends)


def _apart(a: Fraction, b: Fraction) -> Fraction:
    if a == b:
        return Fraction(0)
    small, large = sorted((a, b))
    return 1 - small / large if large > 0 and small >= 0 else Fraction(1)


def _trend(expect: Vague, series: list[Member]) -> dict[str, Answer]:
    """Read a trend three ways: every step, last above first, rank correlation of at least 0.5."""
    relation: Relation = "less_than" if expect.direction == "increases" else "more_than"
    return {
        "every step": _every([_step(relation, a, b) for a, b in pairwise(series)]),
        "last against first": _step(relation, series[0], series[-1]),
        "rank correlation": _rank_correlation(relation, series),
    }


def _step(relation: Relation, first: Member, second: Member) -> Answer:
    """Answer by the intervals, unless a session tells a model from itself by as much."""
    noise = max(first.noise, second.noise)
    share = share_between(first, second) if noise > 0 else None
    in_noise = share is not None and share <= noise
    if first.interval is None or second.interval is None or in_noise:
        return "open"
    return _ANSWERS[holds(relation, first.interval, second.interval)]


def _rank_correlation(relation: Relation, series: list[Member]) -> Answer:
    """Bound Kendall's tau by the pairs that the intervals and the noise leave open."""
    pairs = [_step(relation, a, b) for a, b in combinations(series, 2)]
    least = Fraction(sum(1 if p == "yes" else -1 for p in pairs), len(pairs))
    most = Fraction(sum(-1 if p == "no" else 1 for p in pairs), len(pairs))
    if least >= RANK_CORRELATION:
        return "yes"
    return "no" if most < RANK_CORRELATION else "open"
