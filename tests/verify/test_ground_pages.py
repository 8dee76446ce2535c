"""HTML pages and LaTeX sources read into what every other document has; garbage never a crash."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.claim import Cell, Passage
from verify.ground.document import parse_lines
from verify.ground.latex import latex_lines
from verify.ground.pages import has_page_tables, is_page, page_lines, with_page_tables
from verify.ground.places import NotThereError, place_of
from verify.ground.sources import read_file

PAGE = r"""<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Toys</title><style>p {width: 3px}</style></head>
<body><nav>7 links</nav><article class="ltx_document">
<h1 class="ltx_title">ToyNet: Small but Hard</h1>
<div class="ltx_abstract"><h6 class="ltx_title">Abstract</h6><p>We gain <math
 alttext="3.4\times"><semantics><mn>9</mn><annotation>9</annotation></semantics></math>.</p></div>
<section><h2><span class="ltx_tag ltx_tag_section">1 </span>Introduction</h2>
<p>It has 12 blocks<span class="ltx_note"><sup class="ltx_note_mark">1</sup><span
 class="ltx_note_outer"><span class="ltx_note_content"><sup class="ltx_note_mark">1</sup>Of 64
nodes.</span></span></span> in all, see <cite>[<a>27</a>]</cite>.
<table class="ltx_equation"><tr><td><math alttext="y=x+1"></math></td>
<td><span class="ltx_tag ltx_tag_equation">(1)</span></td></tr></table>
<ul><li><span class="ltx_tag ltx_tag_item">•</span><p>It has four parts.</p></li>
<li>It has 3 heads.</ul>
</section>
<section><h3><span class="ltx_tag">1.1 </span>Results</h3>
<figure class="ltx_table"><div><span class="ltx_tabular"><span class="ltx_tr"><span
 class="ltx_td">Model</span><span class="ltx_td" colspan="2">Speed</span></span>
<span class="ltx_tr"><span class="ltx_td"></span><span class="ltx_td">b=8</span><span
 class="ltx_td">b=16</span></span>
<span class="ltx_tr"><span class="ltx_td">ToyNet-B<sup>†</sup></span><span class="ltx_td">1,000.5
<br>img/s</span><span class="ltx_td"><table><tr><td>7.1</td></tr></table></span></span></span></div>
<figcaption class="ltx_caption"><span class="ltx_tag">Table 1: </span>Speeds</figcaption></figure>
</section>
<h2>References</h2><ul><li class="ltx_bibitem">[1] 2018.</li></ul></article>
<footer>5 px</footer></body></html>"""
SOURCE = r"""\documentclass{article}
\title{ToyNet: Small \emph{but} Hard}
% \section{None}
\begin{document}
\maketitle
\begin{abstract}
We gain $3.4\times$ at~5\,ms \cite{x12}. % 99 %
\end{abstract}
\section{Introduction}\label{s1}
It has 12 blocks, as in Table~\ref{t1}.
\begin{itemize}
\item It has four parts,
  and 3 heads.
\end{itemize}
\section*{Aside}
\subsection[Short]{Results}
\begin{table*}[t]
\begin{tabular*}{\textwidth}{l|c@{ }c}
\toprule
Model & \multicolumn{2}{c}{Speed} \\
 & $b=8$ & b=16 \\[2pt] \midrule
% RefNet & 1 & 2 \\
\textbf{ToyNet-B}$^\dagger$ \cite{r} & 1,000.5 & \shortstack{7.1\\(fast)} \\
A\&B || C & {2.5} & {\bf 3.5\%} \\ \bottomrule
\end{tabular*}
\caption[short]{Speeds \label{t1}}
\end{table*}
\begin{figure}\includegraphics{x9.png}\caption{ToyNet of 4 parts}\end{figure}
\begin{thebibliography}{9}
\bibitem{r} 2018.
\end{thebibliography}
\end{document}
Nothing of 77.
"""


def read(text, lines=page_lines):
    return parse_lines("toy", lines(text))


def latex(text):
    return latex_lines(text, whole=True)


def cell(document, row, column):
    return place_of(Cell(table="1", row=row, column=column), document)


def passage(document, section, printed):
    return place_of(Passage(section=section, printed=printed), document)


@pytest.mark.parametrize(
    ("text", "lines", "titles"),
    [
        (PAGE, page_lines, ["Abstract", "1 Introduction", "1.1 Results", "References"]),
        (SOURCE, latex, ["Abstract", "1 Introduction", "Aside", "1.1 Results", "References"]),
    ],
    ids=["page", "source"],
)
def test_headings_captions_and_text_are_found(text, lines, titles):
    document = read(text, lines)
    assert [section.title for section in document.sections[1:]] == [
        "ToyNet: Small but Hard",
        *titles,
    ]
    assert passage(document, "Abstract", "3.4×").line in {5, 7}
    assert passage(document, "1", "12 blocks").text == "12 blocks"
    assert passage(document, "Table 1", "Speeds").text == "Speeds"
    words = " ".join(run.text for run in document.runs)
    assert not [
        number for number in ("99", "77", "x9", "3px", "5 px", "7 links") if number in words
    ]


@pytest.mark.parametrize(("text", "lines", "number"), [(PAGE, page_lines, 21), (SOURCE, latex, 23)])
def test_cells_are_found_with_the_lines_of_the_file(text, lines, number):
    document = read(text, lines)
    (table,) = document.tables
    assert [len(row.cells) for row in (*table.header, *table.rows)] == [3] * (2 + len(table.rows))
    found = cell(document, "ToyNet-B†", "b=8")
    assert found.text.startswith("1000.5")
    assert found.line == number
    assert cell(document, "ToyNet-B†", "Speed b=16").text.startswith("7.1")


def test_of_a_page_notes_follow_their_paragraph_and_formulas_are_their_latex():
    document = read(PAGE)
    texts = [run.text for run in document.runs]
    at = texts.index("It has 12 blocks in all, see [27].")
    assert texts[at + 1 : at + 5] == [
        "Of 64 nodes.",
        "y=x+1",
        "It has four parts.",
        "It has 3 heads.",
    ]


def test_of_a_source_marks_that_are_escaped_are_kept_and_comments_are_not():
    document = read(SOURCE, latex)
    assert cell(document, "A&B || C", "b=16").text == "3.5%"
    assert [row.cells[0] for row in document.tables[0].rows][1] == "A\\&B \u2223\u2223 C"
    with pytest.raises(NotThereError, match="no row 'RefNet'"):
        cell(document, "RefNet", "b=8")
    assert document.captions[1][0] == "fig 1"
    assert [run.text for run in document.runs if "parts" in run.text] == [
        "It has four parts, and 3 heads."
    ]


def test_a_text_with_a_latex_table_keeps_all_else_as_it_is(tmp_path):
    path = tmp_path / "toy.md"
    table = SOURCE[SOURCE.index("\\begin{table*}") : SOURCE.index("\\begin{figure}")]
    path.write_text(f"# Toys\n\nIt takes ~134M at 5 % more.\n\n{table}\n\nMore words.\n")
    document = read_file(path)
    assert passage(document, "Toys", "~134M").line == 3
    assert passage(document, "Toys", "5 %").text == "5%"
    assert cell(document, "ToyNet-B†", "b=8").line == 11
    assert document.runs[-1].text == "More words."


MARKDOWN = """# Toys

A <table> that never ends stays text, as 12.5 does.

**Table 1.** Sizes

<TABLE border=1>
  <tr><th rowspan="2">Model</th><th colspan="2">Size (M)</th></tr>
  <tr><th>small</th><th>large</th></tr>
  <tr><td>Toy</td><td>**7.1**</td>
      <td><table><tr><td>8.2</td></tr></table></td></tr>
</TABLE> It ends so.

Table 2: Speeds

| Model | Speed |
|---|---|
| Toy | 3.5 |
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_text_with_an_html_table_keeps_all_else_as_it_is(tmp_path, line_end):
    path = tmp_path / "toy.md"
    path.write_text(MARKDOWN, newline=line_end)
    document = read_file(path)
    assert passage(document, "Toys", "12.5").line == 3
    assert [cell(document, "Toy", name).text for name in ("small", "Size (M) large")] == [
        "7.1",
        "8.2",
    ]
    assert cell(document, "Toy", "small").line == 10
    assert document.runs[-1].text == "It ends so."
    assert place_of(Cell(table="2", row="Toy", column="Speed"), document).line == 18


def test_a_text_may_have_tables_of_both_kinds(tmp_path):
    path = tmp_path / "toy.md"
    table = SOURCE[SOURCE.index("\\begin{table*}") : SOURCE.index("\\begin{figure}")]
    path.write_text(MARKDOWN.replace("Table 1", "Table 3").replace("Table 2: Speeds", table))
    document = read_file(path)
    assert place_of(Cell(table="3", row="Toy", column="large"), document).text == "8.2"
    assert cell(document, "ToyNet-B†", "b=8").text.startswith("1000.5")


@pytest.mark.parametrize(
    ("name", "text", "is_one"),
    [
        ("a.html", "words", True),
        ("a.txt", "\ufeff\n<!DOCTYPE html><p>", True),
        ("a.txt", '<?xml version="1.0"?>\n<html xmlns="x">', True),
        ("a.md", "# Words\n\n<html>", False),
    ],
)
def test_a_page_is_told_by_its_name_or_its_first_words(name, text, is_one):
    assert is_page(name, text) is is_one


@pytest.mark.parametrize(
    "text",
    [
        "<table><tr><td>Model<td>Size<tr><td>Toy<td>7.1",
        "<table><tbody><td>Model<td>Size<tr><td>Toy</td></td><td>7.1</tr></p></table>",
        "<table><tr><td>Model<p>&nbsp;<td>Size</table2><tr><th>Toy<td><b>7</b>.1",
    ],
)
def test_a_page_that_leaves_tags_open_is_read_all_the_same(text):
    document = read(f"<p>Table 1: Sizes</p>{text}")
    assert cell(document, "Toy", "Size").text == "7.1"


def test_a_span_that_is_no_number_or_beyond_reason_is_one_column():
    row = "<tr><td colspan=x>Model<td colspan=99999999999>Size<tr><td rowspan=0>Toy<td>7.1"
    document = read(f"<p>Table 1: Sizes</p><table>{row}</table>")
    assert document.tables[0].rows[0].cells[:2] == ("Toy", "7.1")


@pytest.mark.parametrize("text", ["\\section{Open\n\nWords of 7.\n", "\\begin{tabular}{lc\na & b"])
def test_a_source_that_leaves_braces_open_loses_no_more_than_the_line(text):
    assert latex(text) is not None
    assert [line for line, _ in latex(text) if "Words" in line or "a" in line]


def test_braces_and_marks_however_deep_are_read():
    deep = 50_000
    braces, marks = "{" * deep, "\\best{" * deep
    row = f"a & {braces}7.1{'}' * deep} & {marks}3.5{'}' * deep} & {braces}4"
    cells = next(line for line, _ in latex(f"\\begin{{tabular}}{{lc}}\n{row}") if line)
    assert cells.split("\t")[:2] == ["a", "7.1"]


TAGS = """<table> </table> <tr> <td </td> <th> <p> </p> <li> <math </math> <figure> </figure>
<figcaption> </figcaption> <h2> </h2> <sup> <![x[ <!-- --> <! <? & &#x; </span> <caption> <br>
<script> </script> < > a 7.1"""
PIECES = [*TAGS.split(), " rowspan=2>", " alttext='x'>", "<span class='ltx_note_content'>", "\n"]
SIGNS = r"""\begin{table} \end{table} \begin{tabular}{lc} \end{tabular} \caption{ { } & \\ \hline %
\section{ \item \multicolumn{2}{c}{ \multirow{2}{*}{ \begin{document} \end{document} [ ] a 7.1
\begin{abstract} \begin{thebibliography}{9} \title{ \\"""
COMMANDS = [*SIGNS.split(), " ", "\n", "\\"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_no_page_is_a_crash(text):
    read(text)
    lines = with_page_tables([(line, at) for at, line in enumerate(text.split("\n"), start=1)])
    if not has_page_tables(text):
        assert "\n".join(line for line, _ in lines) == text


@given(st.lists(st.sampled_from(COMMANDS), max_size=40).map("".join), st.booleans())
def test_no_source_is_a_crash(text, whole):
    parse_lines("toy", latex_lines(text, whole=whole))
