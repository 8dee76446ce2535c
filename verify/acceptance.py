"""Printed numbers and the regions they accept. Exact: no float takes part in a comparison.

A number printed as "80.3" stands for every value that rounds to it, both ties in:
[80.25, 80.35]. The half unit comes from the string by ``Decimal``; everything after
that is a ``Fraction``, so that ratios of printed numbers stay exact too.
"""

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from functools import cache
from typing import Self

from reproductions.contract import Quantity

# No leading zero before a thousands comma: "0,123" is a decimal comma, not 123.
_PRINTED = re.compile(
    r"[+\-]?(([1-9]\d{0,2}(,\d{3})+|\d+)(\.\d+)?|\.\d+)([eE][+\-]?\d{1,3})?", re.ASCII
)
_MINUS_SIGNS = str.maketrans("\u2212\u2013", "--")


@dataclass(frozen=True)
class Interval:
    """A closed interval; an infinite end is None."""

    low: Fraction | None
    high: Fraction | None

    def contains(self, other: Self) -> bool:
        """Tell whether ``other`` lies wholly inside, ends included."""
        low_inside = self.low is None or (other.low is not None and other.low >= self.low)
        high_inside = self.high is None or (other.high is not None and other.high <= self.high)
        return low_inside and high_inside

    def disjoint(self, other: Self) -> bool:
        """Tell whether no value lies in both; touching ends are shared."""
        below = self.high is not None and other.low is not None and self.high < other.low
        above = self.low is not None and other.high is not None and self.low > other.high
        return below or above

    def widened(self, by: Fraction) -> Self:
        """Move each finite end outwards by ``by``."""
        low = None if self.low is None else self.low - by
        high = None if self.high is None else self.high + by
        return type(self)(low, high)


@dataclass(frozen=True)
class Printed:
    """A number as a document prints it."""

    text: str
    value: Fraction
    last_digit: Fraction
    """One unit of the last printed digit: 0.1 for "80.3", 100 for "1.2e3"."""

    @classmethod
    @cache
    def parse(cls, text: str) -> Self:
        """Read sign, thousands commas, decimals and exponent.

        Raises:
            ValueError: ``text`` is no decimal number.

        Example:
            >>> Printed.parse("4,938.8").last_digit
            Fraction(1, 10)
        """
        plain = text.translate(_MINUS_SIGNS)
        if not _PRINTED.fullmatch(plain):
            raise ValueError(f'want a decimal number such as "7.1" or "4,938.8", got {text!r}')
        number = Decimal(plain.replace(",", ""))
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int):
            raise ValueError(f"want a finite number, got {text!r}")
        return cls(text, Fraction(number), Fraction(10) ** exponent)

    def rounding(self, *, hedged: bool = False) -> Interval:
        """Give every value the print stands for; a hedged one is a whole last digit wide."""
        return _rounding(self.text, hedged=hedged)

    def integer_region(self) -> Interval:
        """Give what the integer of this print stands for: "42.0" read as 42."""
        return Interval(self.value - Fraction(1, 2), self.value + Fraction(1, 2))

    def last_digits_off(self, measured: Fraction) -> int:
        """Count by how many last digits ``measured``, rounded half up to them, is off."""
        return round_half_up(measured / self.last_digit) - round_half_up(
            self.value / self.last_digit
        )


@cache
def _rounding(text: str, *, hedged: bool) -> Interval:
    figure = Printed.parse(text)
    reach = figure.last_digit if hedged else figure.last_digit / 2
    return Interval(figure.value - reach, figure.value + reach)


def round_half_up(number: Fraction) -> int:
    """Round to an integer, halves away from zero."""
    magnitude = math.floor(abs(number) + Fraction(1, 2))
    return magnitude if number >= 0 else -magnitude


@cache
def exactly(number: float) -> Fraction:
    """Read a float as the shortest decimal that prints it: 25.55 is 25.55, not 25.5500000000000007.

    Counts in millions are decimals; their binary neighbor must not move a tie.
    """
    return Fraction(Decimal(repr(number)))


def interval_of(quantity: Quantity) -> Interval:
    """Give the interval a measured quantity lies in."""
    return Interval(exactly(quantity.low), exactly(quantity.high))


def at_print(number: Fraction, last_digit: Fraction, extra: int = 2) -> str:
    """Write a number with ``extra`` digits more than the print it is compared with.

    Example:
        >>> at_print(Fraction(25557032, 10**6), Fraction(1, 10))
        '25.557'
    """
    exponent = Decimal(last_digit.numerator) / Decimal(last_digit.denominator)
    step = exponent.scaleb(-extra).normalize()
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(number.numerator) / Decimal(number.denominator)
        rounded = exact.quantize(step, rounding=ROUND_HALF_UP)
    return f"{rounded:f}"
