"""What a document prints, as a closed union of kinds. No expression language."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from verify.acceptance import Printed
from verify.expect_sets import BestOf, Growth, Monotone, Outcome, Point, Range, UpTo, Vague
from verify.figure import Decimal_, Marks, PrintedFigure, Relation, Strict, Text, text_or_structure
from verify.operand import Input, MeasuredInput, MeasuredOf

__all__ = [
    "OPERATIONS",
    "AllOf",
    "Arithmetic",
    "BestOf",
    "Bound",
    "Decimal_",
    "Difference",
    "Equal",
    "Expect",
    "FromTo",
    "Growth",
    "Input",
    "Marks",
    "MeasuredInput",
    "MeasuredOf",
    "Monotone",
    "OfOver",
    "Operand",
    "Operation",
    "Ordering",
    "Outcome",
    "Part",
    "PartExpect",
    "Point",
    "Power",
    "PrintedFigure",
    "Range",
    "Ratio",
    "Relation",
    "Strict",
    "UpTo",
    "Vague",
    "Value",
    "claims_in",
    "is_constant",
    "operands_in",
    "operands_of",
    "operation_of",
    "text_or_structure",
    "wrong_inputs",
]


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

PartExpect = Annotated[
    Value | Bound | Ratio | Difference | Ordering | Range | UpTo | BestOf | Monotone | Vague,
    Field(discriminator="kind"),
]


class Part(Strict):
    """One part of a conjunction, with inputs of its own."""

    what: Text | None = None
    """What the part says, in our own words."""
    expect: PartExpect
    inputs: list[Input] = []

    @model_validator(mode="after")
    def _inputs_fit(self) -> Self:
        if wrong := wrong_inputs(self.expect, len(self.inputs)):
            raise ValueError(wrong)
        return self


class AllOf(Strict):
    """A conjunction: every part has to hold, and every part that fails is told."""

    kind: Literal["all_of"]
    parts: Annotated[list[Part], Field(min_length=1)]

    def operands(self) -> list[Input]:
        """List the inputs named inside, in order."""
        return [given for part in self.parts for given in operands_in(part.expect, part.inputs)]


Expect = Annotated[
    Value
    | Bound
    | Ratio
    | Difference
    | Ordering
    | Equal
    | Arithmetic
    | Range
    | UpTo
    | AllOf
    | BestOf
    | Monotone
    | Growth
    | Outcome
    | Vague,
    Field(discriminator="kind"),
]

_COUNTS = {"value": 1, "bound": 1, "ratio": 2, "difference": 2, "ordering": 2}
_INSIDE = {"best_of", "growth", "all_of", "arithmetic"}


def operands_in(expect: object, inputs: list[Input]) -> list[Input]:
    """List what an expectation is over: the inputs beside it, then those inside it."""
    # Asked of the class: an instance that has none makes an error of it, which takes long.
    operands = getattr(type(expect), "operands", None)
    named: list[Input] = [] if operands is None else operands(expect)
    return [*inputs, *named]


def wrong_inputs(expect: Any, given: int) -> str | None:
    """Say what is wrong with the number of inputs beside an expectation, if anything."""
    kind, named = expect.kind, operands_in(expect, [])
    wanted = _COUNTS.get(kind)
    if wanted is not None:
        words = "one input" if wanted == 1 else "two inputs"
        return None if given == wanted else f"want {words} for {kind}, got {given}"
    if kind in _INSIDE:
        return f"want no inputs beside {kind}, got {given}; name them inside it" if given else None
    if named:
        return f"want inputs or the sets inside {kind}, got both" if given else None
    if kind == "vague" and expect.sense != "trend":
        return None if given == 2 else f"want two inputs or pairs for vague, got {given}"  # noqa: PLR2004
    least = 1 if kind == "up_to" else 2
    return None if given >= least else f"want {least} or more inputs for {kind}, got {given}"


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
