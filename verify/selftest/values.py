"""Decoys of a printed value: on, inside and outside its region, and everything beside it."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from verify.expect import PrintedFigure, Value
from verify.need import Need
from verify.selftest.cards import cards
from verify.selftest.families import families
from verify.selftest.inputs import key_of, obstacles, reproductions_of
from verify.selftest.lab import Lab, spec_of
from verify.selftest.oracle import (
    Expected,
    Reading,
    Row,
    beyond,
    exact,
    parsed,
    region,
    rounding,
    spread,
    value_outcome,
)

HAIR = Fraction(1, 10**9)
"""Just inside and just outside are this part of a last digit from an end."""
MISTAKES = {
    "percent for fraction": Fraction(100),
    "fraction for percent": Fraction(1, 100),
    "FLOPs for MACs": Fraction(2),
    "MACs for FLOPs": Fraction(1, 2),
    "thousands for millions": Fraction(1000),
    "millions for thousands": Fraction(1, 1000),
}


def value(lab: Lab) -> None:
    """Put down the decoys of a printed value."""
    expect = lab.origin.expect
    if not isinstance(expect, Value):
        return
    for name, reading in around(expect, region(expect, lab.origin.tolerance)):
        _one(lab, name, reading)
    for end in _integer_ends(lab, expect):
        for step in (-HAIR, HAIR):
            _one(lab, "at the end of the primary's integer region", beyond(end, step))
        _one(lab, "on the end of the primary's integer region", exact(end))
    _protocols(lab)
    _fitted(lab)
    good, bad = exact(parsed(expect.printed)[0]), far(expect)
    outcomes = (_outcome(lab, good), _outcome(lab, bad))
    obstacles(lab, [good], [bad], outcomes)
    cards(lab, [good], [bad], outcomes)
    if lab.origin.convention == "unstated":
        families(lab)


def far(expect: PrintedFigure) -> Reading:
    """Give a reading that no tolerance reaches."""
    number, digit = parsed(expect.printed)
    return exact(number + 10 * abs(number) + 1000 * digit)


def around(
    expect: PrintedFigure, accepted: tuple[Fraction, Fraction]
) -> Iterator[tuple[str, Reading]]:
    """Yield readings on, beside, across and far from the ends of a region."""
    number, digit = parsed(expect.printed)
    hair = digit * HAIR
    ends = dict.fromkeys([*accepted, *rounding(expect)])
    yield "as printed", exact(number)
    for end in ends:
        side = f"the end {float(end):g}"
        yield f"on {side}", exact(end)
        yield f"just below {side}", beyond(end, -hair)
        yield f"just above {side}", beyond(end, hair)
        yield f"across {side}", spread(end - digit / 8, end, end + digit / 8)
        yield f"touching {side} from above", spread(end, end + digit / 8, end + digit / 4)
        yield f"touching {side} from below", spread(end - digit / 4, end - digit / 8, end)
    low, high = accepted
    yield "the whole region", spread(low, number, high)
    yield "more than the region", spread(low - digit, number, high + digit)
    yield "far above", far(expect)
    yield "far below", exact(number - 10 * abs(number) - 1000 * digit)
    for name, factor in MISTAKES.items():
        if number:
            yield name, exact(number * factor)


def _fitted(lab: Lab) -> None:
    """Let a model fitted to the print explain a miss; it must not decide it."""
    expect = lab.origin.expect
    if not isinstance(expect, Value):
        return
    ((reproduction, convention),) = reproductions_of(lab.origin)
    key = key_of(reproduction, convention)
    need = lab.measure(lab.need(reproduction), {key: far(expect)})
    copied = lab.add(lab.origin, [need], models=[])
    model = f"{need.params.subject()}_fitted"
    fitted = Need(reproduction, need.params.model_copy(update={"model": model}))
    lab.measure(fitted, {key: exact(parsed(expect.printed)[0])})
    lab.note(fitted, "fitted", [copied.id])
    expected = replace(_outcome(lab, far(expect)), explained="fitted")
    lab.expect("a fitted model explains a miss", copied, expected)


def _one(lab: Lab, name: str, reading: Reading) -> None:
    """Put the claim down, measured by its own convention alone."""
    ((reproduction, convention),) = reproductions_of(lab.origin)
    need = lab.measure(lab.need(reproduction), {key_of(reproduction, convention): reading})
    lab.expect(name, lab.add(lab.origin, [need], models=[]), _outcome(lab, reading))


def _outcome(lab: Lab, reading: Reading, *, protocol_hits: bool = False) -> Expected:
    ((reproduction, convention),) = reproductions_of(lab.origin)
    row = Row(lab.origin, "", {key_of(reproduction, convention): reading})
    return value_outcome(spec_of(reproduction), row, protocol_hits=protocol_hits)


def _integer_ends(lab: Lab, expect: Value) -> list[Fraction]:
    """List the ends of what a padded print's integer stands for."""
    if not expect.padded:
        return []
    number, half = parsed(expect.printed)[0], Fraction(1, 2)
    primary = lab.origin.primary
    if primary is not None and primary.printed is not None:
        number, digit = parsed(primary.printed)
        half = digit / 2
    return [number - half, number + half]


def _protocols(lab: Lab) -> None:
    """Take the number a second way that the document leaves open."""
    expect = lab.origin.expect
    if not isinstance(expect, Value):
        return
    ((reproduction, convention),) = reproductions_of(lab.origin)
    key = key_of(reproduction, convention)
    good, bad = exact(parsed(expect.printed)[0]), far(expect)
    for name, first, second in (
        ("another protocol hits", bad, good),
        ("only the default protocol hits", good, bad),
        ("no protocol hits", bad, bad),
    ):
        need = lab.measure(lab.need(reproduction), {key: first})
        other = lab.measure(lab.need(reproduction), {key: second})
        copied = lab.add(lab.origin, [need], models=[], protocols={"other": {}})
        lab.protocols[copied.id] = {"other": other}
        lab.expect(name, copied, _outcome(lab, first, protocol_hits=second is good))
    for convention_ in spec_of(reproduction).conventions:
        if convention_.name == key or convention_.sound_if_zero is not None:
            continue
        need = lab.measure(lab.need(reproduction), {key: bad})
        other = lab.measure(lab.need(reproduction), {key: bad, convention_.name: good})
        copied = lab.add(lab.origin, [need], models=[], protocols={"other": {}})
        lab.protocols[copied.id] = {"other": other}
        hits = convention == "unstated" and convention_.sound
        outcome = _outcome(lab, bad, protocol_hits=hits)
        lab.expect(f"another protocol hits counted {convention_.name}", copied, outcome)
