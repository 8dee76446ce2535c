"""Every number a document prints, with its place: in tables, and in text outside references."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from verify.ground.document import Document, Run
from verify.ground.figures import number_spans
from verify.ground.marks import marks
from verify.ground.normal import key, normal
from verify.ground.sections import members
from verify.ground.tables import Row, Table

_CAPTION = re.compile(r"\W*(?:table|fig(?:ure)?\.?)\s+(?:[A-Z]?\.?\d+|[IVXL]+)", re.IGNORECASE)
_REFERENCES = {"references", "bibliography"}
_AROUND = 30


@dataclass(frozen=True)
class Number:
    """One printed number."""

    text: str
    """The cell's, or that of the running text, in normal spelling."""
    begin: int
    end: int
    line: int
    table: Table | None = None
    row: Row | None = None
    at: int = 0
    """Of a cell: which of the row."""
    label: bool = False
    """Whether it stands in what a row or a column is called."""
    run: Run | None = None
    caption: str | None = None
    """Of a caption's number: of what, "table 4"."""
    rule: str | None = None
    """What it counts by its form: a citation, a date."""

    @property
    def printed(self) -> str:
        """The digits."""
        return self.text[self.begin : self.end]

    @property
    def context(self) -> str:
        """The words around it."""
        begin, end = max(0, self.begin - _AROUND), self.end + _AROUND
        before = "..." if begin else ""
        return f"{before}{self.text[begin:end]}{'...' if end < len(self.text) else ''}"


@dataclass
class Cells:
    """Which numbers of table cells, and which stretches of text, something is about."""

    runs: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """By the identity of the run."""
    cells: dict[tuple[int, int], list[tuple[int, int]]] = field(default_factory=dict)
    """By the identity of the row, and which of its cells."""
    rows: set[int] = field(default_factory=set)
    """Rows that are named, by identity."""
    columns: set[tuple[int, int]] = field(default_factory=set)
    """Columns that are named: the identity of the table, and which cell of its rows."""

    def has(self, number: Number) -> bool:
        """Tell whether a number is inside."""
        if number.run is not None:
            return _inside(number, self.runs.get(id(number.run), ()))
        if _inside(number, self.cells.get((id(number.row), number.at), ())):
            return True
        return number.label and self._names(number)

    def _names(self, number: Number) -> bool:
        """Tell whether a number in a label belongs to a row or column that is named."""
        table, row = number.table, number.row
        if table is None or row is None:
            return False
        if any(row is line for line in table.header):
            return any((id(table), at) in self.columns for at in spanned(row, number.at))
        return id(row) in self.rows


def _inside(number: Number, spans: Sequence[tuple[int, int]]) -> bool:
    return any(begin <= number.begin and number.end <= end for begin, end in spans)


def spanned(row: Row, at: int) -> Iterator[int]:
    """Yield the columns that a header's label stands over: its own, and empty ones after it."""
    yield at
    for beyond in range(at + 1, len(row.cells)):
        if row.cells[beyond].strip():
            return
        yield beyond


def numbers_of(document: Document) -> Iterator[Number]:
    """Yield every printed number, tables first, each once.

    Headings are left out, and the list of references with what stands below its heading.
    """
    for table in document.tables:
        yield from _in_table(table)
    for caption, run in document.captions:
        yield from _in_run(run, caption)
    left_out = references(document)
    for run in document.runs:
        if run.section not in left_out:
            yield from _in_run(run, None)


def references(document: Document) -> set[int]:
    """Give the sections of the list of references, by index."""
    found: set[int] = set()
    for at, section in enumerate(document.sections):
        if re.sub(r"^\d+|^[ivx]+(?=r|b)", "", key(section.title)) in _REFERENCES:
            found |= members(document.sections, at)
    return found


def _in_table(table: Table) -> Iterator[Number]:
    is_list = table.name == "claims"
    for row in (*table.header, *table.rows):
        in_header = any(row is line for line in table.header)
        for at, cell in enumerate(row.cells):
            text = normal(cell)
            label = in_header or (at == 0 and not is_list)
            rules = _rules(text)
            for begin, end in number_spans(text):
                rule = _rule(rules, begin, end)
                yield Number(text, begin, end, row.line, table, row, at, label=label, rule=rule)


def _in_run(run: Run, caption: str | None) -> Iterator[Number]:
    rules = _rules(run.text)
    mark = _CAPTION.match(run.text) if caption is not None else None
    if mark is not None:
        rules[mark.span()] = "caption"
    for begin, end in number_spans(run.text):
        rule = _rule(rules, begin, end)
        line = run.line_at(begin)
        yield Number(run.text, begin, end, line, run=run, caption=caption, rule=rule)


def _rules(text: str) -> dict[tuple[int, int], str]:
    return {(begin, end): rule for begin, end, rule in marks(text)}


def _rule(rules: Mapping[tuple[int, int], str], begin: int, end: int) -> str | None:
    return next((rule for (a, b), rule in rules.items() if a <= begin and end <= b), None)
