"""A claim file made of a document: round trips in every form of table, and what is refused."""

import json
import re

import pytest
import yaml

from verify.cli import main
from verify.extract.guesses import apart, name_of, unit_of

HEADER = ["Model", "Type", "Params (M)", "Top-1 (%)"]
ROWS = [
    ["RefNet-50 [14]", "CNN", "25.6", "80.4"],
    ["ToyViG-B (Ours)", "GNN", "104.8", "85.6"],
    ["ToyViG-B [†] (Ours)", "GNN", "105.2", "-"],
]


def joined(rows, mark):
    return "\n".join(mark.join(row) for row in rows)


def markdown(rows):
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def ruleless(rows):
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def latex(rows):
    body = "\n".join(f"{' & '.join(row)} \\\\" for row in rows).replace("%", "\\%")
    return f"\\begin{{tabular}}{{lccc}}\n\\hline\n{body}\n\\end{{tabular}}"


def html(rows):
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>\n" for line in lines) + "</table>"


FORMS = {
    "markdown": ("toy.md", "# A Toy Report\n\nTable 4: Sizes\n\n{}\n", markdown),
    "tabs": ("toy.txt", "A Toy Report\n\nTABLE IV: Sizes\n\n{}\n", lambda r: joined(r, "\t")),
    "wide blanks": ("toy.txt", "A Toy\n\nTABLE IV: Sizes\n\n{}\n", lambda r: joined(r, "   ")),
    "bars": ("toy.txt", "A Toy\n\nTABLE IV: Sizes\n\n{}\n", ruleless),
    "latex": (
        "toy.tex",
        "\\title{{A Toy}}\\begin{{document}}\n\\begin{{table}}\n{}\n\\caption{{Sizes}}\n"
        "\\end{{table}}\n\\end{{document}}\n",
        latex,
    ),
    "latex in markdown": ("toy.md", "# A Toy, 5 %\n\nTable 4: Sizes\n\n{}\n\nIt is ~5 %.", latex),
    "html": (
        "toy.html",
        "<!DOCTYPE html><html><body><h1>A Toy</h1><figure>{}"
        "<figcaption>Table 4: Sizes</figcaption></figure></body></html>",
        html,
    ),
}
ONE_LINE = [["Model", "Params", "Top"], ["RefNet-50", "25.6", "80.4"], ["ToyViG-B†", "104", "-"]]


@pytest.fixture
def verify(tmp_path, capsys):
    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.fixture
def round_trip(tmp_path, verify):
    """Extract a document, lint it, ground it, and give the file and what is uncovered."""

    def run(name, content, *options):
        documents = tmp_path / "documents"
        documents.mkdir()
        path = documents / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        out = tmp_path / "claims" / "toy.yaml"
        code, _, told = verify("extract", path, "--source", "toy", "--out", out, *options)
        assert (code, told) == (0, "")
        text = out.read_text()
        source = re.search(r"^#   (toy: .*)$", text, re.MULTILINE)[1]
        (tmp_path / "claims.yaml").write_text(f"schema: 1\nsources:\n  {source}\n")
        where = ("--project", tmp_path)
        assert verify("lint", *where)[0] == 0
        code, out, _ = verify("ground", *where, "--sources", documents, "--json")
        assert json.loads(out)["problems"] == []
        assert code == 0
        _, out, _ = verify("coverage", *where, "--sources", documents, "--json")
        return text, json.loads(out)

    return run


def cells(text):
    """Give what a file of claims holds: (row, column, printed)."""
    blocks = yaml.safe_load(text).get("tables", [])
    return [
        (row, block["table"]["column"], given["printed"])
        for block in blocks
        for row, given in block["rows"].items()
    ]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_table_makes_the_round_trip(form, round_trip):
    name, page, written = FORMS[form]
    text, covered = round_trip(name, page.format(written([HEADER, *ROWS])))
    assert cells(text) == [
        ("RefNet-50", "Params (M)", "25.6"),
        ("ToyViG-B (Ours)", "Params (M)", "104.8"),
        ("ToyViG-B† (Ours)", "Params (M)", "105.2"),
        ("RefNet-50", "Top-1 (%)", "80.4"),
        ("ToyViG-B (Ours)", "Top-1 (%)", "85.6"),
    ]
    assert "# guess at the unit; expect: {kind: value, unit: Mparam}" in text
    assert "# guess at the unit; expect: {kind: value, unit: percent}" in text
    assert covered["counts"]["tables"]["uncovered"] == 0


def test_columns_that_have_run_together_are_told_where_the_words_allow(round_trip):
    text, covered = round_trip("toy.txt", f"A Toy\n\nTABLE I: Sizes\n\n{joined(ONE_LINE, ' ')}\n")
    assert cells(text) == [
        ("RefNet-50", "Params", "25.6"),
        ("ToyViG-B†", "Params", "104"),
        ("RefNet-50", "Top", "80.4"),
    ]
    assert covered["counts"]["tables"]["uncovered"] == 0


def test_a_row_that_is_shifted_is_left_out_and_named(round_trip):
    page = FORMS["tabs"][1].format(joined([HEADER, *ROWS, ["OtherNet", "1.5", "2.5"]], "\t"))
    text, covered = round_trip("toy.txt", page)
    assert len(cells(text)) == 5
    assert "# Left out:" in text
    assert text.count("'OtherNet 1.5 2.5': Table 4: row 'OtherNet' (line 9) has 3 cells") == 1
    assert [number["printed"] for number in covered["uncovered"]] == ["1.5", "2.5"]


def test_a_table_that_stands_twice_is_left_out_and_named(round_trip):
    table = f"TABLE I: Sizes\n\n{joined([HEADER, *ROWS], chr(9))}\n\n"
    other = f"TABLE II: Sizes\n\n{joined([HEADER, *ROWS], chr(9))}\n"
    text, covered = round_trip("toy.txt", f"A Toy\n\n{table}{table}{other}")
    assert {block["table"]["table"] for block in yaml.safe_load(text)["tables"]} == {"II"}
    assert "# - Table 1 stands 2 times, lines 5 and 12" in text
    assert covered["counts"]["tables"]["uncovered"] == 10


def test_two_labels_that_are_one_are_told_apart_by_those_above_them(round_trip):
    header = (
        "| Model | Speed | | Memory | |\n|--|--|--|--|--|\n| | b = 8 | b = 16 | b = 8 | b = 16 |"
    )
    row = "| ToyNet | 10.5 | 20.5 | 1.5 | 2.5 |"
    text, covered = round_trip("toy.md", f"# A Toy\n\nTable 4: Sizes\n\n{header}\n{row}\n")
    assert cells(text) == [
        ("ToyNet", "Speed b = 8", "10.5"),
        ("ToyNet", "Speed b = 16", "20.5"),
        ("ToyNet", "Memory b = 8", "1.5"),
        ("ToyNet", "Memory b = 16", "2.5"),
    ]
    assert covered["counts"]["tables"]["uncovered"] == 0


MERGED_HTML = """<html><table><caption>Table 1: Speeds</caption>
<tr><th rowspan=2>Model<th rowspan=2>Grid<th colspan=2>Speed (ms)<tr><th>b=8<th>b=16
<tr><td rowspan=2>ToyNet<td>14<td>1.5<td>2.5
<tr><td>28<td>3.5<td>4.5
<tr><td>RefNet<td>14<td>5.5<td>6.5
</table></html>"""
MERGED_LATEX = r"""\begin{table}\begin{tabular}{llcc}
\multirow{2}{*}{Model} & \multirow{2}{*}{Grid} & \multicolumn{2}{c}{Speed (ms)} \\ \cmidrule{3-4}
 & & $b=8$ & $b=16$ \\ \midrule
\multirow{2}{*}{ToyNet} & 14 & 1.5 & 2.5 \\
 & 28 & \textbf{3.5} & \makecell{4.5} \\ % 99
RefNet~\cite{r} & 14 & 5.5 & 6.5 \\
\end{tabular}\caption{Speeds}\end{table}"""


@pytest.mark.parametrize(("name", "page"), [("t.html", MERGED_HTML), ("t.tex", MERGED_LATEX)])
def test_merged_cells_and_headers_of_two_lines_make_the_round_trip(name, page, round_trip):
    text, covered = round_trip(name, page)
    assert cells(text)[3:] == [
        ("ToyNet", "b=8", "1.5"),
        ("ToyNet 28", "b=8", "3.5"),
        ("RefNet", "b=8", "5.5"),
        ("ToyNet", "b=16", "2.5"),
        ("ToyNet 28", "b=16", "4.5"),
        ("RefNet", "b=16", "6.5"),
    ]
    assert 'statement: "Speed (ms) b=8 of {row} is {printed}."' in text
    assert text.count("unit: ms}") == 2
    assert covered["counts"]["tables"]["uncovered"] == 0


@pytest.mark.parametrize(
    ("cell", "printed"),
    [
        (r"\underline{7.1}", "7.1"),
        (r"\textcolor{red}{7.1}", "7.1"),
        (r"{\color[rgb]{0.1,0.2,0.3}7.1}", "7.1"),
        (r"\best{\textbf{7.1}}", "7.1"),
        (r"$\underline{7.1}$", "7.1"),
        (r"\num{7.1}", "7.1"),
        (r"7.1{\tiny$\pm$0.2}", "7.1±0.2"),
        (r"7.1$\pm{0.2}$", "7.1±0.2"),
        (r"7.1 ($\uparrow$1.1)", "7.1 (↑1.1)"),
        (r"7.1\textsuperscript{\dag}", "7.1"),
        (r"\raisebox{2pt}{7.1}\rule{0pt}{3ex}", "7.1"),
    ],
)
def test_a_number_that_a_source_marks_is_read(cell, printed, round_trip):
    rows = [("Model", "Size"), ("ToyNet\\textsuperscript{\\dag}\\footnotemark[1]", cell)]
    page = "\\section{Toy} \\best{3} layers\n\\begin{table}\n%s\n\\caption{Sizes}\n\\end{table}\n"
    text, covered = round_trip("toy.tex", page % latex(rows))
    assert cells(text) == [("ToyNet†", "Size", printed)]
    assert covered["counts"]["tables"]["uncovered"] == 0
    assert covered["counts"]["prose"]["uncovered"] == 1


@pytest.mark.parametrize(
    ("cell", "printed", "remark"),
    [
        ("7.1M", "7.1", "# line 7: 7.1M"),
        ("~7.1 %", "7.1", "# line 7: ~7.1%"),
        ("80.3 ± 0.4", "80.3 ± 0.4", ""),
        ("1,024", "1,024", ""),
        ("2 x 10^{-3}", "2×10^-3", ""),
        ("-0.3", "-0.3", ""),
        ("+2.6", "+2.6", ""),
        ("+1,002.6 %", "+1,002.6", "# line 7: +1002.6%"),
        ("(7.1)", "7.1", "# line 7: (7.1)"),
        (".71", "0.71", "# line 7: .71"),
        ("-.71 %", "-0.71", "# line 7: -.71%"),
        ("$\\times$2.5", "2.5", "# line 7: ×2.5"),
        ("12 / 34", "12 / 34", ""),
        ("W4A8 at 7.1", "W4A8 at 7.1", ""),
    ],
)
def test_a_cell_keeps_its_digits_and_shows_what_else_it_prints(cell, printed, remark, round_trip):
    table = f"| Model | Size |\n|--|--|\n| Toy | {cell} |"
    text, covered = round_trip("toy.md", f"# X\n\nTable 1: Sizes\n\n{table}\n")
    assert cells(text) == [("Toy", "Size", printed)]
    assert remark in text
    assert covered["counts"]["tables"]["uncovered"] == 0


CLAIMS = """# A Report

## Claims

| Claim | Confidence |
|--|--|
| ToyNet reaches 68.6% in layers 1 to 4, up from 68.6% (see Table 2). | 0.5 |
| ToyNet is fun to use and quick to learn. | 0.1 |
"""


def test_a_list_of_claims_gives_a_claim_for_each_number(round_trip):
    text, covered = round_trip("toy.md", CLAIMS)
    places = [claim["found_at"][0] for claim in yaml.safe_load(text)["claims"]]
    assert [(place["row"], place.get("printed")) for place in places] == [
        *(("1", printed) for printed in ("68.6", "1", "4", "68.6", "0.5")),
        *(("2", printed) for printed in (None, "0.1")),
    ]
    assert covered["counts"]["tables"]["uncovered"] == 0


PROSE = """# A Toy

## 1 Introduction

It has 12 blocks [3] and 12 heads on 5 cards, see Fig. 2. We write i in 0,1,...,N-1.

Table 1: After 300 epochs

## References

- [1] 99 toys, 2018.
"""


def test_the_numbers_of_a_section_make_the_round_trip(round_trip):
    text, covered = round_trip("toy.md", PROSE, "--section", "1")
    places = [claim["found_at"][0] for claim in yaml.safe_load(text)["claims"]]
    assert [(place["printed"], place.get("occurrence", 1)) for place in places] == [
        ("12", 1),
        ("12", 2),
        ("5", 1),
        ("0,1,...,N-1", 1),
        ("0,1,...,N-1", 1),
    ]
    assert [number["printed"] for number in covered["uncovered"]] == ["300"]


DASHES = "It takes 1.5{en}2.5 ms, 50{percent}{en}60{percent}, a record{em}7.5{em}and -3.5 more."


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("toy.tex", "\\section{Toy}\n" + DASHES.format(en="--", em="---", percent="\\%")),
        ("toy.md", "# Toy\n\n" + DASHES.format(en="--", em=" -- ", percent="%")),
        ("toy.md", "# Toy\n\n" + DASHES.format(en="\u2013", em="\u2014", percent="%")),
    ],
    ids=["latex", "two hyphens", "dashes"],
)
def test_a_dash_is_neither_a_minus_nor_part_of_a_name(name, page, round_trip):
    text, covered = round_trip(name, page, "--section", "Toy")
    claims = yaml.safe_load(text)["claims"]
    printed = [claim["found_at"][0]["printed"] for claim in claims]
    assert printed == ["1.5", "2.5", "50", "60", "7.5", "-3.5"]
    assert covered["uncovered"] == []


def test_a_caption_is_a_section_too(round_trip):
    text, _ = round_trip("toy.md", PROSE, "--section", "Table 1")
    (claim,) = yaml.safe_load(text)["claims"]
    assert claim["id"] == "toy.statement.s_table_1.n300"
    assert claim["found_at"] == [{"section": "Table 1", "printed": "300"}]


def test_one_table_alone_may_be_asked_for(verify, tmp_path):
    table = joined([HEADER, *ROWS], "\t")
    path = tmp_path / "toy.txt"
    path.write_text(f"A Toy\n\nTABLE I: Sizes\n\n{table}\n\nTABLE II: More\n\n{table}\n")
    code, out, _ = verify("extract", path, "--table", "2", "--json")
    found = json.loads(out)
    assert (code, found["source"], found["file"]) == (0, "toy", "toy.txt")
    assert [column["table"] for column in found["columns"]] == ["II", "II"]
    assert found["columns"][0]["unit"] == "Mparam"


def test_a_page_in_the_encoding_it_declares_is_read(round_trip):
    page = (
        '<html><head><meta charset="latin-1"></head><body><table>'
        "<tr><td>Mod\xe8le<td>Size<tr><td>Caf\xe9<td>7.1</table></body></html>"
    )
    text, _ = round_trip("toy.html", page.encode("latin-1"))
    assert cells(text) == [("Café", "Size", "7.1")]


@pytest.mark.parametrize(
    ("name", "content", "options", "sentence"),
    [
        ("t.md", b"# T\n\n## Words\n\nIt has 7.", (), "want a table, found none; extract the numb"),
        ("t.md", b"# T\n\nWords.", ("--section", "T"), "want numbers to extract, found none"),
        ("t.md", b"# T\n\nIt has 7.", ("--section", "X"), "t.md has no section 'X'; it has"),
        ("t.md", b"# T\n\n|a|b|\n|--|--|\n|c|1|", ("--table", "7"), "found no table '7'; the docu"),
        ("t.md", b"# T\n\n|a|b|\n|--|--|\n|c|d|", (), "column 'b' prints no number"),
        ("t.md", "# T\n\n7 µ".encode("utf-16"), (), "want UTF-8 text, got byte 0xff at offset 0"),
        ("t.md", b"# T \xe9", (), "want UTF-8 text, got byte 0xe9 at offset 4; convert it"),
        ("t.html", b'<html><meta charset="ascii">\xe9', (), "got byte 0xe9 at offset 28"),
        ("t.md", b"", (), "want a table, found none"),
        ("t.md", b"# T", ("--source", "Big Toy"), "--source: want lower case letters"),
    ],
)
def test_what_cannot_be_extracted_is_one_sentence(
    name, content, options, sentence, verify, tmp_path
):
    path, out = tmp_path / name, tmp_path / "out.yaml"
    path.write_bytes(content)
    code, shown, told = verify("extract", path, "--out", out, *options)
    assert (code, shown) == (2, "")
    assert sentence in told
    assert len(told.splitlines()) == 1
    assert not out.exists()


def test_a_file_that_is_there_is_not_written_over(verify, tmp_path):
    path, out = tmp_path / "t.md", tmp_path / "out.yaml"
    path.write_text("# T\n\n|a|b|\n|--|--|\n|c|1|")
    out.write_text("mine")
    code, _, told = verify("extract", path, "--out", out)
    assert code == 2
    assert "want a file that is not there yet, found one; name another" in told
    assert out.read_text() == "mine"
    assert verify("extract", tmp_path / "none.md")[0] == 2


@pytest.mark.parametrize(
    ("heading", "behind", "unit"),
    [
        ("Params (M)", (), "Mparam"),
        ("#Param.", (), "param"),
        ("FLOPs (G)", (), "GMAC"),
        ("GMACs", (), "GMAC"),
        ("Top-1 Accuracy (%)", (), "percent"),
        ("AP^{box}_{50}", (), "AP"),
        ("Latency (ms)", (), "ms"),
        ("Throughput (img/s)", (), "images/s"),
        ("Speed", ("3 ms", "4.5 ms"), "ms"),
        ("Speed", ("3 ms", "4.5 s"), None),
        ("Map", (), None),
    ],
)
def test_a_unit_is_guessed_from_the_heading_or_from_behind_every_number(heading, behind, unit):
    assert unit_of(heading, behind) == unit


def test_names_for_ids_are_well_formed_and_apart():
    taken = set()
    assert [apart(name_of(text, "x"), taken) for text in ("A-b", "a b", "†", "→", "→")] == [
        "a_b",
        "a_b_2",
        "dagger",
        "x",
        "x_2",
    ]
