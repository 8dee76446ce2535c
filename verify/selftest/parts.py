"""Decoys of conjunctions, part by part, and of cells that say whether a run fitted its card."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from verify.expect import (
    AllOf,
    BestOf,
    Bound,
    Difference,
    Monotone,
    Ordering,
    Outcome,
    Range,
    Ratio,
    UpTo,
    Vague,
    Value,
)
from verify.need import Need
from verify.selftest.lab import Fact, Lab
from verify.selftest.oracle import Expected, Reading, exact, parsed, spread
from verify.selftest.places import Gone, Missing, Number, is_measured, put
from verify.selftest.sets import ALL_GONE, FAILS, HOLDS, LARGE, NOT_MEASURED, SMALL, STRADDLES


def all_of(lab: Lab) -> None:
    """Put down the decoys of a conjunction: all parts hold, one does not, one is left open."""
    expect = lab.origin.expect
    if not isinstance(expect, AllOf):
        return
    if any(isinstance(part.expect, Range | UpTo | Vague) for part in expect.parts):
        return  # none are written: the claim counts as wrong
    sides = [_sides(part) for part in expect.parts]
    good, bad = [side[0] for side in sides], [side[1] for side in sides]
    put(lab, "every part holds", _flat(good), HOLDS)
    put(lab, "no part holds", _flat(bad), FAILS)
    put(lab, "nothing ran", [Gone()] * len(_flat(good)), ALL_GONE)
    for number, part in enumerate(expect.parts):
        name = f"part {number}"
        beside = HOLDS if len(good) > 1 else ALL_GONE
        nothing: list[Number] = [Gone()] * len(good[number])
        put(lab, f"{name} does not hold", _but(good, number, bad[number]), FAILS)
        put(lab, f"{name} alone holds", _but(bad, number, good[number]), _or_holds(len(good)))
        put(lab, f"{name} ran out of memory", _but(good, number, nothing), beside)
        if is_measured(lab.origin):
            missing: list[Number] = [Missing(), *good[number][1:]]
            put(lab, f"{name} is missing", _but(good, number, missing), NOT_MEASURED)
            outcome = FAILS if len(good) > 1 else NOT_MEASURED
            put(lab, f"{name} is missing, others fail", _but(bad, number, missing), outcome)
        elif isinstance(part.expect, Ordering):
            same: list[Number] = [LARGE, LARGE]
            put(lab, f"{name} prints the same", _but(good, number, same), STRADDLES)


def _or_holds(parts: int) -> Expected:
    return FAILS if parts > 1 else HOLDS


def _flat(parts: list[list[Number]]) -> list[Number]:
    return [number for part in parts for number in part]


def _but(parts: list[list[Number]], number: int, other: list[Number]) -> list[Number]:
    return _flat([other if n == number else part for n, part in enumerate(parts)])


def _sides(part: Any) -> tuple[list[Number], list[Number]]:
    """Give numbers on which a part clearly holds, and others on which it clearly does not."""
    expect = part.expect
    if isinstance(expect, Ordering | Bound):
        up = expect.relation in {"more_than", "at_least"}
        if isinstance(expect, Ordering):
            return _turned([LARGE, SMALL], up=up)
        number = parsed(expect.printed)[0]
        above, below = number + 10 * abs(number) + 10, number - 10 * abs(number) - 10
        return ([above], [below]) if up else ([below], [above])
    if isinstance(expect, BestOf) and expect.subject is not None:
        count = len(expect.against)
        high, low = [LARGE, *[SMALL] * count], [SMALL, *[LARGE] * count]
        return (list(high), list(low)) if expect.better == "higher" else (list(low), list(high))
    if isinstance(expect, BestOf):
        return _turned([LARGE, SMALL] * len(expect.pairs), up=expect.better == "higher")
    if isinstance(expect, Monotone):
        series: list[Number] = [Fraction(10 * (n + 1)) for n in range(len(part.inputs))]
        return _turned(series, up=expect.direction == "increases")
    if isinstance(expect, Value | Ratio | Difference):
        number = parsed(expect.printed)[0]
        far = number + 10 * abs(number) + 1000
        beside: list[Number] = []
        if not isinstance(expect, Value):
            beside = [Fraction(1 if isinstance(expect, Ratio) else 0)]
        return [number, *beside], [far, *beside]
    raise TypeError(f"want decoys of a part that is {expect.kind}, none are written")


def _turned(held: list[Any], *, up: bool) -> tuple[list[Number], list[Number]]:
    return (held, held[::-1]) if up else (held[::-1], held)


# -- a run that fitted or did not ------------------------------------------------------------


def outcome(lab: Lab) -> None:
    """Put down the decoys of a cell that says whether a run fitted on its card."""
    expect = lab.origin.expect
    if not isinstance(expect, Outcome):
        return
    card = Fraction(expect.card_gib)
    holds, missed = Expected("pass", "as_outcome", "as_printed"), Expected("fail", "not_as_outcome")
    apart = Expected("not_comparable", "other_card")
    too_large, ran_there, ran_elsewhere = missed, holds, holds
    if expect.means == "out_of_memory":
        too_large, ran_elsewhere = holds, apart
        ran_there = missed if expect.device is not None else apart
    there, elsewhere = Fact(expect.device or "the card"), Fact("another card")
    capped = {"outcome": Fact("runs"), "cap_gib": Fact(float(card))}
    small = {"allocated": exact(card / 2)}
    cases: dict[str, tuple[Mapping[str, Reading | Fact], Expected]] = {
        "tensors alone are too large": (
            {"allocated": exact(card + 1), "device": elsewhere},
            too_large,
        ),
        "tensors are too large on a cpu": (
            {"allocated": exact(card + 1), "device": Fact("cpu-x86-64")},
            apart,
        ),
        "tensors are too large who knows where": ({"allocated": exact(card + 1)}, apart),
        "tensors are perhaps too large": (
            {"allocated": spread(card - 1, card, card + 1), "device": elsewhere},
            apart,
        ),
        "tensors just fill the card": ({"allocated": exact(card), "device": elsewhere}, apart),
        "ran under the cap on that card": ({**small, **capped, "device": there}, ran_there),
        "ran under the cap elsewhere": (
            {**small, **capped, "device": elsewhere},
            ran_elsewhere,
        ),
        "ran under a higher cap": (
            {**small, **capped, "cap_gib": Fact(float(card + 1)), "device": there},
            apart,
        ),
        "ran under no cap": ({**small, "outcome": Fact("runs"), "device": there}, apart),
        "ran out elsewhere": (
            {**small, "outcome": Fact("out_of_memory"), "device": elsewhere},
            apart,
        ),
    }
    name = lab.origin.reproduction
    for what, (values, expected) in cases.items():
        need = lab.measure(lab.need(name), values)
        lab.expect(what, lab.add(lab.origin, [need], models=[]), expected)
        if expected is not apart:
            stands_in = lab.note(lab.measure(lab.need(name), values), "substituted")
            copied = lab.add(lab.origin, [stands_in], models=[])
            lab.expect(f"{what}, substituted", copied, Expected("inconclusive", "substituted"))
    obstacles: dict[str, tuple[Need, Expected]] = {
        "missing": (lab.need(name), NOT_MEASURED),
        "unwritten": (lab.need(name, written=False), Expected("blocked", "no_model")),
        "errored": (lab.end(lab.need(name), "error"), Expected("error", "measurement_error")),
    }
    for what, (need, expected) in obstacles.items():
        lab.expect(what, lab.add(lab.origin, [need], models=[]), expected)
