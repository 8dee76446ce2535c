"""What a claim file could hold of a document: its cells and numbers, each proven to be located.

Only what ``ground`` finds again under the locator written is taken; the rest is named with the
reason, so that it can be located by hand.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reproductions.contract import Unit
from verify.claim import Cell, Passage
from verify.errors import VerifyError
from verify.extract.guesses import apart, name_of, unit_of
from verify.ground.blocks import numeral
from verify.ground.document import Document
from verify.ground.figures import cell_states, is_sentence, number_spans, with_zero
from verify.ground.locate import caption_name, number_locator, section_name
from verify.ground.marks import marks
from verify.ground.normal import normal, readable_label
from verify.ground.places import NotThereError, place_of, runs_of
from verify.ground.printed import references
from verify.ground.tables import NoCellError, Row, Table, find_table, flat_labels

_FEW = 8


@dataclass(frozen=True)
class FoundRow:
    """One cell of a column."""

    label: str
    printed: str
    subject: str
    line: int
    cell: str
    """All that the cell prints."""


@dataclass(frozen=True)
class FoundColumn:
    """One column of a table that prints numbers."""

    table: str
    column: str
    heading: str
    """The column's label with those above it."""
    title: str
    line: int
    qualifier: str
    unit: Unit | None
    """Guessed."""
    rows: tuple[FoundRow, ...]


@dataclass(frozen=True)
class FoundNumber:
    """One number of a list of claims or of running text, or a claim that prints none."""

    subject: str
    locator: dict[str, str | int]
    line: int
    context: str


@dataclass
class Skeleton:
    """What was found."""

    columns: list[FoundColumn] = field(default_factory=list)
    numbers: list[FoundNumber] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """What prints no number, or cannot be located as it is, and why."""


def skeleton(document: Document, table: str | None, section: str | None) -> Skeleton:
    """Extract a document's tables, or one of them, or the numbers of a section's text.

    Args:
        document: The document.
        table: A table's number or name; None for all, unless a section is asked for.
        section: A section's number or title; None for none.

    Raises:
        VerifyError: there is no such table or section, or none at all, or nothing is located.
    """
    extracting = _Extracting(document)
    try:
        if table is not None:
            extracting.table(find_table(document.tables, table, numeral))
        elif section is None:
            extracting.all_tables()
        if section is not None:
            extracting.section(section)
    except (NoCellError, NotThereError) as error:
        raise VerifyError(f"{document.name}: {error}; correct the name") from error
    found = extracting.found
    if not found.columns and not found.numbers:
        told = "; ".join(dict.fromkeys(found.left_out)) or "none is printed"
        raise VerifyError(f"{document.name}: want numbers to extract, found none: {told}")
    return found


class _Extracting:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.found = Skeleton()
        self.qualifiers: set[str] = set()
        self.subjects: set[str] = set()

    def all_tables(self) -> None:
        left_out = references(self.document)
        if not self.document.tables:
            titles = [
                section.title
                for at, section in enumerate(self.document.sections[1:], start=1)
                if at not in left_out
            ]
            few = ", ".join(map(repr, titles[:_FEW])) or "'front matter'"
            sections = few + (" ..." if len(titles) > _FEW else "")
            raise VerifyError(
                f"{self.document.name}: want a table, found none; extract the numbers of a "
                f"section with --section: {sections}"
            )
        for table in self.document.tables:
            self.table(table)

    def table(self, table: Table) -> None:
        name = table.printed or table.name
        try:
            find_table(self.document.tables, name, numeral)
        except NoCellError as error:
            self.found.left_out.append(str(error))
            return
        if table.name == "claims":
            self._claims(table)
            return
        for at, label in enumerate(_labels(table)):
            if at:
                self._column(table, name, at, label)

    def _column(self, table: Table, name: str, at: int, label: str) -> None:
        cells = list(_cells(table, at))
        figures = [(row, text) for row, text in cells if any(number_spans(normal(text)))]
        if not figures:
            words = f"column {label!r} prints no number" if label else f"column {at + 1} is empty"
            self.found.left_out.append(f"{table.title}: {words}")
            return
        subjects: set[str] = set()
        rows = []
        for row, text in figures:
            located = self._located(table, name, row, at, label)
            if located is None:
                continue
            subject = apart(name_of(located.row, f"row_{row.line}"), subjects)
            printed = str(located.printed)
            rows.append(FoundRow(located.row, printed, subject, row.line, normal(text)))
        if not rows:
            return
        qualifier = name_of(f"t {name} {label}", f"t_{at}")
        heading = label if table.flat else readable_label(table.labels[at][0])
        column = FoundColumn(
            name,
            label,
            heading,
            self._title(table),
            table.line,
            apart(qualifier, self.qualifiers),
            unit_of(heading, [row.cell for row in rows]),
            tuple(rows),
        )
        self.found.columns.append(column)

    def _located(self, table: Table, name: str, row: Row, at: int, label: str) -> Cell | None:
        """Find a locator that leads back to a cell, or note why there is none."""
        known = [word for word in _labels(table) if word]
        problem = "" if label else f"{table.title}: column {at + 1} has no label of its own"
        if label:
            for given in _row_names(table, row):
                locator = Cell(table=name, row=given, column=label)
                try:
                    place = place_of(locator, self.document, known)
                except NotThereError as error:
                    problem = problem or error.detail
                    continue
                cell = place.cell
                if cell is not None and cell.row is row and cell.at == _place(table, row, at):
                    printed = _printed(place.text, row.cells[cell.at])
                    return locator.model_copy(update={"printed": printed})
                problem = problem or f"{table.title}: row {given!r} is another one"
        self.found.left_out.append(f"line {row.line}, {normal(' '.join(row.cells))!r}: {problem}")
        return None

    def _title(self, table: Table) -> str:
        """Give a table's caption without its number, or its name."""
        number = f"table {table.name}".lower()
        captions = [run.text for caption, run in self.document.captions if caption == number]
        text = captions[0].partition(":")[2].strip() if len(captions) == 1 else ""
        return text or table.title

    def _claims(self, table: Table) -> None:
        """Take each number of a list of claims, or the sentence where it prints none."""
        labels = _labels(table)
        for number, row in enumerate(table.rows, start=1):
            for at, cell in enumerate(row.cells):
                label = labels[at] if at < len(labels) else ""
                text = normal(cell)
                figures = _figures(text) or ([] if at else [""])
                for printed in figures:
                    locator: dict[str, str | int] = {
                        "table": "claims",
                        "row": str(number),
                        "column": label,
                    }
                    if printed:
                        locator["printed"] = printed
                    self._number(locator, f"claim_{number}", row.line, text)

    def section(self, name: str) -> None:
        left_out = references(self.document)
        for run in runs_of(self.document, name):
            caption = next((c for c, other in self.document.captions if other is run), None)
            if run.section in left_out and caption is None:
                continue
            title = section_name(self.document, run.section)
            title = caption_name(caption) if caption is not None else title
            ruled = [(begin, end) for begin, end, _ in marks(run.text)]
            for begin, end in number_spans(run.text):
                if any(a <= begin and end <= b for a, b in ruled):
                    continue
                locator = number_locator(self.document, run, (begin, end), caption)
                context = next(text for offset, text in reversed(run.sentences) if offset <= begin)
                subject = f"{name_of(f's_{title}', 's')}.n{name_of(run.text[begin:end], '')}"
                self._number(locator, subject, run.line_at(begin), context)

    def _number(
        self, locator: dict[str, str | int] | None, subject: str, line: int, context: str
    ) -> None:
        problem = "the number is not whole there"
        if locator is not None:
            shape = Cell if "table" in locator else Passage
            try:
                place = place_of(shape.model_validate(locator), self.document)
                sound = place.run is not None or _states(place.text, locator.get("printed"))
                problem = "" if sound and place.line == line else "it is found elsewhere"
            except (NotThereError, ValueError) as error:
                problem = str(error)
        if locator is None or problem:
            self.found.left_out.append(f"line {line}, {context!r}: {problem}")
            return
        name = apart(subject, self.subjects)
        self.found.numbers.append(FoundNumber(name, locator, line, context))


def _states(text: str, printed: str | int | None) -> bool:
    return printed is None or cell_states(text, str(printed))


def _labels(table: Table) -> list[str]:
    """Name the columns so that each name means one: the lowest label, or all of them."""
    if table.flat:
        return flat_labels(table)
    names = []
    for at, given in enumerate(table.labels):
        sound = (name for name in reversed(given) if _means(table, readable_label(name), at))
        names.append(next(map(readable_label, sound), ""))
    return names


def _means(table: Table, label: str, at: int) -> bool:
    try:
        return bool(label) and table.column(label) == at
    except NoCellError:
        return False


def _cells(table: Table, at: int) -> Iterator[tuple[Row, str]]:
    for row in table.rows:
        where = _place(table, row, at)
        if 0 <= where < len(row.cells):
            yield row, row.cells[where]


def _place(table: Table, row: Row, at: int) -> int:
    """Tell which of a row's cells stands in a column; of run-together ones, from the end."""
    return len(row.cells) - len(flat_labels(table)) + at if table.flat else at


def _row_names(table: Table, row: Row) -> Iterator[str]:
    """Yield what a row may be called: its first cell, or its first ones together."""
    if table.flat:
        yield " ".join(row.cells[: _place(table, row, 1)])
        return
    filled = next(c for r, c in zip(table.rows, table.filled, strict=True) if r is row)
    yield readable_label(row.cells[0]) or " ".join(map(readable_label, filled[:2]))
    for size in (2, 3):
        yield " ".join(map(readable_label, filled[:size]))


def _printed(text: str, raw: str) -> str:
    """Give a cell's one number with its sign and commas, or all of a cell that prints several."""
    found = _figures(text)
    if len(found) != 1 or not cell_states(text, found[0]):
        return text
    written = (given[0] for given in re.finditer(r"[+-]?\d[\d,]*(?:\.\d+)?", raw))
    same = (given for given in written if normal(given).lstrip("+") == found[0])
    return next(same, with_zero(found[0]))


def _figures(text: str) -> list[str]:
    ruled = [(begin, end) for begin, end, _ in marks(text)] if is_sentence(text) else []
    return [
        text[begin:end]
        for begin, end in number_spans(text)
        if not any(a <= begin and end <= b for a, b in ruled)
    ]


def titles_of(document: Document) -> Sequence[str]:
    """Give what a document may be called, likeliest first: its first heading, its first line."""
    runs, sections = document.runs, document.sections
    first = runs[0] if runs else None
    heading = sections[1].title if len(sections) > 1 else ""
    if first is None or (heading and first.section > 0):
        return [heading] if heading else []
    end = first.marks[1][0] if len(first.marks) > 1 else len(first.text)
    return [first.text[:end].strip(), *([heading] if heading else [])]
