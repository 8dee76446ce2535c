"""A printed number and how the document marks it; the base of everything read from YAML."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from reproductions.contract import Unit
from verify.acceptance import Interval, Printed

Relation = Literal["at_least", "at_most", "more_than", "less_than"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Strict(BaseModel):
    """Base of everything read from YAML: unknown keys and implied types are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


def _decimal(text: str) -> str:
    Printed.parse(text)
    return text


Decimal_ = Annotated[str, AfterValidator(_decimal)]
"""A printed number, kept as printed: the digits say how precise it is."""


def text_or_structure(value: object) -> str:
    """Choose a union's branch by form, so that a mistake is reported once, not once a branch."""
    return "structure" if isinstance(value, Mapping | list | BaseModel) else "text"


class Marks(Strict):
    """The unit of a printed figure and how the document marks it."""

    unit: Unit
    hedge: Literal["about"] | None = None
    """The document says "about", "~" or "approximately": one last digit instead of half."""
    coarse: bool = False
    """Fewer digits than the rest of the column: no evidence for a counting convention."""


class PrintedFigure(Marks):
    """A printed number and how the document marks it."""

    printed: Decimal_
    padded: bool = False
    """The primary prints an integer and this document adds ".0"."""

    @field_validator("padded")
    @classmethod
    def _is_padded(cls, padded: bool, info: ValidationInfo) -> bool:
        if padded and "printed" in info.data:
            figure = Printed.parse(info.data["printed"])
            if figure.last_digit >= 1 or figure.value.denominator != 1:
                found = info.data["printed"]
                raise ValueError(f'want padded only on a print like "42.0", got {found!r}')
        return padded

    @property
    def figure(self) -> Printed:
        """The printed number, parsed."""
        return Printed.parse(self.printed)

    @property
    def rounding(self) -> Interval:
        """Every value the print stands for."""
        return self.figure.rounding(hedged=self.hedge is not None)
