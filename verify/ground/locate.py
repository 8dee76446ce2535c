"""Every place where a text stands in a document, as a locator ready to paste."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from verify.claim import Cell, Passage, Sentence
from verify.ground.document import Document, Run
from verify.ground.figures import occurrences
from verify.ground.normal import label, normal, readable_label
from verify.ground.places import NotThereError, Place, digest_of, place_of
from verify.ground.sections import Section, members, named
from verify.ground.tables import Table


@dataclass(frozen=True)
class Located:
    """One place, as a locator."""

    locator: dict[str, str | int]
    line: int
    note: str = ""
    """Why the locator cannot be used as it is."""

    def __str__(self) -> str:
        """Write the locator as YAML, the line number as a comment."""
        pairs = ", ".join(
            f"{name}: {json.dumps(value, ensure_ascii=False)}"
            for name, value in self.locator.items()
        )
        return f"- {{{pairs}}}  # line {self.line}" + (f"; {self.note}" if self.note else "")


def locate(document: Document, text: str) -> list[Located]:
    """List every place where a text stands: table cells first, then captions, running text.

    Signs alone ("-") are looked for as whole cells only.
    """
    found = [place for table in document.tables for place in _in_table(document, table, text)]
    if any(letter.isalnum() for letter in text):
        runs = [*document.captions, *((None, run) for run in document.runs)]
        for caption, run in runs:
            for begin, _ in occurrences(run.text, text):
                found.append(_in_run(document, run, begin, text, caption))
    return list({json.dumps(place.locator): place for place in reversed(found)}.values())[::-1]


def _in_table(document: Document, table: Table, text: str) -> Iterator[Located]:
    labels = [readable_label((names or ("",))[-1]) for names in table.labels]
    whole = not any(letter.isalnum() for letter in text)
    for number, row in enumerate(table.rows, start=1):
        name = str(number) if table.name == "claims" else readable_label(row.cells[0])
        for at, cell in enumerate(row.cells):
            same = label(cell) == label(text) and bool(cell)
            if not same and (whole or next(occurrences(cell, text), None) is None):
                continue
            if table.flat or at >= len(labels):
                note = "the columns have run together or are shifted; name row and column by hand"
                column, name = "?", " ".join(row.cells)
                yield Located(_cell(table, name, column), row.line, note)
                break
            located = _cell(table, name, labels[at])
            yield _checked(document, located, row.line, text)


def _cell(table: Table, row: str, column: str) -> dict[str, str | int]:
    return {"table": table.printed or table.name, "row": row, "column": column}


def _checked(document: Document, locator: dict[str, str | int], line: int, text: str) -> Located:
    """Say so where the locator would not lead back to its place."""
    try:
        place = place_of(_model(locator), document)
    except NotThereError as error:
        return Located(locator, line, error.detail)
    return Located(locator, line, "" if _leads_back(place, line, text) else "leads elsewhere")


def _leads_back(place: Place, line: int, text: str) -> bool:
    return place.line == line and bool(place.text) and bool(normal(text))


def _model(locator: dict[str, str | int]) -> Cell | Passage | Sentence:
    if "table" in locator:
        return Cell.model_validate(locator)
    return (Sentence if "sentence_sha256" in locator else Passage).model_validate(locator)


def _in_run(document: Document, run: Run, begin: int, text: str, caption: str | None) -> Located:
    """Locate a place in running text: by its number, or by its sentence where none is printed."""
    section = section_name(document, run.section)
    if caption is not None:
        section = caption_name(caption)
    line = run.line_at(begin)
    locator: dict[str, str | int] = {"section": section}
    if any(letter.isdigit() for letter in text):
        locator["printed"] = text
        occurrence = occurrence_of(document, run, begin, text)
        if occurrence > 1:
            locator["occurrence"] = occurrence
    else:
        sentence = [s for offset, s in run.sentences if offset <= begin][-1]
        locator["sentence_sha256"] = digest_of(sentence)
        return (
            _checked(document, locator, line, text) if caption is None else Located(locator, line)
        )
    return _checked(document, locator, line, text)


def caption_name(caption: str) -> str:
    """Name a caption as a locator's section does: "Table 4"."""
    return caption.capitalize()


def occurrence_of(document: Document, run: Run, begin: int, text: str) -> int:
    """Count the places of a text up to this one in its section, or in its caption.

    0 where this one is none: the text is not whole there.
    """
    inside = members(document.sections, run.section)
    count = 0
    for other in _runs_beside(document, run):
        if other.section not in inside:
            continue
        for at, _ in occurrences(other.text, text):
            count += 1
            if other is run and at == begin:
                return count
    return 0


def number_locator(
    document: Document, run: Run, span: tuple[int, int], caption: str | None
) -> dict[str, str | int] | None:
    """Locate a number of running text, with its whole word where it is not whole alone.

    Args:
        document: The document.
        run: The running text.
        span: Where the number stands in it.
        caption: Of what it is the caption, "table 4"; None for other text.
    """
    section = section_name(document, run.section) if caption is None else caption_name(caption)
    begin, end = span
    word = begin - len(re.split(r"[\s(]", run.text[:begin])[-1])
    word_end = end + len(re.split(r"[\s)]", run.text[end:])[0].rstrip(".,;:"))
    for first, last in ((begin, end), (word, word_end)):
        printed = run.text[first:last]
        occurrence = occurrence_of(document, run, first, printed)
        if occurrence:
            locator: dict[str, str | int] = {"section": section, "printed": printed}
            return locator | ({"occurrence": occurrence} if occurrence > 1 else {})
    return None


def _runs_beside(document: Document, run: Run) -> tuple[Run, ...]:
    """Give the running text of a document, or the run alone where it is a caption."""
    is_caption = any(run is caption for _, caption in document.captions)
    return (run,) if is_caption else document.runs


def section_name(document: Document, at: int) -> str:
    """Name a section the shortest way that means it alone."""
    section: Section = document.sections[at]
    for name in (_path(section), section.title):
        if name and named(document.sections, name) == [at]:
            return name
    return section.title


def _path(section: Section) -> str:
    """Write a section's number as the document does: roman and letter, or arabic."""
    if not section.number:
        return ""
    if section.title[:1].isdigit() or section.level > 2:  # noqa: PLR2004 - IEEE has two levels
        return ".".join(section.number)
    top = _roman(int(section.number[0])) if section.number[0].isdigit() else section.number[0]
    return ".".join((top, *(chr(ord("A") + int(n) - 1) for n in section.number[1:])))


def _roman(value: int) -> str:
    text = ""
    for size, letters in ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
        text += letters * (value // size)
        value %= size
    return text
