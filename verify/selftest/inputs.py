"""What every measured claim must do: judge its inputs, name an obstacle, hold back a stand-in."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from verify.claim import Claim
from verify.need import Need
from verify.operand import MeasuredInput
from verify.selftest.lab import Fact, Lab, spec_of
from verify.selftest.oracle import Expected, Reading

Given = Sequence[Reading | Fact]
"""One reading for each input of a claim, in order."""


def reproductions_of(claim: Claim) -> list[tuple[str, str]]:
    """List the reproduction and the convention of each input."""
    measured = [i for i in claim.inputs if isinstance(i, MeasuredInput)]
    if measured:
        return [(i.reproduction, i.convention) for i in measured]
    return [(claim.reproduction or "", claim.convention)]


def key_of(reproduction: str, convention: str) -> str:
    """Give the key a convention names; the first declared where it is unstated."""
    return spec_of(reproduction).conventions[0].name if convention == "unstated" else convention


def measured(lab: Lab, claim: Claim, given: Given) -> list[Need]:
    """Measure every input of a claim on an invented model of its own."""
    return [
        lab.measure(lab.need(name), {key_of(name, convention): reading})
        for (name, convention), reading in zip(reproductions_of(claim), given, strict=True)
    ]


def accuse(lab: Lab, name: str, given: Given, expected: Expected) -> None:
    """Put down the lab's claim with one reading an input."""
    needs = measured(lab, lab.origin, given)
    lab.expect(name, lab.add(lab.origin, needs, models=[]), expected)


def obstacles(lab: Lab, good: Given, bad: Given, outcomes: tuple[Expected, Expected]) -> None:
    """Take away a measurement, break it, or let a stand-in take it.

    Args:
        lab: Where to put it down.
        good: Readings on which the claim passes.
        bad: Readings on which it fails.
        outcomes: How these two come out.
    """
    claim = lab.origin
    count = len(good)
    for number in range(count):
        name, _ = reproductions_of(claim)[number]
        absent = {
            "missing": (lab.need(name), Expected("blocked", "not_measured")),
            "unwritten": (lab.need(name, written=False), Expected("blocked", "no_model")),
            "obstructed": (
                lab.end(lab.need(name), "blocked"),
                Expected("blocked", "not_measurable"),
            ),
            "errored": (
                lab.end(lab.need(name), "error"),
                Expected("error", "measurement_error"),
            ),
            "without its key": (
                lab.measure(lab.need(name), {"no_such_key": good[number]}),
                Expected("error", "measurement_error"),
            ),
        }
        for what, (need, expected) in absent.items():
            needs = measured(lab, claim, good)
            needs[number] = need
            lab.expect(f"input {number} {what}", lab.add(claim, needs, models=[]), expected)
        for given, outcome in zip((good, bad), outcomes, strict=True):
            _stand_ins(lab, number, given, outcome)
    if not claim.inputs:
        _several_models(lab, good, bad, outcomes)


def _stand_ins(lab: Lab, number: int, given: Given, outcome: Expected) -> None:
    for what in ("substituted", "fitted"):
        needs = measured(lab, lab.origin, given)
        lab.note(needs[number], "fitted" if what == "fitted" else "substituted", ["no.such.claim"])
        held_back = Expected("inconclusive", what)
        copied = lab.add(lab.origin, needs, models=[])
        lab.expect(f"input {number} {what}, would {outcome.verdict}", copied, held_back)


def _several_models(lab: Lab, good: Given, bad: Given, outcomes: tuple[Expected, Expected]) -> None:
    """Let the label fit two released models: they agree, differ, or one is not measured."""
    name, _ = reproductions_of(lab.origin)[0]
    differ = Expected("inconclusive", "model_ambiguous")
    blocked = Expected("blocked", "not_measured")
    cases: Mapping[str, tuple[list[Need], Expected]] = {
        "two models pass": (_two(lab, good, good), outcomes[0]),
        "two models fail": (_two(lab, bad, bad), outcomes[1]),
        "two models differ": (_two(lab, good, bad), differ),
        "two models differ, turned round": (_two(lab, bad, good), differ),
        "one of two models missing": ([*measured(lab, lab.origin, good), lab.need(name)], blocked),
        "one of two models missing, the other errored": (
            [lab.need(name), lab.end(lab.need(name), "error")],
            Expected("error", "measurement_error"),
        ),
        "one of two models errored": (
            [*measured(lab, lab.origin, good), lab.end(lab.need(name), "error")],
            Expected("error", "measurement_error"),
        ),
    }
    for what, (needs, expected) in cases.items():
        models = [str(need.params.subject()) for need in needs]
        lab.expect(what, lab.add(lab.origin, needs, models=models), expected)


def _two(lab: Lab, first: Given, second: Given) -> list[Need]:
    return measured(lab, lab.origin, first) + measured(lab, lab.origin, second)


def other_convention(lab: Lab, good: Given, bad: Given, passes: Expected) -> None:
    """Count every input by another sound convention too: it must not change the word unseen."""
    inputs = reproductions_of(lab.origin)
    if len(set(inputs)) > 1 or inputs[0][1] != "unstated":
        return
    spec = spec_of(inputs[0][0])
    default, *others = spec.conventions
    open_ = Expected("inconclusive", "convention_ambiguous")
    for other in others:
        if other.sound_if_zero is not None:
            continue
        expected = open_ if other.sound else passes
        for what, second, outcome in (("differs", bad, expected), ("agrees", good, passes)):
            needs = [
                lab.measure(lab.need(spec.name), {default.name: one, other.name: two})
                for one, two in zip(good, second, strict=True)
            ]
            copied = lab.add(lab.origin, needs, models=[])
            lab.expect(f"{other.name} {what}", copied, replace(outcome))
