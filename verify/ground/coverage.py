"""Which printed numbers claims are about, which are ignored with a reason, and which are neither.

A number is matched where a locator of a claim, found and confirmed, stands over all of it: the
printed string of a passage, a sentence pinned whole, a cell whose number the claim prints, or a
cell of a claim that prints none. A number in a row's or column's label is matched where a claim
names that row or column. Nothing is matched by its value alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify.claim import Cell, Claim
from verify.expect import AllOf
from verify.ground.blocks import numeral
from verify.ground.check import Columns, columns_of, confirmed, prints, source_of
from verify.ground.document import Document
from verify.ground.figures import number_spans, occurrences, with_zero
from verify.ground.locate import caption_name, number_locator, section_name
from verify.ground.normal import label, normal, readable_label
from verify.ground.places import NotThereError, Place, runs_of
from verify.ground.printed import Cells, Number, numbers_of
from verify.ground.sources import Reading, warnings_of
from verify.ground.tables import NoCellError, Table, find_table
from verify.ignored import Ignored
from verify.project import Project

STATES = ("matched", "ignored", "ruled", "uncovered")


@dataclass(frozen=True)
class Uncovered:
    """One printed number that no claim is about."""

    source: str
    kind: str
    """"table" or "prose"."""
    where: str
    line: int
    printed: str
    context: str
    locator: dict[str, str | int] | None
    """To paste, where the number can be located."""

    def __str__(self) -> str:
        """Say what is uncovered, for a human."""
        return (
            f"uncovered: {self.source}: {self.where} (line {self.line}): "
            f"{self.printed!r} in {self.context!r}"
        )


@dataclass(frozen=True)
class Coverage:
    """What became of every printed number."""

    counts: Mapping[str, Mapping[str, Counter[str]]]
    """By document and kind, how many numbers are in which state."""
    rules: Counter[str]
    uncovered: tuple[Uncovered, ...]
    idle: tuple[str, ...]
    """Entries of ``ignored`` that leave nothing out, one sentence each."""
    warnings: tuple[str, ...]

    def totals(self, kind: str | None = None) -> dict[str, int]:
        """Add up over the documents, every state present."""
        total: Counter[str] = Counter()
        for kinds in self.counts.values():
            for name, states in kinds.items():
                if kind in {None, name}:
                    total.update(states)
        return _filled(total)

    def as_json(self) -> dict[str, Any]:
        """Give plain data for programs."""
        return {
            "counts": {
                **self.totals(),
                "by_rule": dict(self.rules),
                "tables": self.totals("table"),
                "prose": self.totals("prose"),
                "sources": {
                    source: {kind: _filled(states) for kind, states in kinds.items()}
                    for source, kinds in self.counts.items()
                },
            },
            "uncovered": [dict(vars(number)) for number in self.uncovered],
            "idle": list(self.idle),
            "warnings": list(self.warnings),
        }

    def lines(self) -> list[str]:
        """Say what is uncovered, what to know of documents and ``ignored``, and counts."""
        warnings = (*self.warnings, *self.idle)
        return [
            *(f"warning: {warning}" for warning in warnings),
            *map(str, self.uncovered),
            *(
                f"{source}: {kind}: {_counted(_filled(states))}"
                for source, kinds in self.counts.items()
                for kind, states in kinds.items()
            ),
            _counted(self.totals()),
        ]


def _filled(states: Mapping[str, int]) -> dict[str, int]:
    return {"numbers": sum(states.values()), **{name: states.get(name, 0) for name in STATES}}


def _counted(totals: Mapping[str, int]) -> str:
    numbers, *states = totals.items()
    return f"{numbers[1]} numbers: {', '.join(f'{count} {name}' for name, count in states)}"


def coverage(project: Project, readings: Mapping[str, Reading]) -> Coverage:
    """Hold every printed number of some documents against all claims.

    Args:
        project: The claims, checked.
        readings: The documents by name; those that could not be read are warned of.
    """
    columns = columns_of(project.claims.values())
    by_source = _located(project.claims.values(), readings, columns)
    counts: dict[str, dict[str, Counter[str]]] = {}
    rules: Counter[str] = Counter()
    uncovered: list[Uncovered] = []
    idle: list[str] = []
    for name, reading in readings.items():
        if reading.document is None:
            continue
        given = [entry for entry in project.index.ignored if entry.source == name]
        sorting = _Sorting(reading.document, by_source[name], given)
        kinds = {"table": Counter[str](), "prose": Counter[str]()}
        for number in numbers_of(reading.document):
            state = sorting.state_of(number)
            kinds["prose" if number.run is not None else "table"][state] += 1
            if state == "ruled":
                rules[str(number.rule)] += 1
            elif state == "uncovered":
                uncovered.append(_described(number, reading.document, name))
        counts[name] = kinds
        idle.extend(sorting.idle())
    warnings = warnings_of(readings.values())
    return Coverage(counts, rules, tuple(uncovered), tuple(idle), tuple(warnings))


class _Sorting:
    """One document: what of it is matched, and what each entry of ``ignored`` leaves out."""

    def __init__(self, document: Document, matched: Cells, given: Sequence[Ignored]) -> None:
        self.matched = matched
        self.entries = [(entry, *_left_out(entry, document)) for entry in given]
        self.used: set[int] = set()

    def state_of(self, number: Number) -> str:
        """Tell what a number is: a claim goes before a rule, a rule before ``ignored``."""
        if self.matched.has(number):
            return "matched"
        if number.rule is not None:
            return "ruled"
        using = [at for at, (_, cells, _) in enumerate(self.entries) if cells.has(number)]
        self.used.update(using)
        return "ignored" if using else "uncovered"

    def idle(self) -> Iterator[str]:
        """Yield a sentence on each entry that nothing needs."""
        for at, (entry, _, problem) in enumerate(self.entries):
            if at not in self.used:
                found = problem or "no number there is left for it"
                yield f"claims.yaml: ignored: {entry.source}: {entry}: {found}; remove the entry"


def _located(
    claims: Iterable[Claim], readings: Mapping[str, Reading], columns: Columns
) -> Mapping[str, Cells]:
    """Collect, by document, what the claims' locators stand over."""
    found: defaultdict[str, Cells] = defaultdict(Cells)
    figures: defaultdict[tuple[str, int, int], Counter[str]] = defaultdict(Counter)
    texts: dict[tuple[str, int, int], str] = {}
    for claim in claims:
        if claim.twin_of is not None:
            continue
        for locator in claim.found_at:
            source = source_of(claim, locator)
            document = readings[source].document if source in readings else None
            if document is None:
                continue
            try:
                place = confirmed(claim, locator, document, columns)
            except NotThereError:
                continue  # `ground` tells it; a claim that is not there is about nothing here
            if not isinstance(locator, Cell):
                found[source].runs.setdefault(id(place.run), []).append((place.begin, place.end))
                continue
            at = _name_labels(found[source], place, document, locator)
            texts[source, *at] = place.text
            figures[source, *at].update(_figures(claim, locator, place))
    for (source, *cell), wanted in figures.items():
        at = (cell[0], cell[1])
        spans = found[source].cells.setdefault(at, [])
        for printed, times in wanted.items():
            spans.extend(_first(texts[source, *at], printed, times))
    return found


def _name_labels(cells: Cells, place: Place, document: Document, locator: Cell) -> tuple[int, int]:
    """Note that a claim names a cell's row and column; give the cell."""
    cell = place.cell
    if cell is None:  # unreachable: a cell locator gives a cell
        raise TypeError(f"want a cell at {locator}, got running text")
    table = find_table(document.tables, locator.table, numeral)
    cells.rows.add(id(cell.row))
    cells.columns.add((id(table), cell.at))
    for at in range(1, cell.label_size):
        cells.cells.setdefault((id(cell.row), at), []).append((0, len(cell.row.cells[at])))
    return id(cell.row), cell.at


def _figures(claim: Claim, locator: Cell, place: Place) -> set[str]:
    """Give the strings a claim is about in a cell; all of it where the claim prints nothing."""
    own = locator.printed
    wanted = {own} if own is not None else set(_all_prints(claim))
    return wanted or {place.text}


def _all_prints(claim: Claim) -> Iterator[str]:
    yield from prints(claim)
    if isinstance(claim.expect, AllOf):
        for part in claim.expect.parts:
            printed = getattr(part.expect, "printed", ())
            yield from (printed,) if isinstance(printed, str) else printed


def _first(text: str, printed: str, times: int) -> Iterator[tuple[int, int]]:
    """Yield where a cell prints a string: as many places as there are claims, from the first."""
    if normal(text) == normal(printed):
        yield 0, len(text)
        return
    wanted = normal(printed)
    short = (  # ".5" for 0.5
        (begin, end) for begin, end in number_spans(text) if with_zero(text[begin:end]) == wanted
    )
    places = list(occurrences(text, printed)) or list(short)
    yield from places[:times]


def _left_out(entry: Ignored, document: Document) -> tuple[Cells, str | None]:
    """Resolve an entry of ``ignored``, or say why it leads nowhere."""
    cells = Cells()
    try:
        if entry.table is not None:
            _cells_out(entry, find_table(document.tables, entry.table, numeral), cells)
        else:
            _text_out(entry, document, cells)
    except (NoCellError, NotThereError) as error:
        return Cells(), str(error)
    return cells, None


def _cells_out(entry: Ignored, table: Table, cells: Cells) -> None:
    rows = [*table.header, *table.rows] if entry.row is None else [table.row(entry.row)]
    wanted = None if entry.column is None else table.column(entry.column)
    for row in rows:
        for at, text in enumerate(row.cells):
            if wanted not in {None, at}:
                continue
            whole = normal(text)
            spans = [(0, len(whole))]
            if entry.printed is not None:
                spans = list(occurrences(whole, entry.printed))
            cells.cells.setdefault((id(row), at), []).extend(spans)


def _text_out(entry: Ignored, document: Document, cells: Cells) -> None:
    captions = [run for _, run in document.captions]
    runs = [*document.runs, *captions]
    if entry.section is not None:
        runs = runs_of(document, entry.section)
    count = 0
    for run in runs:
        for span in occurrences(run.text, entry.printed or ""):
            count += 1
            if entry.occurrence in {"every", count}:
                cells.runs.setdefault(id(run), []).append(span)


def _described(number: Number, document: Document, source: str) -> Uncovered:
    """Say where an uncovered number stands, with a locator for it."""
    if number.run is not None:
        caption, span = number.caption, (number.begin, number.end)
        locator = number_locator(document, number.run, span, caption)
        where = f"Section {section_name(document, number.run.section)}"
        where = where if caption is None else caption_name(caption)
        return Uncovered(
            source, "prose", where, number.line, number.printed, number.context, locator
        )
    return _described_cell(number, source)


def _described_cell(number: Number, source: str) -> Uncovered:
    table, row = number.table, number.row
    if table is None or row is None:  # unreachable: what is no text is a cell
        raise TypeError("want a number of a table or of a text")
    name = str(table.rows.index(row) + 1) if table.name == "claims" and row in table.rows else None
    name = name or readable_label(row.cells[0])
    labels = table.labels
    column = readable_label(labels[number.at][-1]) if number.at < len(labels) else ""
    if number.label or table.flat or not column or not label(name):
        where = f"{table.title}, {'a label' if number.label else 'a cell'}"
        return Uncovered(source, "table", where, number.line, number.printed, number.context, None)
    locator: dict[str, str | int] = {
        "table": table.printed or table.name,
        "row": name,
        "column": column,
    }
    where = f"{table.title}, row {name}, column {column}"
    return Uncovered(source, "table", where, number.line, number.printed, number.context, locator)
