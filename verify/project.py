"""Everything ``claims/`` says, loaded: the claims, and the tables they were read from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from verify.claim import Claim
from verify.expect import Outcome, PrintedFigure, Value
from verify.index import Index
from verify.need import Need


@dataclass(frozen=True)
class TableRow:
    """One cell of a printed table column."""

    label: str
    claim: str
    """The id of the claim that judges it; several cells may restate one claim."""


@dataclass(frozen=True)
class TableColumn:
    """One column of a printed table, rows in printed order."""

    source: str
    table: str
    title: str
    column: str
    rows: tuple[TableRow, ...]
    beside: Mapping[str, Need] = field(default_factory=dict)
    """By label, what is measured with the column though it does not print it."""


@dataclass(frozen=True)
class AtBatch:
    """What is printed of a batch."""

    claim: str
    expect: Value
    need: Need


Series = Mapping[int, AtBatch]
"""By batch."""


@dataclass(frozen=True)
class Project:
    """A folder with ``claims.yaml`` and ``claims/``, checked as a whole."""

    root: Path
    index: Index
    claims: Mapping[str, Claim]
    """By id, in file order."""
    tables: tuple[TableColumn, ...]
    where: Mapping[str, str]
    """Claim id to ``file:line``."""
    needs: Mapping[str, tuple[Need, ...]] = field(default_factory=dict)
    """Claim id to the measurements it is judged on; several released models give several."""
    protocols: Mapping[str, Mapping[str, Need]] = field(default_factory=dict)
    """Claim id to the measurements under other protocols, by the protocol's name."""

    beside: Mapping[str, tuple[Need, ...]] = field(default_factory=dict)
    """Claim id to the measurements that are taken with it and that nothing is judged by."""

    @property
    def results(self) -> Path:
        """The folder of ledgers and published tables."""
        return self.root / "results"

    @property
    def artifacts(self) -> Path | None:
        """The file of the project's own weights and data sets; None if it has none."""
        return self.root / self.index.artifacts if self.index.artifacts else None

    def print_of(self, id_: str) -> PrintedFigure | Outcome:
        """Give what a claim prints, or a figure of another work."""
        found = self.index.figures.get(id_) or self.claims[id_].expect
        if not isinstance(found, PrintedFigure | Outcome):  # lint has refused it
            raise TypeError(f"{id_}: want a printed number, found none")
        return found

    def figure_of(self, id_: str) -> PrintedFigure:
        """Give a printed number; a cell that prints an outcome has none."""
        found = self.print_of(id_)
        if not isinstance(found, PrintedFigure):  # lint has refused it
            raise TypeError(f"{id_}: want a printed number, found an outcome")
        return found

    @cached_property
    def nulls(self) -> Mapping[str, tuple[Need, ...]]:
        """The measurements of null models, by the id of the claim that names one."""
        return {
            claim.id: tuple(need.under(claim.null_model) for need in self.needs[claim.id])
            for claim in self.claims.values()
            if claim.null_model and claim.twin_of is None
        }

    def batches(self, claim: Claim, need: Need) -> Series:
        """Give what the same document prints of the same params at every batch, by batch."""
        return self.series.get(_but_batch(claim, need), {})

    @cached_property
    def series(self) -> Mapping[tuple[str, ...], Series]:
        """Every printed figure at a batch, by batch, grouped by document and other params."""
        found: dict[tuple[str, ...], dict[int, AtBatch]] = {}
        for claim in self.claims.values():
            if isinstance(claim.expect, Value):
                for need in self.needs[claim.id]:
                    size = getattr(need.params, "batch", None)
                    if isinstance(size, int):
                        at = AtBatch(claim.id, claim.expect, need)
                        found.setdefault(_but_batch(claim, need), {}).setdefault(size, at)
        return found

    @cached_property
    def families(self) -> Mapping[tuple[str, str | None, str], list[tuple[Claim, Need]]]:
        """The claims on one measurement, by document, reproduction and family of the model."""
        found: dict[tuple[str, str | None, str], list[tuple[Claim, Need]]] = {}
        for claim in self.claims.values():
            needs = self.needs[claim.id]
            family = needs[0].params.family() if len(needs) == 1 else None
            if family is not None:
                place = (claim.source, claim.reproduction, family)
                found.setdefault(place, []).append((claim, needs[0]))
        return found

    def substitutes(self, need: Need) -> bool:
        """Tell whether what is measured only stands for what the claim is about."""
        note = self.index.models.get(need.params.subject() or "")
        return need.params.stand_in() is not None or (note is not None and not note.fitted_to)

    def fitted(self, need: Need) -> bool:
        """Tell whether the model measured was configured to fit printed numbers."""
        note = self.index.models.get(need.params.subject() or "")
        return note is not None and bool(note.fitted_to)

    def all_needs(self, claim: Claim) -> Iterator[Need]:
        """Yield every measurement a claim is judged on, explained by or shown with."""
        yield from self.needs[claim.id]
        yield from self.protocols.get(claim.id, {}).values()
        yield from self.beside.get(claim.id, ())
        yield from self.nulls.get(claim.id, ())
        yield from self.without_mistakes(claim)
        yield from self.fitted_needs(claim)

    def without_mistakes(self, claim: Claim) -> tuple[Need, ...]:
        """Give what a claim is judged on, without mistakes in measuring; nothing if there are none.

        Nor if two inputs are the same but for a mistake: the claim is about what it changes.
        """
        needs = self.needs[claim.id]
        if all(need.params.mistaken() is None for need in needs):
            return ()
        right = tuple(need.corrected() for need in needs)
        apart = len({need.key for need in right}) == len({need.key for need in needs})
        return right if apart and right != needs else ()

    def tried_needs(self, claim: Claim) -> Iterator[Need]:
        """Yield the measurements that might explain a miss, such as other image sizes."""
        needs = self.needs[claim.id]
        if claim.reproduction is not None and len(needs) == 1:
            for overrides in needs[0].spec.tried:
                yield Need(claim.reproduction, needs[0].params.model_copy(update=overrides))

    def fitted_needs(self, claim: Claim) -> Iterator[Need]:
        """Yield the same measurement on every model fitted to this claim's printed number."""
        for name, note in self.index.models.items():
            if claim.id in note.fitted_to and claim.reproduction is not None:
                need = self.needs[claim.id][0]
                params = need.params.model_copy(update={"model": name})
                yield Need(need.reproduction, params, need.planned)


def _but_batch(claim: Claim, need: Need) -> tuple[str, ...]:
    """Identify a series over batches: document, reproduction and all params but the batch."""
    return claim.source, need.reproduction, repr(need.params.model_copy(update={"batch": None}))
