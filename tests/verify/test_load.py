"""Loading a project: every mistake is one sentence with the right line, never a traceback."""
# ruff: noqa: E501 - a sentence stands on one line, as it is read

import re
import string
from pathlib import Path
from typing import get_args

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reproductions.contract import Unit
from verify.errors import ClaimError, VerifyError
from verify.load import load
from verify.root import find_root

INDEX = f"""schema: 1
sources:
  toyvig:
    title: ToyViG
    file: toyvig.txt
    sha256: {"a" * 64}
papers:
  refnet: {{title: RefNet, arxiv: "2401.00010"}}
"""

CLAIM = """source: toyvig
claims:
  - id: toyvig.parameter_count.resnet18
    statement: It has 11.7 M parameters.
    found_at: [{table: "2", row: "R", column: "P"}]
    reproduction: parameter_count
    params: {model: resnet18, num_classes: 1000}
    expect:
      kind: value
      printed: "11.7"
      unit: Mparam
"""

TABLE = """source: toyvig
tables:
  - table: {table: "2", column: "P"}
    title: Sizes
    statement: "{row} has {printed} M."
    reproduction: parameter_count
    params: {num_classes: 1000}
    expect: {kind: value, unit: Mparam}
    rows:
      "A": {printed: "11.7", model: resnet18}
      "B":
        printed: "25.6"
        model: resnet50
"""

*_FIRST, _LAST = map(repr, get_args(Unit))
UNITS = f"{', '.join(_FIRST)} or {_LAST}"

ARITHMETIC = """  - id: toyvig.arithmetic.{name}
    statement: Twice as large.
    found_at: [{{section: "1", printed: "2×"}}]
    scope: consistency
    expect: {{kind: arithmetic, printed: "2", unit: ratio, {operation}}}
"""

ORDERING = """  - id: toyvig.arithmetic.larger
    statement: Larger.
    found_at: [{section: "1", printed: "larger"}]
    scope: consistency
    expect: {kind: ordering, relation: more_than}
    inputs: INPUTS
"""

R18, R50 = "toyvig.parameter_count.resnet18", "toyvig.parameter_count.resnet50"
X = "toyvig.arithmetic.x"
TOLERANCE = 'by: "0.1", unit: Mparam, basis: transfer, because: x'


def write_project(root: Path, files: dict[str, str | bytes | None], index=INDEX) -> Path:
    (root / "claims").mkdir(exist_ok=True)
    for name, content in {"claims.yaml": index, **files}.items():
        if content is not None:
            raw = content if isinstance(content, bytes) else content.encode()
            (root / name).write_bytes(raw)
    return root


def refusal(root: Path, files, index=INDEX) -> str:
    with pytest.raises(ClaimError) as caught:
        load(write_project(root, files, index))
    return str(caught.value)


def _one(text):
    return {"claims/toyvig.yaml": text}


def _changed(text, old, new):
    assert text.count(old) == 1, old
    return text.replace(old, new)


def _arithmetic(*operations):
    return CLAIM + "".join(
        ARITHMETIC.format(name=f"x{number}", operation=operation)
        for number, operation in enumerate(operations)
    )


def test_a_project_loads(tmp_path):
    project = load(write_project(tmp_path, _one(_arithmetic(f"sum: [{R18}]"))))
    assert list(project.claims) == [R18, f"{X}0", f"{X}0.measured"]
    assert project.where[R18] == "claims/toyvig.yaml:3"
    assert project.where[f"{X}0.measured"] == project.where[f"{X}0"] == "claims/toyvig.yaml:12"
    assert [str(need) for need in project.needs[R18]] == ["parameter_count of resnet18"]
    assert project.needs[f"{X}0.measured"] == project.needs[R18]
    assert project.needs[f"{X}0"] == ()


ONE_CLAIM = [
    ("unknown key", "statement", "statment", "4: claims.0.statment: want a known key, got 'statment'; did you mean 'statement'?"),
    ("unknown key inside", "printed:", "pritned:", "10: claims.0.expect.pritned: want a known key, got 'pritned'; did you mean 'printed'?"),
    ("key of the loader", "    statement", "    source: toyvig\n    statement", "4: claims.0.source: want a known key, got 'source'; remove it"),
    ("key of the loader, twin", "    statement", "    twin_of: x\n    statement", "4: claims.0.twin_of: want a known key, got 'twin_of'; remove it"),
    ("key twice", "      printed", "      kind: value\n      printed", "10: claims.0.expect.kind: want each key once, got 'kind' again (first on line 9); remove one"),
    ("unquoted number", '"11.7"', "11.70", '10: claims.0.expect.printed: want a quoted decimal such as "7.1", got the number 11.7; put quotes around it'),
    ("quoted text", '"11.7"', '"about 12"', '10: claims.0.expect.printed: want a decimal number such as "7.1" or "4,938.8", got \'about 12\''),
    ("NaN", '"11.7"', ".nan", "10: claims.0.expect.printed: want a finite number, got .nan; leave it out"),
    ("infinity", "1000", ".inf", "7: claims.0.params.num_classes: want a finite number, got .inf; leave it out"),
    ("boolean for text", "It has 11.7 M parameters.", "no", "4: claims.0.statement: want text, got false (YAML reads no and off so); put quotes around it"),
    ("unknown document", 'table: "2"', 'source: toyvg, table: "2"', "5: claims.0.found_at.0.source: want a known document, got 'toyvg'; did you mean 'toyvig'?"),
    ("unknown paper", "    expect:", "    primary: {paper: refnett}\n    expect:", "8: claims.0.primary.paper: want a known paper, got 'refnett'; did you mean 'refnet'?"),
    ("tolerance without because", "    expect:", "    tolerance: {by: \"0.1\", unit: Mparam, basis: transfer}\n    expect:", "8: claims.0.tolerance.because: want this key, got none; add it"),
    ("tolerance of nothing", "    expect:", f"    tolerance: {{{TOLERANCE.replace('0.1', '0')}}}\n    expect:", "8: claims.0.tolerance.by: want a positive quoted amount such as \"0.10\", got '0'"),
    ("tolerance in another unit", "    expect:", f"    tolerance: {{{TOLERANCE.replace('Mparam', 'point')}}}\n    expect:", "8: claims.0.tolerance.unit: want Mparam or percent for a print in Mparam, got 'point'; convert it"),
    ("unknown basis", "    expect:", f"    tolerance: {{{TOLERANCE.replace('transfer', 'guess')}}}\n    expect:", "8: claims.0.tolerance.basis: want 'published_spread', 'measured_noise' or 'transfer', got 'guess'"),
    ("unknown model", "model: resnet18", "model: resnet81", "7: claims.0.params.model: want a model that exists or is planned, found no model named 'resnet81'; did you mean 'resnet18'?"),
    ("model like no other", "model: resnet18", f"model: {'quux' * 4}", f"7: claims.0.params.model: want a model that exists or is planned, found no model named '{'quux' * 4}'; correct it or add it to planned_models"),
    ("unknown reproduction", ": parameter_count\n", ": paramter_count\n", "6: claims.0.reproduction: want a known reproduction, got 'paramter_count'; did you mean 'parameter_count'?"),
    ("unknown param", "num_classes", "classes", "7: claims.0.params.classes: want a known key, got 'classes'; did you mean 'num_classes'?"),
    ("missing param", "model: resnet18, ", "", "7: claims.0.params.model: want this param of parameter_count, got none; add it"),
    ("mistyped param", "1000", '"1000"', "7: claims.0.params.num_classes: want a whole number, got '1000'; remove the quotes"),
    ("mistyped model", "model: resnet18", "model: 18", "7: claims.0.params.model: want text, got the number 18; put quotes around it"),
    ("param out of range", "1000", "-1", "7: claims.0.params.num_classes: want at least 0, got the number -1"),
    ("params as a list", "{model: resnet18, num_classes: 1000}", "[resnet18]", "7: claims.0.params: want a mapping, got a list"),
    ("unknown convention", "    expect:", "    convention: trainabel\n    expect:", "8: claims.0.convention: want a convention of parameter_count, got 'trainabel'; did you mean 'trainable'?"),
    ("another unit", "Mparam", "ratio", "11: claims.0.expect.unit: want Mparam, the unit of parameter_count, got 'ratio'; convert it"),
    ("unknown unit", "Mparam", "Mpram", f"11: claims.0.expect.unit: want {UNITS}, got 'Mpram'; did you mean 'Mparam'?"),
    ("unknown kind", "kind: value", "kind: vlaue", "9: claims.0.expect.kind: want one of value, bound, ratio, difference, ordering, equal, arithmetic, range, up_to, all_of, best_of, monotone, growth, outcome, vague, got 'vlaue'; did you mean 'value'?"),
    ("id of another document", "id: toyvig", "id: refnet", "3: claims.0.id: want an id that starts with 'toyvig', got 'refnet.parameter_count.resnet18'; begin it with the document's name"),
    ("id of another reproduction", "id: toyvig.parameter_count", "id: toyvig.count", "3: claims.0.id: want parameter_count as the id's second part, got 'count'; rename it"),
    ("id in capitals", "resnet18\n    st", "ResNet18\n    st", "3: claims.0.id: want an id source.reproduction.subject[.qualifier] in lower case letters, digits and _, got 'toyvig.parameter_count.ResNet18'"),
    ("check none with a reproduction", "    expect:\n      kind: value\n      printed: \"11.7\"\n      unit: Mparam\n", "    check: none\n    because: x\n", "3: claims.0: want check: none alone, got a reproduction, inputs or a tolerance"),
    ("padded", 'printed: "11.7"', 'padded: true\n      printed: "42.5"', "10: claims.0.expect.padded: want padded only on a print like \"42.0\", got '42.5'"),
    ("locator without column", ', column: "P"', "", "5: claims.0.found_at.0.column: want this key, got none; add it"),
    ("locator of no form", 'table: "2", row: "R", column: "P"', "page: 3", "5: claims.0.found_at.0: want {table, row, column}, {section, printed} or {section, sentence_sha256}, got a mapping of page"),
    ("unquoted locator", 'table: "2"', "table: 2", "5: claims.0.found_at.0.table: want text, got the number 2; put quotes around it"),
    ("no list of locators", '[{table: "2", row: "R", column: "P"}]', '{table: "2"}', "5: claims.0.found_at: want a list, got a mapping of table; write [ ] around it"),
    ("merge key", "    expect:", "    <<: {scope: claim}\n    expect:", "8: claims.0: want the keys written out, got a merge; repeat them"),
    ("tab", "    expect:", "\texpect:", "8: want spaces before the text, got a tab; replace it"),
    ("claims as text", CLAIM[CLAIM.index("\n  - id") :], " many", "2: claims: want a list, got 'many'; write [ ] around it"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [case[1:] for case in ONE_CLAIM],
    ids=[case[0] for case in ONE_CLAIM],
)
def test_a_mistake_in_a_claim_is_one_sentence(tmp_path, old, new, sentence):
    found = refusal(tmp_path, _one(_changed(CLAIM, old, new)))
    assert found == f"claims/toyvig.yaml:{sentence}"


FACT = CLAIM.replace("parameter_count", "architecture").replace(
    """      kind: value
      printed: "11.7"
      unit: Mparam
""",
    """      kind: equal
      form: integer
      printed: "8"
""",
)


@pytest.mark.parametrize(
    ("convention", "sentence"),
    [
        (None, "3: claims.0.convention: want a convention of architecture, got 'unstated'; architecture has type, type_of_blocks, mixing,"),
        ("blokcs", "8: claims.0.convention: want a convention of architecture, got 'blokcs'; did you mean 'blocks'?"),
    ],
    ids=["unstated", "misspelled"],
)  # fmt: skip
def test_a_claim_about_a_fact_names_it(tmp_path, convention, sentence):
    stated = f"    convention: {convention}\n    expect:" if convention else "    expect:"
    found = refusal(tmp_path, _one(_changed(FACT, "    expect:", stated)))
    assert found.startswith(f"claims/toyvig.yaml:{sentence}")


def test_a_claim_that_names_its_fact_loads(tmp_path):
    stated = _changed(FACT, "    expect:", "    convention: blocks\n    expect:")
    project = load(write_project(tmp_path, _one(stated)))
    assert [claim.convention for claim in project.claims.values()] == ["blocks"]


ONE_TABLE = [
    ("unknown key", "model: resnet50", "modle: resnet50", "13: tables.0.rows.B.modle: want a known key, got 'modle'; did you mean 'model'?"),
    ("unquoted number", '"25.6"', "25.6", '12: tables.0.rows.B.printed: want a quoted decimal such as "7.1", got the number 25.6; put quotes around it'),
    ("quoted text", '"25.6"', '"-"', '12: tables.0.rows.B.printed: want a decimal number such as "7.1" or "4,938.8", got \'-\''),
    ("nothing printed", '        printed: "25.6"\n', "", "11: tables.0.rows.B.printed: want this key, got none; add it"),
    ("nothing to measure", "        model: resnet50\n", "", "11: tables.0.rows.B: want model, models, subject or restates, got none; add one"),
    ("unknown model", "model: resnet50", "model: resnet55", "13: tables.0.rows.B.model: want a model that exists or is planned, found no model named 'resnet55'; did you mean 'resnet50'?"),
    ("unknown models", "model: resnet50", "models: [resnet50, resnet55]", "13: tables.0.rows.B.models: want a model that exists or is planned, found no model named 'resnet55'; did you mean 'resnet50'?"),
    ("one of models", "model: resnet50", "models: [resnet50]", "11: tables.0.rows.B: want two or more names in models, got one; use params.model"),
    ("id twice", "model: resnet50", "model: resnet18", "11: tables.0.rows.B.id: want each id once, got 'toyvig.parameter_count.resnet18' again (first at claims/toyvig.yaml:10); rename one"),
    ("tolerance in another unit", "        model: resnet50", f"        tolerance: {{{TOLERANCE.replace('Mparam', 'point')}}}\n        model: resnet50", "13: tables.0.rows.B.tolerance.unit: want Mparam or percent for a print in Mparam, got 'point'; convert it"),
    ("bad param of a row", "        model: resnet50", "        params: {num_classes: few}\n        model: resnet50", "13: tables.0.rows.B.params.num_classes: want a whole number, got 'few'"),
    ("bad param of the block", "1000", "few", "7: tables.0.params.num_classes: want a whole number, got 'few'"),
    ("unknown reproduction", ": parameter_count", ": paramter_count", "6: tables.0.reproduction: want a known reproduction, got 'paramter_count'; did you mean 'parameter_count'?"),
    ("another unit", "unit: Mparam", "unit: ratio", "8: tables.0.expect.unit: want Mparam, the unit of parameter_count, got 'ratio'; convert it"),
    ("no unit", ", unit: Mparam", "", "8: tables.0.expect.unit: want this key, got none; add it"),
    ("unknown document", '{table: "2"', '{source: toyvg, table: "2"', "3: tables.0.table.source: want a known document, got 'toyvg'; did you mean 'toyvig'?"),
    ("unknown document of the file", "source: toyvig", "source: toyvg", "1: source: want a known document, got 'toyvg'; did you mean 'toyvig'?"),
    ("restates another print", "model: resnet50", f"restates: {R18}", "12: tables.0.rows.B.printed: want '11.7', the print of 'toyvig.parameter_count.resnet18', got '25.6'; a different print is a claim of its own"),
    ("restates an unknown id", "model: resnet50", "restates: toyvig.parameter_count.resnet81", "13: tables.0.rows.B.restates: want the id of a claim, got 'toyvig.parameter_count.resnet81'; did you mean 'toyvig.parameter_count.resnet18'?"),
    ("restates and more", '        printed: "25.6"\n        model: resnet50', f'        printed: "11.7"\n        coarse: true\n        restates: {R18}', "11: tables.0.rows.B: want only printed beside restates, got coarse too; say it at the claim restated"),
    ("check none without because", "        model: resnet50", "        check: none\n        model: resnet50", "11: tables.0.rows.B: want because: why no program can settle it; got none"),
    ("unknown model beside", "    rows:", "    beside: {C: {model: resnet55}}\n    rows:", "9: tables.0.beside.C.model: want a model that exists or is planned, found no model named 'resnet55'; did you mean 'resnet50'?"),
    ("bad param beside", "    rows:", "    beside: {C: {model: resnet34, params: {classes: 1}}}\n    rows:", "9: tables.0.beside.C.params.classes: want a known key, got 'classes'; did you mean 'num_classes'?"),
    ("beside under a row's label", "    rows:", "    beside: {A: {model: resnet34}}\n    rows:", "3: tables.0: want beside for what no row has, got the row 'A'; rename it"),
    ("beside without a measurement", "reproduction: parameter_count\n    params: {num_classes: 1000}\n", "check: none\n    because: x\n    beside: {C: {model: resnet34}}\n", "3: tables.0: want beside only where a reproduction measures, got check: none"),
    ("no rows", TABLE[TABLE.index('\n      "A"') :], " {}\n", "9: tables.0.rows: want at least one, got an empty mapping"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [case[1:] for case in ONE_TABLE],
    ids=[case[0] for case in ONE_TABLE],
)
def test_a_mistake_in_a_table_is_one_sentence(tmp_path, old, new, sentence):
    assert refusal(tmp_path, _one(_changed(TABLE, old, new))) == f"claims/toyvig.yaml:{sentence}"


def test_what_stands_beside_a_column_is_measured_with_its_first_row_alone(tmp_path):
    beside = (
        '    beside: {"C": {model: resnet34}, "D": {model: resnet50, params: {num_classes: 10}}}\n'
    )
    project = load(
        write_project(tmp_path, _one(_changed(TABLE, "    rows:", f"{beside}    rows:")))
    )
    [column] = project.tables
    params = {label: need.params.model_dump() for label, need in column.beside.items()}
    assert params == {
        "C": {"model": "resnet34", "num_classes": 1000},
        "D": {"model": "resnet50", "num_classes": 10},
    }
    assert project.beside == {R18: tuple(column.beside.values())}
    with_it = {id_: list(project.all_needs(project.claims[id_])) for id_ in (R18, R50)}
    assert [need.params.subject() for need in with_it[R18]] == ["resnet18", "resnet34", "resnet50"]
    assert [need.params.subject() for need in with_it[R50]] == ["resnet50"]


INDEX_CASES = [
    ("missing", None, "1: want a readable file, found: No such file or directory; put a file there"),
    ("empty", "", "1: want the keys schema, sources, papers, models, planned_models, planned_reproductions, cards, ignored, reproductions, artifacts, renamed, got an empty file; write them"),
    ("only a comment", "# nothing\n", "1: want the keys schema, sources, papers, models, planned_models, planned_reproductions, cards, ignored, reproductions, artifacts, renamed, got an empty file; write them"),
    ("a list", "- 1\n", "1: want the keys schema, sources, papers, models, planned_models, planned_reproductions, cards, ignored, reproductions, artifacts, renamed, got a list; write them"),
    ("schema 2", INDEX.replace("schema: 1", "schema: 2"), "1: schema: want 1, got the number 2"),
    ("schema quoted", INDEX.replace("schema: 1", 'schema: "1"'), "1: schema: want 1, got '1'; remove the quotes"),
    ("no schema", INDEX.replace("schema: 1\n", ""), "1: schema: want this key, got none; add it"),
    ("boolean for text", INDEX.replace("title: ToyViG", "title: no"), "4: sources.toyvig.title: want text, got false (YAML reads no and off so); put quotes around it"),
    ("a broken hash", INDEX.replace("aaaa", "zzzz"), f"6: sources.toyvig.sha256: want a SHA-256 in 64 lower case hexadecimal digits, got '{'z' * 59}..."),
    ("an unquoted arXiv id", INDEX.replace('"2401.00010"', "2401.00010"), "8: papers.refnet.arxiv: want text, got the number 2401.0001; put quotes around it"),
    ("a name in capitals", INDEX.replace("  refnet:", "  RefNet:"), "8: papers.RefNet: want a name in lower case letters, digits and _, got 'RefNet'"),
    ("a planned model that exists", INDEX + "planned_models: [resnet18]\n", "9: planned_models.0: want the name of a model to come, got 'resnet18', which exists now; remove it"),
    ("fitted to an unknown claim", INDEX + "models:\n  g4:\n    stands_for: x\n    because: x\n    fitted_to:\n    - toyvig.parameter_count.resnet81\n", "14: models.g4.fitted_to.0: want the id of a claim, got 'toyvig.parameter_count.resnet81'; did you mean 'toyvig.parameter_count.resnet18'?"),
    ("a fitted model that is not there", INDEX + f"models:\n  resnet18_g4: {{stands_for: x, because: x, fitted_to: [{R18}]}}\n", "10: models.resnet18_g4: want a model that exists or is planned, found no model named 'resnet18_g4'; did you mean 'resnet18'?"),
    ("a note on a model nobody measures", INDEX + "models:\n  resnet81: {stands_for: x, because: x}\n", "10: models.resnet81: want a model that a claim measures, got 'resnet81'; did you mean 'resnet18'?"),
    ("a claim on a fitted model", INDEX + f"models:\n  resnet18: {{stands_for: x, because: x, fitted_to: [{R18}]}}\n", None),
    ("renamed to an unknown id", INDEX + "renamed:\n  toyvig.weights.s: toyvig.parameter_count.resnet81\n", "10: renamed.toyvig.weights.s: want the id of a claim, got 'toyvig.parameter_count.resnet81'; did you mean 'toyvig.parameter_count.resnet18'?"),
    ("an id renamed that a claim has", INDEX + f"renamed:\n  {R18}: {R18}\n", f"10: renamed.{R18}: want an id that no claim has now, got one; remove it here"),
    ("an unknown module", INDEX + "reproductions: [no_such_module]\n", "9: reproductions.0: want an importable module, got 'no_such_module' (No module named 'no_such_module'); put it beside claims.yaml, install it or mend it"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("index", "sentence"), [case[1:] for case in INDEX_CASES], ids=[case[0] for case in INDEX_CASES]
)
def test_a_mistake_in_the_index_is_one_sentence(tmp_path, index, sentence):
    found = refusal(tmp_path, _one(CLAIM), index)
    if sentence is None:  # written in the index, wrong at the claim
        assert found == (
            "claims/toyvig.yaml:7: claims.0.params.model: want a released model, got 'resnet18', "
            "which is fitted to printed numbers; name the model it stands for"
        )
    else:
        assert found == f"claims.yaml:{sentence}"


ARITHMETIC_CASES = [
    ("a cycle of one", [f"sum: [{X}0]"], f"16: claims.1.expect: want arithmetic without cycles, got {X}0 -> {X}0; name printed claims"),
    ("an unknown id", ["sum: [toyvig.parameter_count.resnet81]"], f"16: claims.1.expect: want the id of a claim or a quoted constant, got 'toyvig.parameter_count.resnet81'; did you mean '{R18}'?"),
    ("a twin", [f"sum: [{R18}]", f"sum: [{X}0.measured]"], f"21: claims.2.expect: want a printed claim, got the measured twin '{X}0.measured'; name '{X}0'"),
    ("no operation", ["coarse: true"], "16: claims.1.expect: want exactly one of ratio, difference, percent_change, product, sum, maximum, power, got none"),
    ("two operations", [f"sum: [{R18}], maximum: [{R18}]"], "16: claims.1.expect: want exactly one of ratio, difference, percent_change, product, sum, maximum, power, got sum, maximum"),
    ("two nested operations", [f"sum: [{{sum: [{R18}], maximum: [{R18}]}}]"], "16: claims.1.expect.sum.0: want exactly one of ratio, difference, percent_change, product, sum, maximum, power, got sum, maximum"),
    ("no operand", ["sum: []"], "16: claims.1.expect.sum: want at least one, got an empty list"),
    ("one operand of two", [f"ratio: {{of: {R18}}}"], "16: claims.1.expect.ratio.over: want this key, got none; add it"),
    ("an unquoted constant", [f"ratio: {{of: {R18}, over: 2}}"], "16: claims.1.expect.ratio.over: want text, got the number 2; put quotes around it"),
    ("a unit the operation does not have", [f"percent_change: {{from: {R18}, to: {R18}}}"], "16: claims.1.expect.unit: want percent, the unit of a percent_change, got 'ratio'"),
    ("a misspelled operation", [f"ration: {{of: {R18}, over: {R18}}}"], "16: claims.1.expect.ration: want a known key, got 'ration'; did you mean 'ratio'?"),
    ("a misspelled nested operation", [f"sum: [{{summ: [{R18}]}}]"], "16: claims.1.expect.sum.0.summ: want a known key, got 'summ'; did you mean 'sum'?"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("operations", "sentence"),
    [case[1:] for case in ARITHMETIC_CASES],
    ids=[case[0] for case in ARITHMETIC_CASES],
)
def test_a_mistake_in_arithmetic_is_one_sentence(tmp_path, operations, sentence):
    assert refusal(tmp_path, _one(_arithmetic(*operations))) == f"claims/toyvig.yaml:{sentence}"


def test_a_long_cycle_is_told_once_and_other_cycles_too(tmp_path):
    text = _arithmetic(f"sum: [{X}1, {R18}]", f"sum: [{X}2]", f"sum: [{X}0]", f"sum: [{X}3]")
    first, second = refusal(tmp_path, _one(text)).splitlines()
    assert f"got {X}0 -> {X}1 -> {X}2 -> {X}0;" in first
    assert f"got {X}3 -> {X}3;" in second


INPUT = "{reproduction: parameter_count, params: {model: resnet18}}"


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        (f"[{R18}]", "12: claims.1: want two inputs for ordering, got 1"),
        (f"[{R18}, {R18}, {R18}]", "12: claims.1: want two inputs for ordering, got 3"),
        (
            f"[{R18}, {INPUT}]",
            "12: claims.1: want claim ids only or measurements only as inputs, got both",
        ),
        (
            f"[{R18}, {INPUT.replace('tion:', 'ton:')}]",
            "17: claims.1.inputs.1.reproducton: want a known key, got 'reproducton'; "
            "did you mean 'reproduction'?",
        ),
        (f"[{R18}, 3]", "17: claims.1.inputs.1: want text, got the number 3; put quotes around it"),
        (
            f"[{R18}, toyvig.arithmetic.larger]",
            "17: claims.1.inputs.1: want a claim with a printed number, got "
            "'toyvig.arithmetic.larger', which has none",
        ),
    ],
)
def test_a_mistake_in_inputs_is_one_sentence(tmp_path, inputs, sentence):
    found = refusal(tmp_path, _one(CLAIM + ORDERING.replace("INPUTS", inputs)))
    assert found == f"claims/toyvig.yaml:{sentence}"


def test_measured_inputs_are_checked_one_by_one(tmp_path):
    inputs = f"\n    - {INPUT}\n    - {INPUT.replace('18', '81')}"
    text = ORDERING.replace("INPUTS", inputs).replace("scope: consistency", "scope: claim")
    found = refusal(tmp_path, _one(CLAIM + text.replace("arithmetic", "parameter_count")))
    assert found.startswith("claims/toyvig.yaml:19: claims.1.inputs.1.params.model: want a model")


@pytest.mark.parametrize(
    ("second", "line"), [(CLAIM, "3: claims.0.id"), (TABLE, "10: tables.0.rows.A.id")]
)
def test_an_id_in_two_files_names_both_places(tmp_path, second, line):
    found = refusal(tmp_path, {"claims/a.yaml": CLAIM, "claims/b.yaml": second})
    assert found == (
        f"claims/b.yaml:{line}: want each id once, got '{R18}' again "
        "(first at claims/a.yaml:3); rename one"
    )


def test_the_id_of_a_twin_is_taken(tmp_path):
    text = _arithmetic(f"sum: [{R18}]") + ARITHMETIC.format(
        name="x0.measured", operation='sum: ["2"]'
    )
    found = refusal(tmp_path, _one(text))
    assert f"want each id once, got '{X}0.measured' again (first at claims/toyvig.yaml:17)" in found


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "1: want the keys source, claims, tables, got an empty file; write them"),
        ("- 3\n", "1: want the keys source, claims, tables, got a list; write them"),
        ("claims", "1: want the keys source, claims, tables, got 'claims'; write them"),
        ("source: toyvig\nclaims: &x\n  - *x\n", "3: claims.0: want the data written out, got the"),
        (b"source: toyvig\n# \xff\n", "2: want UTF-8 text, got the byte 0xff; save it as UTF-8"),
        ('source: toyvig\nclaims: "\n', "3: want well-formed YAML, got an error while scanning a"),
        ("source: toyvig\nclaims:\n", "2: claims: want a list, got nothing"),
        ("source: toyvig\nclaims: [x]\n", "2: claims.0: want a mapping, got 'x'"),
    ],
)
def test_a_file_that_is_no_claims_file_is_one_sentence(tmp_path, content, sentence):
    found = refusal(tmp_path, _one(content))
    assert found.startswith(f"claims/toyvig.yaml:{sentence}")
    assert "\n" not in found


def test_a_folder_where_a_file_should_be_is_refused(tmp_path):
    write_project(tmp_path, {})
    (tmp_path / "claims" / "toyvig.yaml").mkdir()
    with pytest.raises(ClaimError, match=r"^claims/toyvig.yaml:1: want a readable file, found: Is"):
        load(tmp_path)


def test_a_file_with_another_ending_is_not_left_out_in_silence(tmp_path):
    found = refusal(tmp_path, {"claims/toyvig.yml": CLAIM})
    assert found == "claims/toyvig.yml:1: want the ending .yaml, got .yml; rename it"


def test_problems_of_several_files_are_all_told_in_order(tmp_path):
    bad = CLAIM.replace('"11.7"', "11.7").replace("statement: It", "statment: It")
    files = {"claims/b.yaml": bad, "claims/a.yaml": "- 1\n", "claims/c.yaml": "a: [\n"}
    lines = refusal(tmp_path, files, INDEX.replace("schema: 1", "schema: 2")).splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "claims.yaml:1",
        "claims/a.yaml:1",
        "claims/b.yaml:4",
        "claims/b.yaml:10",
        "claims/c.yaml:2",
    ]


def test_a_module_of_the_project_that_cannot_be_compiled_is_refused(tmp_path):
    (tmp_path / "toy_broken_module.py").write_text("def (\n")
    found = refusal(tmp_path, {}, INDEX + "reproductions: [toy_broken_module]\n")
    assert found.startswith("claims.yaml:9: reproductions.0: want an importable module")


def test_the_root_is_found_from_below_and_its_absence_is_told(tmp_path, monkeypatch):
    write_project(tmp_path, {})
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_root(None) == tmp_path
    assert find_root(tmp_path) == tmp_path
    with pytest.raises(VerifyError, match=re.escape("want a folder with claims.yaml, found none")):
        find_root(below)


def test_a_row_is_the_single_form_with_the_block_filled_in(tmp_path):
    row = _changed(
        TABLE, "        model: resnet50", "        model: resnet50\n        coarse: true"
    )
    single = """source: toyvig
claims:
  - id: toyvig.parameter_count.resnet50
    statement: B has 25.6 M.
    found_at: [{source: toyvig, table: "2", row: B, column: P}]
    reproduction: parameter_count
    params: {num_classes: 1000, model: resnet50}
    expect: {kind: value, printed: "25.6", unit: Mparam, coarse: true}
"""
    by_row, by_claim = tmp_path / "row", tmp_path / "claim"
    by_row.mkdir()
    by_claim.mkdir()
    expanded = load(write_project(by_row, _one(row)))
    assert expanded.claims[R50] == load(write_project(by_claim, _one(single))).claims[R50]
    assert [r.claim for r in expanded.tables[0].rows] == [R18, R50]


def test_what_a_row_says_goes_before_what_the_block_says(tmp_path):
    text = _changed(TABLE, "unit: Mparam}", "unit: Mparam, coarse: true}")
    text = _changed(
        text, "model: resnet18}", "model: resnet18, coarse: false, params: {num_classes: 10}}"
    )
    claims = load(write_project(tmp_path, _one(text))).claims
    assert [claims[id_].expect.coarse for id_ in (R18, R50)] == [False, True]
    assert [claims[id_].params["num_classes"] for id_ in (R18, R50)] == [10, 1000]


def test_a_row_has_protocols_of_its_own_beside_those_of_the_block(tmp_path):
    bare, ten = "bare: {num_classes: 0}", "ten: {num_classes: 10}"
    text = _changed(TABLE, "model: resnet18}", f"model: resnet18, protocols: {{{ten}}}}}")
    text = _changed(text, "    expect:", f"    protocols: {{{bare}}}\n    expect:")
    claims = load(write_project(tmp_path, _one(text))).claims
    assert [*claims[R18].protocols] == ["bare", "ten"]
    assert [*claims[R50].protocols] == ["bare"]


def test_a_restated_cell_becomes_one_more_locator(tmp_path):
    row = f'"B": {{printed: "11.7", restates: {R18}}}'
    text = TABLE[: TABLE.index('"B"')] + row + "\n"
    project = load(write_project(tmp_path, _one(text)))
    assert [locator.row for locator in project.claims[R18].found_at] == ["A", "B"]
    assert [row.claim for row in project.tables[0].rows] == [R18, R18]


NAMES = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=8)
WORDS = st.text(
    st.characters(exclude_categories=("C", "Zl", "Zp"), exclude_characters="{"), min_size=1
).filter(lambda text: text.strip() == text)
DECIMALS = st.from_regex(
    r"[+\-−]?([1-9][0-9]{0,2}(,[0-9]{3}){1,2}|[1-9][0-9]{0,4}|0)(\.[0-9]{1,4})?(e[+\-]?[0-9])?",
    fullmatch=True,
)
ROWS = st.fixed_dictionaries(
    {"printed": DECIMALS, "model": st.sampled_from(["resnet18", "resnet50"]), "subject": NAMES},
    optional={
        "hedge": st.just("about"),
        "coarse": st.booleans(),
        "qualifier": NAMES,
        "params": st.fixed_dictionaries({"num_classes": st.integers(1, 9)}),
        "conditions": st.dictionaries(NAMES, st.just({"mark": "implied"}), max_size=2),
        "known_verdict": st.just({"verdict": "fail", "because": "x"}),
        "primary": st.fixed_dictionaries(
            {"paper": st.just("refnet")}, optional={"printed": DECIMALS}
        ),
        "damaged": WORDS,
        "tolerance": st.just({"by": "0.1", "unit": "Mparam", "basis": "transfer", "because": "x"}),
    },
)


def _single_form(label, row):
    """Write a row out by hand, as a reader of the guide would."""
    flags = {key: row[key] for key in ("printed", "hedge", "coarse") if key in row}
    kept = ("conditions", "known_verdict", "primary", "damaged", "tolerance")
    parts = ["toyvig", "parameter_count", row["subject"], row.get("qualifier")]
    return {
        "id": ".".join(part for part in parts if part),
        "statement": f"{label} has {row['printed']}.",
        "found_at": [{"source": "toyvig", "table": "2", "row": label, "column": "P"}],
        "reproduction": "parameter_count",
        "params": {"num_classes": 1000, **row.get("params", {}), "model": row["model"]},
        "convention": "unstated",
        "expect": {"kind": "value", "unit": "Mparam", **flags},
        **{key: row[key] for key in kept if key in row},
    }


class _WrittenOut(yaml.SafeDumper):
    """Writes equal parts twice; the loader refuses aliases."""

    def ignore_aliases(self, data):
        return True


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(WORDS, ROWS, min_size=1, max_size=3))
def test_a_table_and_its_claims_written_out_load_to_the_same(tmp_path_factory, rows):
    singles = [_single_form(label, row) for label, row in rows.items()]
    if len({claim["id"] for claim in singles}) < len(singles):
        return
    block = {
        "table": {"table": "2", "column": "P"},
        "title": "T",
        "statement": "{row} has {printed}.",
        "reproduction": "parameter_count",
        "params": {"num_classes": 1000},
        "expect": {"kind": "value", "unit": "Mparam"},
        "rows": rows,
    }
    root = tmp_path_factory.getbasetemp()
    loaded = []
    for body in ({"tables": [block]}, {"claims": singles}):
        text = yaml.dump({"source": "toyvig", **body}, Dumper=_WrittenOut, allow_unicode=True)
        loaded.append(dict(load(write_project(root, {"claims/toyvig.yaml": text})).claims))
    assert loaded[0] == loaded[1]
    for claim in singles:
        assert loaded[0][claim["id"]].expect.printed == claim["expect"]["printed"]


@settings(deadline=None, max_examples=60)
@given(DECIMALS)
def test_a_printed_number_survives_unchanged(tmp_path_factory, printed):
    text = _changed(CLAIM, '"11.7"', f'"{printed}"')
    root = write_project(tmp_path_factory.getbasetemp(), {"claims/toyvig.yaml": text})
    assert load(root).claims[R18].expect.printed == printed


PIECES = st.sampled_from([*CLAIM.split(" "), *TABLE.split(" "), "\n", "- ", ": ", "{", "}", "[", "]", '"', "\t", "&a", "*a", "<<", "no", "7.1", "\n    "])  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.lists(PIECES, max_size=40).map(" ".join) | st.text(max_size=60) | st.binary(max_size=60))
def test_garbage_is_refused_with_a_claim_error_and_nothing_else(tmp_path_factory, garbage):
    root = write_project(tmp_path_factory.getbasetemp(), {"claims/toyvig.yaml": garbage})
    _load_or_refuse(root)


MUTATIONS = st.tuples(
    st.sampled_from([CLAIM, TABLE, _arithmetic(f'ratio: {{of: {R18}, over: "2"}}')]),
    st.integers(0, 400),
    st.sampled_from(
        ["", "3", "no", "[]", "{}", '"', ": ", "\n", "null", "x", "{a: {b: c}}", "[1]"]
    ),
    st.integers(0, 12),
)


@settings(deadline=None, max_examples=150)
@given(MUTATIONS)
def test_a_claims_file_with_one_edit_is_loaded_or_refused(tmp_path_factory, mutation):
    text, start, put, length = mutation
    edited = text[:start] + put + text[start + length :]
    root = write_project(tmp_path_factory.getbasetemp(), {"claims/toyvig.yaml": edited})
    _load_or_refuse(root)


def _load_or_refuse(root):
    try:
        load(root)
    except ClaimError as error:
        for line in str(error).splitlines():
            file, number, _ = line.split(":", 2)
            assert file.startswith("claims")
            assert int(number) >= 1


UNSETTLED = """source: toyvig
tables:
  - table: {table: "2", column: "Epochs"}
    title: Toys
    statement: "{row} was trained for {printed} epochs."
    qualifier: epochs
    check: none
    because: how long the authors trained leaves no trace in the model
    rows:
      "ToyNet-18": {printed: "300", model: resnet18}
      "ToyNet-50": {printed: "100", model: resnet50, because: the text says otherwise}
"""


def test_a_column_that_no_program_settles_is_written_once(tmp_path):
    project = load(write_project(tmp_path, _one(UNSETTLED)))
    first, second = project.claims.values()
    assert list(project.claims) == [
        "toyvig.statement.resnet18.epochs",
        "toyvig.statement.resnet50.epochs",
    ]
    assert (first.check, first.expect, first.reproduction) == ("none", None, None)
    assert first.because == "how long the authors trained leaves no trace in the model"
    assert second.because == "the text says otherwise"
    assert [claim.found_at[0].printed for claim in (first, second)] == ["300", "100"]


@pytest.mark.parametrize(
    "change", [("    check: none\n", ""), ("    check", "    reproduction: x\n    check")]
)
def test_a_column_is_either_measured_or_not(tmp_path, change):
    told = refusal(tmp_path, _one(_changed(UNSETTLED, *change)))
    assert "want either a reproduction or check: none" in told
