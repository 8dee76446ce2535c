"""What is said of printed numbers, asked a second time of the models themselves."""

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pydantic import BaseModel

from verify.acceptance import Printed, at_print
from verify.claim import Claim
from verify.expect import Arithmetic, Ratio, Value, claims_in
from verify.operand import MeasuredOf


def twins_of(claims: Mapping[str, Claim]) -> Iterator[Claim]:
    """Yield a ``.measured`` claim for each claim over prints whose inputs can all be measured."""
    for claim in claims.values():
        if claim.check == "none" or claim.expect is None:
            continue
        computes = isinstance(claim.expect, Arithmetic)
        ids = (
            set(claims_in(claim.expect)) if isinstance(claim.expect, Arithmetic) else _prints(claim)
        )
        found = [claims.get(id_) for id_ in ids]
        if found and all(_is_measured(given, several=computes) for given in found):
            yield _twin(claim, set() if computes else ids)


def _prints(claim: Claim) -> set[str]:
    """Name the claims whose prints a claim compares; none if it compares measurements."""
    given = claim.operands()
    ids = {operand for operand in given if isinstance(operand, str)}
    return ids if all(isinstance(operand, str) for operand in given) else set()


def _is_measured(given: Claim | None, *, several: bool) -> bool:
    """Tell whether a measurement settles a claim, or one of ``several`` released models."""
    return given is not None and given.reproduction is not None and (several or not given.models)


def _twin(claim: Claim, ids: set[str]) -> Claim:
    return claim.model_copy(
        update={
            "id": f"{claim.id}.measured",
            "scope": "claim",
            "twin_of": claim.id,
            "known_verdict": None,
            "expect": _measuring(claim.expect, ids),
            "inputs": _measuring(claim.inputs, ids),
        }
    )


def _measuring(value: Any, ids: Collection[str]) -> Any:
    """Put the measurement that a claim is judged on wherever its id stands for its print."""
    if isinstance(value, str):
        return MeasuredOf(measured=value) if value in ids else value
    if isinstance(value, list):
        return [_measuring(one, ids) for one in value]
    if isinstance(value, dict):
        return {key: _measuring(one, ids) for key, one in value.items()}
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return value.model_copy(
            update={name: _measuring(getattr(value, name), ids) for name in fields}
        )
    return value


def ratio_twin(top: Claim, bottom: Claim) -> Claim | None:
    """Ask the models for the ratio of what two claims print; None where one prints no number.

    The ratio is printed as finely as the coarser of the two.
    """
    above, below = top.expect, bottom.expect
    if not isinstance(above, Value) or not isinstance(below, Value) or not below.figure.value:
        return None
    ratio = above.figure.value / below.figure.value
    digits = min(_significant_digits(above.figure), _significant_digits(below.figure))
    exponent = Decimal(ratio.numerator) / Decimal(ratio.denominator)
    last_digit = Fraction(10) ** (exponent.adjusted() + 1 - digits)
    printed = at_print(ratio, last_digit, extra=0)
    subject = bottom.id.split(".")[2]
    statement = f"By the printed figures, {printed} times as much as {subject}: {top.statement}"
    return top.model_copy(
        update={
            "id": f"{top.id}.over_{subject}",
            "statement": statement,
            "twin_of": top.id,
            "known_verdict": None,
            "primary": None,
            "reproduction": None,
            "params": {},
            "models": [],
            "convention": "unstated",
            "protocols": {},
            "inputs": [MeasuredOf(measured=top.id), MeasuredOf(measured=bottom.id)],
            "expect": Ratio(kind="ratio", printed=printed, unit="ratio"),
        }
    )


def _significant_digits(figure: Printed) -> int:
    number = Decimal(figure.value.numerator) / Decimal(figure.value.denominator)
    last = Decimal(figure.last_digit.numerator) / Decimal(figure.last_digit.denominator)
    return max(1, number.adjusted() - last.adjusted() + 1)
