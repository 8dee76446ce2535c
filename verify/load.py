"""YAML files to a checked ``Project``. Every refusal is ``file:line: field: wanted, found, do``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

import reproductions.catalog  # noqa: F401 - declares the reproductions claims may name
from verify.claim import Cell, Claim, ClaimFile, Row, TableBlock, WrittenClaim
from verify.errors import ClaimError
from verify.index import Index
from verify.lint import check
from verify.lint_inputs import unknown_source
from verify.modules import import_own
from verify.need import Need
from verify.own_artifacts import use_artifacts
from verify.project import Project, TableColumn, TableRow
from verify.refusals import problems_in, suggestion
from verify.tolerances import with_default_tolerances
from verify.twins import ratio_twin, twins_of
from verify.yaml_lines import Document, Path_, Place, Problem, read, shown

Shape = TypeVar("Shape", bound=BaseModel)


def load(root: Path) -> Project:
    """Read and check ``claims.yaml`` and every file of ``claims/``.

    Raises:
        ClaimError: anything is not well formed; all problems, one line each.
    """
    loading = _Loading(root)
    index = loading.index()
    for path in sorted((root / "claims").glob("*.y*ml")):
        loading.claim_file(path, index)
    # What is said of the claims as a whole would be wrong while some of them cannot be read.
    loading.fail_if_refused()
    if index is None:  # unreachable: a refused index has problems
        raise ClaimError("claims.yaml: cannot be read")
    loading.restate()
    loading.add_twins()
    claims: Mapping[str, Claim] = loading.claims
    checked = check(index, loading.index_place, claims, loading.places, loading.blocks)
    loading.problems.extend(checked.problems)
    loading.fail_if_refused()
    columns = zip(loading.tables, checked.beside, strict=True)
    tables = tuple(replace(column, beside=beside) for column, beside in columns)
    return Project(
        root,
        index,
        with_default_tolerances(claims, checked.needs),
        tables,
        {id_: place.where for id_, place in loading.places.items()},
        checked.needs,
        checked.protocols,
        {column.rows[0].claim: tuple(column.beside.values()) for column in tables if column.beside},
    )


@dataclass
class _Loading:
    root: Path
    problems: list[Problem] = field(default_factory=list)
    claims: dict[str, Claim] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    tables: list[TableColumn] = field(default_factory=list)
    blocks: list[tuple[Place, TableBlock]] = field(default_factory=list)
    """That the tables were read from."""
    restated: list[tuple[str, Row, Cell, Place]] = field(default_factory=list)
    divided: list[tuple[str, str]] = field(default_factory=list)
    """Claims of rows, each with that of the row it is divided by."""
    index_place: Place = field(default_factory=lambda: Place(Document("claims.yaml")))

    def fail_if_refused(self) -> None:
        if self.problems:
            raise ClaimError("\n".join(str(problem) for problem in sorted(set(self.problems))))

    def index(self) -> Index | None:
        document = read(self.root / "claims.yaml", "claims.yaml")
        self.index_place = Place(document)
        index = self._read(document, Index)
        if index is None:
            return None
        for number, sentence in import_own(index.reproductions, self.root):
            self._refuse(self.index_place, ("reproductions", number), sentence)
        self.problems.extend(use_artifacts(self.root, index.artifacts, self.index_place))
        return index

    def claim_file(self, path: Path, index: Index | None) -> None:
        document = read(path, f"claims/{path.name}")
        if path.suffix != ".yaml":
            self._refuse(
                Place(document), (), f"want the ending .yaml, got {path.suffix}; rename it"
            )
            return
        shape = self._read(document, ClaimFile)
        if shape is None or (index is not None and not self._known_sources(index, document, shape)):
            return
        for number, raw in enumerate(shape.claims):
            self._single(document, number, raw, shape.source)
        for number, block in enumerate(shape.tables):
            self._table(document, number, block, shape.source)

    def _known_sources(self, index: Index, document: Document, shape: ClaimFile) -> bool:
        """Check the documents once a file and once a table, not once a claim."""
        named: list[tuple[Path_, str]] = [(("source",), shape.source)]
        for number, block in enumerate(shape.tables):
            if block.table.source is not None:
                named.append((("tables", number, "table", "source"), block.table.source))
        found = [finding for path, name in named for finding in unknown_source(index, path, name)]
        for path, sentence in found:
            self._refuse(Place(document), path, sentence)
        return not found

    def _refuse(self, place: Place, path: Path_, sentence: str) -> None:
        self.problems.append(place.problem(path, sentence))

    def _read(self, document: Document, shape: type[Shape]) -> Shape | None:
        self.problems.extend(document.problems)
        if document.problems:
            return None
        if not isinstance(document.data, dict):
            keys = ", ".join(info.alias or name for name, info in shape.model_fields.items())
            found = "an empty file" if document.data is None else shown(document.data)
            self._refuse(Place(document), (), f"want the keys {keys}, got {found}; write them")
            return None
        return self._shaped(Place(document), document.data, shape)

    def _shaped(self, place: Place, data: Any, shape: type[Shape]) -> Shape | None:
        try:
            return shape.model_validate(data)
        except ValidationError as error:
            written = WrittenClaim if issubclass(shape, WrittenClaim) else shape
            self.problems.extend(problems_in(error, place, data, written))
            return None

    def _single(self, document: Document, number: int, raw: dict[str, Any], source: str) -> None:
        place = Place(document, ("claims", number))
        for key in raw.keys() & Claim.model_fields.keys() - WrittenClaim.model_fields.keys():
            self._refuse(place, (key,), f"want a known key, got {key!r}; remove it")
        claim = self._shaped(place, {**raw, "source": source}, Claim)
        if claim is not None:
            self._add(claim, place)

    def _add(self, claim: Claim, place: Place) -> bool:
        first = self.places.get(claim.id)
        if first is not None:
            found = f"got {claim.id!r} again (first at {first.where})"
            self._refuse(place, ("id",), f"want each id once, {found}; rename one")
            return False
        self.claims[claim.id] = claim
        self.places[claim.id] = place
        return True

    def _table(self, document: Document, number: int, block: TableBlock, source: str) -> None:
        path: Path_ = ("tables", number)
        source = block.table.source or source
        rows = []
        for label, row in block.rows.items():
            place = Place(document, (*path, "rows", label), path)
            cell = _cell(source, block, label, row)
            if row.restates is not None:
                self.restated.append((row.restates, row, cell, place))
                rows.append(TableRow(label, row.restates))
                continue
            if not (row.model or row.models or row.subject):
                self._refuse(
                    place, (), "want model, models, subject or restates, got none; add one"
                )
                continue
            claim = self._shaped(place, _expanded(block, row, cell), Claim)
            if claim is not None and self._add(claim, place):
                rows.append(TableRow(label, claim.id))
        self._divide(Place(document, path), block, {row.label: row.claim for row in rows})
        self.blocks.append((Place(document, path), block))
        self.tables.append(
            TableColumn(source, block.table.table, block.title, block.table.column, tuple(rows))
        )

    def _divide(self, place: Place, block: TableBlock, claims: Mapping[str, str]) -> None:
        for above, below in block.over.items():
            for label in (above, below):
                if label not in block.rows:
                    hint = suggestion(label, block.rows) or "; correct it"
                    self._refuse(place, ("over", above), f"want a row, got {label!r}{hint}")
            if above in claims and below in claims:
                self.divided.append((claims[above], claims[below]))

    def restate(self) -> None:
        """Give each restated claim the restating cell as one more locator."""
        for id_, row, cell, place in self.restated:
            claim = self.claims.get(id_)
            printed = getattr(claim and claim.expect, "printed", None)
            more = sorted(row.model_fields_set - {"printed", "restates"})
            if claim is None:
                hint = suggestion(id_, self.claims) or "; correct it"
                self._refuse(place, ("restates",), f"want the id of a claim, got {id_!r}{hint}")
            elif printed != row.printed:
                wanted = f"want {printed!r}, the print of {id_!r}, got {row.printed!r}"
                sentence = f"{wanted}; a different print is a claim of its own"
                self._refuse(place, ("printed",), sentence)
            elif more:
                found = f"got {', '.join(more)} too; say it at the claim restated"
                self._refuse(place, (), f"want only printed beside restates, {found}")
            else:
                self.claims[id_] = claim.model_copy(update={"found_at": [*claim.found_at, cell]})

    def add_twins(self) -> None:
        """Add the claims that ask the models what was asked of prints."""
        ratios = (ratio_twin(self.claims[a], self.claims[b]) for a, b in self.divided)
        for twin in [*twins_of(self.claims), *(twin for twin in ratios if twin is not None)]:
            self._add(twin, self.places[twin.twin_of or ""])


def _cell(source: str, block: TableBlock, label: str, row: Row) -> Cell:
    """Locate one row of a block; what no expectation will hold is kept in the locator."""
    unsettled = row.check is not None or block.check is not None
    printed = row.printed.strip() if unsettled else ""
    at = block.table
    return Cell(source=source, table=at.table, row=label, column=at.column, printed=printed or None)


def _expanded(block: TableBlock, row: Row, cell: Cell) -> dict[str, Any]:
    """Write one table row as the single form of a claim."""
    subject = row.subject or row.model or "_".join(row.models)
    kind = block.reproduction or "statement"
    parts = [cell.source, kind, subject, row.qualifier or block.qualifier]
    statement = block.statement.replace("{row}", cell.row).replace("{printed}", row.printed)
    given = _given(block, ("check", "because")) | _given(row, _CARRIED)
    common = {
        **given,
        "id": ".".join(part for part in parts if part),
        "source": cell.source,
        "statement": statement,
        "found_at": [cell],
    }
    if "check" in given:
        return common
    model = {"model": row.model} if row.model is not None else {}
    expect = {**block.expect, **_given(row, ("printed", "hedge", "coarse", "padded"))}
    if row.means is not None:
        outcome = ("printed", "means", "card", "device")
        expect = {"kind": "outcome", **_given(row, outcome)}
    return {
        **common,
        "reproduction": block.reproduction,
        "params": {**block.params, **row.params, **model},
        "convention": block.convention,
        "protocols": {**block.protocols, **row.protocols},
        "expect": expect,
    }


_CARRIED = (
    "models",
    "tolerance",
    "primary",
    "conditions",
    "known_verdict",
    "damaged",
    "check",
    "because",
)


def _given(written: BaseModel, names: Iterable[str]) -> dict[str, Any]:
    """Take what is written out of some fields; it is checked, and is not taken apart again."""
    return {name: getattr(written, name) for name in names if name in written.model_fields_set}


def needs_of(project: Project, ids: list[str]) -> list[Need]:
    """List the measurements some claims need, each once, explanations included."""
    found: dict[str, Need] = {}
    for id_ in ids:
        for need in project.all_needs(project.claims[id_]):
            found.setdefault(need.key, need)
    return list(found.values())
