"""Tables as documents print them: cells set apart by tabs or bars, or run together by blanks."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from verify.ground.blocks import Block, is_rule
from verify.ground.normal import key, label, loose, normal
from verify.refusals import suggestion

_MOST_LABEL_CELLS = 3


class NoCellError(Exception):
    """A cell that cannot be told, in one clause: what was searched and what was found."""


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class FoundCell:
    """A cell, located."""

    line: int
    text: str
    row: Row
    at: int
    """Which of the row's cells; of a row whose columns have run together, which word."""
    label_size: int = 1
    """How many of the row's cells, or words, are its label."""


@dataclass(frozen=True)
class Table:
    """One table of a document."""

    name: str
    """ "4" by its caption; without one "claims" or the title of its section."""
    line: int
    header: tuple[Row, ...]
    rows: tuple[Row, ...]
    flat: bool = False
    """Whether columns are run together: a cell is then a word."""
    printed: str = ""
    """Its number as its caption prints it."""

    @classmethod
    def of(cls, block: Block, caption: Block | None, otherwise: str) -> Self:
        """Read a table from its lines.

        Args:
            block: The lines.
            caption: The caption above it, if there is one.
            otherwise: What to call it without a caption.
        """
        name = caption.number.removeprefix("table ") if caption is not None else otherwise
        printed = caption.printed if caption is not None else ""
        split = _words if block.kind == "flat" else _cells
        lines = [(block.line + i, line) for i, line in enumerate(block.lines) if not is_rule(line)]
        rows = [Row(number, split(line)) for number, line in lines]
        if block.kind == "flat":
            size = _flat_header(rows)
            wide = [re.search(r"\S {2,}\S", line) for _, line in lines]
            if all(wide):
                cut = [Row(n, tuple(re.split(r" {2,}", line.strip()))) for n, line in lines]
                return cls(name, block.line, tuple(cut[:size]), tuple(cut[size:]), printed=printed)
            return cls(name, block.line, tuple(rows[:size]), tuple(rows[size:]), True, printed)
        size = _header_size(rows)
        return cls(name, block.line, tuple(rows[:size]), tuple(rows[size:]), printed=printed)

    @property
    def title(self) -> str:
        """What a sentence calls it."""
        numbered = re.fullmatch(r"[\dA-Z.]+", self.name)
        return f"Table {self.name}" if numbered else f"the table {self.name!r}"

    def cell(self, row: str, column: str, known: Iterable[str] = ()) -> FoundCell:
        """Find a cell by the labels printed.

        Args:
            row: The row's label; in a list of claims its number, from 1.
            column: The column's label.
            known: Labels of this table's columns that are known elsewhere; they help to tell
                columns apart that have run together.

        Raises:
            NoCellError: no cell fits, or more than one.
        """
        if self.flat:
            return self._flat_cell(row, column, known)
        at = self.column(column)
        found, size = self._labelled(row)
        width = len(self.labels)
        cells = _trimmed(found.cells, width)
        if len(cells) != width:
            raise NoCellError(
                f"{self.title}: row {row!r} (line {found.line}) has {len(cells)} cells, "
                f"the header {width}; the columns are shifted"
            )
        return FoundCell(found.line, normal(cells[at]), found, at, size)

    @cached_property
    def labels(self) -> list[tuple[str, ...]]:
        """The labels of each column: the lowest one, and those above and it in one."""
        spans = [_trimmed(row.cells, 0) for row in self.header]
        width = max((len(cells) for cells in spans), default=0)
        lines = [[*cells, *[""] * (width - len(cells))] for cells in spans]
        return [_column_labels(lines, at) for at in range(width)]

    def column(self, wanted: str) -> int:
        """Find a column by its label.

        Raises:
            NoCellError: none has it, or more than one.
        """
        labels = self.labels
        for reduced in (label, loose):
            found = [i for i, names in enumerate(labels) if reduced(wanted) in map(reduced, names)]
            if len(found) > 1:
                found = [i for i in found if normal(wanted) in map(normal, labels[i])] or found
            if len(found) == 1:
                return found[0]
            if found:
                raise NoCellError(f"{self.title} has {len(found)} columns labelled {wanted!r}")
        names = [names[-1] for names in labels if names]
        raise NoCellError(f"{self.title} has no column {wanted!r}{_nearest(wanted, names)}")

    def row(self, wanted: str) -> Row:
        """Find a row by its label; in a list of claims by its number, from 1.

        Raises:
            NoCellError: none has it, or more than one.
        """
        return self._labelled(wanted)[0]

    def _labelled(self, wanted: str) -> tuple[Row, int]:
        """Find a row, and how many of its cells its label takes."""
        if self.name == "claims" and wanted.isdecimal():
            if not 1 <= int(wanted) <= len(self.rows):
                raise NoCellError(f"the list of claims has {len(self.rows)} rows, not {wanted}")
            return self.rows[int(wanted) - 1], 1
        found = [row for row in self.rows if label(row.cells[0]) == label(wanted)]
        for narrower in (normal, str.strip):
            if len(found) > 1:
                found = [r for r in found if narrower(r.cells[0]) == narrower(wanted)] or found
        if not found:
            return self._merged(wanted)
        if len(found) > 1:
            lines = " and ".join(str(row.line) for row in found)
            raise NoCellError(f"{self.title} has {len(found)} rows {wanted!r}, lines {lines}")
        return found[0], 1

    def _merged(self, wanted: str) -> tuple[Row, int]:
        """Find a row by its first cells together, one left empty being that of the row above."""
        found = [
            (row, size)
            for row, cells in zip(self.rows, self.filled, strict=True)
            for size in range(2, min(len(cells), _MOST_LABEL_CELLS + 1))
            if label(" ".join(cells[:size])) == label(wanted)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            lines = " and ".join(str(row.line) for row, _ in found)
            raise NoCellError(f"{self.title} has {len(found)} rows {wanted!r}, lines {lines}")
        names = [normal(row.cells[0]) for row in self.rows]
        raise NoCellError(f"{self.title} has no row {wanted!r}{_nearest(wanted, names)}")

    @cached_property
    def filled(self) -> list[tuple[str, ...]]:
        """The rows' cells, the first ones that are empty filled from the row above."""
        above: tuple[str, ...] = ()
        rows = []
        for row in self.rows:
            empty = next((at for at, cell in enumerate(row.cells) if cell), 0)
            empty = min(empty, len(above))
            above = (*above[:empty], *row.cells[empty:])
            rows.append(above)
        return rows

    def _flat_cell(self, row: str, column: str, known: Iterable[str]) -> FoundCell:
        found = [
            (line, size)
            for line in self.rows
            for words in (line.cells,)
            for size in range(1, len(words))
            if label("".join(words[:size])) == label(row)
        ]
        if len(found) != 1:
            count = f"{len(found)} rows" if found else "no row"
            names = [" ".join(line.cells[:size]) for line in self.rows for size in (1, 2)]
            hint = "" if found else _nearest(row, names)
            raise NoCellError(f"{self.title} has {count} {row!r}{hint}")
        line, size = found[0]
        at = size + self._flat_column(column, len(line.cells) - size, known)
        return FoundCell(line.line, line.cells[at], line, at, size)

    def _flat_column(self, wanted: str, width: int, known: Iterable[str]) -> int:
        """Tell which word of a row stands under a label, where blanks do not tell columns apart.

        Sure only if the header's first line has one label more than the row has cells, that of
        the row labels, or a line below it as many; and the wanted one once.
        """
        names = {label(name) for name in (*known, wanted)}
        fits: set[int] = set()
        for number, line in enumerate(self.header):
            labels = _flat_labels(line.cells, names)
            places = [i for i, name in enumerate(labels) if name == label(wanted)]
            offset = 0 if number else 1
            if len(labels) - width == offset and len(places) == 1 and places[0] >= offset:
                fits.add(places[0] - offset)
        if len(fits) != 1:
            raise NoCellError(
                f"{self.title}: the columns have run together; {width} cells cannot be matched "
                f"with the header to tell {wanted!r}"
            )
        return fits.pop()


def _cells(line: str) -> tuple[str, ...]:
    """Split a line at tabs, or at bars that are not escaped and not inside a formula."""
    if "\t" in line and line.count("|") < line.count("\t"):
        return tuple(cell.strip() for cell in line.split("\t"))
    line = line.strip()
    line = line[1:] if line.startswith("|") else line
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    parts = re.split(r"(\$[^$]*\$|\\\|)|\|", line) if line.count("$") % 2 == 0 else None
    if parts is None:
        return tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line))
    cells = [""]
    for number, part in enumerate(parts):
        if number % 2 == 0 and number and parts[number - 1] is None:
            cells.append("")
        cells[-1] += part or ""
    return tuple(cell.strip() for cell in cells)


def _words(line: str) -> tuple[str, ...]:
    """Split at blanks; reference marks are no words, what is in brackets is one."""
    text = re.sub(r"\[\d+(?:[,\- ]+\d+)*\]|\((?:ours?|this work)\)", "", normal(line), flags=re.I)
    return tuple(re.findall(r"\([^()]*\)\S*|\S+ = \S+|\S+", text))


def _trimmed(cells: Sequence[str], width: int) -> tuple[str, ...]:
    """Drop empty cells at the end, beyond a width."""
    end = len(cells)
    while end > width and not cells[end - 1].strip():
        end -= 1
    return tuple(cells[:end])


def _header_size(rows: Sequence[Row]) -> int:
    """Count the header's lines: the first, and those beside it that label no row."""
    size = 0
    while size < len(rows) and not rows[size].cells[0]:
        size += 1
    size += 1
    while size < len(rows) and not rows[size].cells[0] and any(rows[size].cells):
        size += 1
    return min(size, len(rows))


def _flat_header(rows: Sequence[Row]) -> int:
    """Count the lines before the first that ends in a figure."""
    for number, row in enumerate(rows):
        if re.fullmatch(r"-|[~<>+-]?\d[\d.]*[%†]?", row.cells[-1] if row.cells else ""):
            return max(number, 1)
    return 1


def _column_labels(lines: Sequence[Sequence[str]], at: int) -> tuple[str, ...]:
    """Name a column: by its lowest label, and by all labels over it where one spans several."""
    over = []
    for depth, line in enumerate(lines):
        lower = any(below[at] for below in lines[depth + 1 :])
        spanning = next((name for name in reversed(line[: at + 1]) if name), "") if lower else ""
        name = line[at] or (spanning if at else "")
        if name:
            over.append(name)
    if not over:
        return ()
    return tuple(dict.fromkeys((" ".join(over), over[-1])))


def _flat_labels(words: Sequence[str], names: set[str]) -> list[str]:
    """Group a header's words to labels: those known first, a unit goes to the word before it."""
    longest = max((len(words), *()), default=0)
    labels: list[str] = []
    at = 0
    while at < len(words):
        sizes = range(min(longest, len(words) - at), 1, -1)
        size = next((n for n in sizes if label("".join(words[at : at + n])) in names), 1)
        if size == 1 and words[at].startswith("(") and labels:
            labels[-1] = label(labels[-1] + words[at])
        else:
            labels.append(label("".join(words[at : at + size])))
        at += size
    return labels


def flat_labels(table: Table) -> list[str]:
    """Name the columns of a table that has run together, as far as its header's words tell."""
    labels: list[str] = []
    for word in table.header[0].cells if table.header else ():
        if word.startswith("(") and labels:
            labels[-1] += f" {word}"
        else:
            labels.append(word)
    return labels


def _nearest(wanted: str, names: Sequence[str]) -> str:
    hint = suggestion(wanted, names)
    known = ", ".join(dict.fromkeys(name for name in names if name))
    return hint or (f"; it has {known}" if known and len(known) <= 120 else "")  # noqa: PLR2004


def find_table(tables: Sequence[Table], wanted: str, number: Callable[[str], str]) -> Table:
    """Find a table by number, roman or arabic, or by name where it has no caption.

    Raises:
        NoCellError: there is none, or more than one.
    """
    plain = re.sub(r"^table\s+", "", normal(wanted), flags=re.IGNORECASE)
    found = [table for table in tables if number(plain) == table.name]
    found = found or [table for table in tables if key(plain) == key(table.name)]
    if len(found) == 1:
        return found[0]
    if found:
        lines = " and ".join(str(table.line) for table in found)
        raise NoCellError(f"{found[0].title} stands {len(found)} times, lines {lines}")
    counts = Counter(table.title for table in tables)
    names = ", ".join(counts) or "no table at all"
    raise NoCellError(f"found no table {wanted!r}; the document has {names}")
