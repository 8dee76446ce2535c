"""Headings: which lines are one, which section is meant by a name, what belongs to it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from verify.ground.blocks import Block, numeral
from verify.ground.normal import key, normal

FRONT = "front matter"
"""The section of what stands before the first heading."""
_NUMBERED = re.compile(
    r"(?:(?P<roman>[IVX]+)\.|(?P<letter>[A-Z])\.|(?P<arabic>\d{1,2}(?:\.\d{1,2})*)[.)]?)"
    r"\s+(?P<title>[A-Z\"'(].*)"
)
_NAMED = re.compile(
    r"abstract|references|bibliography|acknowledge?ments?|introduction|limitations"
    r"|conclusions?|appendix",
    re.IGNORECASE,
)
_RUN_IN = re.compile(
    r"[\s*_#]*(?P<title>abstract|index terms|keywords)[\s*_]*[-—–:.][\s*_]*(?=\S)", re.IGNORECASE
)
_MARKED = re.compile(r"\s*(?P<hashes>#{1,6})\s+(?P<title>.*?)[\s#]*")
_REFERS = re.compile(r"(?:section|sec\.?|§)\s*(?=[IVX\d])", re.IGNORECASE)
_LONGEST_TITLE = 100
_LONGEST_WEB_TITLE = 200
_SHORTEST_ABSTRACT = 200
_LARGEST_GAP = 3


@dataclass(frozen=True)
class Section:
    """One heading."""

    title: str
    level: int
    line: int
    number: tuple[str, ...] = ()
    """Arabic, outermost first: V.B is ("5", "2")."""

    def __str__(self) -> str:
        """Name it for a human."""
        return self.title

    def ends_at(self, later: "Section") -> bool:
        """Tell whether a later heading begins a section that is no part of this one."""
        if self.number and later.number:
            return later.number[: len(self.number)] != self.number
        return later.level <= self.level


@dataclass(frozen=True)
class Heading:
    """A section's beginning, and the text that shares its block."""

    section: Section
    rest: tuple[str, ...] = ()
    line: int = 0
    """Number of the first line of the rest."""


class Headings:
    """Finds the headings of one document as its blocks go by."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        marked = sum(block.kind == "heading" for block in blocks)
        self.plain = marked < 2  # noqa: PLR2004 - a marked title alone says nothing of the rest
        self.web = False
        self.top = self.sub = 0
        self.web = not marked and not any(self.of(block, None) for block in blocks)
        self.top = self.sub = 0

    def of(self, block: Block, after: Block | None) -> Heading | None:
        """Read the heading a block begins with, if it does.

        Args:
            block: The block.
            after: The one after it.
        """
        text, rest = block.lines[0], block.lines[1:]
        run_in = _RUN_IN.match(text)
        if run_in is not None and block.kind in {"prose", "heading"}:
            section = Section(run_in["title"], 1, block.line)
            return Heading(section, (text[run_in.end() :], *rest), block.line)
        if block.kind == "heading":
            return Heading(self._marked(block))
        if block.kind not in {"prose", "item"}:
            return None
        found = self._plain(block, text) if self.plain else None
        if found is None and self.web and _is_web_title(block, after):
            found = Section(normal(text), 1, block.line)
        return Heading(found, rest, block.line + 1) if found is not None else None

    def _plain(self, block: Block, text: str) -> Section | None:
        """Read a heading that is a line by itself, or the first line of a paragraph."""
        if _NAMED.fullmatch(text.strip()):
            return Section(text.strip(), 1, block.line)
        if block.alone or (block.kind == "prose" and len(block.lines) > 1):
            return self._numbered(normal(text), block.line)
        return None

    def _marked(self, block: Block) -> Section:
        found = _MARKED.fullmatch(block.lines[0])
        hashes, title = (found["hashes"], normal(found["title"])) if found else ("#", "")
        numbered = self._numbered(title, block.line)
        number = numbered.number if numbered is not None else ()
        return Section(title, len(hashes), block.line, number)

    def _numbered(self, text: str, line: int) -> Section | None:
        """Read a numbered heading; numbers go up, so that a list or a name is none."""
        found = _NUMBERED.fullmatch(text)
        if found is None or len(text) > _LONGEST_TITLE or text.rstrip()[-1] in ".,;:":
            return None
        if found["arabic"]:
            number = tuple(found["arabic"].split("."))
            top = int(number[0])
            if not self.top <= top <= self.top + _LARGEST_GAP or (
                len(number) == 1 and top == self.top
            ):
                return None
            self.top, self.sub = top, 0
            return Section(text, len(number), line, number)
        letters = found["roman"] or found["letter"]
        return self._roman(text, letters, line) or self._lettered(text, letters, line)

    def _roman(self, text: str, letters: str, line: int) -> Section | None:
        value = int(numeral(letters)) if re.fullmatch("[IVX]+", letters) else 0
        if not self.top < value <= self.top + _LARGEST_GAP:
            return None
        self.top, self.sub = value, 0
        return Section(text, 1, line, (str(value),))

    def _lettered(self, text: str, letters: str, line: int) -> Section | None:
        value = ord(letters) - ord("A") + 1 if len(letters) == 1 else 0
        if not self.top or not self.sub < value <= self.sub + _LARGEST_GAP:
            return None
        self.sub = value
        return Section(text, 2, line, (str(self.top), str(value)))


def _is_web_title(block: Block, after: Block | None) -> bool:
    """Tell the title of an abstract on a page that marks no headings."""
    text = block.lines[0].strip()
    if not block.alone or len(text) > _LONGEST_WEB_TITLE or text[-1] in ".:;,":
        return False
    follows = after is not None and after.kind == "prose"
    return follows and len(" ".join(after.lines if after else ())) >= _SHORTEST_ABSTRACT


def named(sections: Sequence[Section], name: str) -> list[int]:
    """List the sections a name means: "V.B", "IV-C", "5.2", a title, or number and title.

    Example:
        >>> found = [Section("V. TESTS", 1, 9, ("5",)), Section("B. Speed", 2, 12, ("5", "2"))]
        >>> named(found, "V-B"), named(found, "speed")
        ([1], [1])
    """
    plain = _REFERS.sub("", normal(name))
    path = _path(plain)
    if path:
        found = [i for i, section in enumerate(sections) if section.number == path]
        if found:
            return found
    wanted = key(plain)
    return [i for i, section in enumerate(sections) if wanted and wanted in _titles(section)]


def _path(name: str) -> tuple[str, ...]:
    """Read a section's number, outermost first; empty if it is none."""
    parts = [part for part in re.split(r"[.\-\s]+", name.strip()) if part]
    if not parts or not all(re.fullmatch(r"[IVX]+|[A-Z]|\d+", part) for part in parts):
        return ()
    first, *rest = parts
    inner = [str(ord(p) - ord("A") + 1) if p.isalpha() and len(p) == 1 else p for p in rest]
    return (numeral(first), *inner)


def _titles(section: Section) -> Iterator[str]:
    yield key(section.title)
    numbered = _NUMBERED.fullmatch(section.title)
    if numbered is not None:
        yield key(numbered["title"])


def members(sections: Sequence[Section], at: int) -> set[int]:
    """Give the section at an index and everything below it."""
    found = {at}
    for later in range(at + 1, len(sections)):
        if sections[at].ends_at(sections[later]):
            break
        found.add(later)
    return found
