"""What a comparison is over: measurements, measurements of other claims, or their prints."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Discriminator, Field, JsonValue, Tag

from verify.figure import Name, Strict


class MeasuredInput(Strict):
    """One of several measurements a claim compares."""

    reproduction: Name
    params: dict[str, JsonValue]
    convention: Name = "unstated"


class MeasuredOf(Strict):
    """The measurement another claim is judged on, by that claim's id."""

    measured: str


def _form(value: object) -> str:
    if isinstance(value, MeasuredOf) or (isinstance(value, Mapping) and "measured" in value):
        return "MeasuredOf"
    if isinstance(value, MeasuredInput | Mapping | list):
        return "MeasuredInput"
    return "text"


Input = Annotated[
    Annotated[MeasuredInput, Tag("MeasuredInput")]
    | Annotated[MeasuredOf, Tag("MeasuredOf")]
    | Annotated[str, Tag("text")],
    Discriminator(_form),
]
"""A claim id stands for what that claim prints."""

Pair = Annotated[list[Input], Field(min_length=2, max_length=2)]
"""First against second."""


def name_of(given: MeasuredInput | MeasuredOf | str) -> str:
    """Name an input for a human: what is told apart by, no more."""
    if isinstance(given, str):
        return given
    if isinstance(given, MeasuredOf):
        return given.measured
    told = ", ".join(f"{key} {value}" for key, value in given.params.items())
    return f"{given.reproduction} of {told}" if told else given.reproduction
