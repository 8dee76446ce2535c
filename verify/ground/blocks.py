"""A document's lines cut into blocks: headings, paragraphs, list items, captions, tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from verify.ground.normal import normal

Kind = Literal["heading", "prose", "item", "caption", "grid", "flat"]
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,2}[.)])\s+(?=\S)")
_CAPTION = re.compile(
    r"[\s*_#]*(?P<kind>table|fig(?:ure)?\.?)\s+(?P<number>[A-Z]?\.?\d+|[IVXL]+)(?![\w-])"
    r"(?:[\s*_]*[:.|—–-](?P<text>.*)|[\s*_]*$)",
    re.IGNORECASE,
)
_IN_SENTENCE = re.compile(r"\s*(?:table|fig(?:ure)?\.?)\s+[\w.]*\w\.\s+\S", re.IGNORECASE)
_LATER_ITEM = re.compile(r"\s*(?!1[.)])\d")
_LAST_FIGURE = re.compile(r"(?:^|\s)(?:[-–—]|[~<>+-]?\d[\d.,]*[%†‡*]?)\s*$")
_RULE = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-+:?\s*)*\|?\s*")


@dataclass(frozen=True)
class Block:
    """Lines that belong together."""

    kind: Kind
    lines: tuple[str, ...]
    line: int
    """Number of the first line, from 1."""
    number: str = ""
    """Of a caption: which table or figure, "table 4" or "fig 5"."""
    printed: str = ""
    """That number as printed: "IV"."""
    alone: bool = False
    """Whether it is a line by itself, blank lines around it."""


def lines_of(text: str) -> list[str]:
    """Cut a text where editors do, so that line numbers are theirs."""
    return re.split(r"\r\n|\r|\n", text)


def blocks_of(text: str) -> Iterator[Block]:
    """Cut a document into blocks, in order."""
    lines = lines_of(text)
    at = 0
    if lines[0].strip() == "---" and any(line.strip() == "---" for line in lines[1:]):
        at = next(i for i, line in enumerate(lines) if i and line.strip() == "---") + 1
        yield from _front_matter(lines[1 : at - 1])
    while at < len(lines):
        end = at
        while end < len(lines) and lines[end].strip():
            end += 1
        yield from _paragraph(lines[at:end], at + 1)
        at = end + 1


def _front_matter(lines: list[str]) -> Iterator[Block]:
    begin = 0
    for at in range(1, len(lines) + 1):
        if at == len(lines) or not lines[at].startswith((" ", "\t")):
            if lines[begin:at]:
                yield Block("item", tuple(lines[begin:at]), begin + 2)
            begin = at


def _paragraph(lines: list[str], line: int) -> Iterator[Block]:
    """Cut a paragraph where a heading, caption, table or list item begins."""
    at = 0
    while at < len(lines):
        kind, size, number = _kind(lines, at)
        if kind == "prose" and _is_flat(lines[at:]) and (at == 0 or _CAPTION.match(lines[at - 1])):
            kind, size = "flat", len(lines) - at
        end = at + size
        if kind in {"prose", "item"}:
            while end < len(lines) and _goes_on(lines, end, kind):
                end += 1
        caption = _CAPTION.match(lines[at]) if kind == "caption" else None
        printed = caption["number"] if caption is not None else ""
        yield Block(kind, tuple(lines[at:end]), line + at, number, printed, len(lines) == 1)
        at = end


def _goes_on(lines: list[str], at: int, kind: Kind) -> bool:
    """Tell a wrapped line, also one that happens to begin "Table 3. Then" or "4. Then"."""
    begins = _kind(lines, at)[0]
    if begins == "caption":
        return _IN_SENTENCE.match(lines[at]) is not None
    if begins == "item" and kind == "prose":
        return _LATER_ITEM.match(lines[at]) is not None
    return begins == "prose"


def _kind(lines: list[str], at: int) -> tuple[Kind, int, str]:
    """Tell what begins at a line, how many lines it has, and a caption's number."""
    text = lines[at]
    caption = _CAPTION.match(text)
    if caption is not None:
        what = "table" if caption["kind"].lower() == "table" else "fig"
        return "caption", 1, f"{what} {numeral(caption['number'])}"
    if re.match(r"\s*#{1,6}\s", text):
        return "heading", 1, ""
    rows = _grid_rows(lines, at)
    if rows:
        return "grid", rows, ""
    return ("item" if _ITEM.match(text) else "prose"), 1, ""


def _grid_rows(lines: list[str], at: int) -> int:
    """Count the lines of a table whose cells are set apart by tabs or bars."""
    for tells in (_has_tab, _has_bar):
        if not tells(lines[at]):
            continue
        end = at + 1
        while end < len(lines) and (tells(lines[end]) or any(map(tells, lines[end + 1 : end + 2]))):
            end += 1
        if end - at > 1 and (tells is _has_tab or _is_barred(lines[at:end])):
            return end - at
    return 0


def _has_tab(line: str) -> bool:
    return "\t" in line.strip("\n ") and bool(line.strip())


def _has_bar(line: str) -> bool:
    return "|" in line


def _is_barred(lines: list[str]) -> bool:
    return is_rule(lines[1]) or all(line.strip().startswith("|") for line in lines)


def is_rule(line: str) -> bool:
    """Tell the line of dashes between a table's header and its rows."""
    return "|" in line and _RULE.fullmatch(line) is not None


def _is_flat(lines: list[str]) -> bool:
    """Tell a table whose columns have run together: most of its lines end in a figure."""
    figures = sum(_LAST_FIGURE.search(line) is not None for line in lines)
    wide = all(len(line.split()) > 1 for line in lines)
    return len(lines) > 1 and wide and 2 * figures >= len(lines)


def numeral(text: str) -> str:
    """Write a table's, figure's or section's number in arabic digits: "IV" is "4".

    Example:
        >>> numeral("IV"), numeral("4"), numeral("A.2")
        ('4', '4', 'A.2')
    """
    if not re.fullmatch(r"[IVXL]+", text, re.IGNORECASE):
        return text.upper()
    values = [{"I": 1, "V": 5, "X": 10, "L": 50}[letter] for letter in text.upper()]
    after = [*values[1:], 0]
    return str(sum(-v if v < n else v for v, n in zip(values, after, strict=True)))


def item_text(block: Block) -> tuple[str, ...]:
    """Give a list item's lines without its bullet."""
    first, *rest = block.lines
    bullet = _ITEM.match(first)
    return (first[bullet.end() :] if bullet is not None else first, *rest)


def joined(lines: tuple[str, ...]) -> str:
    """Join wrapped lines to normal running text; a word broken after a hyphen stays whole."""
    text = ""
    for line in lines:
        broken = re.search(r"\w-\s*$", text) and re.match(r"\s*\w", line)
        text = text.rstrip() + line.lstrip() if broken else f"{text} {line}"
    return normal(text)
