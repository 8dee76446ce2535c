"""HTML pages, those of arXiv among them, as lines that every other document has.

Headings, paragraphs, list items, captions and tables are kept; formulas by their LaTeX where the
page gives it. A caption stands above its table wherever the page has it. A merged cell stands in
its first column or row; the others are empty. Footnotes follow the paragraph they belong to.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

from verify.ground.latex import Lines, tabbed

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr"}
_SKIPPED = {"script", "style", "nav", "head", "button", "svg", "annotation", "template", "footer"}
_SKIPPED_CLASSES = {
    "ltx_note_mark",
    "ltx_tag_note",
    "ltx_tag_item",
    "ltx_tag_equation",
    "ltx_tag_bibitem",
    "ltx_page_navbar",
    "ltx_page_footer",
}
_BLOCKS = {"p", "div", "section", "article", "main", "body", "blockquote", "pre", "ul", "ol", "dl"}
_ENDS_BEFORE = {
    "p": {"p"},
    "li": {"li"},
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tr": {"td", "th", "tr"},
}
"""What a tag ends that the page left open."""
_BARRIERS = {"table", "ul", "ol"}
_MOST_SPANNED = 1000
_TABLE_TAG = re.compile(r"<(?P<end>/?)table(?=[\s>/])[^<>]*>", re.IGNORECASE)


def is_page(name: str, text: str) -> bool:
    """Tell an HTML page by its name or its first words."""
    head = text[:2000].lstrip("\ufeff \t\r\n").lower()
    begins = re.match(r"(?:<\?xml[^>]*>\s*)?(?:<!doctype html|<html)", head)
    return begins is not None or name.lower().endswith((".html", ".htm", ".xhtml"))


def page_lines(text: str) -> Lines:
    r"""Read a page.

    Example:
        >>> page = "<h2>2 Results</h2><table><tr><th>Model<th>Size<tr><td>Toy<td>7.1</table>"
        >>> [line for line, _ in page_lines(page) if line]
        ['## 2 Results', 'Model\tSize', 'Toy\t7.1']
    """
    page = _Page()
    page.feed(text)
    page.close()
    page.finish()
    return page.out


def has_page_tables(text: str) -> bool:
    """Tell a text with HTML tables in it."""
    return _TABLE_TAG.search(text) is not None


def with_page_tables(lines: Lines) -> Lines:
    r"""Read the HTML tables in a text that is no page, as Markdown may have them.

    A table that never ends stays the text that it is.

    Args:
        lines: The text.

    Example:
        >>> lines = [("Sizes:", 1), ("<table><tr><td>Toy", 2), ("<td>7.1</table>", 3), ("End.", 4)]
        >>> [line for line in with_page_tables(lines) if line[0]]
        [('Sizes:', 1), ('Toy\t7.1', 2), ('End.', 4)]
    """
    text = "\n".join(line for line, _ in lines)
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    out: Lines = []
    at = 0

    def copy(first: int, last: int) -> None:
        for number in range(bisect_right(starts, first) - 1, bisect_left(starts, last)):
            line, own = lines[number]
            out.append((line[max(first - starts[number], 0) : last - starts[number]], own))

    for begin, end in _outer_tables(text):
        copy(at, begin)
        before = bisect_right(starts, begin) - 2  # the lines of a fragment count from 1
        out += [(line, lines[before + number][1]) for line, number in page_lines(text[begin:end])]
        at = end
    copy(at, len(text) + 1)
    return out


def _outer_tables(text: str) -> list[tuple[int, int]]:
    """Tell where the tables begin and end that stand in no other."""
    opened: list[int] = []
    found: list[tuple[int, int]] = []
    for tag in _TABLE_TAG.finditer(text):
        if not tag["end"]:
            opened.append(tag.start())
        elif opened:
            begin = opened.pop()
            while found and found[-1][0] > begin:
                found.pop()
            found.append((begin, tag.end()))
    return found


@dataclass
class _Grid:
    """A table as it is read."""

    line: int
    tables: int
    """How many tags ``table`` are open around its rows; one more is a table inside a cell."""
    rows: list[tuple[list[str], int]] = field(default_factory=list)
    below: dict[int, int] = field(default_factory=dict)
    """Columns that a cell above still spans, each with the number of rows."""

    def begin_row(self, line: int) -> None:
        self.rows.append(([], line))

    def add(self, text: str, columns: int, rows: int, line: int) -> None:
        if not self.rows:
            self.begin_row(line)
        cells, _ = self.rows[-1]
        self._skip_spanned(cells)
        at = len(cells)
        cells.extend([text, *[""] * (columns - 1)])
        if rows > 1:
            self.below.update(dict.fromkeys(range(at, at + columns), rows - 1))

    def end_row(self) -> None:
        if self.rows:
            self._skip_spanned(self.rows[-1][0])

    def _skip_spanned(self, cells: list[str]) -> None:
        while self.below.get(len(cells), 0) > 0:
            self.below[len(cells)] -= 1
            cells.append("")


@dataclass
class _Open:
    """A tag that has not ended, and what its end does."""

    tag: str
    close: Callable[[], None] | None = None


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: Lines = []
        self.words: list[str] = []
        self.line = 1
        self.prefix = ""
        self.open: list[_Open] = []
        self.silent = 0
        self.grids: list[_Grid] = []
        self.figures: list[list[Callable[[], None]]] = []
        self.captions: list[tuple[str, int]] = []
        self.kept: list[tuple[list[str], int]] = []
        self.notes: list[tuple[str, int]] = []

    # -- what the parser calls ------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _VOID:
            self._void(tag)
            return
        self._end_left_open(tag)
        self.open.append(_Open(tag, self._begin(tag, given)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self._void(tag)
        else:
            self.handle_starttag(tag, attrs)
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if any(opened.tag == tag for opened in self.open):
            while self._end_last() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self.silent or not data:
            return
        if not self.words and data.strip():
            before = len(data) - len(data.lstrip())
            self.line = self.getpos()[0] + data[:before].count("\n")
        self.words.append(data)

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Pass over ``<![...>``, of which pages have forms that the parser would stop at."""
        end = self.rawdata.find(">", i)
        return end + 1 if end >= 0 else -1

    def finish(self) -> None:
        """End what the page left open."""
        while self.open:
            self._end_last()
        self._flush()

    # -- tags -----------------------------------------------------------------------------

    def _void(self, tag: str) -> None:
        if tag in {"br", "hr"} and not self.silent:
            self.words.append(" ")

    def _end_left_open(self, tag: str) -> None:
        ends = _ENDS_BEFORE.get(tag, set())
        for at in range(len(self.open) - 1, -1, -1):
            if self.open[at].tag in _BARRIERS:
                return
            if self.open[at].tag in ends:
                while len(self.open) > at:
                    self._end_last()

    def _end_last(self) -> str:
        opened = self.open.pop()
        if opened.close is not None:
            opened.close()
        return opened.tag

    def _begin(self, tag: str, given: Mapping[str, str]) -> Callable[[], None] | None:
        """Do what a tag's beginning asks, and give what its end will."""
        classes = set(given.get("class", "").split())
        if self.silent or tag in _SKIPPED or classes & _SKIPPED_CLASSES:
            return self._silence()
        if tag == "math":
            formula = given.get("alttext")
            if formula is None:
                return None
            self.handle_data(f"${formula}$")
            return self._silence()
        if "ltx_note_content" in classes:
            return self._keep(self.notes)
        if tag in {"figcaption", "caption"} or "ltx_caption" in classes:
            return self._keep(self.captions)
        if self._is_table(tag, classes):
            return self._begin_table(tag)
        if self.grids:
            return self._begin_in_table(tag, given, classes)
        return self._begin_text(tag)

    def _begin_text(self, tag: str) -> Callable[[], None] | None:
        if tag == "figure":
            self._flush()
            self.figures.append([])
            return self._end_figure
        if re.fullmatch("h[1-6]", tag):
            self._flush()
            self.prefix = "#" * int(tag[1]) + " "
            return self._flush
        if tag == "li":
            self._flush()
            self.prefix = "- "
            return self._flush
        if tag in _BLOCKS or tag in {"table", "tr", "dt", "dd"}:
            self._flush()
            return self._flush
        return self._begin_raised(tag)

    def _begin_raised(self, tag: str) -> Callable[[], None] | None:
        if tag not in {"sup", "sub"}:
            return None
        self.words.append("^{" if tag == "sup" else "_{")
        return lambda: self.words.append("}")

    def _silence(self) -> Callable[[], None]:
        self.silent += 1

        def speak() -> None:
            self.silent -= 1

        return speak

    def _keep(self, where: list[tuple[str, int]]) -> Callable[[], None]:
        """Collect words apart from the text around them."""
        self.kept.append((self.words, self.line))
        self.words = []
        self.line = self.getpos()[0]

        def end() -> None:
            text = _joined(self.words)
            if text:
                where.append((text, self.line))
            self.words, self.line = self.kept.pop()

        return end

    # -- tables ---------------------------------------------------------------------------

    def _is_table(self, tag: str, classes: set[str]) -> bool:
        """Tell a table from what is only laid out as one: a formula, a table inside a cell."""
        laid_out = any(name.startswith("ltx_eq") for name in classes)
        is_one = (tag == "table" and not laid_out) or "ltx_tabular" in classes
        return is_one and not self.grids

    def _open_tables(self) -> int:
        return sum(opened.tag == "table" for opened in self.open)

    def _begin_table(self, tag: str) -> Callable[[], None]:
        self._flush()
        captions = len(self.captions)
        tables = self._open_tables() + (tag == "table")
        self.grids.append(_Grid(self.getpos()[0], tables))

        def end() -> None:
            grid = self.grids.pop()
            self.words = []

            def write() -> None:
                self._write_table(grid)

            if self.figures:
                self.figures[-1].append(write)
                return
            self._write_captions(captions)
            write()

        return end

    def _begin_in_table(
        self, tag: str, given: Mapping[str, str], classes: set[str]
    ) -> Callable[[], None] | None:
        grid, line = self.grids[-1], self.getpos()[0]
        nested = self._open_tables() > grid.tables
        if (tag == "tr" or "ltx_tr" in classes) and not nested:
            grid.begin_row(line)
            return grid.end_row
        if (tag in {"td", "th"} or "ltx_td" in classes) and not nested:
            self.words = []
            columns, rows = (_span(given, name) for name in ("colspan", "rowspan"))

            def end() -> None:
                grid.add(_joined(self.words), columns, rows, line)
                self.words = []

            return end
        if tag in {"tr", "td", "th", "p", "div", "li"}:
            self.words.append(" ")
        return self._begin_raised(tag)

    def _write_table(self, grid: _Grid) -> None:
        self.out.append(("", grid.line))
        for cells, line in grid.rows:
            if any(cells):
                self.out.append((tabbed(cells), line))
        self.out.append(("", grid.line))

    def _end_figure(self) -> None:
        """Write a figure's captions, then its tables."""
        self._flush()
        writes = self.figures.pop()
        self._write_captions(0)
        for write in writes:
            write()

    def _write_captions(self, since: int) -> None:
        for text, line in self.captions[since:]:
            self.out += [("", line), (text, line), ("", line)]
        del self.captions[since:]

    # -- text -----------------------------------------------------------------------------

    def _flush(self) -> None:
        """Write the words so far as a paragraph, heading or list item."""
        if self.kept or self.grids:
            self.words.append(" ")
            return
        text = _joined(self.words)
        if text:
            self.out += [("", self.line), (self.prefix + text, self.line), ("", self.line)]
            self.prefix = ""
        elif self.prefix.startswith("#"):
            self.prefix = ""
        self.words = []
        for note, line in self.notes:
            self.out += [(note, line), ("", line)]
        self.notes.clear()


def _joined(words: list[str]) -> str:
    return re.sub(r"\s+", " ", "".join(words)).strip()


def _span(given: Mapping[str, str], name: str) -> int:
    """Read how many columns or rows a cell spans."""
    text = given.get(name, "1")
    return min(max(int(text), 1), _MOST_SPANNED) if text.isdecimal() else 1
