r"""LaTeX sources as lines that every other document has: headings, captions, tables set by tabs.

Nothing is typeset. What names a place is kept (sections, captions with the numbers LaTeX would
give them, rows and columns); what only points elsewhere is dropped (``\cite``, ``\ref``). A
merged cell stands in its first column or row; the others are empty.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator

from verify.ground.normal import SYMBOLS

Lines = list[tuple[str, int]]
"""Text, each with the number of the line of the source it is from."""
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*")
_TABULAR = r"(?:tabular[xy*]?|tabulary|longtable|tblr)"
_TOKEN = re.compile(
    r"\\(?P<heading>section|subsection|subsubsection|paragraph)(?P<star>\*?)\s*(?=[\[{])"
    rf"|\\begin\{{(?P<begin>table\*?|figure\*?|{_TABULAR}|abstract|thebibliography)\}}"
    r"|\\(?P<item>item|bibitem)(?![A-Za-z])(?:\[[^\]]*\])?(?:\{[^}]*\})?"
)
_TABLES = re.compile(rf"\\begin\{{(?P<begin>table\*?|{_TABULAR})\}}")
_DROPPED = re.compile(
    r"\\(?:cite[a-z]*|ref|eqref|autoref|cref|Cref|label|vspace\*?|hspace\*?|bibliographystyle"
    r"|bibliography|input|include|includegraphics)(?:\[[^\]]*\])*\{[^}]*\}"
    r"|\\(?:begin|end)\{[A-Za-z*]+\}(?:\[[^\]]*\])?|\\footnotemark(?:\[[^\]]*\])?"
    r"|\\(?:tnote|thanks|parbox|scalebox|raisebox|rotatebox)(?:\[[^\]]*\])*\{[^}]*\}"
    r"|\\(?:setlength|addtolength|setcounter|fontsize|rule)(?:\s*\{[^}]*\}){2}"
    r"|\\(?:maketitle|centering|noindent|par|newpage|appendix"
    r"|tiny|scriptsize|footnotesize|small|normalsize|[lL]arge|LARGE|[hH]uge|bfseries|itshape"
    r"|boldmath)(?![A-Za-z])"
)
_RULES = re.compile(
    r"\\(?:hline|toprule|midrule|bottomrule)(?![A-Za-z])(?:\[[^\]]*\])?"
    r"|\\cmidrule(?:\[[^\]]*\])?(?:\([^)]*\))?\{[^}]*\}|\\cline\{[^}]*\}"
    r"|\\(?:rowcolor|cellcolor)(?:\[[^\]]*\])?\{[^}]*\}"
    r"|\\(?:addlinespace|endhead|endfirsthead|endfoot|endlastfoot)(?![A-Za-z])(?:\[[^\]]*\])?"
)
_ROW_END = re.compile(r"\\\\\*?(?:\s*\[[^\]]*\])?|\\tabularnewline(?![A-Za-z])")
_MERGED_COLUMNS = re.compile(
    r"\\multicolumn\s*\{\s*(\d+)\s*\}\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}\s*"
)
_MERGED_ROWS = re.compile(r"\\multirow\s*(?:\[[^\]]*\])?\{[^}]*\}(?:\[[^\]]*\])?\s*\{[^}]*\}\s*")
_STACKED = re.compile(r"\\(?:makecell|shortstack|thead)\s*(?:\[[^\]]*\])?(?=\{)")
_MARKED = re.compile(r"\\([A-Za-z]+)\s*(?=\{[\s$~<>+{-]*\.?\d)")
_KEPT = {*SYMBOLS, "frac", "dfrac", "tfrac", "sqrt", "textsuperscript", "textsubscript"}
_MOST_MARKS = 20
"""Commands around one number; more are no author's."""
_DEPTH = {"section": 1, "subsection": 2, "subsubsection": 3}


def is_latex(name: str) -> bool:
    """Tell a LaTeX source by its name."""
    return name.lower().endswith((".tex", ".ltx"))


def has_tables(text: str) -> bool:
    """Tell a text with LaTeX tables in it."""
    return re.search(rf"\\begin\{{{_TABULAR}\*?\}}", text) is not None


def latex_lines(text: str, *, whole: bool) -> Lines:
    r"""Read a LaTeX source, or the tables of a text that is none.

    Args:
        text: The text.
        whole: Whether all of it is LaTeX.

    Example:
        >>> rows = r"\begin{tabular}{lc} Model & Size \\ \hline Toy & 7.1 \\ \end{tabular}"
        >>> [line for line, _ in latex_lines(rows, whole=False) if line]
        ['Model\tSize', 'Toy\t7.1']
    """
    return _Reading(text, whole=whole).lines()


class _Reading:
    def __init__(self, text: str, *, whole: bool) -> None:
        self.whole = whole
        self.text = _uncommented(text) if whole else text
        self.ends = [found.end() for found in re.finditer("\n", text)]
        self.out: Lines = []
        self.sections = [0, 0, 0]
        self.floats: Counter[str] = Counter()

    def lines(self) -> Lines:
        begin, end = 0, len(self.text)
        document = self.text.find("\\begin{document}")
        if self.whole and document >= 0:
            title = self.text.find("\\title")
            if title >= 0:
                words, _ = self._argument(title + len("\\title"))
                self._apart(f"# {_one_line(_inline(words))}", title)
            begin = document + len("\\begin{document}")
            last = self.text.find("\\end{document}", begin)
            end = last if last >= 0 else end
        self._body(begin, end)
        return self.out

    def _body(self, begin: int, end: int) -> None:
        at = begin
        tokens = _TOKEN if self.whole else _TABLES
        while (token := tokens.search(self.text, at, end)) is not None:
            self._prose(at, token.start())
            if not self.whole or token["begin"]:
                at = self._environment(token, end)
            elif token["heading"]:
                at = self._heading(token)
            else:
                at = self._item(token, end)
        self._prose(at, end)

    def _item(self, token: re.Match[str], end: int) -> int:
        """Write the first line of a list item; the others follow it as text."""
        line_end = self.text.find("\n", token.end(), end)
        line_end = line_end if line_end >= 0 else end
        follows = _TOKEN.search(self.text, token.end(), line_end)
        at = follows.start() if follows is not None else line_end
        words = _inline(self.text[token.end() : at]).strip()
        line = self._line(token.start())
        self.out += [("", line), (f"- {words}", line)]
        return at + 1 if at < end and self.text[at] == "\n" else at

    def _prose(self, begin: int, end: int) -> None:
        at = begin
        for line in self.text[begin:end].split("\n"):
            self.out.append((_inline(line) if self.whole else line, self._line(at)))
            at += len(line) + 1

    def _heading(self, token: re.Match[str]) -> int:
        at = token.end()
        if self.text[at] == "[":
            at = self.text.find("]", at) + 1
        title, end = self._argument(at)
        depth = _DEPTH.get(token["heading"])
        if depth is None:  # a paragraph's title runs into its text
            self._apart(f"{_one_line(title)}", token.start())
            return end
        number = ""
        if not token["star"]:
            self.sections[depth - 1] += 1
            self.sections[depth:] = [0] * (3 - depth)
            number = ".".join(map(str, self.sections[:depth])) + " "
        self._apart(f"{'#' * depth} {number}{_one_line(title)}", token.start())
        return end

    def _environment(self, token: re.Match[str], end: int) -> int:
        name = token["begin"]
        closing = self.text.find(f"\\end{{{name}}}", token.end(), end)
        inside = closing if closing >= 0 else end
        if name in {"abstract", "thebibliography"}:
            title = "Abstract" if name == "abstract" else "References"
            self._apart(f"# {title}", token.start())
            return token.end()
        if name.startswith(("table", "figure")):
            self._float(name.rstrip("*"), token.end(), inside)
        else:
            self._caption("table", token.end(), inside)
            self._tabular(name, token.end(), inside)
        return inside + (len(f"\\end{{{name}}}") if closing >= 0 else 0)

    def _float(self, kind: str, begin: int, end: int) -> None:
        """Write a table or figure that has a number: its caption above it, wherever it stood."""
        self._caption(kind, begin, end)
        for found in re.finditer(rf"\\begin\{{({_TABULAR})\}}", self.text[begin:end]):
            inside = begin + found.end()
            closing = self.text.find(f"\\end{{{found[1]}}}", inside, end)
            self._tabular(found[1], inside, closing if closing >= 0 else end)

    def _caption(self, kind: str, begin: int, end: int) -> None:
        found = re.compile(r"\\caption\s*(?:\[[^\]]*\])?\s*(?=\{)").search(self.text, begin, end)
        if found is None:
            return
        self.floats[kind] += 1
        words, _ = self._argument(found.end())
        name = "Table" if kind == "table" else "Fig."
        caption = f"{name} {self.floats[kind]}: {_one_line(_inline(words))}"
        self._apart(caption, found.start())

    def _tabular(self, name: str, begin: int, end: int) -> None:
        """Write a table's rows, one a line."""
        at = begin
        groups = 2 if name in {"tabular*", "tabularx", "tabulary"} else 1
        while groups and at < end:
            found = re.compile(r"\s*(?:\[[^\]]*\]\s*)*(?=\{)").match(self.text, at, end)
            if found is None:
                break
            _, at = self._argument(found.end())
            groups -= 1
        self.out.append(("", self._line(at)))
        for row, where in _rows(_uncommented(self.text[at:end])):
            cells = [cell for part in _split(row, re.compile(r"(?<!\\)&")) for cell in _cells(part)]
            if any(cells):
                self.out.append((tabbed(cells), self._line(at + where)))
        self.out.append(("", self._line(end)))

    def _argument(self, at: int) -> tuple[str, int]:
        """Give what stands in the braces that begin at or after a place, and where they end."""
        begin = self.text.find("{", at)
        if begin < 0:
            return "", at
        end = _closing(self.text, begin)
        if end < 0:  # never closed: no more than the line is lost
            line = self.text.find("\n", begin)
            end = line if line >= 0 else len(self.text)
            return self.text[begin + 1 : end], end
        return self.text[begin + 1 : end - 1], end

    def _apart(self, text: str, at: int) -> None:
        line = self._line(at)
        self.out += [("", line), (text, line), ("", line)]

    def _line(self, at: int) -> int:
        return bisect_right(self.ends, at) + 1


def _closing(text: str, begin: int) -> int:
    """Find where braces that open at a place have closed; -1 where they never do."""
    depth = 0
    for found in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, begin):
        depth += (found[0] == "{") - (found[0] == "}")
        if depth == 0 and found[0] == "}":
            return found.end()
    return -1


def _rows(body: str) -> Iterator[tuple[str, int]]:
    body = _RULES.sub(lambda found: " " * len(found[0]), body)
    at = 0
    for row in _split(body, _ROW_END):
        at = body.find(row, at)
        yield row, at + len(row) - len(row.lstrip())
        at += len(row)


def _split(text: str, at: re.Pattern[str]) -> list[str]:
    """Split where a mark stands outside braces."""
    parts, begin, depth = [], 0, 0
    position = 0
    while position < len(text):
        found = at.match(text, position) if depth == 0 else None
        if found is not None:
            parts.append(text[begin : found.start()])
            begin = position = found.end()
            continue
        if text[position] == "\\":
            position += 2
            continue
        depth += (text[position] == "{") - (text[position] == "}")
        position += 1
    return [*parts, text[begin:]]


def _cells(cell: str) -> list[str]:
    """Write one cell; one that spans several columns is followed by empty ones."""
    text = _STACKED.sub("", _MERGED_ROWS.sub("", cell))
    merged = _MERGED_COLUMNS.search(text)
    width = int(merged[1]) if merged is not None else 1
    text = _STACKED.sub("", _MERGED_ROWS.sub("", _MERGED_COLUMNS.sub("", text)))
    return [_one_line(_inline(text)), *[""] * (width - 1)]


def _uncommented(text: str) -> str:
    """Blank comments out; every other character keeps its place."""
    return _COMMENT.sub(lambda found: found[1] + " " * (len(found[0]) - len(found[1])), text)


def _inline(text: str) -> str:
    text = _unmarked(_DROPPED.sub("", text))
    text = text.replace("---", " \u2014 ").replace("--", "\u2013")  # a dash is no minus
    return text.replace("\\footnote{", " {").replace("~", " ")


def _unmarked(text: str) -> str:
    r"""Drop the commands around numbers that only mark them: the best one, say, in authors' words.

    Example:
        >>> _unmarked(r"\best{\underline{1.5}} \pm{0.1}")
        '{{1.5}} \\pm{0.1}'
    """
    for _ in range(_MOST_MARKS):
        once = _MARKED.sub(lambda found: found[0] if found[1] in _KEPT else "", text)
        if once == text:
            break
        text = once
    return text


def _one_line(text: str) -> str:
    """Put a text on one line, without the braces around all of it."""
    text = re.sub(r"\s+", " ", text).strip()
    if not text.startswith("{"):
        return text
    opened, ends = [], {}
    for found in re.finditer(r"\\.|[{}]", text):
        if found[0] == "{":
            opened.append(found.start())
        elif found[0] == "}" and opened:
            ends[opened.pop()] = found.start()
    begin, end = 0, len(text)
    while ends.get(begin, end) == end - 1:
        begin, end = begin + 1, end - 1
        while begin < end and text[begin] == " ":
            begin += 1
        while begin < end and text[end - 1] == " ":
            end -= 1
    return text[begin:end]


def tabbed(cells: list[str]) -> str:
    """Join cells with tabs; more bars than tabs would be taken for those of a table."""
    line = "\t".join(cells)
    return line.replace("|", "\u2223") if line.count("|") >= line.count("\t") else line
