"""Puts numbers in the places of a claim over several inputs, printed or measured alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from verify.claim import Claim
from verify.expect import AllOf, BestOf, Growth, Outcome, PrintedFigure, Range, UpTo, Vague, Value
from verify.need import Need
from verify.operand import Input, MeasuredInput, MeasuredOf
from verify.selftest.inputs import key_of
from verify.selftest.lab import Fact, Lab, spec_of
from verify.selftest.oracle import Expected, exact, spread


@dataclass(frozen=True)
class Across:
    """A number known only to lie between two ends."""

    low: Fraction
    high: Fraction


@dataclass(frozen=True)
class Gone:
    """The run did not fit on the card."""


@dataclass(frozen=True)
class Missing:
    """Nothing was measured."""


Number = Fraction | Across | Gone | Missing


def is_measured(claim: Claim) -> bool:
    """Tell whether a claim compares measurements, not prints."""
    return not isinstance(claim.operands()[0], str)


def units_of(lab: Lab) -> list[str]:
    """Give the unit of every operand, in order."""
    return [_unit(lab, given) for given in lab.origin.operands()]


def _unit(lab: Lab, given: Input) -> str:
    if isinstance(given, MeasuredInput):
        return spec_of(given.reproduction).unit
    if isinstance(given, MeasuredOf):
        claim = lab.others[given.measured]
        found = claim.expect if claim.reproduction is None else spec_of(claim.reproduction)
        return getattr(found, "unit", "")
    return getattr(lab.print_of(given), "unit", "")


def put(
    lab: Lab, name: str, numbers: Sequence[Number], expected: Expected, expect: Any = None
) -> None:
    """Put down the lab's claim with a number of its own in every place it names.

    Args:
        lab: Where to put it down.
        name: What the decoy is called.
        numbers: One for each place, in the order they are written.
        expected: How it must come out.
        expect: What is printed, where it is not what the claim says.
    """
    places = _Places(lab, numbers)
    inputs = places.filled(lab.origin.inputs)
    rewritten = places.within(expect or lab.origin.expect)
    places.done()
    copied = lab.origin.model_copy(update={"expect": rewritten, "inputs": inputs})
    needs = [places.needs[str(one)] for one in copied.operands() if str(one) in places.needs]
    lab.expect(name, lab.add(copied, needs), expected)


class _Places:
    def __init__(self, lab: Lab, numbers: Sequence[Number]) -> None:
        self.lab = lab
        self.numbers: Iterator[Number] = iter(numbers)
        self.needs: dict[str, Need] = {}

    def done(self) -> None:
        """Refuse numbers that no place took."""
        if next(self.numbers, None) is not None:
            raise ValueError(f"{self.lab.origin.id}: want as many numbers as places, got more")

    def filled(self, given: Sequence[Input]) -> list[Input]:
        return [self._take(one) for one in given]

    def within(self, expect: Any) -> Any:
        """Fill the places that an expectation names itself."""
        changes: dict[str, Any] = {}
        if isinstance(expect, BestOf) and expect.subject is not None:
            changes["subject"] = self._take(expect.subject)
            changes["against"] = self.filled(expect.against)
        if isinstance(expect, UpTo):
            changes["baselines"] = self._sets(expect.baselines)
        if isinstance(expect, BestOf | Range | UpTo):
            changes["pairs"] = [self.filled(pair) for pair in expect.pairs]
        if isinstance(expect, Vague):
            changes["pairs"] = self._sets(expect.pairs)
            changes["series"] = {name: self.filled(one) for name, one in expect.series.items()}
        if isinstance(expect, Growth):
            changes["points"] = [
                point.model_copy(update={"y": self._take(point.y)}) for point in expect.points
            ]
        if isinstance(expect, AllOf):
            changes["parts"] = [self._part(part) for part in expect.parts]
        return expect.model_copy(update=changes)

    def _sets(self, sets: Any) -> dict[str, list[list[Input]]]:
        return {name: [self.filled(pair) for pair in pairs] for name, pairs in sets.items()}

    def _part(self, part: Any) -> Any:
        inputs = self.filled(part.inputs)
        return part.model_copy(update={"inputs": inputs, "expect": self.within(part.expect)})

    def _take(self, given: Input) -> Input:
        number = next(self.numbers)
        if isinstance(given, str):
            return self._printed(given, number)
        if isinstance(given, MeasuredOf):
            origin = self.lab.others[given.measured]
            need = self._measured(origin.reproduction or "", origin.convention, number)
            copied: Input = MeasuredOf(measured=self.lab.add(origin, [need], models=[]).id)
        else:
            need = self._measured(given.reproduction, given.convention, number)
            copied = given.model_copy(update={"params": {"model": need.params.subject()}})
        self.needs[str(copied)] = need
        return copied

    def _measured(self, reproduction: str, convention: str, number: Number) -> Need:
        need = self.lab.need(reproduction)
        if isinstance(number, Missing):
            return need
        if isinstance(number, Gone):
            return self.lab.measure(need, {"outcome": Fact("out_of_memory")})
        if isinstance(number, Across):
            reading = spread(number.low, (number.low + number.high) / 2, number.high)
        else:
            reading = exact(number)
        return self.lab.measure(need, {key_of(reproduction, convention): reading})

    def _printed(self, id_: str, number: Number) -> str:
        if isinstance(number, Gone):
            gone = Outcome(kind="outcome", printed="-", means="out_of_memory", card="48 GB")
            return self.lab.add(self.lab.origin, expect=gone, check="none", because="a decoy").id
        if isinstance(number, Missing):
            raise TypeError(f"{id_}: want a number, since prints are never missing")
        figure = self.lab.print_of(id_)
        if not isinstance(figure, PrintedFigure):  # a cell that ran out of memory prints none
            unit = next(unit for unit in units_of(self.lab) if unit)
            figure = Value.model_validate({"kind": "value", "printed": "1", "unit": unit})
        changes = {"printed": _text(number), "padded": False, "hedge": None}
        return self.lab.printed(id_, figure.model_copy(update=changes))


def _text(number: Fraction | Across) -> str:
    """Print a number so finely that rounding decides nothing, or as coarsely as it is known."""
    if isinstance(number, Fraction):
        return f"{float(number):.9e}"
    middle, width = (number.low + number.high) / 2, number.high - number.low
    digit = Decimal(10) ** (Decimal(float(width)).adjusted() - 1)
    return f"{Decimal(float(middle)).quantize(digit):f}"
