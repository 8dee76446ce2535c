"""Decoys of bounds, orderings, ratios, differences and exact structures."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from verify.expect import Bound, Difference, Equal, Ordering, PrintedFigure, Ratio
from verify.selftest.cards import cards
from verify.selftest.inputs import accuse, key_of, obstacles, other_convention, reproductions_of
from verify.selftest.lab import Fact, Lab, spec_of
from verify.selftest.oracle import (
    Expected,
    Reading,
    amount,
    beyond,
    exact,
    in_region,
    parsed,
    region,
    related,
    rounding,
    spread,
)
from verify.selftest.values import HAIR, MISTAKES, around, far

Ends = tuple[Fraction, Fraction]
TWO = exact(Fraction(2))
PAIRS = {
    "larger": (spread(2, 2, 2), spread(1, 1, 1)),
    "smaller": (spread(1, 1, 1), spread(2, 2, 2)),
    "tied": (spread(2, 2, 2), spread(2, 2, 2)),
    "a hair larger": (beyond(Fraction(2), HAIR), spread(2, 2, 2)),
    "a hair smaller": (beyond(Fraction(2), -HAIR), spread(2, 2, 2)),
    "intervals overlap": (spread(1, 2, 3), spread(2, 3, 4)),
    "intervals overlap, turned round": (spread(2, 3, 4), spread(1, 2, 3)),
    "intervals touch": (spread(1, 2, 3), spread(3, 4, 5)),
    "intervals touch, turned round": (spread(3, 4, 5), spread(1, 2, 3)),
    "intervals apart": (spread(1, 2, 3), spread(4, 5, 6)),
    "intervals apart, turned round": (spread(4, 5, 6), spread(1, 2, 3)),
}
PRINTS = (
    ("2.0", "1.0"),
    ("1.0", "2.0"),
    ("2.0", "2.0"),
    ("2.1", "2.0"),
    ("2.0", "2.1"),
    ("2.2", "2.0"),
    ("2", "2.4"),
    ("3", "2.4"),
)


def bound(lab: Lab) -> None:
    """Put down the decoys of a printed limit, taken unrounded unless hedged."""
    expect = lab.origin.expect
    if not isinstance(expect, Bound):
        return
    stated, limit = _limits(lab, expect)
    number, digit = parsed(expect.printed)
    step = digit * HAIR
    readings = {
        "on the printed number": exact(number),
        "far above": far(expect),
        "far below": exact(number - 10 * abs(number) - 1000 * digit),
    }
    for end in dict.fromkeys((number, stated, limit, *rounding(expect))):
        readings |= {
            f"on {float(end):g}": exact(end),
            f"just below {float(end):g}": beyond(end, -step),
            f"just above {float(end):g}": beyond(end, step),
            f"across {float(end):g}": spread(end - digit, end, end + digit),
            f"touching {float(end):g} from above": spread(end, end + digit, end + 2 * digit),
            f"touching {float(end):g} from below": spread(end - 2 * digit, end - digit, end),
        }
    for name, factor in MISTAKES.items():
        readings[name] = exact(number * factor)
    for name, reading in readings.items():
        accuse(lab, name, [reading], _bound_outcome(lab, expect, reading.ends))
    _around(lab, [[reading] for reading in readings.values()])


def _limits(lab: Lab, expect: Bound) -> tuple[Fraction, Fraction]:
    """Give the limit as hedged, and as widened by the tolerance too."""
    number, digit = parsed(expect.printed)
    slack = digit if expect.hedge else Fraction(0)
    more = slack + amount(expect, lab.origin.tolerance)
    if expect.relation in {"at_least", "more_than"}:
        return number - slack, number - more
    return number + slack, number + more


def _bound_outcome(lab: Lab, expect: Bound, ends: Ends) -> Expected:
    stated, limit = _limits(lab, expect)
    found = related(expect.relation, ends, (limit, limit))
    if found.verdict == "pass" and related(expect.relation, ends, (stated, stated)) != found:
        return Expected("pass", "holds", "within_tolerance")
    return found


def _outcome(lab: Lab, given: Sequence[Reading]) -> Expected:
    """Say how readings of the inputs must come out under the claim's own kind."""
    expect = lab.origin.expect
    ends = [reading.ends for reading in given]
    if isinstance(expect, Bound):
        return _bound_outcome(lab, expect, ends[0])
    if isinstance(expect, Ordering):
        return related(expect.relation, ends[0], ends[1])
    if isinstance(expect, Difference):
        corners = [a - b for a in ends[0] for b in ends[1]]
    else:
        if ends[1][0] <= 0 <= ends[1][1]:
            return Expected("error", "measurement_error")
        corners = [a / b for a in ends[0] for b in ends[1]]
    if not isinstance(expect, PrintedFigure):
        raise TypeError(f"{lab.origin.id}: want a printed number")
    return in_region(expect, lab.origin.tolerance, (min(corners), max(corners)))


def _around(lab: Lab, tried: Sequence[Sequence[Reading]]) -> None:
    """Put obstacles and conventions around readings that pass and readings that fail."""
    by_word = {_outcome(lab, given).verdict: given for given in reversed(tried)}
    good, bad = by_word["pass"], by_word["fail"]
    obstacles(lab, good, bad, (_outcome(lab, good), _outcome(lab, bad)))
    other_convention(lab, good, bad, _outcome(lab, good))


def ordering(lab: Lab) -> None:
    """Put down the decoys of an ordering, of measurements or of prints."""
    expect = lab.origin.expect
    if not isinstance(expect, Ordering):
        return
    if isinstance(lab.origin.inputs[0], str):
        _printed_ordering(lab, expect)
        return
    for name, pair in PAIRS.items():
        accuse(lab, name, pair, _outcome(lab, pair))
    _around(lab, list(PAIRS.values()))
    up = expect.relation in {"more_than", "at_least"}
    good, bad = (PAIRS[name] for name in (("larger", "smaller") if up else ("smaller", "larger")))
    cards(lab, good, bad, (_outcome(lab, good), _outcome(lab, bad)))


def _printed_ordering(lab: Lab, expect: Ordering) -> None:
    own = {str(id_): lab.print_of(str(id_)) for id_ in lab.origin.inputs}
    prints = [own[str(id_)].printed for id_ in lab.origin.inputs]
    for first, second in (*PRINTS, (prints[0], prints[1]), (prints[1], prints[0])):
        figures = []
        for id_, printed in zip(lab.origin.inputs, (first, second), strict=True):
            figure = own[str(id_)].model_copy(update={"printed": printed, "padded": False})
            figures.append((lab.printed(str(id_), figure), figure))
        outcome = related(expect.relation, rounding(figures[0][1]), rounding(figures[1][1]))
        copied = lab.add(lab.origin, inputs=[id_ for id_, _ in figures])
        lab.expect(f"prints {first} and {second}", copied, outcome)


def ratio(lab: Lab) -> None:
    """Put down the decoys of a measured ratio."""
    expect = lab.origin.expect
    if not isinstance(expect, Ratio):
        return
    tried = []
    for name, reading in around(expect, region(expect, lab.origin.tolerance)):
        pair = (_times(reading, 2), TWO)
        tried.append(pair)
        accuse(lab, name, pair, _outcome(lab, pair))
        accuse(lab, f"{name}, operands swapped", pair[::-1], _outcome(lab, pair[::-1]))
    for name, second in (("zero", exact(0)), ("perhaps zero", spread(-1, 0, 1))):
        pair = (TWO, second)
        accuse(lab, f"the second is {name}", pair, _outcome(lab, pair))
    _around(lab, tried)
    number = exact(parsed(expect.printed)[0])
    good, bad = ((_times(reading, 2), TWO) for reading in (number, far(expect)))
    cards(lab, good, bad, (_outcome(lab, good), _outcome(lab, bad)))


def difference(lab: Lab) -> None:
    """Put down the decoys of a measured difference."""
    expect = lab.origin.expect
    if not isinstance(expect, Difference):
        return
    tried = []
    nothing = exact(0)
    for name, reading in around(expect, region(expect, lab.origin.tolerance)):
        pair = (reading, nothing)
        tried.append(pair)
        accuse(lab, name, pair, _outcome(lab, pair))
        accuse(lab, f"{name}, operands swapped", pair[::-1], _outcome(lab, pair[::-1]))
        both = (_plus(reading, 1), spread(1, 1, 1))
        accuse(lab, f"{name}, from one", both, _outcome(lab, both))
    _around(lab, tried)


def _times(reading: Reading, factor: int) -> Reading:
    return Reading(reading.low * factor, reading.value * factor, reading.high * factor)


def _plus(reading: Reading, more: int) -> Reading:
    low, high = reading.ends
    return spread(low + more, reading.middle + more, high + more)


def equal(lab: Lab) -> None:
    """Put down the decoys of an exact structure."""
    expect = lab.origin.expect
    if not isinstance(expect, Equal):
        return
    good, bad = (Expected("pass", "equal", "as_printed"), Expected("fail", "not_equal"))
    right = Fact(list(expect.printed) if isinstance(expect.printed, list) else expect.printed)
    wrong = Fact("no such structure")
    for name, found, same in _structures(expect):
        accuse(lab, name, [Fact(found)], good if same else bad)
    if expect.form == "integer":
        number = parsed(str(expect.printed))[0]
        for name, low, high in (("reaches it", -1, 1), ("touches it", 0, 1), ("misses it", 1, 2)):
            reading = spread(number + low, number + high, number + high)
            outcome = bad if low > 0 else Expected("inconclusive", "straddles")
            accuse(lab, f"an interval that {name}", [reading], outcome)
        accuse(lab, "the number itself", [exact(number)], good)
        accuse(lab, "a hair more", [beyond(number, HAIR)], bad)
    obstacles(lab, [right], [wrong], (good, bad))
    _structure_conventions(lab, right, wrong)


def _structures(expect: Equal) -> Iterator[tuple[str, Any, bool]]:
    """Yield structures near the printed one, and whether they equal it."""
    printed = expect.printed
    if not isinstance(printed, list):
        yield "as printed", printed, True
        yield "in a list", [printed], False
        if expect.form == "integer":
            number = int(parsed(printed)[0])
            yield "as a number", number, True
            yield "one more", number + 1, False
            yield "one less", number - 1, False
        else:
            yield "another word", f"{printed}x", False
        return
    items: list[Any] = list(printed)
    is_set = expect.form == "set"
    yield "as printed", items, True
    yield "as one text", " ".join(printed), False
    yield "one more at the end", [*items, "no such item"], False
    if items:
        left = {_plain(i) for i in items[1:]} == {_plain(i) for i in items}
        yield "the first left out", items[1:], is_set and left
    backwards = items[::-1]
    yield (
        "backwards",
        backwards,
        is_set or [_plain(i) for i in backwards] == [_plain(i) for i in items],
    )
    yield "the first twice", [*items[:1], *items], is_set or not items


def _plain(item: str) -> Decimal | str:
    try:
        return Decimal(item.replace(",", ""))
    except ArithmeticError:
        return item


def _structure_conventions(lab: Lab, right: Fact, wrong: Fact) -> None:
    ((name, convention),) = reproductions_of(lab.origin)
    key = key_of(name, convention)
    open_, bad = Expected("inconclusive", "convention_ambiguous"), Expected("fail", "not_equal")
    for other in spec_of(name).conventions:
        if other.name == key or other.sound_if_zero is not None:
            continue
        need = lab.measure(lab.need(name), {key: wrong, other.name: right})
        outcome = open_ if convention == "unstated" and other.sound else bad
        lab.expect(f"{other.name} fits", lab.add(lab.origin, [need], models=[]), outcome)
