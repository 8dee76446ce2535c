"""A document parsed once: its sections, its running text, its tables."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from verify.ground.blocks import Block, blocks_of, item_text, joined
from verify.ground.normal import key, normal
from verify.ground.sections import FRONT, Headings, Section
from verify.ground.tables import Row, Table

_ENDS = re.compile(r"[.!?:][\"')\]*_]*\s*$")
_BREAK = re.compile(r"(?<=[.!?])([\"')\]]*)\s+(?=[\"'(\[]*[A-Z0-9~†])")
_SHORT = re.compile(
    r"(?:^|[\s(\[])(?:secs?|figs?|eqs?|tabs?|refs?|no|vs|cf|e\.g|i\.e|al|approx|resp|etc"
    r"|w\.r\.t|[A-Z])\.$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Run:
    """Text that runs on: a paragraph, over page breaks, or one list item."""

    text: str
    """Normal."""
    section: int
    marks: tuple[tuple[int, int], ...]
    """Where each of the document's lines begins in the text: (offset, line)."""

    def line_at(self, offset: int) -> int:
        """Give the document's line at an offset of the text."""
        return next(line for begin, line in reversed(self.marks) if begin <= offset)

    @cached_property
    def sentences(self) -> tuple[tuple[int, str], ...]:
        """The sentences, each with its offset."""
        return tuple(_sentences(self.text))


@dataclass(frozen=True)
class Document:
    """One document, parsed."""

    name: str
    sections: tuple[Section, ...]
    runs: tuple[Run, ...]
    tables: tuple[Table, ...]
    captions: tuple[tuple[str, Run], ...]
    """By what they caption: "table 4", "fig 5"."""


def parse(name: str, text: str) -> Document:
    """Parse a document's text.

    Args:
        name: What sentences about it call it.
        text: Its text.
    """
    return _Parsing(list(blocks_of(text.removeprefix("\ufeff")))).document(name)


def parse_lines(name: str, lines: Sequence[tuple[str, int]]) -> Document:
    """Parse lines that were read from a file in which they have other numbers.

    Args:
        name: What sentences about it call it.
        lines: Each with its number there.
    """
    document = parse(name, "\n".join(text for text, _ in lines))
    numbers = {at: number for at, (_, number) in enumerate(lines, start=1)}

    def renumbered(run: Run) -> Run:
        marks = tuple((begin, numbers.get(line, line)) for begin, line in run.marks)
        return replace(run, marks=marks)

    def moved(row: Row) -> Row:
        return replace(row, line=numbers.get(row.line, row.line))

    return Document(
        name,
        tuple(replace(s, line=numbers.get(s.line, s.line)) for s in document.sections),
        tuple(map(renumbered, document.runs)),
        tuple(
            replace(
                table,
                line=numbers.get(table.line, table.line),
                header=tuple(map(moved, table.header)),
                rows=tuple(map(moved, table.rows)),
            )
            for table in document.tables
        ),
        tuple((name, renumbered(run)) for name, run in document.captions),
    )


class _Parsing:
    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = blocks
        self.sections = [Section(FRONT, 1, 1)]
        self.texts: list[tuple[int, bool, list[tuple[str, int]]]] = []
        self.tables: list[Table] = []
        self.captions: list[tuple[str, Run]] = []
        self.caption: tuple[Block, int] | None = None
        self.below = _captions_stand_below(blocks)

    def document(self, name: str) -> Document:
        headings = Headings(self.blocks)
        for at, block in enumerate(self.blocks):
            heading = headings.of(block, next(iter(self.blocks[at + 1 : at + 2]), None))
            if heading is None:
                self._block(block, at)
                continue
            self.sections.append(heading.section)
            self._text(heading.rest, heading.line, item=False)
        runs = tuple(_run(section, pieces) for section, _, pieces in self.texts)
        return Document(name, tuple(self.sections), runs, tuple(self.tables), tuple(self.captions))

    def _block(self, block: Block, at: int) -> None:
        section = len(self.sections) - 1
        if block.kind == "caption":
            run = _run(section, [(line, block.line) for line in block.lines])
            self.captions.append((block.number, run))
            self.caption = (block, at)
            return
        caption = self._caption_of(at)
        if block.kind == "grid" or (block.kind == "flat" and caption is not None):
            self.tables.append(Table.of(block, caption, self._table_name(block, section)))
        elif block.kind == "item":
            self._text(item_text(block), block.line, item=True)
        else:
            self._text(block.lines, block.line, item=False)

    def _caption_of(self, at: int) -> Block | None:
        """Give the caption of a table: the block before it, a title line between, or behind it."""
        if self.below and self.blocks[at].kind == "grid":
            behind = self.blocks[at + 1 : at + 2]
            return behind[0] if any(map(_is_caption, behind)) else None
        if self.caption is None:
            return None
        block, where = self.caption
        return block if _is_caption(block) and _is_near(self.blocks[where + 1 : at]) else None

    def _table_name(self, block: Block, section: int) -> str:
        first = re.split(r"[\t|]", block.lines[0].strip().strip("|"))[0]
        return "claims" if key(first) in {"claim", "claims"} else self.sections[section].title

    def _text(self, lines: Sequence[str], line: int, *, item: bool) -> None:
        """Begin a run, or go on with the last one where a page break cut a sentence."""
        pieces = [(text, line + number) for number, text in enumerate(lines)]
        if not any(text.strip() for text, _ in pieces):
            return
        section = len(self.sections) - 1
        if self.texts and not item:
            last_section, last_item, last = self.texts[-1]
            if last_section == section and not last_item and not _ENDS.search(last[-1][0]):
                last.extend(pieces)
                return
        self.texts.append((section, item, pieces))


def _is_caption(block: Block) -> bool:
    return block.kind == "caption" and block.number.startswith("table")


def _captions_stand_below(blocks: Sequence[Block]) -> bool:
    """Tell captions behind tables, by the tables that have one on one side only."""
    votes = 0
    for at, block in enumerate(blocks):
        if block.kind == "grid":
            behind = any(map(_is_caption, blocks[at + 1 : at + 2]))
            before = any(
                _is_caption(blocks[where]) and _is_near(blocks[where + 1 : at])
                for where in range(max(0, at - 2), at)
            )
            votes += behind - before
    return votes > 0


def _is_near(between: Sequence[Block]) -> bool:
    """Tell nothing, or a title line, between a caption and its table."""
    return len(between) == 0 or (len(between) == 1 and between[0].kind == "prose")


def _run(section: int, pieces: Sequence[tuple[str, int]]) -> Run:
    text = joined(tuple(line for line, _ in pieces))
    marks, offset = [], 0
    for line, number in pieces:
        marks.append((min(offset, len(text)), number))
        offset += len(normal(line)) + 1
    return Run(text, section, tuple(marks))


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    """Cut normal text where a sentence ends; "Sec. II" and "e.g. a" are no ends."""
    begin = 0
    for found in _BREAK.finditer(text):
        if _SHORT.search(text[begin : found.start()]):
            continue
        yield begin, text[begin : found.end(1)]
        begin = found.end()
    if text[begin:]:
        yield begin, text[begin:]
