"""Printed numbers held against claims: none is matched by its value, none is left out unsaid."""

import hashlib
import json

import pytest

from verify.cli import main
from verify.ground.document import parse
from verify.ground.figures import number_spans
from verify.ground.marks import marks
from verify.ground.normal import normal
from verify.ground.printed import numbers_of

DOCUMENT = """# ToyViG: An Image is Worth Three Nodes

May 1, 2020, arXiv:2401.00010v2, see https://example.org/99 and [3].

## 1 Introduction

ToyViG has 7.1 M parameters and 12 blocks. It is 7.1 times as good, see Table 2.
The third run takes 45 s on 8 cards.

## 2 Results

Table 2: Sizes after 300 epochs

| Model | Params (M) | GMACs at 224 |
|---|---|---|
| ToyViG-S | 7.1 | 1.4 |
| ToyViG-M | 14.0 | 2.8 |

## References

- [1] A. Author, "Toys," vol. 12, 2018, pp. 1-9.
"""
CLAIMS = """source: toyvig
claims:
  - id: toyvig.statement.size
    statement: ToyViG-S has 7.1 M parameters.
    found_at:
      - {table: "2", row: ToyViG-S, column: Params (M), printed: "7.1"}
      - {section: "1", printed: 7.1 M}
    check: none
    because: a test
  - id: toyvig.statement.run
    statement: A run takes 45 s on 8 cards.
    found_at: [{section: "1", sentence_sha256: SENTENCE}]
    check: none
    because: a test
  - id: toyvig.statement.macs
    statement: What ToyViG-M costs.
    found_at: [{table: "2", row: ToyViG-M, column: GMACs at 224}]
    check: none
    because: a test
"""
SENTENCE = "The third run takes 45 s on 8 cards."
IGNORED = """
ignored:
  - {source: toyvig, table: "2", row: ToyViG-M, column: Params (M), because: padded}
  - {source: toyvig, section: Table 2, printed: "300", because: how it was trained}
  - {source: toyvig, printed: 12 blocks, because: a test}
  - {source: toyvig, section: "1", printed: "7.1", occurrence: 2, because: a test}
  - {source: toyvig, table: "2", printed: "1.4", because: a test}
"""


@pytest.fixture
def covered(tmp_path, capsys):
    """Run ``coverage --json`` on a document, claims and entries of ``ignored``."""

    def run(document=DOCUMENT, ignored="", claims=CLAIMS, *options):
        data = document.encode()
        folder = tmp_path / "documents"
        folder.mkdir(exist_ok=True)
        (folder / "toyvig.md").write_bytes(data)
        (tmp_path / "claims").mkdir(exist_ok=True)
        digest = hashlib.sha256(SENTENCE.encode()).hexdigest()
        (tmp_path / "claims/toyvig.yaml").write_text(claims.replace("SENTENCE", digest))
        (tmp_path / "claims.yaml").write_text(
            "schema: 1\nsources:\n  toyvig:\n"
            '    title: "ToyViG: An Image is Worth Three Nodes"\n'
            f"    file: toyvig.md\n    sha256: {hashlib.sha256(data).hexdigest()}\n{ignored}"
        )
        arguments = ["coverage", "--project", str(tmp_path), "--sources", str(folder)]
        code = main([*arguments, "--json", *options])
        shown = capsys.readouterr()
        return code, (json.loads(shown.out) if shown.out else shown.err)

    return run


def printed(found):
    return [number["printed"] for number in found["uncovered"]]


def test_a_number_is_matched_by_its_place_and_never_by_its_value(covered):
    code, found = covered()
    assert code == 1
    assert printed(found) == ["1.4", "14.0", "300", "12", "7.1"]
    tables = {"numbers": 5, "matched": 3, "ignored": 0, "ruled": 0, "uncovered": 2}
    prose = {"numbers": 13, "matched": 3, "ignored": 0, "ruled": 7, "uncovered": 3}
    assert found["counts"] == {
        "numbers": 18,
        "matched": 6,
        "ignored": 0,
        "ruled": 7,
        "uncovered": 5,
        "by_rule": {"caption": 1, "date": 2, "address": 2, "citation": 1, "reference": 1},
        "tables": tables,
        "prose": prose,
        "sources": {"toyvig": {"table": tables, "prose": prose}},
    }


def test_what_is_uncovered_comes_with_a_locator_to_paste(covered):
    _, found = covered()
    assert [number["locator"] for number in found["uncovered"]] == [
        {"table": "2", "row": "ToyViG-S", "column": "GMACs at 224"},
        {"table": "2", "row": "ToyViG-M", "column": "Params (M)"},
        {"section": "Table 2", "printed": "300"},
        {"section": "1", "printed": "12"},
        {"section": "1", "printed": "7.1", "occurrence": 2},
    ]


def test_what_is_ignored_with_a_reason_is_counted_apart(covered):
    code, found = covered(ignored=IGNORED)
    assert (code, found["uncovered"], found["idle"]) == (0, [], [])
    assert found["counts"]["ignored"] == 5


@pytest.mark.parametrize(
    ("old", "new", "number", "context"),
    [
        ("12 blocks", "12 blocks and 13 heads", "13", "13 heads"),
        ("after 300 epochs", "after 300 epochs of 5 s", "5", "of 5 s"),
        ("| 2.8 |", "| 2.8 |\n| ToyViG-L | - | 5.6 |", "5.6", "5.6"),
        ("Params (M) | GMACs", "Params (M) at 96 | GMACs", "96", "Params (M) at 96"),
        ("12 blocks", "12 blocks at .05", ".05", "at .05"),
        ("| 2.8 |", "| 2.8 |\n| ToyViG-L | - | .56 |", ".56", ".56"),
    ],
    ids=["text", "caption", "cell", "label", "without its zero", "cell without its zero"],
)
def test_a_planted_number_is_found(covered, old, new, number, context):
    code, found = covered(DOCUMENT.replace(old, new), IGNORED)
    assert code == 1
    assert number in printed(found)
    assert context in next(n["context"] for n in found["uncovered"] if n["printed"] == number)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[3].", "[3], [4]-[7]."),
        ("Table 2.\n", "Table 2 and Fig. 12.\n"),
        ("pp. 1-9.", "pp. 1-9.\n- [2] B. Author, 2019."),
        ("## 2 Results", "## 2 Results of 17 runs"),
        ("12 blocks.", "12 blocks, ResNet-50 and v2.2.1."),
    ],
    ids=["citations", "references to parts", "list of references", "heading", "names"],
)
def test_what_is_no_number_of_anything_is_not_asked_for(covered, old, new):
    assert covered(DOCUMENT.replace(old, new), IGNORED)[0] == 0


def test_a_claim_that_is_not_where_it_says_is_about_nothing(covered):
    moved = CLAIMS.replace("column: Params (M)", "column: GMACs at 224")
    code, found = covered(claims=moved, ignored=IGNORED)
    assert code == 1
    assert printed(found) == ["7.1"]


def test_a_cell_that_prints_a_number_twice_wants_a_claim_for_each(covered):
    twice = DOCUMENT.replace("| 7.1 |", "| 7.1 (7.1) |")
    code, found = covered(twice, IGNORED)
    assert (code, printed(found)) == (1, ["7.1"])
    again = CLAIMS + CLAIMS.partition("claims:\n")[2].replace("statement.", "statement.other_")
    assert covered(twice, IGNORED, again)[0] == 0


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ('section: "1", printed: "99"', "no number there is left for it; remove the entry"),
        ('section: "9", printed: "7.1"', "no section '9'"),
        ('table: "3"', "found no table '3'"),
        ('table: "2", column: Sizes', "has no column 'Sizes'"),
        ('section: "1", printed: 45 s', "no number there is left for it"),
    ],
)
def test_an_entry_that_leaves_nothing_out_is_told(covered, entry, sentence):
    _, found = covered(ignored=f"ignored:\n  - {{source: toyvig, {entry}, because: a test}}\n")
    (told,) = found["idle"]
    assert told.startswith("claims.yaml: ignored: toyvig: ")
    assert sentence in told


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ('source: toyvig, printed: "7"', "because"),
        ("source: toyvig, because: x", "want table, or printed, perhaps with section; got neither"),
        ('source: toyvig, table: "2", section: "1", because: x', "either table or section"),
        ('source: toyvig, row: a, printed: "7", because: x', "row and column only beside table"),
        ('source: toyvig, table: "2", occurrence: 2, because: x', "occurrence only for running"),
        ('source: toyvig, printed: "7", occurrence: 0, because: x', "occurrence"),
        ('source: toyvih, printed: "7", because: x', "did you mean 'toyvig'"),
        ("source: toyvig, printed: 7, because: x", "quot"),
    ],
)
def test_a_mistake_in_ignored_is_one_sentence(covered, entry, sentence):
    code, told = covered(ignored=f"ignored:\n  - {{{entry}}}\n")
    assert code == 2
    assert "claims.yaml:8: ignored.0" in told
    assert sentence in told
    assert "Traceback" not in told


def test_a_document_that_is_not_there_is_no_full_coverage(covered, tmp_path, capsys):
    covered()
    (tmp_path / "empty").mkdir()
    arguments = ["coverage", "--project", str(tmp_path), "--sources", str(tmp_path / "empty")]
    assert main(arguments) == 2
    assert "found no such file; put toyvig.md there" in capsys.readouterr().err
    arguments[-1] = str(tmp_path / "documents")
    assert main([*arguments, "--source", "toyvih"]) == 2
    assert "did you mean 'toyvig'" in capsys.readouterr().err


def test_for_a_reader_there_is_a_line_a_number_and_one_of_counts(covered, tmp_path, capsys):
    covered()
    main(["coverage", "--project", str(tmp_path), "--sources", str(tmp_path / "documents")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "uncovered: toyvig: Table 2, row ToyViG-S, column GMACs at 224 (line 16): '1.4' in '1.4'"
    )
    assert lines[-1].endswith("5 uncovered")


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("seen in [3], [4]-[7] and [8, 9]", ["citation"] * 5),
        ("Xu et al., 2019b, and Xu et al. (2020) with 2021", ["citation", "citation", None]),
        ("Figs. 2-4 and Eqs. 5, 6 and 7", ["reference"] * 5),
        ("on 4 May 2020, 2020-05-04 and in May 2020", ["date"] * 6),
        ("May 5 % grow", [None]),
        ("in 2017 we had 12", [None, None]),
        ("(1) one and (2) two", ["enumeration"] * 2),
        ("(1) one and (3) two", [None, None]),
        ("a ratio of 3: then", [None]),
        ("Table 2 and 12 models", ["reference", None]),
    ],
)
def test_a_rule_takes_only_what_has_its_form(text, rules):
    text = normal(text)
    spans = list(marks(text))
    found = [
        next((rule for a, b, rule in spans if a <= begin and end <= b), None)
        for begin, end in number_spans(text)
    ]
    assert found == rules


@pytest.mark.parametrize("cells", ["\t", "   ", " ", " | "])
def test_every_form_of_table_gives_its_numbers(cells):
    lines = ("Model", "Type", "Size"), ("Toy50", "CNN", "25.6"), ("ToyB", "GNN", "104.8")
    table = "\n".join(cells.join(line) for line in lines)
    if cells == " | ":
        table = table.replace("\n", "\n--|--|--\n", 1)
    document = parse("toy", f"Words.\n\nTABLE IV: Sizes\n\n{table}\n\nMore.\n")
    found = [number.printed for number in numbers_of(document) if number.table is not None]
    assert found == ["25.6", "104.8"]
