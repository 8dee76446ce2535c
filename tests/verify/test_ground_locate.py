"""Locators ready to paste lead back to where they were found."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from verify.claim import Cell, Passage, Sentence
from verify.cli import main
from verify.ground.document import parse
from verify.ground.locate import locate
from verify.ground.places import place_of

PAPER = """ToyViG: Three Nodes

Abstract-ToyViG has 7.1 M parameters, or 7.1 M. It is fast.

I. TESTS

A. Speed

TABLE II: Speed, and "quotes" at 7.1

Model\tAP ^{box}\tb = 8
RefNet [3]\t7.1\t-
ToyViG† (Ours)\t1,105\tup to 7.1 M and more words

II. END

It is 4.2× fast. Again 7.1 and 4.2×, it is fast.
"""
MODELS = {"table": Cell, "sentence_sha256": Sentence, "printed": Passage}


def back(document, located):
    """Resolve what a person would paste."""
    (pasted,) = yaml.safe_load(str(located))
    model = next(shape for name, shape in MODELS.items() if name in pasted)
    return place_of(model.model_validate(pasted), document)


@given(st.sampled_from(sorted({w.strip(".,") for w in PAPER.split()} | {"7.1 M", "4.2 x", "1105"})))
def test_every_locator_leads_back(text):
    document = parse("toy", PAPER)
    for located in locate(document, text):
        assert located.note == ""
        assert back(document, located).line == located.line


def shown(text):
    return [str(place) for place in locate(parse("toy", PAPER), text)]


def test_cells_come_first_then_captions_and_text():
    assert shown("7.1") == [
        '- {table: "II", row: "RefNet", column: "AP^box"}  # line 12',
        '- {table: "II", row: "ToyViG† (Ours)", column: "b = 8"}  # line 13',
        '- {section: "Table 2", printed: "7.1"}  # line 9',
        '- {section: "Abstract", printed: "7.1"}  # line 3',
        '- {section: "Abstract", printed: "7.1", occurrence: 2}  # line 3',
        '- {section: "II", printed: "7.1"}  # line 17',
    ]


def test_words_are_located_by_their_sentence():
    first, second, third = shown("fast")
    assert first.startswith('- {section: "Abstract", sentence_sha256: "')
    assert second.startswith('- {section: "II", sentence_sha256: "')
    assert second != third


def test_signs_alone_are_whole_cells():
    assert shown("-") == ['- {table: "II", row: "RefNet", column: "b = 8"}  # line 12']


def test_a_text_that_is_nowhere_is_nowhere():
    assert shown("9.9") == []


def test_a_row_that_is_no_place_says_so():
    document = parse("toy", "TABLE I: A\n\nModel\tSize\nToy\t1.5\nToy\t2.5\n")
    (located,) = locate(document, "2.5")
    assert "2 rows 'Toy'" in str(located)


def test_run_together_columns_are_left_to_the_hand():
    document = parse("toy", "TABLE I: A\n\nModel Size\nToy 1.5\nToys 2.5\n")
    (located,) = locate(document, "2.5")
    assert "by hand" in str(located)


@pytest.fixture
def paper(tmp_path):
    path = tmp_path / "paper.txt"
    path.write_text(PAPER)
    return path


def test_the_command_prints_yaml_to_paste(paper, capsys):
    assert main(["locate", str(paper), "4.2×"]) == 0
    wanted = [
        {"section": "II", "printed": "4.2×"},
        {"section": "II", "printed": "4.2×", "occurrence": 2},
    ]
    assert yaml.safe_load(capsys.readouterr().out) == wanted


def test_the_command_writes_json(paper, capsys):
    assert main(["locate", str(paper), "1,105", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["line"] == 13
    assert found["locator"] == {"table": "II", "row": "ToyViG† (Ours)", "column": "AP^box"}


def test_the_command_says_when_a_text_is_nowhere(paper, capsys):
    assert main(["locate", str(paper), "9.9"]) == 1
    assert capsys.readouterr().out == "# paper.txt prints '9.9' nowhere\n"


def test_the_command_prints_twenty_places_at_most(tmp_path, capsys):
    path = tmp_path / "long.txt"
    path.write_text("I. TESTS\n\n" + "It is 5. " * 30)
    assert main(["locate", str(path), "5"]) == 0
    *places, more = capsys.readouterr().out.splitlines()
    assert len(places) == 20
    assert more == "# and 10 more; give more of the text"
