"""Decoys of arithmetic over print, and of the same arithmetic over measurements."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import product
from math import prod

from verify.claim import Claim
from verify.expect import Arithmetic, FromTo, OfOver, Operation, Power, PrintedFigure
from verify.need import Need
from verify.selftest.inputs import key_of
from verify.selftest.lab import Lab
from verify.selftest.oracle import (
    Expected,
    Reading,
    exact,
    in_region,
    parsed,
    region,
    rounding,
    spread,
    standing,
)

Ends = tuple[Fraction, Fraction]
_MOST_CORNERS = 10
"""With more numbers than this, each end is looked for one number at a time."""
FINE = 4
"""How many digits finer a moved result is printed."""


def leaves(operation: object) -> list[str]:
    """List the operands of an operation as written, nested ones included."""
    if isinstance(operation, str):
        return [operation]
    return [leaf for part in _parts(operation) for leaf in leaves(part)]


def _parts(operation: object) -> list[object]:
    if not isinstance(operation, Operation):
        raise TypeError(f"want an operation, got {operation!r}")
    for pair in (operation.difference, operation.percent_change):
        if isinstance(pair, FromTo):
            return [pair.from_, pair.to]
    if isinstance(operation.ratio, OfOver):
        return [operation.ratio.of, operation.ratio.over]
    if isinstance(operation.power, Power):
        return [operation.power.base, operation.power.exponent]
    return list(operation.product or operation.sum or operation.maximum or [])


def compute(operation: object, numbers: Iterator[Fraction]) -> Fraction:
    """Compute an operation, its numbers given in the order of ``leaves``."""
    if isinstance(operation, str):
        return next(numbers)
    values = [compute(part, numbers) for part in _parts(operation)]
    if not isinstance(operation, Operation):
        raise TypeError(f"want an operation, got {operation!r}")
    if operation.ratio:
        return values[0] / values[1]
    if operation.difference:
        return values[1] - values[0]
    if operation.percent_change:
        return (values[1] / values[0] - 1) * 100
    if operation.power:
        return values[0] ** int(values[1])
    if operation.product:
        return prod(values, start=Fraction(1))
    return sum(values, Fraction(0)) if operation.sum else max(values)


def reach(operation: object, given: Sequence[Ends]) -> Ends:
    """Give the least and the most an operation may come to, each number anywhere in its ends."""

    def at(numbers: Sequence[Fraction]) -> Fraction:
        return compute(operation, iter(numbers))

    if sum(low != high for low, high in given) <= _MOST_CORNERS:
        corners = product(*(dict.fromkeys(ends) for ends in given))
        found = [at(numbers) for numbers in corners]
        return min(found), max(found)
    least, most = [low for low, _ in given], [high for _, high in given]
    for number, (low, high) in enumerate(given):
        middle = [(a + b) / 2 for a, b in given]
        falls = at([*middle[:number], low, *middle[number + 1 :]]) > at(
            [*middle[:number], high, *middle[number + 1 :]]
        )
        if falls:
            least[number], most[number] = high, low
    return at(least), at(most)


Figures = Mapping[str, PrintedFigure]


def _ends(expect: Arithmetic, figures: Figures, of: Callable[[PrintedFigure], Ends]) -> list[Ends]:
    """Give the ends of every operand: a claim's, or those of a constant."""
    return [
        of(figures[leaf]) if leaf in figures else (parsed(leaf)[0],) * 2 for leaf in leaves(expect)
    ]


def _point(figure: PrintedFigure) -> Ends:
    number = parsed(figure.printed)[0]
    return number, number


def printed_outcome(claim: Claim, expect: Arithmetic, figures: Figures) -> Expected:
    """Say how printed numbers must come out against a printed result."""
    try:
        point = reach(expect, _ends(expect, figures, _point))
    except ZeroDivisionError:
        return Expected("not_checkable", "no_program")
    recomputed = in_region(expect, claim.tolerance, point)
    if recomputed.verdict == "pass":
        return Expected("pass", "recomputes", recomputed.agreement)
    fits = standing(
        region(expect, claim.tolerance), reach(expect, _ends(expect, figures, rounding))
    )
    if fits == "outside":
        return Expected("fail", "do_not_fit_together")
    return Expected("inconclusive", "compatible")


def arithmetic(lab: Lab) -> None:
    """Put down the decoys of printed numbers against a printed result."""
    expect = lab.origin.expect
    if not isinstance(expect, Arithmetic):
        return
    own = _figures(lab, expect)
    _printed(lab, "as printed", expect, own)
    for moved in (-10, -2, -1, 1, 2, 10):
        _printed(lab, f"the result moved by {moved}", _moved(expect, moved), own)
        for id_ in own:
            figures = {**own, id_: _moved(own[id_], moved)}
            _printed(lab, f"{id_} moved by {moved}", expect, figures)
    if len(own) > 1:
        turned = dict(zip(own, list(own.values())[::-1], strict=True))
        _printed(lab, "operands swapped", expect, turned)
    for name, printed in _results(expect, own):
        result = expect.model_copy(update={"printed": printed, "padded": False})
        _printed(lab, name, result, own)
    for name, factor in (("ten times", 10), ("a hundred times", 100), ("a half of", 0.5)):
        printed = f"{Decimal(repr(factor)) * Decimal(_text(parsed(expect.printed)[0])):f}"
        result = expect.model_copy(update={"printed": printed, "padded": False})
        _printed(lab, f"{name} the result", result, own)


def _figures(lab: Lab, expect: Arithmetic) -> dict[str, PrintedFigure]:
    named = [leaf for leaf in leaves(expect) if leaf in lab.others or leaf in lab.figures]
    prints = {id_: lab.print_of(id_) for id_ in named}
    return {id_: found for id_, found in prints.items() if isinstance(found, PrintedFigure)}


def _results(expect: Arithmetic, own: Figures) -> Iterator[tuple[str, str]]:
    """Yield printed results finer than the operands: recomputed, compatible, beyond reach."""
    try:
        point = reach(expect, _ends(expect, own, _point))[0]
        low, high = reach(expect, _ends(expect, own, rounding))
    except ZeroDivisionError:
        return
    digit = parsed(expect.printed)[1]
    if high > low:
        while digit * 8 > high - low:
            digit /= 10
    for name, number in (
        ("a result recomputed", point),
        ("a result above what recomputes, within reach", (point + 3 * high) / 4),
        ("a result below what recomputes, within reach", (point + 3 * low) / 4),
        ("a result just within reach", high),
        ("a result just out of reach", high + digit * 2),
        ("a result just out of reach below", low - digit * 2),
    ):
        yield name, _text(round(number / digit) * digit, digit)
    tie = point + digit / 20
    if (point / digit * 10).denominator == 1:
        yield "a result on the tie", _text(tie + digit / 20, digit / 10 * 1)
        half = digit / 10 / 2
        if ((point + half) / (digit / 100)).denominator == 1:
            yield "a result a tie away", _text(point + half, digit / 10)


def _text(number: Fraction, digit: Fraction | None = None) -> str:
    """Write a number as a print with the given last digit."""
    exact_ = Decimal(number.numerator) / Decimal(number.denominator)
    if digit is None:
        return f"{exact_:f}"
    step = Decimal(digit.numerator) / Decimal(digit.denominator)
    return f"{exact_.quantize(step) if step <= 1 else exact_.quantize(Decimal(1)):f}"


def _moved(figure: PrintedFigure, last_digits: int) -> PrintedFigure:
    number, digit = parsed(figure.printed)
    printed = _text(number + last_digits * digit, digit)
    return figure.model_copy(update={"printed": printed, "padded": False})


def _printed(lab: Lab, name: str, expect: object, figures: Figures) -> None:
    if not isinstance(expect, Arithmetic):
        raise TypeError(f"want arithmetic, got {expect!r}")
    ids = {}
    for id_, figure in figures.items():
        ids[id_] = lab.printed(id_, figure)
    renamed = _renamed(expect, ids)
    accused = lab.add(lab.origin, expect=renamed)
    lab.expect(name, accused, printed_outcome(lab.origin, expect, figures))


def _renamed(expect: Arithmetic, ids: Mapping[str, str]) -> Arithmetic:
    """Let an operation refer to copies of its claims."""

    def put(part: object) -> object:
        if isinstance(part, str):
            return ids.get(part, part)
        if isinstance(part, list):
            return [put(item) for item in part]
        return {key: put(value) for key, value in part.items()} if isinstance(part, dict) else part

    return Arithmetic.model_validate(put(expect.model_dump(by_alias=True, exclude_none=True)))


def measured_arithmetic(lab: Lab) -> None:
    """Put down the decoys of a measured twin."""
    expect = lab.origin.expect
    if not isinstance(expect, Arithmetic):
        return
    own = _figures(lab, expect)
    as_printed = {id_: exact(parsed(figure.printed)[0]) for id_, figure in own.items()}
    _measured(lab, "as printed", as_printed)
    for id_, figure in own.items():
        number, digit = parsed(figure.printed)
        for name, reading in {
            "doubled": exact(2 * number),
            "a thousand times": exact(1000 * number),
            "one more": exact(number + digit),
            "one less": exact(number - digit),
            "spread": spread(number - digit, number, number + digit),
            "spread wide": spread(number * Fraction(9, 10), number, number * Fraction(11, 10)),
        }.items():
            _measured(lab, f"{id_} {name}", {**as_printed, id_: reading})
        _absent(lab, id_, as_printed)
    turned = dict(zip(own, list(as_printed.values())[::-1], strict=True))
    _measured(lab, "operands swapped", turned)
    simple = {id_: exact(4 if number == 0 else 2) for number, id_ in enumerate(own)}
    _measured(lab, "small numbers", simple)
    _ties(lab, expect, simple)


def _measured_outcome(lab: Lab, expect: Arithmetic, readings: Mapping[str, Reading]) -> Expected:
    given = [
        readings[leaf].ends if leaf in readings else (parsed(leaf)[0],) * 2
        for leaf in leaves(expect)
    ]
    try:
        return in_region(expect, lab.origin.tolerance, reach(expect, given))
    except ZeroDivisionError:
        return Expected("error", "measurement_error")


def _ties(lab: Lab, expect: Arithmetic, readings: Mapping[str, Reading]) -> None:
    """Print results whose region ends exactly where the measurement lies, and one digit off."""
    try:
        point = reach(expect, _ends_of(expect, readings))[0]
    except ZeroDivisionError:
        return
    digit = Fraction(1, 100)
    half = digit if expect.hedge else digit / 2
    if ((point + half) / (digit / 100)).denominator > 1 or lab.origin.tolerance is not None:
        return
    for name, number in (("upper", point - half), ("lower", point + half)):
        if (number / digit).denominator > 1:
            number = number + half  # noqa: PLW2901 - a print cannot stand between two digits
        printed = expect.model_copy(update={"printed": _text(number, digit), "padded": False})
        _measured(lab, f"near the {name} end", readings, printed)


def _ends_of(expect: Arithmetic, readings: Mapping[str, Reading]) -> list[Ends]:
    return [
        readings[leaf].ends if leaf in readings else (parsed(leaf)[0],) * 2
        for leaf in leaves(expect)
    ]


def _measured(
    lab: Lab,
    name: str,
    readings: Mapping[str, Reading],
    expect: Arithmetic | None = None,
    instead: Mapping[str, tuple[Need, Expected]] | None = None,
) -> None:
    own = expect or lab.origin.expect
    if not isinstance(own, Arithmetic):
        return
    outcome = _measured_outcome(lab, own, readings)
    ids, needs = {}, []
    for id_, reading in readings.items():
        origin = lab.others[id_]
        if instead and id_ in instead:
            need, outcome = instead[id_]
        else:
            key = key_of(origin.reproduction or "", origin.convention)
            need = lab.measure(lab.need(origin.reproduction), {key: reading})
        ids[id_] = lab.add(origin, [need], models=[]).id
        needs.append(need)
    accused = lab.add(lab.origin, needs, expect=_renamed(own, ids), twin_of="decoy")
    lab.expect(name, accused, outcome)


def _absent(lab: Lab, id_: str, readings: Mapping[str, Reading]) -> None:
    """Take one operand's measurement away, or let a stand-in take it."""
    origin = lab.others[id_]
    name = origin.reproduction
    key = key_of(name or "", origin.convention)
    stand_in = lab.measure(lab.need(name), {key: readings[id_]})
    fitted = lab.measure(lab.need(name), {key: readings[id_]})
    held = _measured_outcome_of(lab, readings).verdict in {"pass", "fail"}
    cases = {
        "missing": (lab.need(name), Expected("blocked", "not_measured")),
        "unwritten": (lab.need(name, written=False), Expected("blocked", "no_model")),
        "errored": (lab.end(lab.need(name), "error"), Expected("error", "measurement_error")),
    }
    if held:
        cases |= {
            "substituted": (
                lab.note(stand_in, "substituted"),
                Expected("inconclusive", "substituted"),
            ),
            "fitted": (lab.note(fitted, "fitted"), Expected("inconclusive", "fitted")),
        }
    for what, case in cases.items():
        _measured(lab, f"{id_} {what}", readings, instead={id_: case})


def _measured_outcome_of(lab: Lab, readings: Mapping[str, Reading]) -> Expected:
    if not isinstance(lab.origin.expect, Arithmetic):
        raise TypeError(f"{lab.origin.id}: want arithmetic")
    return _measured_outcome(lab, lab.origin.expect, readings)
