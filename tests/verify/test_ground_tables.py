"""Cells found by printed labels in every form tables take; never a wrong one."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from verify.claim import Cell
from verify.ground.document import parse
from verify.ground.normal import label
from verify.ground.places import NotThereError, place_of

HEADER = ["Model", "Type", "Params (M)", "Top-1 (%)"]
ROWS = [
    ["RefNet50 [14]", "CNN", "25.6", "80.4"],
    ["ToyViG-B (Ours)", "CNN-GNN", "104.8", "85.6"],
    ["ToyViG-B [†] (Ours)", "CNN-GNN", "105.2", "-"],
]


def tabbed(rows):
    return "\n".join("\t".join(row) for row in rows)


def barred(rows, *, rule=True, outer=True):
    edge = "| {} |" if outer else "{}"
    lines = [edge.format(" | ".join(row)) for row in rows]
    if rule:
        lines.insert(1, "|--|:-:|--|--:|" if outer else "--|--|--|--")
    return "\n".join(lines)


def flattened(rows, blank=" "):
    return "\n".join(blank.join(row) for row in rows)


FORMS = {
    "tabs": tabbed,
    "bars": barred,
    "bars_without_rule": lambda rows: barred(rows, rule=False),
    "bars_without_edges": lambda rows: barred(rows, outer=False),
    "wide_blanks": lambda rows: flattened(rows, "   "),
}
ALL_FORMS = {**FORMS, "run_together": flattened}
CAPTIONS = [
    "TABLE IV: Sizes\n\n",
    "Table 4. Sizes\n\n",
    "**Table 4:** Sizes\n\n",
    "TABLE IV\nSizes\n\n",
]


def paper(form, rows=ROWS, header=HEADER, caption="TABLE IV: Sizes\n\n"):
    table = FORMS.get(form, flattened)([header, *rows])
    return parse("toy", f"I. INTRODUCTION\n\nSome words.\n\n{caption}{table}\n\nMore words.\n")


def cell(document, row, column, table="IV", known=HEADER):
    return place_of(Cell(table=table, row=row, column=column), document, known)


@pytest.mark.parametrize("form", ALL_FORMS)
@pytest.mark.parametrize(
    ("row", "column", "text"),
    [
        ("RefNet50", "Params (M)", "25.6"),
        ("RefNet50 [14]", "Top-1 (%)", "80.4"),
        ("ToyViG-B", "Params (M)", "104.8"),
        ("ToyViG-B (Ours)", "Type", "CNN-GNN"),
        ("ToyViG-B†", "Params (M)", "105.2"),
        ("ToyViG-B†", "Top-1 (%)", "-"),
    ],
)
def test_every_form_gives_the_cell(form, row, column, text):
    assert cell(paper(form), row, column).text == text


@pytest.mark.parametrize("caption", CAPTIONS, ids=range(len(CAPTIONS)))
@pytest.mark.parametrize("table", ["IV", "4", "Table IV", "TABLE 4"])
def test_a_caption_names_the_table_in_roman_or_arabic(caption, table):
    assert cell(paper("tabs", caption=caption), "RefNet50", "Params (M)", table).text == "25.6"


def test_a_flattened_table_may_follow_its_caption_without_a_blank_line():
    document = paper("run_together", caption="Table 4: Sizes\n")
    assert cell(document, "ToyViG-B†", "Params (M)").text == "105.2"


def test_the_line_is_that_of_the_document():
    assert cell(paper("tabs"), "RefNet50", "Params (M)").line == 8


def test_a_formula_with_a_bar_is_one_cell():
    rows = [["ToyConv", "$a | b$", "1.5", "2.5"], ["ToyMax", "c \\| d", "3.5", "4.5"]]
    document = paper("bars", rows)
    assert cell(document, "ToyConv", "Params (M)").text == "1.5"
    assert cell(document, "ToyMax", "Top-1 (%)").text == "4.5"


TWO_LINES = "\n".join(
    [
        "Model\tThroughput (img/s)\t\tBox\t",
        "\tb = 1\tb = 8\tAP\tAP_{50}\t",
        "ToyViG-S\t28.4\t241.7\t40.1\t62.2",
        "ToyViG-B\t15.3\t-\t41.1\t63.2",
    ]
)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("b = 1", "15.3"),
        ("b=8", "-"),
        ("Throughput (img/s) b = 8", "-"),
        ("Box AP", "41.1"),
        ("AP50", "63.2"),
    ],
)
def test_a_header_of_two_lines(column, text):
    document = parse("toy", f"TABLE VI: Speed\n\n{TWO_LINES}\n")
    assert cell(document, "ToyViG-B", column, "VI").text == text


def test_a_flattened_header_of_two_lines():
    lines = ["Model Throughput (images per second)", "b = 1 b = 8", "ToyViG-S 28.4 241.7"]
    document = parse("toy", "TABLE VI: Speed\n\n" + "\n".join([*lines, "Toy ViG-B 15.3 -"]))
    assert cell(document, "ToyViG-S", "b = 8", "VI").text == "241.7"
    assert cell(document, "Toy ViG-B", "b = 1", "VI").text == "15.3"


def test_a_label_over_several_columns_names_none_of_them():
    document = parse("toy", f"TABLE VI: Speed\n\n{TWO_LINES}\n")
    with pytest.raises(NotThereError, match="no column 'Throughput"):
        cell(document, "ToyViG-B", "Throughput (img/s)", "VI")


@pytest.mark.parametrize("printed", ["APbox", "AP ₅₀ ^{box}", "AP^{box}_{50}"])
def test_sub_and_superscripts_in_a_header(printed):
    document = parse("toy", f"Table 5: Boxes\n\nModel\t{printed}\tAP_{{75}}\nToyViG-S\t1.1\t2.2\n")
    wanted = "AP^{box}" if "50" not in label(printed) else "AP50 box"
    assert cell(document, "ToyViG-S", wanted, "V").text == "1.1"
    assert cell(document, "ToyViG-S", "AP75", "V").text == "2.2"


CLAIM_LISTS = {
    "bars": "| Claim | Verified |\n|--|--|\n"
    "| It reaches 68.6% in th | × |\n| It is 10x cheaper. | × |",
    "tabs": "Claim\tVerified\nIt reaches 68.6% in th\t×\nIt is 10x cheaper.\t×",
}


@pytest.mark.parametrize("form", CLAIM_LISTS)
def test_claim_lists_are_addressed_by_number(form):
    document = parse("toy", f"5 Extracted Claims\n\n{CLAIM_LISTS[form]}\n")
    assert cell(document, "2", "Claim", "claims").text == "It is 10× cheaper."
    assert cell(document, "1", "Verified", "claims").text == "×"
    with pytest.raises(NotThereError, match="has 2 rows, not 3"):
        cell(document, "3", "Claim", "claims")


@pytest.mark.parametrize("between", ["", "Words between them.\n\n"])
@pytest.mark.parametrize("caption", ["Table {}: Sizes\n\n", "TABLE {}\nSizes\n\n"])
@pytest.mark.parametrize("below", [False, True], ids=["above", "below"])
def test_captions_stand_above_all_tables_or_below_all(below, caption, between):
    text = "I. INTRODUCTION\n\nSome words.\n\n"
    for number in range(1, 4):
        table = barred([["Model", "Size"], [f"Net{number}", f"{number}.5"]]) + "\n\n"
        named = caption.format(number)
        text += (table + named if below else named + table) + between
    document = parse("toy", text + "More words.\n")
    for number in range(1, 4):
        found = cell(document, f"Net{number}", "Size", str(number), ["Model", "Size"])
        assert found.text == f"{number}.5"


def test_a_table_without_caption_is_named_by_its_section():
    document = parse("toy", f"# Toy\n\n## Results\n\n{barred([HEADER, *ROWS])}\n")
    assert cell(document, "RefNet50", "Params (M)", "Results").text == "25.6"


# What is not one place.


@pytest.mark.parametrize("form", ALL_FORMS)
@pytest.mark.parametrize(
    ("row", "column", "sentence"),
    [
        ("RefNet5", "Params (M)", "no row 'RefNet5'; did you mean 'RefNet50"),
        ("ToyViG-B‡", "Params (M)", "no row 'ToyViG-B‡'"),
    ],
)
def test_an_unknown_row_is_told_with_the_nearest(form, row, column, sentence):
    with pytest.raises(NotThereError, match=sentence):
        cell(paper(form), row, column)


@pytest.mark.parametrize("form", FORMS)
def test_an_unknown_column_is_told_with_the_nearest(form):
    with pytest.raises(NotThereError, match=r"no column 'Param.*did you mean 'Params \(M\)'"):
        cell(paper(form), "RefNet50", "Param (M)")


@pytest.mark.parametrize("form", ALL_FORMS)
def test_two_rows_of_one_label_are_no_place(form):
    with pytest.raises(NotThereError, match=r"2 rows 'RefNet50 \[3\]'"):
        cell(paper(form, [*ROWS, ["RefNet50", "CNN", "25.5", "80.1"]]), "RefNet50 [3]", "Type")


def test_of_two_rows_the_one_printed_letter_for_letter_is_meant():
    document = paper("tabs", [*ROWS, ["RefNet50", "CNN", "25.5", "80.1"]])
    assert cell(document, "RefNet50", "Params (M)").text == "25.5"
    assert cell(document, "RefNet50 [14]", "Params (M)").text == "25.6"


@pytest.mark.parametrize("form", FORMS)
def test_two_columns_of_one_label_are_no_place(form):
    header = ["Model", "Type", "Top-1 (%)", "Top-1 (%)"]
    with pytest.raises(NotThereError, match="2 columns labelled 'Top-1"):
        cell(paper(form, header=header), "RefNet50", "Top-1 (%)")


def test_a_table_that_stands_twice_is_no_place():
    table = f"TABLE IV: Sizes\n\n{tabbed([HEADER, *ROWS])}\n\n"
    with pytest.raises(NotThereError, match="Table 4 stands 2 times, lines 3 and 10"):
        cell(parse("toy", table + table), "RefNet50", "Params (M)")


def test_a_missing_table_is_told_with_those_there():
    with pytest.raises(NotThereError, match="no table 'VII'; the document has Table 4"):
        cell(paper("tabs"), "RefNet50", "Params (M)", "VII")


@pytest.mark.parametrize("form", ["tabs", "bars", "wide_blanks"])
@pytest.mark.parametrize("change", ["more", "fewer"])
def test_a_row_whose_columns_shifted_is_no_place(form, change):
    row = ["RefNet50", "CNN", "25.6"] + (["80.4", "9.9"] if change == "more" else [])
    with pytest.raises(NotThereError, match=f"has {len(row)} cells, the header 4"):
        cell(paper(form, [row, *ROWS[1:]]), "RefNet50", "Params (M)")


def test_columns_that_cannot_be_told_apart_are_no_place():
    document = paper("run_together", header=["Model", "Type", "Million Params", "Top-1 Acc (%)"])
    with pytest.raises(NotThereError, match="the columns have run together"):
        cell(document, "RefNet50", "Top-1 Acc (%)", known=())


def test_labels_known_elsewhere_tell_columns_apart():
    header = ["Model", "Type", "Million Params", "Top-1 Acc (%)"]
    document = paper("run_together", header=header)
    assert cell(document, "RefNet50", "Top-1 Acc (%)", known=header).text == "80.4"


# Noise never leads to a wrong cell.

NAMES = st.text(alphabet="ABVit-8", min_size=1, max_size=6).filter(lambda t: t.strip("-") == t)
FIGURES = st.decimals(min_value=100, max_value=999, places=2).map(str)


@given(
    form=st.sampled_from(list(ALL_FORMS)),
    at=st.integers(0, 3),
    name=NAMES,
    figures=st.lists(FIGURES, min_size=3, max_size=3),
)
def test_a_row_of_noise_never_makes_a_wrong_cell_located(form, at, name, figures):
    rows = [*ROWS[:at], [name, *figures], *ROWS[at:]]
    assert_right_or_unlocated(paper(form, rows), HEADER)


@given(
    form=st.sampled_from(list(ALL_FORMS)),
    at=st.integers(1, 4),
    name=NAMES,
    figures=st.lists(FIGURES, min_size=3, max_size=3),
)
def test_a_column_of_noise_never_makes_a_wrong_cell_located(form, at, name, figures):
    header = [*HEADER[:at], name, *HEADER[at:]]
    rows = [[*row[:at], figure, *row[at:]] for row, figure in zip(ROWS, figures, strict=True)]
    assert_right_or_unlocated(paper(form, rows, header), HEADER)


@given(
    form=st.sampled_from(list(ALL_FORMS)),
    row=st.integers(0, 2),
    at=st.integers(0, 4),
    noise=FIGURES,
)
def test_a_cell_of_noise_never_makes_a_wrong_cell_located(form, row, at, noise):
    assume(not (form == "run_together" and at == 0))  # a label in two words is another row
    rows = [list(cells) for cells in ROWS]
    rows[row].insert(at, noise)
    assert_right_or_unlocated(paper(form, rows), HEADER)


@given(form=st.sampled_from(list(ALL_FORMS)), row=st.integers(0, 2), at=st.integers(0, 3))
def test_a_lost_cell_never_makes_a_wrong_cell_located(form, row, at):
    rows = [list(cells) for cells in ROWS]
    del rows[row][at]
    assert_right_or_unlocated(paper(form, rows), HEADER)


def assert_right_or_unlocated(document, header):
    for row in ROWS:
        for column, true in zip(header[1:], row[1:], strict=True):
            try:
                found = cell(document, row[0], column)
            except NotThereError:
                continue
            assert found.text == true
