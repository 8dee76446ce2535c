"""Claims against small documents: each outcome, damaged text, decoys."""

import hashlib
import json

import pytest

from verify.cli import main
from verify.ground.check import ground, prints
from verify.ground.places import digest_of
from verify.ground.sources import read_sources
from verify.load import load

PAPER = """ToyViG: An Image is Worth Three Nodes

Abstract-ToyViG is up to 5× faster. It is comparable to others.

I. EXPERIMENTS

A. Sizes

TABLE I: Sizes

Model\tType\tParams (M)
RefNet [3]\tCNN\t25.6
ToyViG-S (Ours)\tCNN-GNN\t7.10
ToyViG-B† (Ours)\tCNN-GNN\t4,105.2
ToyViG-L (Ours)\tCNN-GNN\t-

ToyViG-S is 3.6× smaller, in four variants. K grows from 9 to 18.
"""
REPORT = """# Notes on Toys and Vision

## 1 Claims

| Claim | Verified |
|--|--|
| The toy variant reaches an accuracy of 68.6% on toys in th | × |
| Its score is significantly lower, starting at 0 | × |
| Its embedding similarity is greater, and its spatial similarit | × |
| It is 10x cheaper than all others. | ✓ |
"""
SENTENCE = "It is comparable to others."
INDEX = """
schema: 1
sources:
  toyvig: {{title: "ToyViG: An Image is Worth Three Nodes", file: paper.txt, sha256: {paper}}}
  toynotes: {{title: "Notes on Toys and Vision", file: report.txt, sha256: {report}}}
planned_models: [toyvig_s, toyvig_b, refnet]
"""
CLAIMS = """
source: toyvig
tables:
  - table: {table: "1", column: "Params (M)"}
    title: Sizes
    statement: "{row} has {printed} M parameters."
    reproduction: parameter_count
    params: {num_classes: 1000}
    expect: {kind: value, unit: Mparam}
    rows:
      "RefNet": {printed: "25.6", model: refnet}
      "ToyViG-S": {printed: "7.10", model: toyvig_s}
      "ToyViG-B†": {printed: "4,105.2", model: toyvig_b}
      "ToyViG-L": {printed: "-", subject: toyvig_l, check: none, because: out of memory}
claims:
  - id: toyvig.arithmetic.refnet_over_toyvig_s
    statement: RefNet is 3.6 times as large as ToyViG-S.
    found_at: [{section: "I.A", printed: "3.6×"}]
    scope: consistency
    expect:
      kind: arithmetic
      printed: "3.6"
      unit: ratio
      ratio: {of: toyvig.parameter_count.refnet, over: toyvig.parameter_count.toyvig_s}
  - id: toyvig.statement.comparable
    statement: ToyViG and the others are comparable.
    found_at: [{section: Abstract, sentence_sha256: "SENTENCE"}]
    check: none
    because: comparable in what is not said
  - id: toyvig.statement.type
    statement: ToyViG-S is a hybrid.
    found_at: [{table: "I", row: "ToyViG-S", column: Type, printed: "CNN-GNN"}]
    check: none
    because: a word
""".replace("SENTENCE", digest_of(SENTENCE))
NOTES = """
source: toynotes
claims:
  - id: toynotes.statement.accuracy
    statement: The toy reaches 68.6 %.
    found_at: [{table: claims, row: "1", column: Claim, printed: "68.6"}]
    check: none
    because: the data set is not there
  - id: toynotes.statement.lower
    statement: The score starts lower.
    found_at: [{table: claims, row: "2", column: Claim, printed: "starting at 0"}]
    damaged: cut after 0
    check: none
  - id: toynotes.statement.similarity
    statement: A similarity is something.
    found_at: [{table: claims, row: "3", column: Claim}]
    damaged: cut before the number
    check: none
  - id: toynotes.statement.cheaper
    statement: It is ten times cheaper.
    found_at: [{table: claims, row: "4", column: Claim, printed: "10x"}]
    check: none
    because: prices are not there
"""


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Toy:
    """A project and its documents on disk, to be changed by one string each."""

    def __init__(self, folder):
        self.root = folder / "project"
        self.sources = folder / "documents"
        (self.root / "claims").mkdir(parents=True)
        self.sources.mkdir()
        index = INDEX.format(paper=sha256(PAPER), report=sha256(REPORT))
        (self.root / "claims.yaml").write_text(index)
        self.claims, self.notes, self.paper, self.report = CLAIMS, NOTES, PAPER, REPORT

    def write(self):
        (self.root / "claims" / "toyvig.yaml").write_text(self.claims)
        (self.root / "claims" / "toynotes.yaml").write_text(self.notes)
        (self.sources / "paper.txt").write_text(self.paper)
        (self.sources / "report.txt").write_text(self.report)

    def change(self, what, old, new):
        text = getattr(self, what)
        assert text.count(old) == 1, f"{old!r} is not there once"
        setattr(self, what, text.replace(old, new))

    def ground(self):
        self.write()
        project = load(self.root)
        readings = read_sources(self.sources, project.index.sources)
        return ground(project, readings, project.claims)

    def outcomes(self):
        return {problem.id: problem.outcome for problem in self.ground().problems}

    def run(self, *arguments):
        self.write()
        return main(["--project", str(self.root), *arguments])


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path)


def test_every_claim_is_located(toy):
    grounding = toy.ground()
    assert grounding.problems == ()
    assert grounding.warnings == ()
    assert grounding.counts == {
        "claims": 11,
        "locators": 11,
        "located": 11,
        "misquoted": 0,
        "unlocated": 0,
        "no_source": 0,
    }


DECOYS = {
    "table": ("25.6", "25.7", "refnet", "25.6", "25.7"),
    "trailing_zero": ("7.10", "7.1", "toyvig_s", "7.10", "7.1"),
    "thousands": ("4,105.2", "4,105.3", "toyvig_b", "4,105.2", "4105.3"),
}


@pytest.mark.parametrize("decoy", DECOYS)
def test_a_changed_digit_in_the_document_is_misquoted(toy, decoy):
    old, new, subject, wanted, found = DECOYS[decoy]
    toy.change("paper", old, new)
    (problem,) = toy.ground().problems
    assert problem.id == f"toyvig.parameter_count.{subject}"
    assert (problem.outcome, problem.wanted, problem.found) == ("misquoted", wanted, found)


@pytest.mark.parametrize(
    ("claim_file", "old", "new", "id_"),
    [
        ("claims", '"25.6"', '"25.5"', "toyvig.parameter_count.refnet"),
        ("claims", '"7.10"', '"7.1"', "toyvig.parameter_count.toyvig_s"),
        ("claims", '"4,105.2"', '"4,105"', "toyvig.parameter_count.toyvig_b"),
        ("claims", 'printed: "-"', 'printed: "151.2"', "toyvig.parameter_count.toyvig_l"),
        ("claims", 'printed: "3.6"', 'printed: "3.5"', "toyvig.arithmetic.refnet_over_toyvig_s"),
        ("claims", 'printed: "3.6×"', 'printed: "3.5×"', "toyvig.arithmetic.refnet_over_toyvig_s"),
        ("claims", '"CNN-GNN"', '"CNN"', "toyvig.statement.type"),
        ("notes", '"68.6"', '"68.5"', "toynotes.statement.accuracy"),
        ("notes", '"10x"', '"11x"', "toynotes.statement.cheaper"),
        ("notes", '"starting at 0"', '"starting at"', "toynotes.statement.lower"),
    ],
)
def test_a_changed_print_in_a_claim_is_misquoted(toy, claim_file, old, new, id_):
    toy.change(claim_file, old, new)
    assert toy.outcomes() == {id_: "misquoted"}


@pytest.mark.parametrize(
    ("document", "old", "new", "id_"),
    [
        ("paper", "3.6×", "3.9×", "toyvig.arithmetic.refnet_over_toyvig_s"),
        ("paper", "\t-\n", "\t151.2\n", "toyvig.parameter_count.toyvig_l"),
        ("report", "68.6", "68.7", "toynotes.statement.accuracy"),
        ("report", "10x", "18x", "toynotes.statement.cheaper"),
        ("report", "at 0 |", "at 0.4 |", "toynotes.statement.lower"),
        ("report", "at 0 |", "at 0 and rising |", "toynotes.statement.lower"),
        (
            "report",
            "spatial similarit |",
            "spatial similarity too. |",
            "toynotes.statement.similarity",
        ),
    ],
)
def test_a_changed_text_is_misquoted(toy, document, old, new, id_):
    toy.change(document, old, new)
    assert toy.outcomes() == {id_: "misquoted"}


@pytest.mark.parametrize(
    ("document", "old", "new", "id_", "sentence"),
    [
        ("paper", "RefNet [3]", "RefNot [3]", "parameter_count.refnet", "no row 'RefNet'; did you"),
        ("paper", "\t7.10", "\t7.10\t1", "parameter_count.toyvig_s", "has 4 cells, the header 3"),
        ("paper", "It is comparable", "It is not comparable", "statement.comparable", "SHA-256"),
        (
            "paper",
            "ToyViG-B† (Ours)",
            "ToyViG-S (Ours)",
            "parameter_count.toyvig_s",
            "2 rows 'ToyViG-S'",
        ),
    ],
)
def test_what_cannot_be_found_is_unlocated(toy, document, old, new, id_, sentence):
    toy.change(document, old, new)
    problems = {p.id: p for p in toy.ground().problems}
    assert problems[f"toyvig.{id_}"].outcome == "unlocated"
    assert sentence in problems[f"toyvig.{id_}"].detail


def test_a_table_that_stands_twice_leaves_its_cells_unlocated(toy):
    toy.paper += "\nTABLE I: Sizes\n\nModel\tParams (M)\nRefNet\t25.6\n"
    grounding = toy.ground()
    assert grounding.counts["unlocated"] == 5
    assert "Table 1 stands 2 times" in grounding.problems[0].detail


def test_a_missing_document_leaves_its_claims_without_source(toy):
    toy.write()
    project = load(toy.root)
    (toy.sources / "paper.txt").unlink()
    readings = read_sources(toy.sources, project.index.sources)
    grounding = ground(project, readings, project.claims)
    assert {p.outcome for p in grounding.problems} == {"no_source"}
    assert grounding.counts["no_source"] == 7
    assert grounding.counts["located"] == 4
    assert "found no such file" in grounding.warnings[0]


def test_another_digest_is_a_warning(toy):
    toy.change("paper", "four variants", "4 variants")
    (warning,) = toy.ground().warnings
    assert sha256(PAPER) in warning
    assert sha256(toy.paper) in warning


LISTS = """
  - id: toyvig.parameter_count.schedule
    statement: K goes from 9 to 18.
    found_at: [{section: "I.A", printed: "9"}, {section: "I.A", printed: "18"}]
    reproduction: parameter_count
    params: {num_classes: 1000, model: toyvig_s}
    expect: {kind: equal, form: list, printed: ["9", "18"]}
"""


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ('"9", "18"', '"9", "18"', None),
        ('"9", "18"', '"8", "18"', "misquoted"),
        ('"9", "18"', '"9", "18", "27"', "misquoted"),
    ],
)
def test_every_member_of_a_list_has_to_stand_somewhere(toy, old, new, outcome):
    toy.claims += LISTS.replace(old, new)
    wanted = {} if outcome is None else {"toyvig.parameter_count.schedule": outcome}
    assert toy.outcomes() == wanted


def test_a_small_number_may_be_a_word(toy):
    toy.claims += """
  - id: toyvig.parameter_count.variants
    statement: There are four variants.
    found_at: [{section: "I.A", printed: "four"}]
    reproduction: parameter_count
    params: {num_classes: 1000, model: toyvig_s}
    expect: {kind: equal, form: integer, printed: "4"}
"""
    assert toy.outcomes() == {}
    toy.change("claims", 'printed: "4"', 'printed: "5"')
    assert toy.outcomes() == {"toyvig.parameter_count.variants": "misquoted"}


OWN_WORDS = """
  - id: toyvig.architecture.mixing
    statement: ToyViG mixes by convolutions and a graph.
    found_at: [LOCATOR]
    reproduction: architecture
    params: {model: toyvig_s}
    convention: mixing
    expect: {kind: equal, form: set, printed: PRINTED}
"""


@pytest.mark.parametrize(
    ("locator", "printed", "outcome"),
    [
        ("{section: Abstract, sentence_sha256: SENTENCE}", "[convolution, graph]", None),
        ("{section: Abstract, sentence_sha256: SENTENCE}", '["9", "18"]', "misquoted"),
        ('{section: "I.A", printed: "3.6×"}', "[convolution, graph]", "misquoted"),
    ],
    ids=["words_behind_a_sentence", "numbers_behind_a_sentence", "words_behind_a_passage"],
)
def test_words_of_our_own_stand_behind_a_whole_sentence(toy, locator, printed, outcome):
    entry = OWN_WORDS.replace("LOCATOR", locator).replace("PRINTED", printed)
    toy.claims += entry.replace("SENTENCE", f'"{digest_of(SENTENCE)}"')
    wanted = {} if outcome is None else {"toyvig.architecture.mixing": outcome}
    assert toy.outcomes() == wanted


def test_what_a_claim_prints(toy):
    toy.write()
    claims = load(toy.root).claims
    assert prints(claims["toyvig.parameter_count.refnet"]) == ("25.6",)
    assert prints(claims["toyvig.statement.comparable"]) == ()


# The commands.


def test_ground_ends_with_counts_and_0(toy, capsys):
    assert toy.run("ground", "--sources", str(toy.sources)) == 0
    wanted = "11 claims at 11 places: 11 located, 0 misquoted, 0 unlocated, 0 no_source\n"
    assert capsys.readouterr().out == wanted


def test_ground_tells_problems_and_ends_with_1(toy, capsys):
    toy.change("paper", "25.6", "25.7")
    assert toy.run("ground", "--sources", str(toy.sources)) == 1
    warning, problem, counts = capsys.readouterr().out.splitlines()
    assert warning.startswith("warning: ")
    assert problem == (
        "misquoted: toyvig.parameter_count.refnet: Table 1, row RefNet, column Params (M): "
        "line 12: the cell does not print '25.6'; found '25.7'"
    )
    assert "10 located, 1 misquoted" in counts


def test_ground_writes_json(toy, capsys):
    toy.change("paper", "25.6", "25.7")
    assert toy.run("ground", "--sources", str(toy.sources), "--json", "*.refnet", "*.toyvig_s") == 1
    written = json.loads(capsys.readouterr().out)
    assert written["counts"]["claims"] == 2
    (problem,) = written["problems"]
    assert set(problem) == {"id", "locator", "outcome", "wanted", "found", "detail"}


def test_ground_selects_by_document(toy, capsys):
    assert toy.run("ground", "--sources", str(toy.sources), "--source", "toynotes") == 0
    assert "4 claims at 4 places" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["ground", "--sources", "/nonexistent/x"],
            "want a folder with the documents, found nothing",
        ),
        (["ground", "--sources", "HERE", "toyvig.nothing"], "no claim 'toyvig.nothing'"),
        (["locate", "/nonexistent/x", "5"], "want a readable document, got No such file"),
        (["locate", "toyvg", "5", "--sources", "HERE"], "did you mean 'toyvig'?"),
        (["locate", "toyvig", "5", "--sources", "/nonexistent/x"], "found nothing"),
    ],
)
def test_bad_input_ends_with_2(toy, capsys, arguments, sentence):
    arguments = [str(toy.sources) if a == "HERE" else a for a in arguments]
    assert toy.run(*arguments) == 2
    assert sentence in capsys.readouterr().err


def test_locate_without_the_document_in_the_folder_ends_with_2(toy, capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    assert toy.run("locate", "toyvig", "5", "--sources", str(tmp_path / "empty")) == 2
    assert "found no such file" in capsys.readouterr().err
