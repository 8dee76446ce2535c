"""Arithmetic on intervals: printed numbers against printed numbers, exact in fractions."""

from collections.abc import Callable
from fractions import Fraction
from itertools import product as pairs

from verify.acceptance import Interval, Printed
from verify.expect import FromTo, Operand, Operation, is_constant, operands_of, operation_of

Leaf = Callable[[str], Interval]
Bounds = tuple[Fraction, Fraction]


class UndefinedError(ArithmeticError):
    """The operation has no value on these numbers, such as a division by zero."""


def evaluate(operation: Operation, leaf: Leaf) -> Interval:
    """Compute an operation over the intervals of its leaves.

    A leaf that stands twice is treated as two independent numbers, which can only
    widen the result: never a false "do not fit together".

    Args:
        operation: One operation, perhaps nested.
        leaf: Gives the interval of a claim id.

    Raises:
        UndefinedError: a divisor's interval holds zero, or a power is not an integer.
    """
    name, operands = operation_of(operation)
    values = [_bounds(_interval(operand, leaf)) for operand in operands_of(operation)]
    if isinstance(operands, FromTo) and name == "percent_change":
        low, high = _ratio(values[1], values[0])
        return Interval((low - 1) * 100, (high - 1) * 100)
    low, high = _OPERATIONS[name](values)
    return Interval(low, high)


def _interval(operand: Operand, leaf: Leaf) -> Interval:
    if isinstance(operand, Operation):
        return evaluate(operand, leaf)
    if is_constant(operand):
        constant = Printed.parse(operand).value
        return Interval(constant, constant)
    return leaf(operand)


def _bounds(interval: Interval) -> Bounds:
    if interval.low is None or interval.high is None:
        raise UndefinedError("an operand has no limit")
    return interval.low, interval.high


def _ratio(top: Bounds, bottom: Bounds) -> Bounds:
    if bottom[0] <= 0 <= bottom[1]:
        raise UndefinedError("a divisor may be zero")
    quotients = [a / b for a, b in pairs(top, bottom)]
    return min(quotients), max(quotients)


def _product(values: list[Bounds]) -> Bounds:
    low = high = Fraction(1)
    for value in values:
        corners = [a * b for a, b in pairs((low, high), value)]
        low, high = min(corners), max(corners)
    return low, high


def _sum(values: list[Bounds]) -> Bounds:
    return sum((v[0] for v in values), Fraction(0)), sum((v[1] for v in values), Fraction(0))


def _maximum(values: list[Bounds]) -> Bounds:
    return max(v[0] for v in values), max(v[1] for v in values)


def _difference(values: list[Bounds]) -> Bounds:
    (from_low, from_high), (to_low, to_high) = values
    return to_low - from_high, to_high - from_low


def _power(values: list[Bounds]) -> Bounds:
    base, (exponent, same) = values
    if exponent != same or exponent.denominator != 1 or abs(exponent) > _LARGEST_EXPONENT:
        raise UndefinedError(f"a power wants one whole exponent up to {_LARGEST_EXPONENT}")
    if exponent < 0 and base[0] <= 0 <= base[1]:
        raise UndefinedError("a divisor may be zero")
    corners = [end ** int(exponent) for end in base]
    if exponent > 0 and base[0] < 0 < base[1]:
        corners.append(Fraction(0))
    return min(corners), max(corners)


_LARGEST_EXPONENT = 64
_OPERATIONS: dict[str, Callable[[list[Bounds]], Bounds]] = {
    "ratio": lambda values: _ratio(values[0], values[1]),
    "difference": _difference,
    "product": _product,
    "sum": _sum,
    "maximum": _maximum,
    "power": _power,
}
