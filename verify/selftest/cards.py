"""Decoys of figures printed for one class of GPU: measured there, elsewhere, in noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from verify.expect import Ordering, Ratio, Value
from verify.selftest.inputs import key_of, reproductions_of
from verify.selftest.lab import Fact, Lab
from verify.selftest.oracle import (
    Expected,
    Reading,
    beyond,
    exact,
    parsed,
    region,
    rounding,
    standing,
)

ELSEWHERE = "another-card"
APART = Expected("not_comparable", "other_card")
IN_NOISE = Expected("inconclusive", "noise_floor")
SUBSTITUTED = Expected("inconclusive", "substituted")
HAIR = Fraction(1, 10**9)
"""Part of what it is beside."""

Given = Sequence[Reading]


def cards(lab: Lab, good: Given, bad: Given, outcomes: tuple[Expected, Expected]) -> None:
    """Put down what only figures of a GPU can meet; nothing for a claim that speaks of none.

    Args:
        lab: Where to put it down.
        good: Readings on which the claim passes as printed.
        bad: Readings on which it fails.
        outcomes: How these two come out on the GPU the claim speaks of.
    """
    needs = lab.others_needs.get(lab.origin.id, ())
    card = next((card for need in needs if (card := need.params.printed_on())), None)
    if card is None:
        return
    passes, fails = outcomes
    bench = _Bench(lab, card)
    bench.put("on its card", good, passes)
    bench.put("far off on its card", bad, fails)
    bench.put("hit with a substitute kernel", good, passes, kernel="substitute")
    bench.put("far off with a substitute kernel", bad, SUBSTITUTED, kernel="substitute")
    bench.put("far off on another card", bad, APART, ELSEWHERE)
    match lab.origin.expect:
        case Value() as expect:
            bench.put("on another card", good, APART, ELSEWHERE)
            _noise(bench, expect, good, passes)
            _noise(bench, expect, bad, fails)
        case Ratio() as expect:
            _quarter(bench, expect)
        case Ordering():  # no print says how far apart the two are
            bench.put("on another card", good, APART, ELSEWHERE)


@dataclass(frozen=True)
class _Bench:
    """Where a lab's claim is measured on one GPU or another."""

    lab: Lab
    card: str
    """That the claim speaks of."""

    def put(
        self,
        name: str,
        given: Given,
        expected: Expected,
        *places: str,
        floor: Reading | None = None,
        kernel: str = "torch_cluster",
    ) -> None:
        """Put the claim down with its inputs measured in these places; the last one goes on.

        Without a place all were measured on the GPU the claim speaks of.
        """
        origin = self.lab.origin
        ran_on = [*(places or (self.card,))]
        ran_on += [ran_on[-1]] * (len(given) - len(ran_on))
        needs = []
        inputs = zip(reproductions_of(origin), given, ran_on, strict=True)
        for (reproduction, convention), reading, place in inputs:
            values: dict[str, Reading | Fact] = {
                key_of(reproduction, convention): reading,
                "device": Fact(place),
                "kernel": Fact(kernel),
                **({} if floor is None else {"noise_floor": floor}),
            }
            need = self.lab.need(reproduction, card=self.card)
            needs.append(self.lab.measure(need, values))
        self.lab.expect(name, self.lab.add(origin, needs, models=[]), expected)


def _noise(bench: _Bench, expect: Value, given: Given, decided: Expected) -> None:
    """Let a session tell a model from itself by a hair less, and more, than what decides."""
    low, high = region(expect, bench.lab.origin.tolerance)
    number = parsed(expect.printed)[0]
    if not number:
        return
    percent = 100 * (high - low) / 2 / abs(number)
    name = f"{decided.verdict}, noise"
    bench.put(f"{name} just below", given, decided, floor=beyond(percent, -percent * HAIR))
    bench.put(f"{name} just above", given, IN_NOISE, floor=beyond(percent, percent * HAIR))


def _quarter(bench: _Bench, expect: Ratio) -> None:
    """Put ratios of another GPU beside a quarter of the print, up to where they still hold."""
    number = parsed(expect.printed)[0]
    reach = abs(number) / 4
    for end in (number - reach, number + reach):
        for step in (-reach * HAIR, reach * HAIR):
            reading = beyond(2 * end, 2 * step)
            ratio = reading.middle / 2
            agreed = standing(rounding(expect), (ratio, ratio)) == "inside"
            agreement = "as_printed" if agreed else "within_tolerance"
            expected = Expected("pass", "inside_region", agreement)
            if abs(ratio - number) > reach:
                expected = APART
            pair = [reading, exact(Fraction(2))]
            name = f"{'below' if step < 0 else 'above'} {float(end):g}"
            bench.put(f"{name} on another card", pair, expected, ELSEWHERE)
            bench.put(f"{name}, one of both on another", pair, expected, bench.card, ELSEWHERE)
