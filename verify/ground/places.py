"""From a locator to the place in a document, or one sentence on why there is none."""

import difflib
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from verify.claim import Cell, Passage, Sentence
from verify.ground.blocks import numeral
from verify.ground.document import Document, Run
from verify.ground.figures import occurrences
from verify.ground.normal import key, normal
from verify.ground.sections import members, named
from verify.ground.tables import FoundCell, NoCellError, find_table
from verify.refusals import suggestion

_CAPTION = re.compile(r"(table|fig)(?:ure)?\.?\s+([A-Z]?\.?\d+|[IVXL]+)", re.IGNORECASE)
_NEAR = 0.5


@dataclass(frozen=True)
class Place:
    """Where a locator points, and what stands there."""

    line: int
    text: str
    """Normal: the cell, the printed string, or the sentence."""
    rest: str = ""
    """What follows it in its sentence."""
    cell: FoundCell | None = None
    """The table cell it is."""
    run: Run | None = None
    """The running text it stands in, from ``begin`` to ``end``."""
    begin: int = 0
    end: int = 0


class NotThereError(Exception):
    """A locator that leads nowhere, or to more than one place."""

    def __init__(self, detail: str, found: str | None = None, *, misquoted: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.found = found
        self.misquoted = misquoted
        """Whether the place exists and something else stands there."""


def place_of(
    locator: Cell | Passage | Sentence, document: Document, columns: Iterable[str] = ()
) -> Place:
    """Resolve a locator in a document.

    Args:
        locator: What to look for.
        document: Where.
        columns: Column labels of the same table that are known from elsewhere.

    Raises:
        NotThereError: nothing or more than one thing fits.
    """
    if isinstance(locator, Cell):
        try:
            table = find_table(document.tables, locator.table, numeral)
            cell = table.cell(locator.row, locator.column, columns)
        except NoCellError as error:
            raise NotThereError(str(error)) from error
        return Place(cell.line, cell.text, cell=cell)
    runs = runs_of(document, locator.section)
    if isinstance(locator, Passage):
        return _passage(locator, runs, document)
    return _sentence(locator, runs)


def runs_of(document: Document, name: str) -> list[Run]:
    """Give the text of a section by its name, or the caption of a table or figure.

    Raises:
        NotThereError: no section has that name, or several.
    """
    caption = _CAPTION.fullmatch(normal(name))
    if caption is not None:
        wanted = f"{caption[1].lower()} {numeral(caption[2])}"
        runs = [run for number, run in document.captions if number == wanted]
        if len(runs) != 1:
            raise NotThereError(f"{document.name} has {len(runs)} captions {name!r}")
        return runs
    found = named(document.sections, name)
    if len(found) != 1:
        titles = [section.title for section in document.sections]
        nearest = suggestion(name, titles) or _offer(titles)
        what = f"no section {name!r}{nearest}"
        if found:
            lines = " and ".join(str(document.sections[at].line) for at in found)
            what = f"{len(found)} sections {name!r}, lines {lines}"
        raise NotThereError(f"{document.name} has {what}")
    inside = members(document.sections, found[0])
    return [run for run in document.runs if run.section in inside]


@lru_cache(maxsize=65536)
def digest_of(sentence: str) -> str:
    """Give the SHA-256 of a sentence in its normal spelling."""
    return hashlib.sha256(normal(sentence).encode()).hexdigest()


def _passage(locator: Passage, runs: Sequence[Run], document: Document) -> Place:
    count = 0
    for run in runs:
        for begin, end in occurrences(run.text, locator.printed):
            count += 1
            if count == locator.occurrence:
                sentence_end = next(
                    (
                        offset + len(text)
                        for offset, text in run.sentences
                        if end <= offset + len(text)
                    ),
                    len(run.text),
                )
                place = run.text[begin:end], run.text[end:sentence_end]
                return Place(run.line_at(begin), *place, run=run, begin=begin, end=end)
    times = f"{count} of {locator.occurrence} times" if count else "nowhere"
    detail = f"{locator.printed!r} stands {times} in section {locator.section}"
    raise NotThereError(
        f"{detail}{_elsewhere(locator.printed, runs, document)}",
        _nearest(locator.printed, runs),
        misquoted=True,
    )


def _sentence(locator: Sentence, runs: Sequence[Run]) -> Place:
    for run in runs:
        for offset, sentence in run.sentences:
            if digest_of(sentence) == locator.sentence_sha256:
                end = offset + len(sentence)
                return Place(run.line_at(offset), sentence, run=run, begin=offset, end=end)
    count = sum(len(run.sentences) for run in runs)
    digest = locator.sentence_sha256[:12]
    raise NotThereError(
        f"none of the {count} sentences of section {locator.section} has the SHA-256 {digest}..."
    )


def _elsewhere(printed: str, runs: Sequence[Run], document: Document) -> str:
    """Say where a string stands that its section does not have."""
    for run in document.runs:
        if run not in runs and next(occurrences(run.text, printed), None):
            title = document.sections[run.section].title
            return f"; it stands in {title!r}, line {run.marks[0][1]}"
    return ""


def _nearest(printed: str, runs: Sequence[Run]) -> str | None:
    """Find what looks most like a string that is not there."""
    size = len(normal(printed).split())
    wanted = normal(printed)
    grams: dict[str, None] = {}
    for run in runs:
        words = [word.strip(".,;:()[]\"'") for word in run.text.split()]
        alike = any(c.isdigit() for c in wanted)
        for at in range(len(words) - size + 1):
            gram = " ".join(words[at : at + size])
            if not alike or any(c.isdigit() for c in gram):
                grams[gram] = None
    close = difflib.get_close_matches(wanted, grams, n=1, cutoff=_NEAR)
    return close[0] if close else None


def _offer(titles: Sequence[str]) -> str:
    names = [title for title in titles if key(title)]
    few = 8
    return f"; it has {', '.join(map(repr, names[:few]))}" + (" ..." if len(names) > few else "")
