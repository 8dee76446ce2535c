"""What a document prints, as a closed union of kinds. No expression language."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from reproductions.contract import Unit
from verify.acceptance import Interval, Printed

Relation = Literal["at_least", "at_most", "more_than", "less_than"]


class Strict(BaseModel):
    """Base of everything read from YAML: unknown keys and implied types are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _decimal(text: str) -> str:
    Printed.parse(text)
    return text


Decimal_ = Annotated[str, AfterValidator(_decimal)]
"""A printed number, kept as printed: the digits say how precise it is."""


def text_or_structure(value: object) -> str:
    """Choose a union's branch by form, so that a mistake is reported once, not once a branch."""
    return "structure" if isinstance(value, Mapping | list | BaseModel) else "text"


class PrintedFigure(Strict):
    """A printed number and how the document marks it."""

    printed: Decimal_
    unit: Unit
    hedge: Literal["about"] | None = None
    """The document says "about", "~" or "approximately": one last digit instead of half."""
    coarse: bool = False
    """Fewer digits than the rest of the column: no evidence for a counting convention."""
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


class Value(PrintedFigure):
    """One measured number against one printed number."""

    kind: Literal["value"]


class Bound(PrintedFigure):
    """A printed limit, taken unrounded unless hedged."""

    kind: Literal["bound"]
    relation: Relation


class Ratio(PrintedFigure):
    """First input over second input."""

    kind: Literal["ratio"]


class Difference(PrintedFigure):
    """First input minus second input."""

    kind: Literal["difference"]


class Ordering(Strict):
    """First input against second input; nothing printed but the words."""

    kind: Literal["ordering"]
    relation: Relation


class Equal(Strict):
    """An exact structure: an integer, a word, a schedule (list) or a set."""

    kind: Literal["equal"]
    form: Literal["integer", "word", "list", "set"]
    printed: Annotated[
        Annotated[str, Tag("text")] | Annotated[list[str], Tag("structure")],
        Discriminator(text_or_structure),
    ]

    @model_validator(mode="after")
    def _form_fits(self) -> Self:
        if isinstance(self.printed, list) != (self.form in {"list", "set"}):
            wanted = "a list" if self.form in {"list", "set"} else "one string"
            raise ValueError(f"want {wanted} for form {self.form}, got {self.printed!r}")
        if self.form == "integer" and isinstance(self.printed, str):
            figure = Printed.parse(self.printed)
            if figure.value.denominator != 1:
                raise ValueError(f"want a printed integer, got {self.printed!r}")
        return self


class FromTo(Strict):
    """Two operands of a change: ``to`` against ``from``."""

    from_: "Operand" = Field(alias="from")
    to: "Operand"


class OfOver(Strict):
    """Two operands of a ratio: ``of`` over ``over``."""

    of: "Operand"
    over: "Operand"


class Power(Strict):
    """A base raised to a printed integer."""

    base: "Operand"
    exponent: "Operand"


class Operation(Strict):
    """Exactly one operation over claims, quoted constants or further operations."""

    ratio: OfOver | None = None
    difference: FromTo | None = None
    percent_change: FromTo | None = None
    product: list["Operand"] | None = Field(default=None, min_length=1)
    sum: list["Operand"] | None = Field(default=None, min_length=1)
    maximum: list["Operand"] | None = Field(default=None, min_length=1)
    power: Power | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in OPERATIONS if getattr(self, name) is not None]
        if len(given) != 1:
            found = ", ".join(given) or "none"
            raise ValueError(f"want exactly one of {', '.join(OPERATIONS)}, got {found}")
        return self


OPERATIONS = ("ratio", "difference", "percent_change", "product", "sum", "maximum", "power")

Operand = Annotated[
    Annotated[str, Tag("text")] | Annotated[Operation, Tag("structure")],
    Discriminator(text_or_structure),
]
"""A claim id, a quoted constant such as "2", or a nested operation."""


class Arithmetic(PrintedFigure, Operation):
    """Printed numbers of other claims against a printed result.

    Exactly one operation; ``difference`` and ``percent_change`` go ``from`` one ``to`` another.
    """

    kind: Literal["arithmetic"]


for _model in (FromTo, OfOver, Power, Operation, Arithmetic):
    _model.model_rebuild()

Expect = Annotated[
    Value | Bound | Ratio | Difference | Ordering | Equal | Arithmetic, Field(discriminator="kind")
]


def operation_of(expect: Operation) -> tuple[str, Any]:
    """Name the one operation given and its operands."""
    return next(
        (name, value) for name in OPERATIONS if (value := getattr(expect, name)) is not None
    )


def operands_of(operation: Operation) -> list[Operand]:
    """List the direct operands of an operation, in printed order."""
    _, operands = operation_of(operation)
    if isinstance(operands, list):
        return operands
    if isinstance(operands, OfOver):
        return [operands.of, operands.over]
    if isinstance(operands, FromTo):
        return [operands.from_, operands.to]
    return [operands.base, operands.exponent]


def is_constant(operand: Operand) -> bool:
    """Tell a quoted constant from a claim id."""
    if not isinstance(operand, str):
        return False
    try:
        Printed.parse(operand)
    except ValueError:
        return False
    return True


def claims_in(operation: Operation) -> list[str]:
    """List the claim ids an operation refers to, nested ones included, in order."""
    found: list[str] = []
    for operand in operands_of(operation):
        if isinstance(operand, Operation):
            found.extend(claims_in(operand))
        elif not is_constant(operand):
            found.append(operand)
    return found
