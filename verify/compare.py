"""One interval against one expectation: inside, disjoint or straddling. Knows no claim."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from verify.acceptance import Interval, Printed
from verify.claim import Tolerance
from verify.expect import PrintedFigure, Relation

Standing = Literal["inside", "outside", "straddles"]


@dataclass(frozen=True)
class Acceptance:
    """What a printed figure accepts: as printed, and widened by the claim's tolerance."""

    figure: Printed
    printed: Interval
    widened: Interval

    @classmethod
    def of(cls, expect: PrintedFigure, tolerance: Tolerance | None) -> "Acceptance":
        """Build the region of a figure; percentages are of the printed value."""
        printed = expect.rounding
        return cls(expect.figure, printed, printed.widened(_amount(expect.figure, tolerance)))

    def standing(self, interval: Interval) -> Standing:
        """Say how an interval lies to the widened region."""
        if self.widened.contains(interval):
            return "inside"
        return "outside" if self.widened.disjoint(interval) else "straddles"

    def agreement(self, interval: Interval) -> str:
        """Name how an accepted interval agrees."""
        return "as_printed" if self.printed.contains(interval) else "within_tolerance"


def half_width(accepted: Acceptance) -> Fraction:
    """Give how far a region reaches either way, as a share of the printed number."""
    low, high = _end(accepted.widened.low), _end(accepted.widened.high)
    return (high - low) / 2 / abs(accepted.figure.value) if accepted.figure.value else Fraction(0)


def limit_acceptance(
    expect: PrintedFigure, relation: Relation, tolerance: Tolerance | None
) -> tuple[Fraction, Interval]:
    """Give the limit of a printed bound and the half line it accepts.

    The bound is taken at the printed number, unrounded; only a hedge or a tolerance moves it.
    """
    figure = expect.figure
    slack = figure.last_digit if expect.hedge else Fraction(0)
    slack += _amount(figure, tolerance)
    if relation in {"at_least", "more_than"}:
        return figure.value - slack, Interval(figure.value - slack, None)
    return figure.value + slack, Interval(None, figure.value + slack)


def holds(relation: Relation, left: Interval, right: Interval) -> Standing:
    """Say whether ``left relation right`` holds for every, no or some choice of values."""
    if relation in {"at_most", "less_than"}:
        mirrored: Relation = "at_least" if relation == "at_most" else "more_than"
        return holds(mirrored, right, left)
    least = _end(left.low) - _end(right.high)
    most = _end(left.high) - _end(right.low)
    if relation == "at_least":
        return "inside" if least >= 0 else "outside" if most < 0 else "straddles"
    return "inside" if least > 0 else "outside" if most <= 0 else "straddles"


def _end(end: Fraction | None) -> Fraction:
    if end is None:
        raise ValueError("want finite intervals to compare, got an open one")
    return end


def _amount(figure: Printed, tolerance: Tolerance | None) -> Fraction:
    if tolerance is None:
        return Fraction(0)
    by = Printed.parse(tolerance.by).value
    return abs(figure.value) * by / 100 if tolerance.unit == "percent" else by
