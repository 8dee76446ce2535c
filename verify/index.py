"""The shape of ``claims.yaml``: documents, works, models, cards, and what goes for all claims."""

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from reproductions.contract import Unit
from verify.claim import Amount, Id
from verify.expect import Strict
from verify.figure import Name, PrintedFigure, Text
from verify.ignored import Ignored

CardName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class Source(Strict):
    """A document claims are read from."""

    title: Text
    file: Text
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class PublishedFigure(PrintedFigure):
    """A number that a work prints and no document here, for claims to compare or compute with."""

    at: Text
    """Where the work prints it, and of what."""


class Paper(Strict):
    """A work documents speak of."""

    title: Text
    arxiv: Annotated[str, StringConstraints(pattern=r"^\d{4}\.\d{4,5}(v\d+)?$")] | None = None
    code: Text | None = None
    figures: dict[Name, PublishedFigure] = {}
    """What it prints, by name; a claim names one as ``papers.<work>.<name>``."""


class ModelNote(Strict):
    """A model that stands for another one without being it."""

    stands_for: Text
    fitted_to: list[str] = []
    """Claims whose printed numbers the configuration was found from; it can never pass them."""
    because: Text


class DefaultTolerance(Strict):
    """What a claim about a quantity is allowed where it states no tolerance of its own."""

    by: Amount
    unit: Unit


class PlannedReproduction(Strict):
    """What is known of a reproduction before it is written."""

    unit: Unit
    better: Literal["higher", "lower", "none"] = "none"
    tolerance: DefaultTolerance | None = None


class Card(Strict):
    """What is known of a class of GPU that documents print speeds for."""

    tera_operations: Amount
    """The most floating-point operations it does in a second, in 10^12, at the precision that the
    speeds were taken in; a multiply-accumulate is two."""
    because: Text
    """Where the number is from."""


class Index(Strict):
    """``claims.yaml``: documents, works, and what is said about models."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    sources: dict[Name, Source]
    papers: dict[Name, Paper] = {}
    models: dict[Name, ModelNote] = {}
    planned_models: list[Name] = []
    """Names claims may use before the model is written; their claims are blocked until then."""
    planned_reproductions: dict[Name, PlannedReproduction] = {}
    """Names claims may use, with any params, before the reproduction is written; likewise."""
    cards: dict[CardName, Card] = {}
    """By the name that ``params.device`` gives it: printed speeds beyond them are a finding."""
    ignored: list[Ignored] = []
    """Printed numbers that no claim is about, each with the reason."""
    reproductions: list[str] = []
    """Modules of the project's own that declare further reproductions."""
    artifacts: Text | None = None
    """A file beside claims.yaml with weights and data sets of the project's own."""
    renamed: dict[Id, Id] = {}
    """An id that was published once, and that of the claim which took its place."""

    @model_validator(mode="after")
    def _told_from_figures(self) -> Self:
        if _FIGURES in self.sources:
            raise ValueError(f"want a document's name other than {_FIGURES!r}, got it; rename it")
        return self

    @cached_property
    def figures(self) -> dict[str, PublishedFigure]:
        """Every figure of every work, by the id that claims name it by."""
        return {
            f"{_FIGURES}.{work}.{name}": figure
            for work, paper in self.papers.items()
            for name, figure in paper.figures.items()
        }


_FIGURES = "papers"
"""Begins the ids of figures, which are no claims of a document."""
