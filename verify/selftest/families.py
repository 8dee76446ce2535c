"""Decoys of an unstated counting convention: lone rows, families, stale and foreign siblings."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from verify.expect import Value
from verify.need import Need
from verify.selftest.lab import Lab, Note, spec_of
from verify.selftest.oracle import (
    Expected,
    Reading,
    Row,
    exact,
    parsed,
    region,
    spread,
    value_outcome,
)

Counts = Mapping[str, Reading]


@dataclass(frozen=True)
class Sibling:
    """Another row of the table, beside the accused one."""

    counts: Counts | None = None
    """None: not measured."""
    same_model: bool = False
    kin: bool = True
    """Whether it belongs to the same family."""
    stale: bool = False
    errored: bool = False
    stands_in: Note | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What the row's claim has otherwise than the accused one."""


def families(lab: Lab) -> None:
    """Put down the decoys of every convention but the default."""
    spec = spec_of(lab.origin.reproduction)
    default, *others = spec.conventions
    names = [other.name for other in others if other.sound]
    miss, hit = _readings(lab)
    for other in others:
        counts = {default.name: miss, other.name: hit}
        if other.sound:
            # Every convention has its turn at the rarer cases, on one claim or another.
            turn = sum(map(ord, lab.origin.id)) % len(names) == names.index(other.name)
            _sound(lab, counts, {default.name: hit, other.name: miss}, all_cases=turn)
            straddling = {**counts, other.name: _across(lab)}
            _accuse(lab, f"{other.name} straddles", straddling, [])
        else:
            _unsound(lab, other.name, other.sound_if_zero, counts)
    if len(names) > 1:
        _two_conventions(lab, default.name, names)


def _readings(lab: Lab) -> tuple[Reading, Reading]:
    """Give a reading that misses the print by five last digits, and one that hits it."""
    expect = _expect(lab)
    number, digit = parsed(expect.printed)
    high = region(expect, lab.origin.tolerance)[1]
    return exact(high + 5 * digit), exact(number)


def _across(lab: Lab) -> Reading:
    expect = _expect(lab)
    digit = parsed(expect.printed)[1]
    high = region(expect, lab.origin.tolerance)[1]
    return spread(high - digit / 4, high, high + digit / 4)


def _expect(lab: Lab) -> Value:
    if not isinstance(lab.origin.expect, Value):
        raise TypeError(f"{lab.origin.id}: want a printed value")
    return lab.origin.expect


def _sound(lab: Lab, fits: Counts, contradicts: Counts, *, all_cases: bool) -> None:
    """Let a sound convention fit, borne out by its family or not."""
    expect = _expect(lab)
    nothing = dict.fromkeys(fits, fits[next(iter(fits))])
    coarse = {"expect": expect.model_copy(update={"coarse": True})}
    other_name = list(fits)[1]
    number, digit = parsed(expect.printed)
    moved = f"{Decimal(float(number / digit + 1000)).quantize(Decimal(1))}e{_exponent(digit)}"
    another = {"expect": expect.model_copy(update={"printed": moved})}
    cases: dict[str, Sequence[Sibling]] = {
        "fits one lone row": [],
        "fits two models of a family": [Sibling(fits)],
        "fits another family only": [Sibling(fits, kin=False), Sibling(fits, kin=False)],
        "fits, a sibling contradicts": [Sibling(contradicts)],
    }
    rarer: dict[str, Sequence[Sibling]] = {
        "fits three models of a family": [Sibling(fits), Sibling(fits)],
        "fits two models, a third fits nothing": [Sibling(fits), Sibling(nothing)],
        "fits one row, a sibling fits nothing": [Sibling(nothing)],
        "fits two, a third contradicts": [Sibling(fits), Sibling(contradicts)],
        "fits one model twice": [Sibling(fits, same_model=True)],
        "fits, a sibling is not measured": [Sibling()],
        "fits two, a third is stale": [Sibling(fits), Sibling(fits, stale=True)],
        "fits two, a third errored": [Sibling(fits), Sibling(errored=True)],
        "fits, a coarse sibling": [Sibling(fits, changes=coarse)],
        "fits, a contradicting coarse sibling": [
            Sibling(fits),
            Sibling(fits),
            Sibling(contradicts, changes=coarse),
        ],
        "fits, a substituted sibling": [Sibling(fits, stands_in="substituted")],
        "fits, a fitted sibling": [Sibling(fits, stands_in="fitted")],
        "fits two, another print of the model contradicts": [
            Sibling(fits),
            Sibling(_elsewhere(contradicts, 1000 * digit), same_model=True, changes=another),
        ],
        "fits two, the row itself again contradicts": [
            Sibling(fits),
            Sibling(contradicts, same_model=True),
        ],
        "fits, a sibling of another document": [Sibling(fits, changes={"source": "elsewhere"})],
        "fits, a sibling that states it": [Sibling(fits, changes={"convention": other_name})],
    }
    for name, siblings in (cases | rarer if all_cases else cases).items():
        _accuse(lab, f"{other_name} {name}", fits, siblings)


def _exponent(digit: Fraction) -> int:
    """Write a last digit as a power of ten."""
    return round(math.log10(digit))


def _elsewhere(counts: Counts, by: Fraction) -> Counts:
    """Move readings along."""
    return {key: exact(reading.middle + by) for key, reading in counts.items()}


def _two_conventions(lab: Lab, default: str, names: Sequence[str]) -> None:
    """Let two sound conventions fit a family: both are named, in declared order."""
    miss, hit = _readings(lab)
    both = {default: miss, names[1]: hit, names[0]: hit}
    first = {default: miss, names[0]: hit, names[1]: miss}
    second = {default: miss, names[0]: miss, names[1]: hit}
    _accuse(lab, "two conventions fit", both, [Sibling(both)])
    _accuse(lab, "one of two conventions fits all", both, [Sibling(second)])
    _accuse(lab, "no convention fits all", first, [Sibling(second)])


def _unsound(lab: Lab, name: str, sound_if_zero: str | None, counts: Counts) -> None:
    """Let an unsound counter fit: it explains, and never passes unless it missed nothing."""
    explains = "unsound counter"
    _accuse(lab, f"{name} fits, unsound", counts, [Sibling(counts)], explains)
    if sound_if_zero is not None:
        for what, missed in (("missed nothing", 0.0), ("missed something", 0.25)):
            known = {**counts, sound_if_zero: exact(missed)}
            explained = explains if missed else None
            _accuse(lab, f"{name} fits and {what}", known, [Sibling(known)], explained)
            _accuse(lab, f"{name} fits a lone row and {what}", known, [], explained)


def _accuse(
    lab: Lab,
    name: str,
    counts: Counts,
    siblings: Sequence[Sibling],
    explained: str | None = None,
) -> None:
    origin = lab.origin
    need = lab.measure(lab.need(origin.reproduction), counts)
    accused = lab.add(origin, [need], models=[])
    rows = [Row(accused, str(need.params.subject()), counts)]
    rows += _put_down(lab, need, siblings)
    expected = value_outcome(spec_of(origin.reproduction), rows[0], rows)
    lab.expect(name, accused, _with(expected, explained))


def _with(expected: Expected, explained: str | None) -> Expected:
    return replace(expected, explained=explained)


def _put_down(lab: Lab, accused: Need, siblings: Sequence[Sibling]) -> Iterator[Row]:
    model, kin = accused.params.subject(), accused.params.family()
    for seat, sibling in enumerate(siblings, 1):
        need = lab.need(
            lab.origin.reproduction,
            model if sibling.same_model else None,
            kin if sibling.kin else f"not {kin}",
            seat=seat,
        )
        if sibling.counts is not None:
            lab.measure(need, sibling.counts, stale=sibling.stale)
        if sibling.errored:
            lab.end(need, "error")
        if sibling.stands_in is not None:
            lab.note(need, sibling.stands_in)
        claim = lab.add(lab.origin, [need], models=[], **sibling.changes)
        yield Row(
            claim,
            str(need.params.subject()),
            None if sibling.stale else sibling.counts,
            kin=sibling.kin and sibling.stands_in is None and claim.source == lab.origin.source,
        )
