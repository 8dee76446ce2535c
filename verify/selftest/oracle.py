"""What the rules say, written a second time in the plainest way, to hold the judge against.

Nothing here calls the judge or what it is built of: a mistake there must not be repeated here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from reproductions.contract import Convention, Spec
from verify.claim import Claim, Tolerance
from verify.expect import PrintedFigure, Value


@dataclass(frozen=True)
class Expected:
    """How a decoy must come out."""

    verdict: str
    reason: str
    agreement: str | None = None
    explained: str | None = None
    """The reason of an explanation that must stand beside the verdict."""


@dataclass(frozen=True)
class Reading:
    """A synthetic measurement, as the floats that will be stored."""

    low: float
    value: float
    high: float

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        """Both ends as the decimals that the floats print as."""
        return decimal(self.low), decimal(self.high)

    @property
    def middle(self) -> Fraction:
        """The value as the decimal that the float prints as."""
        return decimal(self.value)


def decimal(number: float) -> Fraction:
    """Read a float as the decimal it prints as."""
    return Fraction(Decimal(repr(number)))


def exact(number: Fraction | Decimal | float) -> Reading:
    """Make a reading without spread."""
    return spread(number, number, number)


def spread(
    low: Fraction | Decimal | float,
    value: Fraction | Decimal | float,
    high: Fraction | Decimal | float,
) -> Reading:
    """Make a reading with spread."""
    return Reading(float(low), float(value), float(high))


def beyond(end: Fraction, step: Fraction) -> Reading:
    """Read a value that lies ``step`` beyond an end, or as near as a float can come to that."""
    number = float(end + step)
    towards = math.inf if step > 0 else -math.inf
    while (decimal(number) - end) * step <= 0:
        number = math.nextafter(number, towards)
    return exact(number)


def parsed(printed: str) -> tuple[Fraction, Fraction]:
    """Read a print: its value, and one unit of its last digit."""
    number = Decimal(printed.replace(",", "").replace("−", "-").replace("–", "-"))
    return Fraction(number), Fraction(10) ** int(number.as_tuple().exponent)


def rounding(expect: PrintedFigure) -> tuple[Fraction, Fraction]:
    """Give what a print stands for: half a last digit either way, a whole one if hedged."""
    value, digit = parsed(expect.printed)
    reach = digit if expect.hedge else digit / 2
    return value - reach, value + reach


def amount(expect: PrintedFigure, tolerance: Tolerance | None) -> Fraction:
    """Give by how much a tolerance widens the region on each side."""
    if tolerance is None:
        return Fraction(0)
    by = parsed(tolerance.by)[0]
    return by * abs(parsed(expect.printed)[0]) / 100 if tolerance.unit == "percent" else by


def region(expect: PrintedFigure, tolerance: Tolerance | None) -> tuple[Fraction, Fraction]:
    """Give the acceptance region, both ends in it."""
    low, high = rounding(expect)
    wider = amount(expect, tolerance)
    return low - wider, high + wider


def standing(accepted: tuple[Fraction, Fraction], ends: tuple[Fraction, Fraction]) -> str:
    """Say how an interval lies to a region."""
    if accepted[0] <= ends[0] and ends[1] <= accepted[1]:
        return "inside"
    if ends[1] < accepted[0] or accepted[1] < ends[0]:
        return "outside"
    return "straddles"


def in_region(
    expect: PrintedFigure, tolerance: Tolerance | None, ends: tuple[Fraction, Fraction]
) -> Expected:
    """Hold an interval against a print, with nothing else to be considered."""
    where = standing(region(expect, tolerance), ends)
    if where == "inside":
        agreed = standing(rounding(expect), ends) == "inside"
        return Expected("pass", "inside_region", "as_printed" if agreed else "within_tolerance")
    if where == "outside":
        return Expected("fail", "outside_region")
    return Expected("inconclusive", "straddles")


def related(
    relation: str, left: tuple[Fraction, Fraction], right: tuple[Fraction, Fraction]
) -> Expected:
    """Hold two intervals against a stated relation: every, no or some choice of values."""
    if relation in {"at_most", "less_than"}:
        left, right = right, left
    strict = relation in {"more_than", "less_than"}
    always = left[0] > right[1] if strict else left[0] >= right[1]
    never = left[1] <= right[0] if strict else left[1] < right[0]
    if always:
        return Expected("pass", "holds", "as_printed")
    return Expected("fail", "does_not_hold") if never else Expected("inconclusive", "straddles")


@dataclass(frozen=True)
class Row:
    """A printed row that may be evidence for a counting convention."""

    claim: Claim
    model: str
    readings: Mapping[str, Reading] | None
    """By convention; None if not measured, not measurable or stale."""
    kin: bool = True
    """Whether it is a row of the same family and document, of the model itself."""


def sound(spec: Spec, readings: Mapping[str, Reading]) -> list[str]:
    """Name the conventions that counted everything they name, in declared order."""

    def is_sound(convention: Convention) -> bool:
        missed = readings.get(convention.sound_if_zero or "")
        return convention.sound or (missed is not None and missed.low == missed.high == 0)

    return [c.name for c in spec.conventions if c.name in readings and is_sound(c)]


def value_outcome(
    spec: Spec, accused: Row, rows: Sequence[Row] = (), *, protocol_hits: bool = False
) -> Expected:
    """Say how a printed value must come out.

    Args:
        spec: The reproduction, for its conventions and for what is better.
        accused: The row judged, measured.
        rows: All rows of the table, the accused among them.
        protocol_hits: Whether the number taken under another protocol would fit.
    """
    claim, readings = accused.claim, accused.readings or {}
    expect = claim.expect
    if not isinstance(expect, Value):
        raise TypeError(f"{claim.id}: want a printed value")
    unstated = claim.convention == "unstated"
    key = spec.conventions[0].name if unstated else claim.convention
    plain = in_region(expect, claim.tolerance, readings[key].ends)
    if plain.verdict != "fail":
        return plain
    if unstated:
        accepted = region(expect, claim.tolerance)
        names = sound(spec, readings)
        fits = [n for n in names if standing(accepted, readings[n].ends) == "inside"]
        if fits:
            return _by_convention(spec, fits, rows)
        if any(standing(accepted, readings[n].ends) == "straddles" for n in names):
            return Expected("inconclusive", "straddles")
    if protocol_hits:
        return Expected("inconclusive", "protocol_ambiguous")
    return Expected("fail", _missed(spec, claim, expect, readings[key]))


def _missed(spec: Spec, claim: Claim, expect: Value, reading: Reading) -> str:
    if expect.padded:
        value, half = parsed(expect.printed)[0], Fraction(1, 2)
        if claim.primary is not None and claim.primary.printed is not None:
            value, digit = parsed(claim.primary.printed)
            half = digit / 2
        if standing((value - half, value + half), reading.ends) == "inside":
            return "over_precise"
    more = reading.middle > parsed(expect.printed)[0]
    better = (spec.better == "higher" and more) or (spec.better == "lower" and not more)
    return "better_than_printed" if better else "outside_region"


def _by_convention(spec: Spec, fits: Sequence[str], rows: Sequence[Row]) -> Expected:
    evidence: dict[tuple[str, str], Row] = {}
    for row in rows:
        expect = row.claim.expect
        if not row.kin or not isinstance(expect, Value) or expect.coarse:
            continue
        if row.claim.convention == "unstated" and row.claim.scope == "claim":
            evidence.setdefault((row.model, expect.printed), row)
    if any(row.readings is None for row in evidence.values()):
        return Expected("inconclusive", "family_incomplete")
    explained = []
    for row in evidence.values():
        readings, expect = row.readings or {}, row.claim.expect
        if isinstance(expect, Value):
            accepted = region(expect, row.claim.tolerance)
            names = [
                name
                for name in sound(spec, readings)
                if standing(accepted, readings[name].ends) == "inside"
            ]
            if names:
                explained.append((row.model, names))
    borne_out = [name for name in fits if all(name in names for _, names in explained)]
    if borne_out and len({model for model, _ in explained}) > 1:
        return Expected("pass", "inside_region", f"convention:{','.join(borne_out)}")
    return Expected("inconclusive", "convention_ambiguous")
