"""What a rule is given: one number of an index set, or what stood in its way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from verify.acceptance import Interval
from verify.kinds.by_image import ByImage
from verify.kinds.rounds import LEVEL, Rounds, speedup
from verify.kinds.transfer import Transfer, ratio_of
from verify.rulings import left_open
from verify.verdict import PartVerdict, Verdict, Word

Bounds = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Member:
    """One input of a comparison, resolved."""

    label: str
    interval: Interval | None = None
    value: Fraction | None = None
    level: float | None = None
    """Error rate of the interval; None where the number is exact or printed."""
    obstacle: Verdict | None = None
    """Why there is no number."""
    out_of_memory: bool = False
    """There is no number because the run did not fit; counted apart, never a win or a loss."""
    by_image: ByImage | None = None
    """Which images were right, where it is an accuracy over all of them."""
    rounds: Rounds | None = None
    """The times of a speed, round by round."""
    noise: Fraction = Fraction(0)
    """Share by which its session told a model from itself."""
    transfer: Transfer | None = None
    """What of it holds elsewhere, if it was measured on another GPU than it was printed for."""

    @property
    def bounds(self) -> Bounds:
        """The ends of the interval, which is known and finite."""
        if self.interval is None or self.interval.low is None or self.interval.high is None:
            raise ValueError(f"{self.label}: want a finite interval, got none")
        return self.interval.low, self.interval.high

    @property
    def known(self) -> bool:
        """Whether there is a number."""
        return self.interval is not None

    @property
    def shown(self) -> str:
        """The number for a human, with its interval where it has one."""
        if self.out_of_memory:
            return "out of memory"
        if self.interval is None:
            return self.obstacle.reason.replace("_", " ") if self.obstacle else "missing"
        low, high = self.bounds
        value = self.value if self.value is not None else (low + high) / 2
        text = f"{float(value):.6g}"
        return text if low == high else f"{text} [{float(low):.6g}, {float(high):.6g}]"


Rule = Callable[[Sequence[Member]], Verdict]
"""The inputs of a claim, in order, to a verdict."""


@dataclass(frozen=True)
class Part:
    """One part of a claim, judged."""

    what: str
    verdict: Verdict
    numbers: str
    apart: bool = False
    """Counted apart: a side ran out of memory."""

    def recorded(self) -> PartVerdict:
        """Give it as verdicts keep it."""
        return PartVerdict(self.what, self.verdict.verdict, self.numbers)


_OPEN: tuple[Word, ...] = ("error", "blocked", "not_comparable", "not_checkable", "inconclusive")


def quotient(top: Member, bottom: Member, *, of: int = 1) -> Member:
    """Divide one member by another; what is missing of either is missing of the ratio.

    Args:
        top: what is divided.
        bottom: what it is divided by.
        of: how many ratios share the error rate.
    """
    label = f"{top.label} / {bottom.label}"
    for side in (top, bottom):
        if side.out_of_memory:
            return Member(label, out_of_memory=True)
    for side in (top, bottom):
        if not side.known:
            return Member(label, obstacle=side.obstacle)
    low, high = bottom.bounds
    if low <= 0 <= high:
        detail = f"{bottom.label} may be zero; no ratio"
        broken = Verdict(verdict="error", reason="measurement_error", detail=detail)
        return Member(label, obstacle=broken)
    corners = [a / b for a in top.bounds for b in bottom.bounds]
    paired = speedup(top.rounds, bottom.rounds, LEVEL / of)
    value = None
    if top.value is not None and bottom.value is not None:
        value = top.value / bottom.value
    return Member(
        label,
        paired or Interval(min(corners), max(corners)),
        value,
        LEVEL / of if paired else _level(top, bottom),
        noise=max(top.noise, bottom.noise),
        transfer=ratio_of(top.transfer, bottom.transfer),
    )


def _level(*members: Member) -> float | None:
    levels = [member.level for member in members if member.level is not None]
    return sum(levels) if levels else None


def at_share(verdict: Verdict, coarsest: float, *, of: int) -> Verdict:
    """Leave open what rests on an interval that errs more often than its share allows.

    Args:
        verdict: of one of several comparisons.
        coarsest: error rate of the widest claim that an interval makes; 0 of exact numbers.
        of: how many comparisons share the error rate.
    """
    if coarsest <= LEVEL / of or verdict.verdict not in {"pass", "fail"}:
        return verdict
    needed = f"one of {of} comparisons needs {LEVEL / of:.3g}"
    return left_open(verdict, "level", f"an interval holds at {coarsest:.3g}; {needed}")


def share_between(first: Member, second: Member) -> Fraction | None:
    """Say how far apart two numbers above 0 are, as a share of the smaller; else None."""
    one, other = first.value, second.value
    if one is None or other is None or one <= 0 or other <= 0:
        return None
    return max(one / other, other / one) - 1


def obstacle_among(members: Sequence[Member]) -> Verdict | None:
    """Give the first obstacle, by the order that verdicts are told in; None if there is none.

    What has to be fetched for others is told with it: nobody wants to hear of it one by one.
    """
    found = [m.obstacle for m in members if m.obstacle is not None]
    first = next((one for word in _OPEN for one in found if one.verdict == word), None)
    if first is None or first.reason != "not_measurable":
        return first
    details = [one.detail for one in found if one.reason == first.reason]
    return replace(first, detail="; ".join(dict.fromkeys(details)))


def ran_out(members: Sequence[Member]) -> str:
    """Name the members that ran out of memory."""
    return ", ".join(member.label for member in members if member.out_of_memory)


def all_out_of_memory(detail: str) -> Verdict:
    """Word that nothing is left to judge."""
    return Verdict(verdict="inconclusive", reason="out_of_memory", detail=detail)


def conjunction(parts: Sequence[Part]) -> Verdict:
    """Join parts: any failure fails and all failures are told; else the first obstacle; else pass.

    Parts with a side that ran out of memory are counted apart.
    """
    recorded = tuple(part.recorded() for part in parts)
    judged = [part for part in parts if not part.apart]
    apart = len(parts) - len(judged)
    beside = f"; {apart} counted apart, out of memory" if apart else ""
    if not judged:
        detail = "every pair has a side that ran out of memory"
        verdict = all_out_of_memory(detail)
        return _with_parts(verdict, recorded, verdict.detail)
    failed = [part for part in judged if part.verdict.verdict == "fail"]
    if failed:
        told = "; ".join(f"{part.what}: {part.numbers}" for part in failed)
        detail = f"{len(failed)} of {len(judged)} do not hold: {told}{beside}"
        verdict = Verdict(verdict="fail", reason="some_part_fails", detail=detail)
        return _with_parts(verdict, recorded, detail)
    for word in _OPEN:
        for part in judged:
            if part.verdict.verdict == word:
                found = f"{part.what}: {part.verdict.detail}"
                held = sum(p.verdict.verdict == "pass" for p in judged)
                told = f"{held} of {len(judged)} hold; {found}{beside}"
                return _with_parts(part.verdict, recorded, told)
    agreement = next(
        (p.verdict.agreement for p in judged if p.verdict.agreement != "as_printed"), "as_printed"
    )
    detail = f"all {len(judged)} hold{beside}"
    verdict = Verdict(verdict="pass", reason="all_parts", detail=detail, agreement=agreement)
    return _with_parts(verdict, recorded, detail)


def _with_parts(verdict: Verdict, parts: tuple[PartVerdict, ...], detail: str) -> Verdict:
    """Keep word and reason of a verdict; the numbers stand with the parts."""
    return Verdict(
        verdict=verdict.verdict,
        reason=verdict.reason,
        detail=detail,
        agreement=verdict.agreement,
        parts=parts,
    )
