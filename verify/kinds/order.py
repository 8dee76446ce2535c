"""Which is more: one pair, every pair of a list, every step of a series."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from verify.acceptance import Interval
from verify.compare import holds
from verify.expect import BestOf, Monotone, Ordering
from verify.figure import Relation
from verify.kinds.by_image import compare
from verify.kinds.member import (
    Member,
    Part,
    all_out_of_memory,
    at_share,
    conjunction,
    obstacle_among,
    share_between,
)
from verify.kinds.rounds import LEVEL, above_noise, speedup
from verify.kinds.transfer import of_order
from verify.rulings import related
from verify.verdict import Verdict

_ONE = Interval(Fraction(1), Fraction(1))


def best_of(expect: BestOf, members: Sequence[Member]) -> Verdict:
    """Ask of every pair that the first is better than the second."""
    relation: Relation = "more_than" if expect.better == "higher" else "less_than"
    pairs = list(zip(members[::2], members[1::2], strict=True))
    return conjunction([compared(a, b, relation, of=len(pairs)) for a, b in pairs])


def monotone(expect: Monotone, members: Sequence[Member]) -> Verdict:
    """Ask of every step that it goes the stated way, strictly and by its intervals."""
    relation: Relation = "less_than" if expect.direction == "increases" else "more_than"
    steps = list(pairwise(members))
    parts = [compared(a, b, relation, of=len(steps)) for a, b in steps]
    found = conjunction(parts)
    kept = next((p for p in parts if p.verdict.verdict == "not_comparable"), None)
    if kept is None or found.verdict != "fail":
        return found
    # A series transfers to another GPU as a whole or not at all.
    return replace(
        found,
        verdict="not_comparable",
        reason=kept.verdict.reason,
        detail=f"{kept.what}: {kept.verdict.detail}; {found.detail}",
    )


def ordered(expect: Ordering, members: Sequence[Member]) -> Verdict:
    """Ask one pair for its order."""
    first, second = members
    part = compared(first, second, expect.relation, of=1)
    if part.apart:
        return all_out_of_memory(part.verdict.detail)
    if part.verdict.verdict not in {"pass", "fail"}:
        return part.verdict
    return replace(part.verdict, detail=f"{part.verdict.detail}; {part.what}: {part.numbers}")


def compared(first: Member, second: Member, relation: Relation, *, of: int) -> Part:
    """Judge one of several pairs, each at its share of the error rate."""
    words = relation.replace("_", " ")
    what = f"{first.label} {words} {second.label}"
    numbers = f"{first.shown} against {second.shown}"
    if first.out_of_memory or second.out_of_memory:
        verdict = all_out_of_memory(f"{what}: out of memory")
        return Part(what, verdict, numbers, apart=True)
    obstacle = obstacle_among([first, second]) or first.obstacle or second.obstacle
    if obstacle is not None:
        return Part(what, obstacle, numbers)
    if first.interval is None or second.interval is None:
        raise ValueError(f"{what}: want two numbers or an obstacle, got neither")
    image_by_image = compare(first.by_image, second.by_image)
    if image_by_image is not None:
        numbers += f"; {image_by_image}"
    paired = speedup(first.rounds, second.rounds, LEVEL / of)
    if paired is not None:
        verdict = related(holds(relation, paired, _ONE), f"{words}, round by round")
    else:
        verdict = related(holds(relation, first.interval, second.interval), words)
    verdict = _above_noise(verdict, first, second)
    if paired is None:
        verdict = at_share(verdict, max(first.level or 0.0, second.level or 0.0), of=of)
    return Part(what, of_order(verdict, first.transfer, second.transfer), numbers)


def _above_noise(verdict: Verdict, first: Member, second: Member) -> Verdict:
    """Leave an order open that the session could have made out of one model."""
    if not first.noise and not second.noise:
        return verdict
    share = share_between(first, second)
    return verdict if share is None else above_noise(verdict, share, first.noise, second.noise)
