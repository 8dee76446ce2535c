"""Figures that would account for a print without being able to decide it."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Literal

from verify.acceptance import Interval, Printed, exactly
from verify.claim import Claim
from verify.compare import Acceptance
from verify.expect import PrintedFigure, Value
from verify.need import Need
from verify.project import Project
from verify.rulings import key_of
from verify.stored import Stored
from verify.verdict import PRIMARY, Explanation, off_by


def explanations(
    project: Project, stored: Mapping[str, Stored], claim: Claim, expect: Value, need: Need
) -> tuple[Explanation, ...]:
    """List unsound counters, fitted configurations and the primary's figure that fit the print.

    A figure ``reproduces`` the print inside its region and is ``near`` it within one last
    digit; anything farther off explains nothing and is left out.
    """
    found = []
    for what, value, reason in _candidates(project, stored, claim, need):
        figure = expect.figure
        digits = figure.last_digits_off(value)
        inside = Acceptance.of(expect, claim.tolerance).standing(Interval(value, value))
        if inside == "inside" or abs(digits) <= 1:
            fit: Literal["reproduces", "near"] = "reproduces" if inside == "inside" else "near"
            found.append(
                Explanation(what, float(value), off_by(value, figure.value, digits), fit, reason)
            )
    return tuple(found)


def _candidates(
    project: Project, stored: Mapping[str, Stored], claim: Claim, need: Need
) -> Iterator[tuple[str, Fraction, str]]:
    own = stored[need.key].measurement
    for convention in need.spec.conventions:
        if own is not None and convention.name in own.values and not convention.is_sound_in(own):
            yield convention.name, exactly(own.values[convention.name].value), "unsound counter"
    key = key_of(need, claim.convention)
    for fitted in project.fitted_needs(claim):
        result = stored.get(fitted.key)
        if result is None or result.measurement is None or key not in result.measurement.values:
            continue
        value = result.measurement.values[key].value
        yield str(fitted.params.subject()), exactly(value), "fitted"
    for tried in project.tried_needs(claim):
        result = stored.get(tried.key)
        if result is None or result.measurement is None or key not in result.measurement.values:
            continue
        yield (
            _difference(need, tried),
            exactly(result.measurement.values[key].value),
            "other params",
        )
    if claim.primary is not None and claim.primary.printed is not None:
        yield (
            f"the {claim.primary.paper} paper",
            Printed.parse(claim.primary.printed).value,
            PRIMARY,
        )


def _difference(need: Need, tried: Need) -> str:
    """Name the params in which another measurement differs: ``image_size 288``."""
    own = need.params.model_dump()
    theirs = tried.params.model_dump()
    return ", ".join(f"{name} {theirs[name]}" for name in own if own[name] != theirs[name])


def agrees(one: PrintedFigure, other: PrintedFigure) -> bool:
    """Tell whether two prints can mean one number: one lies in the other's rounding region."""
    first, second = one.figure.value, other.figure.value
    return one.rounding.contains(Interval(second, second)) or (
        other.rounding.contains(Interval(first, first))
    )
