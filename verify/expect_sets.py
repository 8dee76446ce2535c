"""What a document says of several numbers at once: ranges, maxima, comparisons, trends."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from verify.acceptance import Printed
from verify.figure import Decimal_, Marks, Name, PrintedFigure, Strict, Text
from verify.operand import Input, Pair

Operands = list[Input]
Pairs = Annotated[list[Pair], Field(min_length=1)]
Better = Literal["higher", "lower"]
Direction = Literal["increases", "decreases"]


class Range(Marks):
    """Two printed ends of what several inputs, or ratios of pairs, come to."""

    kind: Literal["range"]
    printed: Annotated[list[Decimal_], Field(min_length=2, max_length=2)]
    of: Literal["attained", "contained"]
    """``attained``: the least and the greatest are the printed ends; ``contained``: none beyond."""
    pairs: list[Pair] = []

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        low, high = self.printed
        if Printed.parse(low).value >= Printed.parse(high).value:
            raise ValueError(f"want the lower end first, got {low!r}, {high!r}; swap them")
        return self

    @property
    def ends(self) -> tuple[PrintedFigure, PrintedFigure]:
        """The two printed figures, each with its own rounding."""
        low, high = (
            PrintedFigure(printed=text, unit=self.unit, hedge=self.hedge) for text in self.printed
        )
        return low, high

    def operands(self) -> Operands:
        """List the inputs named inside, in order."""
        return [given for pair in self.pairs for given in pair]


class UpTo(PrintedFigure):
    """A printed maximum over a spelled-out index set."""

    kind: Literal["up_to"]
    pairs: list[Pair] = []
    """Ratios, first over second; without them the inputs themselves."""
    baselines: dict[Name, list[Pair]] = {}
    """The pairs by baseline; one that is measured nowhere has an empty list."""
    over: Literal["union", "each"] = "union"
    """``each`` asks it of every baseline."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.pairs and self.baselines:
            raise ValueError("want pairs or baselines for up_to, got both")
        if self.over == "each" and not self.baselines:
            raise ValueError("want baselines by name for over: each, got none")
        return self

    def sets(self) -> dict[str, list[Pair]]:
        """Give the pairs by baseline; one nameless set where none is named."""
        return {**self.baselines} or {"": self.pairs}

    def operands(self) -> Operands:
        """List the inputs named inside, in order."""
        return [given for pairs in self.sets().values() for pair in pairs for given in pair]


class BestOf(Strict):
    """One against each of a list, or pair by pair: every one has to hold."""

    kind: Literal["best_of"]
    better: Better
    subject: Input | None = None
    against: list[Input] = []
    pairs: list[Pair] = []
    """Instead of subject and against: first better than second."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if bool(self.pairs) == (self.subject is not None):
            raise ValueError("want either subject and against, or pairs for best_of")
        if (self.subject is not None) != bool(self.against):
            raise ValueError("want subject and against together for best_of, got one of them")
        return self

    def all_pairs(self) -> list[Pair]:
        """Give the pairs, first better than second."""
        if self.subject is None:
            return self.pairs
        return [[self.subject, other] for other in self.against]

    def operands(self) -> Operands:
        """List the inputs named inside, in order."""
        return [given for pair in self.all_pairs() for given in pair]


class Monotone(Strict):
    """Inputs in order, every step one way."""

    kind: Literal["monotone"]
    direction: Direction


class Point(Strict):
    """One input at one place of an index set."""

    x: Decimal_
    y: Input


class Growth(PrintedFigure):
    """A printed exponent against the slope of least squares on logarithms."""

    kind: Literal["growth"]
    points: Annotated[list[Point], Field(min_length=2)]

    @model_validator(mode="after")
    def _positive_and_apart(self) -> Self:
        places = [Printed.parse(point.x).value for point in self.points]
        if min(places) <= 0:
            raise ValueError("want x above 0 for growth, got one that is not; logs need it")
        if len(set(places)) == 1:
            raise ValueError(f"want two different x for growth, got only {self.points[0].x!r}")
        return self

    def operands(self) -> Operands:
        """List the inputs named inside, in order."""
        return [point.y for point in self.points]


class Outcome(Strict):
    """A cell that says a run did or did not fit on the card."""

    kind: Literal["outcome"]
    printed: Text
    means: Literal["out_of_memory", "runs"]
    card: Annotated[str, Field(pattern=r"^\d+(\.\d+)? G(i)?B$")]
    """The card's memory as printed, such as "48 GB"; read as GiB."""
    device: Text | None = None
    """The card's model, if the document names it; only a run on that one can refute."""

    @property
    def card_gib(self) -> float:
        """The card's memory in GiB."""
        return float(self.card.split()[0])


class Vague(Strict):
    """A word without a number: decided only where every declared reading and set agrees."""

    kind: Literal["vague"]
    word: Text
    sense: Literal["comparable", "different", "trend"]
    better: Better | None = None
    """For ``different``: the first of each pair is also on this side."""
    direction: Direction | None = None
    """For ``trend``."""
    pairs: dict[Name, Pairs] = {}
    """Declared sets of pairs; one set of the two inputs where none is named."""
    series: dict[Name, Annotated[list[Input], Field(min_length=2)]] = {}
    """For ``trend``: declared sets of inputs in order."""

    @model_validator(mode="after")
    def _sense_fits(self) -> Self:
        trend = self.sense == "trend"
        if trend != (self.direction is not None):
            raise ValueError("want direction for a trend, and only there")
        if self.better is not None and self.sense != "different":
            raise ValueError(f"want better only for different, got it for {self.sense}")
        if self.pairs if trend else self.series:
            wanted = "series" if trend else "pairs"
            raise ValueError(f"want {wanted} for {self.sense}, got the other form")
        return self

    def sets(self) -> dict[str, list[list[Input]]]:
        """Give each declared set as its groups: pairs, or one series."""
        if self.series:
            return {name: [series] for name, series in self.series.items()}
        return {name: list(pairs) for name, pairs in self.pairs.items()}

    def operands(self) -> Operands:
        """List the inputs named inside, in order."""
        return [given for groups in self.sets().values() for group in groups for given in group]


SetKind = Range | UpTo | BestOf | Monotone | Growth | Vague

__all__ = [
    "BestOf",
    "Growth",
    "Monotone",
    "Outcome",
    "Point",
    "Range",
    "SetKind",
    "UpTo",
    "Vague",
]
